"""ADFF: what the cuts keep, and that each level of the pyramid counts."""

import pytest
import torch
from cues import FRAMES, accuracy, backward, learn, parameters, segment_cue, without_gradient

from damer.baselines.adff import BASELINE, LEVELS, Adff, cut
from damer.baselines.squeeze_excitation import SqueezeExcitation


# Four cuts of 11 frames have one input channel more than three of 29: 32 kernels of 3 × 3 weights.
@pytest.mark.parametrize(("frames", "count"), [(87, 1_493_786), (44, 1_493_786 + 32 * 9)])
def test_parameters(frames: int, count: int) -> None:
    assert parameters(Adff(frames)) == count


@pytest.mark.parametrize(("frames", "cuts", "kept"), [(87, 3, 87), (44, 4, 44), (89, 3, 87)])
def test_cutting_can_be_undone_for_the_frames_it_keeps(frames: int, cuts: int, kept: int) -> None:
    mel = torch.randn(2, 5, frames)
    pieces = cut(mel, cuts)
    assert pieces.shape == (2, cuts, 5, kept // cuts)
    together = torch.cat(list(pieces.unbind(dim=1)), dim=2)
    assert torch.equal(together, mel[..., :kept])


def test_defaults_cut_as_the_specification_says() -> None:
    assert (Adff(87).cuts, Adff(44).cuts) == (3, 4)


def test_each_level_hears_the_music_and_teaches_the_network() -> None:
    torch.manual_seed(0)
    network = Adff(FRAMES)
    mel = torch.randn(4, 32, FRAMES)
    shapes = [tuple(level.shape[1:3]) for level in network.levels(mel)]
    assert shapes == [(64, 8), (128, 4), (256, 2)]
    backward(network(mel, mel).logsumexp(dim=1).sum())
    used = network.fusion.weight.grad
    assert used is not None
    assert (used.view(128, len(LEVELS), -1).abs().amax(dim=(0, 2)) > 0).all()
    assert without_gradient(network) == set()


def test_squeeze_and_excitation_by_hand() -> None:
    gate = SqueezeExcitation(2, reduction=2)
    with torch.no_grad():
        gate.squeeze.weight[:] = torch.tensor([[1.0, -1.0]])
        gate.squeeze.bias[:] = 0.5
        gate.excite.weight[:] = torch.tensor([[1.0], [-2.0]])
        gate.excite.bias[:] = 0.0
    features = torch.tensor([[[[4.0, 2.0]], [[1.0, 1.0]]]])  # means 3 and 1: hidden relu(3 - 1 + 0.5) = 2.5
    expected = 1 / (1 + torch.tensor([[-2.5, 5.0]]).exp())
    torch.testing.assert_close(gate.gate(features), expected)
    torch.testing.assert_close(gate(features), features * expected[:, :, None, None])


def test_gates_stay_between_0_and_1() -> None:
    gate = SqueezeExcitation(64, reduction=8).gate(3 * torch.randn(16, 64, 8, 5))
    assert 0.0 < gate.min() < gate.max() < 1.0


def test_does_not_read_the_cochleagram() -> None:
    network = Adff(FRAMES).eval()
    mel = torch.randn(2, 32, FRAMES)
    nothing = torch.full((2, 28, FRAMES), float("nan"))
    assert network(mel, nothing).isfinite().all()


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = Adff(FRAMES)
    learn(BASELINE, network, [segment_cue(16, seed) for seed in range(15)], rate=1e-3)
    assert accuracy(network, segment_cue(32, seed=999)) >= 0.9


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="frames=9"):
        Adff(9)
