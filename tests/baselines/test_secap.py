"""SECapEmotion as a Q-Former: what the queries hear, the contrastive loss and the bound on information."""

import math

import pytest
import torch
from cues import COCHLEA, FRAMES, MEL, accuracy, backward, learn, parameters, segment_cue, without_gradient
from torch import nn

from damer.baselines.attention import MultiHeadAttention
from damer.baselines.base import Context
from damer.baselines.secap import (
    BASELINE,
    SecapQformer,
    Vclub,
    contrastive_loss,
    information_bound,
    likelihood_loss,
    track_spectrum,
)


@pytest.mark.parametrize(("frames", "count"), [(87, 2_606_634), (44, 2_598_378)])
def test_parameters(frames: int, count: int) -> None:
    network = SecapQformer(frames)
    assert parameters(network) == count
    assert parameters(network.variational) == 155_944


def test_attention_against_pytorch() -> None:
    torch.manual_seed(0)
    ours, theirs = MultiHeadAttention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    asking, answering = torch.randn(3, 5, 16), torch.randn(3, 7, 16)
    mask = torch.arange(7) < torch.tensor([[7], [3], [1]])
    expected, _ = theirs(asking, answering, answering, key_padding_mask=~mask)
    torch.testing.assert_close(ours(asking, answering, mask), expected)
    torch.testing.assert_close(
        ours(asking, answering), theirs(asking, answering, answering)[0], atol=1e-6, rtol=1e-5
    )


def test_queries_hear_the_music_and_differ_from_each_other() -> None:
    torch.manual_seed(0)
    network = SecapQformer(FRAMES, MEL, COCHLEA).eval()
    batch = segment_cue(2, seed=0)
    with torch.no_grad():
        found = network.answered(batch.mel, batch.cochleagram)
        other = network.answered(batch.mel + 1.0, batch.cochleagram)
    assert found.shape == (2, 16, 192)
    assert (found - other).abs().amax(dim=2).min() > 1e-4
    assert torch.pdist(found[0]).min() > 1e-2


def test_queries_do_not_hear_masked_tokens() -> None:
    torch.manual_seed(0)
    network = SecapQformer(FRAMES, MEL, COCHLEA).eval()
    batch = segment_cue(2, seed=0)
    mask = torch.ones(2, 2 * FRAMES, dtype=torch.bool)
    mask[:, 30:FRAMES] = False  # the last Mel frames
    noisy = batch.mel.clone()
    noisy[:, :, 30:] += 5.0
    with torch.no_grad():
        first = network.answered(batch.mel, batch.cochleagram, mask)
        second = network.answered(noisy, batch.cochleagram, mask)
        third = network.answered(noisy, batch.cochleagram)
    assert torch.equal(first, second)
    assert not torch.allclose(first, third)


def test_contrastive_loss_by_hand() -> None:
    anchors = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    projected = torch.tensor([[3.0, 4.0]])  # cosines 0.6 and 0.8
    by_hand = math.log(math.exp(0.6 / 0.07) + math.exp(0.8 / 0.07)) - 0.6 / 0.07
    assert contrastive_loss(projected, anchors, torch.tensor([0])).item() == pytest.approx(by_hand, rel=1e-5)


def test_bound_is_the_double_sum_of_its_definition() -> None:
    torch.manual_seed(0)
    mean, log_variance, content = torch.randn(3, 5, 4, dtype=torch.float64).unbind()
    table = torch.zeros(5, 5, dtype=torch.float64)
    for i in range(5):
        normal = torch.distributions.Normal(mean[i], (0.5 * log_variance[i]).exp())
        for j in range(5):
            table[i, j] = normal.log_prob(content[j]).sum()  # type: ignore[no-untyped-call]
    by_hand = (table.diag() - table.mean(dim=1)).mean()
    torch.testing.assert_close(information_bound(mean, log_variance, content), by_hand)


