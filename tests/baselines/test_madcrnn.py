"""mADCRNN: deltas, the dilated LSTM, the centre loss, and an augmentation that its generator decides."""

import librosa
import numpy as np
import pytest
import torch
from cues import FRAMES, MEL, accuracy, learn, parameters, segment_cue, without_gradient

from damer.baselines.base import Context
from damer.baselines.deltas import deltas, static_and_deltas
from damer.baselines.madcrnn import (
    BASELINE,
    DilatedLstm,
    Madcrnn,
    augment,
    balanced,
    center_loss,
    move_centers,
)


@pytest.mark.parametrize("frames", [87, 44])
def test_parameters(frames: int) -> None:
    assert parameters(Madcrnn(frames)) == 568_579


def test_deltas_against_librosa() -> None:
    views = np.random.default_rng(0).normal(size=(2, 6, 40))
    found = static_and_deltas(torch.from_numpy(views))
    first = librosa.feature.delta(views, width=5, order=1, mode="nearest")
    np.testing.assert_allclose(found[:, 1].numpy(), first, atol=1e-12)
    second = librosa.feature.delta(first, width=5, order=1, mode="nearest")
    np.testing.assert_allclose(found[:, 2].numpy(), second, atol=1e-12)
    assert torch.equal(found[:, 0], torch.from_numpy(views))


def test_delta_of_a_ramp_is_its_slope() -> None:
    ramp = 3.0 * torch.arange(10.0)[None, None]
    assert deltas(ramp)[0, 0, 2:-2].tolist() == pytest.approx([3.0] * 6)


def test_dilation_1_is_a_plain_lstm() -> None:
    torch.manual_seed(0)
    layer = DilatedLstm(5, 4, dilation=1)
    steps = torch.randn(3, 11, 5)
    assert torch.equal(layer(steps), layer.lstm(steps)[0])


@pytest.mark.parametrize(("dilation", "length"), [(2, 10), (2, 11), (4, 22), (4, 43)])
def test_dilation_is_a_plain_lstm_on_each_interleaved_sequence(dilation: int, length: int) -> None:
    torch.manual_seed(0)
    layer = DilatedLstm(5, 4, dilation)
    steps = torch.randn(3, length, 5)
    found = layer(steps)
    assert found.shape == (3, length, 8)
    for first in range(dilation):
        alone = layer.lstm(steps[:, first::dilation])[0]
        torch.testing.assert_close(found[:, first::dilation], alone)


def test_a_step_hears_only_its_own_phase_and_only_the_past() -> None:
    torch.manual_seed(0)
    layer = DilatedLstm(5, 4, dilation=2, bidirectional=False)
    steps = torch.randn(1, 12, 5)
    other = steps.clone()
    other[:, 5] += 1.0
    moved = (layer(other) - layer(steps)).abs().amax(dim=(0, 2))
    assert (moved > 1e-7).nonzero().flatten().tolist() == [5, 7, 9, 11]


def test_center_loss_by_hand() -> None:
    centers = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    embedding = torch.tensor([[3.0, 4.0], [1.0, 3.0]])
    assert center_loss(embedding, torch.tensor([0, 1]), centers).item() == pytest.approx((12.5 + 2.0) / 2)


def test_centers_move_towards_the_means_of_their_classes() -> None:
    torch.manual_seed(0)
    label = torch.arange(40) % 2
    embedding = torch.randn(40, 64) + 5.0 * label[:, None]
    centers = torch.zeros(2, 64)
    means = torch.stack([embedding[label == c].mean(dim=0) for c in (0, 1)])
    distance = (centers - means).norm(dim=1)
    for _ in range(20):
        move_centers(centers, embedding, label)
        closer = (centers - means).norm(dim=1)
        assert (closer < distance).all()
        distance = closer
    torch.testing.assert_close(centers, means, atol=1e-4, rtol=0)


def test_one_move_by_the_formula() -> None:
    """Wen et al. 2016, eq 4: Δc = Σ (c - x) / (1 + n); a class without a row stays."""
    centers = torch.tensor([[0.0], [7.0]])
    move_centers(centers, torch.tensor([[3.0], [6.0]]), torch.tensor([0, 0]), rate=0.5)
    assert centers.flatten().tolist() == pytest.approx([0.5 * 9 / 3, 7.0])


def test_loss_adds_the_centre_loss_and_moves_the_centres() -> None:
    torch.manual_seed(0)
    network = Madcrnn(FRAMES, MEL, augmentation="none").eval()
    terms = BASELINE.loss(network, segment_cue(8, seed=0), Context(0.0, torch.Generator(), 0))
    total = terms["classification"] + 0.01 * terms["center"]
    assert terms["total"].item() == pytest.approx(total.item())
    assert (network.centers.norm(dim=1) > 0).all()


def test_augmentation_is_decided_by_its_generator() -> None:
    mel = torch.randn(6, 16, 44)
    first, second, other = (augment(mel, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_augmentation_keeps_its_limits() -> None:
    """A row counts its own frames: shifts, gains and stripes can be read off it."""
    count, bands, frames = 300, 64, 88
    ramp = 100.0 * torch.arange(frames).expand(count, bands, frames)
    found = augment(ramp, torch.Generator().manual_seed(0))
    hidden = found == 0.0
    bands_hidden, frames_hidden = hidden.all(dim=2).sum(dim=1), hidden.all(dim=1).sum(dim=1)
    assert (int(bands_hidden.min()), int(bands_hidden.max())) == (0, 8)
    assert (int(frames_hidden.min()), int(frames_hidden.max())) == (0, 10)
    source = (found / 100.0).round()
    shift = (torch.arange(frames) - source) % frames
    shift = torch.where(shift > frames / 2, shift - frames, shift).masked_fill(hidden, float("nan"))
    middle = shift.nanmedian(dim=2).values.nanmedian(dim=1).values
    assert [middle.min().item(), middle.max().item()] == [-8.0, 8.0]
    gain = (found - 100.0 * source).masked_fill(hidden, float("nan")).nanmedian(dim=2).values
    gain = gain.nanmedian(dim=1).values
    assert 0.15 < gain.max() < 0.25
    assert -0.25 < gain.min() < -0.15


def test_the_minority_class_is_drawn_as_often() -> None:
    label = (torch.arange(1000) < 100).long()
    rows = balanced(label, torch.Generator().manual_seed(0))
    assert label[rows].float().mean().item() == pytest.approx(0.5, abs=0.05)
    one_class = balanced(torch.ones(7, dtype=torch.int64), torch.Generator().manual_seed(0))
    assert len(one_class) == 7


def test_learns_a_cue() -> None:
    torch.manual_seed(0)
    network = Madcrnn(FRAMES, MEL)
    learn(BASELINE, network, [segment_cue(16, seed) for seed in range(22)], rate=2e-3)
    assert without_gradient(network) == set(BASELINE.without_gradient)
    assert accuracy(network, segment_cue(32, seed=999)) >= 0.9


@pytest.mark.parametrize(("settings", "message"), [({"frames": 4}, "4"), ({"augmentation": "gan"}, "gan")])
def test_impossible_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Madcrnn(**settings)  # type: ignore[arg-type]
