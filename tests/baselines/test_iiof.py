"""IIOF: the fused features are orthogonal where they must be, and the backbone is ResNet-18."""

import pytest
import torch
from cues import FRAMES, accuracy, backward, learn, parameters, segment_cue, without_gradient
from torch import Tensor

from damer.baselines.iiof import BASELINE, Iiof, OrthogonalFusion, three_channels, without_projection
from damer.baselines.resnet import ResNet18


@pytest.mark.parametrize("frames", [87, 44])
def test_parameters(frames: int) -> None:
    assert parameters(Iiof(frames)) == 11_194_946


def fused() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    local = torch.randn(4, 256, 3, 3, generator=generator)
    whole = torch.randn(4, 512, generator=generator)
    return local, whole, OrthogonalFusion()(local, whole)


def test_intra_feature_fusion() -> None:
    _, whole, features = fused()
    first, second = features[:, 256:512, 0, 0], features[:, 768:, 0, 0]
    assert torch.equal(second, whole[:, 256:])
    cosine = torch.cosine_similarity(first, second, dim=1)
    assert cosine.abs().max() < 1e-5
    # What was taken away lies along the second half.
    taken = whole[:, :256] - first
    assert torch.cosine_similarity(taken, second, dim=1).abs().min() > 1 - 1e-5


def test_inter_feature_fusion_at_all_nine_positions() -> None:
    local, _, features = fused()
    for start in (0, 512):
        rest, half = features[:, start : start + 256], features[:, start + 256 : start + 512]
        assert (half == half[:, :, :1, :1]).all()  # the half is the same at each position
        assert torch.cosine_similarity(rest, half, dim=1).abs().max() < 1e-5
        again = rest + (local * half).sum(1, keepdim=True) / half.square().sum(1, keepdim=True) * half
        torch.testing.assert_close(again, local, atol=1e-5, rtol=1e-5)


def test_projection_by_hand() -> None:
    vector, direction = torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0]])
    assert without_projection(vector, direction).tolist() == [[0.0, 4.0]]


def test_a_direction_of_zeros_takes_nothing_away() -> None:
    vector = torch.randn(2, 8)
    direction = torch.zeros(2, 8, requires_grad=True)
    rest = without_projection(vector, direction)
    assert torch.equal(rest, vector)
    backward(rest.sum())
    assert direction.grad is not None
    assert direction.grad.isfinite().all()


def test_image() -> None:
    mel, cochleagram = torch.zeros(1, 128, 5), torch.ones(1, 84, 5)
    image = three_channels(mel, cochleagram)
    assert image.shape == (1, 3, 128, 5)
    torch.testing.assert_close(image.mean(dim=(0, 2, 3)), torch.tensor([0.0, 1.0, 0.5]))
    rising = torch.arange(84.0)[None, :, None].expand(1, 84, 5)
    stretched = three_channels(mel, rising)[0, 1, :, 0]
    assert [stretched[0].item(), stretched[-1].item()] == [0.0, 83.0]
    assert (stretched.diff() >= 0).all()


@pytest.mark.parametrize(("frames", "middle", "last"), [(87, (8, 6), (4, 3)), (44, (8, 3), (4, 2))])
def test_backbone_shapes(frames: int, middle: tuple[int, int], last: tuple[int, int]) -> None:
    with torch.no_grad():
        third, fourth = ResNet18()(torch.randn(1, 3, 128, frames))
    assert third.shape == (1, 256, *middle)
    assert fourth.shape == (1, 512, *last)


def test_backbone_has_the_published_number_of_weights() -> None:
    """11 689 512 with the layer of 1000 classes (He et al., table 1; the number every ResNet-18 has)."""
    assert parameters(ResNet18()) + 512 * 1000 + 1000 == 11_689_512


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = Iiof(FRAMES)
    learn(BASELINE, network, [segment_cue(16, seed) for seed in range(8)], rate=3e-4)
    assert without_gradient(network) == set()
    assert accuracy(network, segment_cue(32, seed=999)) >= 0.9


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="frames=20"):
        Iiof(20)
