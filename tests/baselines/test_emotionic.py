"""EmotionIC: the random field against all paths, whose turn is heard how, and what padding hides."""

from itertools import product

import pytest
import torch
from cues import FRAMES, backward, learn, parameters, track_cue, without_gradient
from torch import Tensor

from damer.baselines.emotionic import BASELINE, DiaGru, EmotionIc, IdentityMaskedAttention, SkipCrf


@pytest.mark.parametrize("frames", [87, 44])
def test_parameters(frames: int) -> None:
    assert parameters(EmotionIc(frames)) == 724_428


# -- SkipCRF -----------------------------------------------------------------------------------------------


def random_field() -> SkipCrf:
    torch.manual_seed(3)
    field = SkipCrf()
    for weight in field.parameters():
        torch.nn.init.normal_(weight)
    return field


def score(field: SkipCrf, emission: Tensor, classes: tuple[int, ...]) -> float:
    """The score of classes of n turns by its definition: emission [n, 2]."""
    total = field.start[classes[0]]
    for turn, own in enumerate(classes):
        total = total + emission[turn, own]
        if turn >= 1:
            total = total + field.other[classes[turn - 1], own]
        if turn >= 2:
            total = total + field.same[classes[turn - 2], own]
    return total.item()


def all_paths(field: SkipCrf, emission: Tensor) -> dict[tuple[int, ...], float]:
    """Every path of the turns, with its probability."""
    paths = list(product((0, 1), repeat=len(emission)))
    shares = torch.tensor([score(field, emission, path) for path in paths], dtype=torch.float64).softmax(
        dim=0
    )
    return dict(zip(paths, shares.tolist(), strict=True))


@pytest.mark.parametrize("seconds", [1, 2, 3, 4])
def test_likelihood_marginals_and_best_path_by_brute_force(seconds: int) -> None:
    """Six turns are three seconds."""
    field = random_field()
    emission = 2 * torch.randn(2, seconds, 2, 2)
    mask = torch.ones(2, seconds, dtype=torch.bool)
    label = torch.randint(2, (2, seconds, 2))
    found = field.negative_log_likelihood(emission, label, mask)
    marginals = field.log_marginals(emission, mask).exp()
    best = field.best_path(emission, mask)
    for track in range(2):
        paths = all_paths(field, emission[track].flatten(0, 1))
        truth = paths[tuple(label[track].flatten().tolist())]
        assert found[track].item() == pytest.approx(-torch.tensor(truth).log().item(), abs=1e-4)
        for turn in range(2 * seconds):
            one = sum(share for path, share in paths.items() if path[turn] == 1)
            assert marginals[track].flatten(0, 1)[turn, 1].item() == pytest.approx(one, abs=1e-5)
        assert tuple(best[track].flatten().tolist()) == max(paths, key=lambda path: paths[path])
    torch.testing.assert_close(marginals.sum(dim=3), torch.ones(2, seconds, 2))


def test_padding_of_the_field() -> None:
    field = random_field()
    emission = torch.randn(2, 5, 2, 2)
    label = torch.randint(2, (2, 5, 2))
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    label[1, 3:] = -1
    emission[1, 3:] = 1e4
    alone = mask[1:, :3]
    found = field.negative_log_likelihood(emission, label, mask)[1:]
    torch.testing.assert_close(found, field.negative_log_likelihood(emission[1:, :3], label[1:, :3], alone))
    marginals = field.log_marginals(emission, mask)[1:, :3]
    torch.testing.assert_close(marginals, field.log_marginals(emission[1:, :3], alone))
    path = field.best_path(emission, mask)[1]
    assert torch.equal(path[:3], field.best_path(emission[1:, :3], alone)[0])
    assert (path[3:] == 0).all()


