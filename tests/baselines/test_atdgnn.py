"""ATDGNN: sliding windows, areas that stay apart, and a graph that each sample makes for itself."""

import math

import pytest
import torch
from cues import COCHLEA, FRAMES, MEL, accuracy, learn, parameters, segment_cue, without_gradient

from damer.baselines.atdgnn import (
    BASELINE,
    AtDgnn,
    DynamicGraphLayer,
    areas_of,
    dynamic_adjacency,
    log_power,
    smoothed_cross_entropy,
)
from damer.baselines.base import Context


@pytest.mark.parametrize(("frames", "count", "windows"), [(87, 26_426, 4), (44, 19_706, 1)])
def test_parameters_and_windows(frames: int, count: int, windows: int) -> None:
    network = AtDgnn(frames)
    assert parameters(network) == count
    assert network.windows == windows
    nodes = network.eval().nodes(torch.randn(2, 128, frames), torch.randn(2, 84, frames))
    assert nodes.shape == (2, 16 + 12, windows * 32)


def test_adjacency_of_a_sample_against_the_formula() -> None:
    nodes = torch.randn(3, 5, 7, dtype=torch.float64) - 2  # with negative features
    found = dynamic_adjacency(nodes)
    for sample, adjacency in zip(nodes, found, strict=True):
        raw = torch.softmax(sample @ sample.T / math.sqrt(7), dim=1) + torch.eye(5, dtype=torch.float64)
        scale = torch.diag(raw.sum(dim=1) ** -0.5)
        torch.testing.assert_close(adjacency, scale @ raw @ scale)
    assert found.isfinite().all()
    assert not torch.allclose(found[0], found[1])


def test_adjacency_reads_one_sample_at_a_time() -> None:
    nodes = torch.randn(3, 5, 7)
    alone = dynamic_adjacency(nodes[1:2])
    torch.testing.assert_close(dynamic_adjacency(nodes)[1:2], alone)


def test_a_layer_uses_the_graph_of_each_sample() -> None:
    torch.manual_seed(0)
    layer, nodes = DynamicGraphLayer(7, 4), torch.randn(3, 5, 7)
    found = layer(nodes)
    for sample, features in zip(nodes, found, strict=True):
        raw = torch.softmax(sample @ sample.T / math.sqrt(7), dim=1) + torch.eye(5)
        told = (raw / 2 @ sample) @ layer.linear.weight.T + layer.linear.bias
        torch.testing.assert_close(features, told.clamp(min=0))


def test_a_band_moves_only_the_node_of_its_area() -> None:
    torch.manual_seed(0)
    network = AtDgnn(87).eval()
    mel, cochleagram = torch.randn(1, 128, 87), torch.randn(1, 84, 87)
    before = network.nodes(mel, cochleagram)
    for band, node in ((0, 0), (17, 2), (127, 15)):
        other = mel.clone()
        other[:, band] *= 3.0
        moved = (network.nodes(other, cochleagram) - before).abs().amax(dim=(0, 2))
        assert (moved > 1e-6).nonzero().flatten().tolist() == [node]
    for band, node in ((0, 16), (83, 27)):
        other = cochleagram.clone()
        other[:, band] *= 3.0
        moved = (network.nodes(mel, other) - before).abs().amax(dim=(0, 2))
        assert (moved > 1e-6).nonzero().flatten().tolist() == [node]


def test_areas_are_means() -> None:
    features = torch.arange(6.0).view(1, 1, 6, 1)
    assert areas_of(features, 3).flatten().tolist() == [1.0, 4.0]


def test_log_power_of_a_constant_and_of_silence() -> None:
    assert log_power(torch.full((1, 1, 1, 20), 3.0)).flatten().tolist() == pytest.approx([math.log(9)] * 7)
    assert log_power(torch.zeros(1, 1, 1, 20)).isfinite().all()


def test_label_smoothing_by_hand() -> None:
    logits = torch.tensor([[1.0, -1.0]])
    log_share = torch.log_softmax(logits, dim=1)[0]
    by_hand = -(0.05 * log_share[0] + 0.95 * log_share[1])
    assert smoothed_cross_entropy(logits, torch.tensor([1.0])).item() == pytest.approx(by_hand.item())


def test_loss_is_the_smoothed_one() -> None:
    torch.manual_seed(0)
    network = AtDgnn(FRAMES, MEL, COCHLEA).eval()
    batch = segment_cue(4, seed=0)
    total = BASELINE.loss(network, batch, Context(0.0, torch.Generator(), 0))["total"]
    logits = network(batch.mel, batch.cochleagram)
    assert total.item() == pytest.approx(smoothed_cross_entropy(logits, batch.target).item())
    assert total.item() != pytest.approx(torch.nn.functional.cross_entropy(logits, batch.label).item())


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = AtDgnn(FRAMES, MEL, COCHLEA)
    learn(BASELINE, network, [segment_cue(16, seed) for seed in range(30)], rate=3e-3)
    assert without_gradient(network) == set()
    assert accuracy(network, segment_cue(32, seed=999)) >= 0.9


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="frames=30"):
        AtDgnn(30)
