"""MOCNN: its three resolutions talk to each other, and only to their neighbours."""

import pytest
import torch
from cues import COCHLEA, FRAMES, MEL, accuracy, learn, parameters, segment_cue, without_gradient

from damer.baselines.mocnn import BASELINE, Mocnn, OctaveConvolution, resolutions


@pytest.mark.parametrize("frames", [87, 44])
def test_parameters(frames: int) -> None:
    assert parameters(Mocnn(frames)) == 21_322


def test_resolutions_are_means_of_frames() -> None:
    signal = torch.arange(9.0).view(1, 1, 1, 9)
    found = resolutions(signal)
    assert found["high"].flatten().tolist() == list(range(9))
    assert found["medium"].flatten().tolist() == [0.5, 2.5, 4.5, 6.5]
    assert found["low"].flatten().tolist() == [1.5, 5.5]


def changed_by(branch: str, exchange: bool) -> set[str]:
    """Branches that hear a change of one branch's input after one octave convolution."""
    torch.manual_seed(0)
    block = OctaveConvolution(1, 8, (15, 9, 5), exchange).eval()
    before = resolutions(torch.randn(2, 1, 5, 87))
    after = {**before, branch: before[branch] + 1.0}
    first, second = block(before), block(after)
    return {name for name in first if not torch.equal(first[name], second[name])}


def test_a_branch_speaks_to_its_neighbours() -> None:
    assert changed_by("low", exchange=True) == {"low", "medium"}
    assert changed_by("medium", exchange=True) == {"low", "medium", "high"}
    assert changed_by("high", exchange=True) == {"medium", "high"}


@pytest.mark.parametrize("branch", ["high", "medium", "low"])
def test_without_exchange_branches_are_independent(branch: str) -> None:
    assert changed_by(branch, exchange=False) == {branch}


def test_low_reaches_high_after_two_blocks() -> None:
    """High and low are no neighbours: what low knows arrives through medium."""
    torch.manual_seed(0)
    first, second = (OctaveConvolution(*shape, exchange=True).eval() for shape in SHAPES)
    before = resolutions(torch.randn(2, 1, 5, 87))
    after = {**before, "low": before["low"] + 1.0}
    heard = second(first(after))["high"] - second(first(before))["high"]
    assert heard.abs().max() > 1e-4


SHAPES = ((1, 8, (15, 9, 5)), (8, 16, (9, 5, 3)))


def test_an_exchanged_message_is_convolved_then_resampled() -> None:
    """One frame's impulse through the message from medium to high, followed by hand."""
    block = OctaveConvolution(1, 1, (15, 9, 5), exchange=True)
    for weight in block.parameters():
        torch.nn.init.zeros_(weight)
    weights = dict(block.named_parameters())
    with torch.no_grad():
        weights["norms.high.weight"].fill_(1.0)
        weights["messages.medium_to_high.weight"][0, 0, 0, 4] = 2.0  # the middle of 9 frames
    branches = resolutions(torch.zeros(1, 1, 1, 88))
    branches["medium"][..., 3] = 1.0
    heard = block.eval()(branches)["high"].flatten() * (1 + 1e-5) ** 0.5
    assert heard.nonzero().flatten().tolist() == [6, 7]
    assert heard[6].item() == pytest.approx(2.0, rel=1e-5)


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = Mocnn(FRAMES, MEL, COCHLEA)
    learn(BASELINE, network, [segment_cue(16, seed) for seed in range(20)], rate=5e-3)
    assert without_gradient(network) == set()
    assert accuracy(network, segment_cue(32, seed=999)) >= 0.9


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="frames=4"):
        Mocnn(4)
