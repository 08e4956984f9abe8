"""Harmony in numbers: chroma, key and chords of a semitone cochleagram, told relative to the tonic.

Valence leans on mode and harmony. What is said here of a window does not change when the music is transposed:
every profile over the twelve pitch classes is turned so that the tonic comes first.
"""

from typing import NamedTuple

import torch
from torch import Tensor

PITCH_CLASSES = 12
# How well each pitch class fits a key whose tonic is the first: Krumhansl & Kessler (1982).
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_TRIADS = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8))  # major, minor, diminished, augmented
_SHARPNESS = 8.0  # of the softmax that reads a second's chroma as one of 48 triads
_SHORT_S = 5  # seconds over which a passing key is read
_COMPRESSION = 0.3  # of the cochleagram (FeatureSpec.compression)
_BASS, _TREBLE = slice(0, 3), slice(4, 7)  # octaves C1–B3 and C5–B7
DEGREE_FEATURES = 9
GLOBAL_FEATURES = 24


class TonalFeatures(NamedTuple):
    """What B windows say of harmony.

    Attributes:
        degrees: features of each of the twelve degrees above the tonic [B, 12, 9].
        overall: features of the whole window [B, 24].
    """

    degrees: Tensor
    overall: Tensor


class WindowMean:
    """Means over windows of one track in constant time each, from running sums.

    Args:
        starts: first second of each window, int64 [B].
        ends: second after its last, int64 [B].
    """

    def __init__(self, starts: Tensor, ends: Tensor) -> None:
        self.starts, self.ends = starts, ends

    def __call__(self, values: Tensor) -> Tensor:
        """Return the mean [B, ...] of per-second values [S, ...] over each window."""
        sums = values.double().cumsum(0)
        sums = torch.cat([torch.zeros_like(sums[:1]), sums])
        lengths = (self.ends - self.starts).view(-1, *[1] * (values.dim() - 1))
        return ((sums[self.ends] - sums[self.starts]) / lengths).to(values.dtype)

    def deviation(self, values: Tensor, mean: Tensor) -> Tensor:
        """Return the standard deviation [B, ...] over each window, given its mean."""
        squares = self(values.double().square()) - mean.double().square()
        return squares.clamp(min=0).sqrt().to(values.dtype)


def _correlate(profiles: Tensor, templates: Tensor) -> Tensor:
    """Return the correlation [..., K] of profiles [..., 12] with unit templates [K, 12]."""
    return _unit_variance(profiles) @ templates.T


def _unit_variance(profiles: Tensor) -> Tensor:
    centred = profiles - profiles.mean(-1, keepdim=True)
    unit: Tensor = centred / (torch.linalg.vector_norm(centred, dim=-1, keepdim=True) + 1e-6)
    return unit


def _turned(profile: Tensor) -> Tensor:
    """Return a profile of the tonic C for all twelve tonics, of unit variance [12, 12]."""
    return torch.stack([_unit_variance(profile).roll(tonic) for tonic in range(PITCH_CLASSES)])


def _templates() -> tuple[Tensor, Tensor]:
    keys = torch.cat([_turned(torch.tensor(profile)) for profile in (_MAJOR, _MINOR)])
    triads = []
    for members in _TRIADS:
        profile = torch.zeros(PITCH_CLASSES)
        profile[list(members)] = 1.0
        triads.append(_turned(profile))
    return keys, torch.cat(triads)


KEYS, TRIADS = _templates()
"""Templates, float32: 12 major then 12 minor keys [24, 12]; 12 triads each of four kinds [48, 12]."""


def from_tonic(profile: Tensor, tonic: Tensor) -> Tensor:
    """Turn profiles [B, ..., 12] over pitch classes so that the tonic [B] comes first."""
    order = (torch.arange(PITCH_CLASSES, device=tonic.device) + tonic[:, None]) % PITCH_CLASSES
    shape = (len(tonic), *[1] * (profile.dim() - 2), PITCH_CLASSES)
    return profile.gather(-1, order.view(shape).expand(profile.shape))


def _share(profile: Tensor) -> Tensor:
    return profile / (profile.sum(-1, keepdim=True) + 1e-5)


def _entropy(share: Tensor) -> Tensor:
    return -(share * (share + 1e-6).log()).sum(-1)


def _short_keys(chroma: Tensor) -> Tensor:
    """Return for the 5 s around each second the best major and minor fit, difference, maximum [S, 4]."""
    padded = torch.nn.functional.pad(chroma.T[None], (_SHORT_S // 2,) * 2, mode="replicate")
    smooth = torch.nn.functional.avg_pool1d(padded, _SHORT_S, stride=1)[0].T
    major, minor = _correlate(_share(smooth), KEYS).chunk(2, dim=-1)
    best_major, best_minor = major.amax(-1), minor.amax(-1)
    return torch.stack(
        [best_major, best_minor, best_major - best_minor, torch.maximum(best_major, best_minor)], dim=-1
    )


def tonal_features(energy: Tensor, mean: WindowMean) -> TonalFeatures:
    """Read key and harmony of windows of one track.

    Args:
        energy: compressed log10 energy of each semitone and second [S, 84], as the cochleagram gives it.
        mean: the windows, B of them.

    Returns:
        Features by degree and overall; the same for the same music in another key.
    """
    octaves = (10.0 ** (energy * (0.5 / _COMPRESSION))).view(len(energy), -1, PITCH_CLASSES)
    chroma = octaves.sum(-2)
    second = _share(chroma)
    fit = _correlate(second, TRIADS)
    by_kind = fit.view(-1, len(_TRIADS), PITCH_CLASSES).amax(-1)
    flux = torch.nn.functional.pad(second.diff(dim=0).abs().sum(-1), (1, 0))
    short = _short_keys(chroma)

    window = _share(mean(chroma))
    major, minor = _correlate(window, KEYS).chunk(2, dim=-1)
    best_major, best_minor = major.amax(-1), minor.amax(-1)
    tonic, major_tonic = torch.maximum(major, minor).argmax(-1), major.argmax(-1)
    triads = mean((fit * _SHARPNESS).softmax(-1)).view(-1, len(_TRIADS), PITCH_CLASSES)
    kinds, short_mean = mean(by_kind), mean(short)
    parallel = (minor - major).gather(-1, major_tonic[:, None])[:, 0]

    degrees = [
        from_tonic(window, tonic),
        from_tonic(window, major_tonic),
        from_tonic(minor, major_tonic),
        *from_tonic(triads, tonic).unbind(-2),
        from_tonic(_share(mean(octaves[:, _BASS].sum(-2))), tonic),
        from_tonic(_share(mean(octaves[:, _TREBLE].sum(-2))), tonic),
    ]
    overall = [
        torch.stack([best_major, best_minor, best_major - best_minor, parallel, _entropy(window)], dim=-1),
        short_mean,
        mean.deviation(short[:, 2:3], short_mean[:, 2:3]),
        triads.sum(-1),
        kinds,
        mean.deviation(by_kind, kinds),
        torch.stack([mean(_entropy(second)), mean(flux)], dim=-1),
    ]
    return TonalFeatures(torch.stack(degrees, dim=-1), torch.cat(overall, dim=-1))