def test_gradient_of_the_likelihood_is_marginals_less_labels() -> None:
    """d NLL / d emission is p(class) - [class is the label]: forward-backward against autograd."""
    field = random_field()
    emission = torch.randn(1, 6, 2, 2, requires_grad=True)
    label, mask = torch.randint(2, (1, 6, 2)), torch.ones(1, 6, dtype=torch.bool)
    backward(field.negative_log_likelihood(emission, label, mask).sum())
    expected = field.log_marginals(emission, mask).exp() - torch.nn.functional.one_hot(label, 2)
    assert emission.grad is not None
    torch.testing.assert_close(emission.grad, expected.detach(), atol=1e-5, rtol=1e-4)


def test_learns_persistence_from_constant_tracks() -> None:
    field = SkipCrf()
    optimiser = torch.optim.Adam(field.parameters(), lr=0.1)
    emission, mask = torch.zeros(2, 10, 2, 2), torch.ones(2, 10, dtype=torch.bool)
    label = torch.tensor([0, 1])[:, None, None].expand(2, 10, 2)
    for _ in range(20):
        optimiser.zero_grad()
        backward(field.negative_log_likelihood(emission, label, mask).sum())
        optimiser.step()
    for moves in (field.same, field.other):
        assert moves[0, 0] > moves[0, 1]
        assert moves[1, 1] > moves[1, 0]
    assert field.best_path(emission, mask).float().std() == 0


# -- IMMHA and DiaGRU --------------------------------------------------------------------------------------


def attention_by_hand(layer: IdentityMaskedAttention, turns: Tensor, speaker: list[int]) -> Tensor:
    """The layer's attention, turn by turn and head by head."""
    heard = torch.zeros_like(turns)
    query = layer.query(turns)
    ears = {True: layer.same(turns), False: layer.other(turns)}
    for asking in range(len(turns)):
        for head in range(4):
            own = slice(32 * head, 32 * head + 32)
            scores, values = [], []
            for answering in range(len(turns)):
                told = ears[speaker[asking] == speaker[answering]][answering]
                scores.append(query[asking, own] @ told[:128][own] / 32**0.5)
                values.append(told[128:][own])
            heard[asking, own] = torch.stack(scores).softmax(0) @ torch.stack(values)
    return heard


def test_attention_hears_the_same_speaker_and_the_other_through_different_ears() -> None:
    torch.manual_seed(0)
    layer = IdentityMaskedAttention()
    turns, speaker = torch.randn(5, 128), [0, 1, 0, 1, 0]
    same = torch.tensor(speaker)[:, None] == torch.tensor(speaker)
    with torch.no_grad():
        found = layer._attend(turns[None], same, torch.ones(1, 5, dtype=torch.bool))[0]
        torch.testing.assert_close(found, attention_by_hand(layer, turns, speaker), atol=1e-5, rtol=1e-4)
        everyone = layer._attend(turns[None], torch.ones_like(same), torch.ones(1, 5, dtype=torch.bool))[0]
        torch.testing.assert_close(everyone, attention_by_hand(layer, turns, [0] * 5), atol=1e-5, rtol=1e-4)


def test_an_identity_changes_only_what_the_two_hear_of_each_other() -> None:
    """With keys of zeros all weights are alike: a value reaches those who share its speaker, or not."""
    torch.manual_seed(0)
    layer = IdentityMaskedAttention()
    for ear in (layer.same, layer.other):
        torch.nn.init.zeros_(ear.weight[:128])
        torch.nn.init.zeros_(ear.bias)
    turns, there = torch.randn(1, 4, 128), torch.ones(1, 4, dtype=torch.bool)
    speaker = torch.tensor([0, 1, 0, 1])
    same = speaker[:, None] == speaker
    with torch.no_grad():
        before = layer._attend(turns, same, there)
        layer.other.weight[128:] += 1.0  # the other's values
        others_only = torch.zeros_like(same)
        others_only[0, 1] = others_only[1, 0] = True
        changed = same | others_only  # turns 0 and 1 are now one speaker's to each other
        after = layer._attend(turns, changed, there)
        layer.other.weight[128:] -= 1.0
        unchanged = layer._attend(turns, changed, there)
    assert not torch.allclose(before[0, 0], unchanged[0, 0])
    torch.testing.assert_close(before[0, 2:], unchanged[0, 2:])
    assert not torch.allclose(after[0, 2:], unchanged[0, 2:])  # 2 and 3 still hear the other's values


