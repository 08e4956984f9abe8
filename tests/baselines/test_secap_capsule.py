"""SECapEmotion as capsules: routing by hand, lengths stuck neither at 0 nor at 1, the margin loss."""

import pytest
import torch
from cues import FRAMES, accuracy, backward, learn, parameters, segment_cue, without_gradient

from damer.baselines.secap_capsule import BASELINE, SecapCapsule, margin_loss, route, squash


@pytest.mark.parametrize("frames", [87, 44])
def test_parameters(frames: int) -> None:
    assert parameters(SecapCapsule(frames)) == 801_440


def test_number_of_capsules() -> None:
    network = SecapCapsule().eval()
    assert network.mel(torch.randn(1, 128, 87)).shape == (1, 32 * 8 * 6, 2, 16)
    assert network.cochleagram(torch.randn(1, 84, 87)).shape == (1, 32 * 6 * 6, 2, 16)


def test_a_vote_is_its_capsule_times_its_types_transform() -> None:
    torch.manual_seed(0)
    view, sound = SecapCapsule().mel.eval(), torch.randn(1, 128, 87)
    with torch.no_grad():
        votes = view(sound)
        raw = view.capsules(view.enhancement(view.convolutions(sound.unsqueeze(1))))
    for kind, row, column in ((0, 0, 0), (5, 3, 2), (31, 7, 5)):
        capsule = squash(raw[0, 8 * kind : 8 * kind + 8, row, column])
        expected = (capsule @ view.transform[kind]).view(2, 16)
        torch.testing.assert_close(votes[0, kind * 48 + row * 6 + column], expected.detach())


def test_squash_keeps_the_direction_and_bounds_the_length() -> None:
    vectors = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [3e3, 4e3]])
    found = squash(vectors)
    lengths = found.norm(dim=1)
    assert lengths.tolist() == pytest.approx([25 / 26, 0.2, 0.0, 1.0], abs=1e-5)
    assert found[0].tolist() == pytest.approx([0.6 * 25 / 26, 0.8 * 25 / 26])
    assert found.isfinite().all()


def test_routing_by_hand() -> None:
    """Three rounds over two capsules and two classes of one number."""
    votes = torch.tensor([[[[1.0], [0.5]], [[-0.5], [2.0]]]])
    logits = torch.zeros(2, 2)
    for _ in range(3):
        share = logits.softmax(dim=1)
        mean = (share.unsqueeze(2) * votes[0]).sum(0) / share.sum(0).unsqueeze(1)
        found = torch.stack([squash(4.0 * one) for one in mean])
        logits = logits + (votes[0] * found).sum(dim=2)
    routed, coefficients = route(votes)
    torch.testing.assert_close(routed[0], found)
    torch.testing.assert_close(coefficients[0], share)


def test_coefficients_sum_to_1_and_lengths_stay_below_1() -> None:
    routed, coefficients = route(3 * torch.randn(4, 50, 2, 16))
    torch.testing.assert_close(coefficients.sum(dim=2), torch.ones(4, 50))
    assert (routed.norm(dim=2) < 1).all()


def test_votes_that_agree_make_a_class_longer() -> None:
    agreeing = torch.zeros(1, 40, 2, 16)
    agreeing[0, :, 0, 0] = 1.0
    agreeing[0, :, 1, 0] = torch.tensor([1.0, -1.0]).repeat(20)
    lengths = route(agreeing)[0].norm(dim=2)[0]
    assert lengths[0] > 0.9
    assert lengths[1] < 0.1


def test_lengths_can_move_either_way_at_the_start() -> None:
    """The classical sum over 2 688 votes is stuck at 1; the loss must reach every parameter."""
    torch.manual_seed(0)
    network = SecapCapsule()
    mel, cochleagram = torch.randn(4, 128, 87), torch.randn(4, 84, 87)
    lengths = network.lengths(mel, cochleagram)
    assert 0.02 < lengths.min() < lengths.max() < 0.9
    backward(margin_loss(lengths, torch.tensor([0.0, 1.0, 0.0, 1.0])))
    assert without_gradient(network) == set()
    summed = squash(0.5 * network.mel(mel).sum(dim=1)).norm(dim=2)
    assert summed.min() > 0.99


def test_margin_loss_by_hand() -> None:
    lengths = torch.tensor([[0.95, 0.05], [0.5, 0.6]])
    found = margin_loss(lengths, torch.tensor([0.0, 1.0]))
    second = 0.5 * 0.4**2 + 0.3**2  # class 0 too long by 0.4, class 1 too short by 0.3
    assert found.item() == pytest.approx((0.0 + second) / 2)


def test_answers_are_shares_of_the_lengths() -> None:
    network = SecapCapsule(FRAMES).eval()
    batch = segment_cue(4, seed=0)
    with torch.no_grad():
        lengths = network.lengths(batch.mel, batch.cochleagram)
        shares = network(batch.mel, batch.cochleagram).softmax(dim=1)
    torch.testing.assert_close(shares, lengths / lengths.sum(dim=1, keepdim=True))


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = SecapCapsule(FRAMES)
    learn(BASELINE, network, [segment_cue(16, seed) for seed in range(20)], rate=1e-3)
    assert without_gradient(network) == set()
    assert accuracy(network, segment_cue(32, seed=999)) >= 0.9


def test_no_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="frames=0"):
        SecapCapsule(0)