def test_likelihood_is_the_gaussian_up_to_a_constant() -> None:
    mean, log_variance, content = torch.randn(3, 5, 4, dtype=torch.float64).unbind()
    normal = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    log_likelihood = normal.log_prob(content)  # type: ignore[no-untyped-call]
    expected = -log_likelihood.mean() - 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(likelihood_loss(mean, log_variance, content), expected)


def test_bound_is_above_the_information_of_a_gaussian_and_near_0_without_any() -> None:
    """x and y of correlation r share -½ ln(1 - r²) nats; the true conditional is N(r x, 1 - r²)."""
    torch.manual_seed(0)
    given = torch.randn(20_000, 1)
    for correlation in (0.5, 0.8):
        variance = 1 - correlation**2
        told = correlation * given + variance**0.5 * torch.randn(20_000, 1)
        mean, log_variance = correlation * given, torch.full_like(given, math.log(variance))
        bound = information_bound(mean, log_variance, told).item()
        assert bound >= -0.5 * math.log(variance)
        assert bound == pytest.approx(correlation**2 / variance, rel=0.05)  # its expectation in closed form
    apart = torch.randn(20_000, 1)
    assert information_bound(0 * given, 0 * given, apart).item() == pytest.approx(0.0, abs=1e-3)


def test_its_network_learns_dependence() -> None:
    torch.manual_seed(0)
    network = Vclub(4, 3)
    given = torch.randn(256, 4)
    told = given[:, :3] + 0.3 * torch.randn(256, 3)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        mean, log_variance = network(given)
        backward(likelihood_loss(mean, log_variance, told))
        optimiser.step()
    with torch.no_grad():
        for heard, low, high in ((given, 1.0, math.inf), (torch.randn(256, 4), -math.inf, 0.5)):
            mean, log_variance = network(heard)
            assert low < information_bound(mean, log_variance, told) < high


def test_content_is_the_mean_spectrum_of_the_track() -> None:
    mel, cochleagram = torch.randn(5, 3, 8), torch.randn(5, 2, 8)
    found = track_spectrum(mel, cochleagram, torch.tensor([4, 7, 4, 7, 9]))
    assert found.shape == (5, 5)
    for rows in ([0, 2], [1, 3], [4]):
        expected = torch.cat([mel[rows].mean(dim=(0, 2)), cochleagram[rows].mean(dim=(0, 2))])
        for row in rows:
            torch.testing.assert_close(found[row], expected)


def test_each_network_learns_only_from_its_own_objective() -> None:
    """The bound teaches the queries and not vCLUB's network; the likelihood does the opposite."""
    torch.manual_seed(0)
    network = SecapQformer(FRAMES, MEL, COCHLEA)
    batch = segment_cue(8, seed=0)
    terms = BASELINE.loss(network, batch, Context(0.0, torch.Generator(), 0))
    weights = list(network.parameters())
    of_bound = torch.autograd.grad(terms["information"], weights, retain_graph=True, allow_unused=True)
    of_likelihood = torch.autograd.grad(terms["likelihood"], weights, retain_graph=True, allow_unused=True)
    for (name, _), bound, likelihood in zip(network.named_parameters(), of_bound, of_likelihood, strict=True):
        own = name.startswith("variational.")
        assert (likelihood is not None) == own, name
        assert bound is None or not own, name
    assert of_bound[[name for name, _ in network.named_parameters()].index("queries")] is not None
    expected = (
        terms["classification"]
        + 0.1 * terms["contrastive"]
        + 0.01 * terms["information"]
        + terms["likelihood"]
    )
    assert terms["total"].item() == pytest.approx(expected.item())


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = SecapQformer(FRAMES, MEL, COCHLEA)
    learn(BASELINE, network, [segment_cue(8, seed) for seed in range(12)], rate=5e-4)
    assert without_gradient(network) == set()
    assert accuracy(network, segment_cue(32, seed=999)) >= 0.9
