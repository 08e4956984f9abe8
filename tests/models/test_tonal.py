"""Harmony: what is told of chords and scales whose key is known, and that transposing changes nothing."""

import pytest
import torch
from torch import Tensor

from damer.models import DamerConfig
from damer.models.stem import StatisticsStem, make_stem
from damer.models.tonal import WindowMean, from_tonic, tonal_features

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
BEST_MAJOR, BEST_MINOR, DIFFERENCE = 0, 1, 2


def notes(chords: list[tuple[int, ...]], loud: float = 0.0, quiet: float = -2.4) -> Tensor:
    """Return compressed energies [S, 84]: each second's pitch classes loud in the three middle octaves."""
    energy = torch.full((len(chords), 84), quiet)
    for second, chord in enumerate(chords):
        for octave in (2, 3, 4):
            energy[second, [12 * octave + pitch % 12 for pitch in chord]] = loud
    return energy


def whole(energy: Tensor) -> WindowMean:
    return WindowMean(torch.tensor([0]), torch.tensor([len(energy)]))


def cadence(tonic: int, minor: bool = False) -> list[tuple[int, ...]]:
    third = 3 if minor else 4
    first, fourth = (0, third, 7), (5, 5 + third, 12)
    chords = [first, fourth, (7, 11, 14), first, first, fourth, (7, 11, 14), first]
    return [tuple((pitch + tonic) % 12 for pitch in chord) for chord in chords]


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("minor", [False, True])
def test_mode_is_heard_in_every_key(tonic: int, minor: bool) -> None:
    energy = notes(cadence(tonic, minor))
    degrees, overall = tonal_features(energy, whole(energy))
    assert (overall[0, DIFFERENCE] < 0) == minor
    third = degrees[0, :, 0]  # the profile of pitch classes from the tonic
    assert (third[3] > third[4]) == minor
    reference = tonal_features(notes(cadence(0, minor)), whole(energy))
    torch.testing.assert_close(degrees, reference.degrees, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(overall, reference.overall, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(("kind", "chord"), [(0, (0, 4, 7)), (1, (0, 3, 7)), (2, (0, 3, 6)), (3, (0, 4, 8))])
def test_the_kind_of_a_triad(kind: int, chord: tuple[int, ...]) -> None:
    energy = notes([chord] * 6)
    overall = tonal_features(energy, whole(energy)).overall[0]
    kinds = overall[-10:-6]  # best fit of each kind of triad, averaged over seconds
    assert kinds.argmax() == kind
    assert kinds[kind] > 0.95


def test_from_tonic_turns_by_hand() -> None:
    profile = torch.arange(12.0)[None]
    assert from_tonic(profile, torch.tensor([9]))[0].tolist() == [9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_window_means_are_those_of_slices() -> None:
    values = torch.randn((30, 5), generator=torch.Generator().manual_seed(0))
    windows = ((0, 10), (3, 7), (20, 30))
    mean = WindowMean(*(torch.tensor(edges) for edges in zip(*windows, strict=True)))
    expected = [values[start:end] for start, end in windows]
    torch.testing.assert_close(mean(values), torch.stack([part.mean(0) for part in expected]))
    deviations = torch.stack([part.std(0, correction=0) for part in expected])
    torch.testing.assert_close(mean.deviation(values, mean(values)), deviations)


def test_statistics_by_hand() -> None:
    stem = make_stem(DamerConfig(stem="statistics", context_s=3))
    assert isinstance(stem, StatisticsStem)
    mel = torch.zeros(5, 128, 87)
    mel[2, 7] = torch.linspace(0, 1, 87)
    seconds, _ = stem.summarise(mel, torch.full((5, 84, 87), -1.0))
    mean, deviation, change, attack, top, bottom = seconds[2, 7, :6].tolist()
    assert (mean, top, bottom) == pytest.approx((0.5, 1, 0))
    assert deviation == pytest.approx(mel[2, 7].std(correction=0).item())
    assert (change, attack) == pytest.approx((1 / 86, 1 / 86), rel=1e-4)
    still = torch.tensor(1e-4).log().item()
    assert seconds[0, 0, 6:].tolist() == pytest.approx([still] * 3)
    assert seconds[2, 7, 6] > seconds[2, 7, 7] > seconds[2, 7, 8] > still  # a ramp moves slowly
    tokens, _ = stem.tokens(*stem.summarise(mel, torch.full((5, 84, 87), -1.0)), torch.arange(5))
    # Windows of 3 s around seconds 0 to 4; at the edges they are cut to 2 s.
    assert tokens[:, 7, 0].tolist() == pytest.approx([0, 0.5 / 3, 0.5 / 3, 0.5 / 3, 0])


def test_modulation_rates() -> None:
    stem = StatisticsStem(1)
    time = torch.arange(87) / 87
    for place, rate in ((6, 2), (7, 6), (8, 14)):
        mel = torch.sin(2 * torch.pi * rate * time).expand(1, 128, 87)
        found = stem.summarise(mel, torch.full((1, 84, 87), -1.0))[0][0, 0, 6:]
        assert found.argmax() == place - 6
        # |X|² / T² of a sine of amplitude one is a quarter in its bin.
        assert found[place - 6].item() == pytest.approx(torch.tensor(0.25 + 1e-4).log().item(), abs=1e-3)


def test_gain_moves_levels_and_nothing_else() -> None:
    stem = StatisticsStem(8)
    generator = torch.Generator().manual_seed(0)
    mel = torch.randn((8, 128, 87), generator=generator)
    cochleagram = 0.05 * torch.randn((8, 84, 87), generator=generator) - 1.0
    quiet = stem.tokens(*stem.summarise(mel, cochleagram), torch.tensor([4]))
    loud = stem.tokens(*stem.summarise(mel + 2.0, cochleagram + 0.3), torch.tensor([4]))
    moved = (loud[0] - quiet[0])[0].abs().amax(0) > 1e-3
    assert moved.nonzero().flatten().tolist() == [0, 4, 5]
    moved = (loud[1] - quiet[1])[0, :84].abs().amax(0) > 1e-3
    assert moved.nonzero().flatten().tolist() == [0, 3, 4, 6]
    torch.testing.assert_close(loud[1][0, 84:], quiet[1][0, 84:], atol=1e-3, rtol=1e-3)


def test_tracks_shorter_than_the_context_are_one_window() -> None:
    stem = StatisticsStem(20)
    generator = torch.Generator().manual_seed(1)
    mel = torch.randn((3, 128, 87), generator=generator)
    cochleagram = 0.1 * torch.randn((3, 84, 87), generator=generator) - 1.5
    tokens = stem.tokens(*stem.summarise(mel, cochleagram), torch.arange(3))
    for view, rows in zip(tokens, (128, 84 + stem.tonal_rows), strict=True):
        assert view.shape[:2] == (3, rows)
        torch.testing.assert_close(view[0], view[2])