def test_dialogue_gru_turn_by_turn() -> None:
    torch.manual_seed(0)
    layer = DiaGru()
    turns = torch.randn(1, 5, 128)
    states: list[Tensor] = []
    for turn in range(5):
        own = states[turn - 2] if turn >= 2 else torch.zeros(1, 128)
        other = states[turn - 1] if turn >= 1 else torch.zeros(1, 128)
        gate = torch.sigmoid(torch.cat([own, other], 1) @ layer.gate.weight.T + layer.gate.bias)
        states.append(layer.cell(turns[:, turn], gate * own + (1 - gate) * other))
    torch.testing.assert_close(layer(turns), torch.stack(states, dim=1))


def test_dialogue_gru_hears_only_the_past() -> None:
    torch.manual_seed(0)
    layer = DiaGru()
    turns = torch.randn(1, 8, 128)
    other = turns.clone()
    other[:, 4] += 1.0
    moved = (layer(other) - layer(turns)).abs().amax(dim=(0, 2))
    assert (moved > 1e-7).nonzero().flatten().tolist() == [4, 5, 6, 7]


# -- the network -------------------------------------------------------------------------------------------


def test_padding_says_nothing() -> None:
    torch.manual_seed(0)
    network = EmotionIc(FRAMES, seconds=6).eval()
    batch = track_cue(4, 6, seed=0)
    noise = torch.randn_like(batch.mel) * ~batch.mask[..., None, None]
    with torch.no_grad():
        first = network(batch.mel, batch.cochleagram, batch.mask)
        second = network(batch.mel + noise, batch.cochleagram, batch.mask)
        alone = network(batch.mel[2:3, :4], batch.cochleagram[2:3, :4], batch.mask[2:3, :4])
    assert torch.equal(first["track"], second["track"])
    torch.testing.assert_close(alone["track"], first["track"][2:3], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(alone["segment"], first["segment"][2:3, :4], atol=1e-5, rtol=1e-5)


def test_answers_are_means_of_the_turns_marginals() -> None:
    torch.manual_seed(0)
    network = EmotionIc(FRAMES, seconds=6).eval()
    torch.nn.init.normal_(network.field.same)
    batch = track_cue(4, 6, seed=0)
    with torch.no_grad():
        emission = network.emissions(batch.mel, batch.cochleagram, batch.mask)
        found = network(batch.mel, batch.cochleagram, batch.mask)
    marginals = network.field.log_marginals(emission, batch.mask).exp().mean(dim=2)
    torch.testing.assert_close(found["segment"].softmax(dim=2), marginals.detach())
    for track, length in enumerate(batch.mask.sum(dim=1).tolist()):
        mean = marginals[track, :length].mean(dim=0).detach()
        torch.testing.assert_close(found["track"][track].softmax(dim=0), mean)


def test_the_random_field_learns_faster() -> None:
    network = EmotionIc(FRAMES, seconds=2)
    assert BASELINE.groups is not None
    rest, field = BASELINE.groups(network)
    assert BASELINE.native["learning_rate"] * field["scale"] == pytest.approx(7e-3)
    assert BASELINE.native["learning_rate"] * rest["scale"] == pytest.approx(2e-4)
    assert {id(value) for value in field["params"]} == {id(value) for value in network.field.parameters()}
    assert len(field["params"]) + len(rest["params"]) == len(list(network.parameters()))


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = EmotionIc(FRAMES, seconds=6)
    learn(BASELINE, network, [track_cue(4, 6, seed) for seed in range(12)], rate=1e-3)
    assert without_gradient(network) == set()
    fresh = track_cue(8, 6, seed=999)
    with torch.no_grad():
        found = network(fresh.mel, fresh.cochleagram, fresh.mask)
    assert (found["track"].argmax(1) == fresh.track_label).float().mean() >= 0.9
    assert (found["segment"].argmax(2) == fresh.label)[fresh.mask].float().mean() >= 0.9


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="frames=8"):
        EmotionIc(8)
