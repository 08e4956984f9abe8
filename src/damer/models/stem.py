"""From views to token features: what the network's tokens are made of."""

import math
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from damer.models.config import DamerConfig
from damer.models.tonal import DEGREE_FEATURES, GLOBAL_FEATURES, PITCH_CLASSES, WindowMean, tonal_features


class Stem(Protocol):
    """Turns one track's views into the features of tokens; it has no parameters and no gradient.

    Attributes:
        mel_features: features F of a Mel token.
        cochleagram_features: features G of a cochleagram token.
        tonal_rows: rows R after the cochleagram's bands that hold features of harmony.
    """

    mel_features: int
    cochleagram_features: int
    tonal_rows: int

    def summarise(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Summarise views (mel [S, 128, T], cochleagram [S, 84, T]) by second: [S, 128, f], [S, 84, g]."""
        ...

    def tokens(self, mel: Tensor, cochleagram: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Gather the features around seconds (int64 [B]): mel [B, 128, F], cochleagram [B, 84 + R, G]."""
        ...


class RawStem:
    """A token's features are its frames in one second, as in the paper (eqs 1 and 2)."""

    tonal_rows = 0

    def __init__(self, frames: int) -> None:
        self.mel_features = frames
        self.cochleagram_features = frames

    def summarise(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Return the views as they are."""
        return mel, cochleagram

    def tokens(self, mel: Tensor, cochleagram: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Return the seconds `centres` [B] themselves."""
        return mel[centres], cochleagram[centres]


# Edges in Hz of the three rates of modulation, as bins of a spectrum over one second.
_MODULATION_BINS = ((1, 4), (4, 9), (9, 20))
_MEL_STATISTICS = 6 + len(_MODULATION_BINS)
_COCHLEAGRAM_STATISTICS = 7
_ENERGY = 6  # place of the mean energy among the cochleagram's statistics
_HOLD = 4  # a semitone cochleagram moves every fourth frame only (damer.features.semitone)
_FLOOR = 1e-4
_COMPRESSION = 0.3


def _mel_statistics(mel: Tensor) -> Tensor:
    """Return [S, 128, 9] of mel [S, 128, T]: mean, deviation, change, attack, extremes, modulation."""
    mean = mel.mean(-1, keepdim=True)
    centred = mel - mean
    change = mel.diff(dim=-1)
    waves, rates = _modulation(mel.shape[-1], mel.device)
    modulation = (centred @ waves).square() @ rates
    statistics = [
        mean,
        centred.square().mean(-1, keepdim=True).sqrt(),
        change.abs().mean(-1, keepdim=True),
        change.amax(-1, keepdim=True).clamp(min=0),
        mel.amax(-1, keepdim=True),
        mel.amin(-1, keepdim=True),
        (modulation + _FLOOR).log(),
    ]
    return torch.cat(statistics, dim=-1)


@lru_cache(maxsize=8)
def _modulation(frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the waves of the modulation's bins [T, 2 · bins] and which bins make up each rate [2 · bins, 3].

    So few of a spectrum's bins are quicker had by a product than by a transform of 87 frames.
    """
    bins = torch.arange(_MODULATION_BINS[0][0], min(_MODULATION_BINS[-1][1], frames // 2 + 1))
    angles = 2 * math.pi / frames * torch.arange(frames).double()[:, None] * bins
    waves = torch.cat([angles.cos(), angles.sin()], dim=1) / frames
    rates = torch.stack([(bins >= low) & (bins < high) for low, high in _MODULATION_BINS], dim=1)
    return waves.float().to(device), torch.cat([rates, rates]).float().to(device)


def _cochleagram_statistics(cochleagram: Tensor) -> Tensor:
    """Return [S, 84, 7] of cochleagram [S, 84, T]: as for Mel, then height above neighbours, mean energy."""
    frames = cochleagram[..., 1::_HOLD]
    around = torch.nn.functional.pad(frames.transpose(1, 2), (2, 2), mode="replicate").transpose(1, 2)
    neighbours = (around[:, :-4] + around[:, 1:-3] + around[:, 3:-1] + around[:, 4:]) / 4
    energy = (frames * (math.log(10) / _COMPRESSION)).exp().mean(-1)
    mean = frames.mean(-1)
    return torch.stack(
        [
            mean,
            (frames - mean[..., None]).square().mean(-1).sqrt(),
            frames.diff(dim=-1).abs().mean(-1),
            frames.amax(-1),
            frames.amin(-1),
            (frames - neighbours).clamp(min=0).mean(-1),
            _COMPRESSION * (energy + 1e-10).log10(),
        ],
        dim=-1,
    )


class StatisticsStem:
    """A token's features are statistics of its band over a context, and the harmony of that context.

    A band says of each second how loud it was, how it moved and how fast; a token tells mean and deviation of
    that over the seconds around. Of the cochleagram's bands, which are to be semitones (FeatureSpec with
    cochleagram="semitone"), `damer.models.tonal` reads the harmony; its features fill rows of their own after
    the bands.

    Args:
        context_s: seconds of a window, C; at the edges of a track it is cut, to no less than half
            if the track is as long.
        tonal_context_s: seconds of the window whose harmony is read; 0 is the same window.
    """

    def __init__(self, context_s: int, tonal_context_s: int = 0) -> None:
        self.context_s = context_s
        self.tonal_context_s = tonal_context_s or context_s
        self.mel_features = 2 * _MEL_STATISTICS
        self.cochleagram_features = 2 * _COCHLEAGRAM_STATISTICS
        self.tonal_rows = -(-(PITCH_CLASSES * DEGREE_FEATURES + GLOBAL_FEATURES) // self.cochleagram_features)

    def summarise(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Return statistics within each second: mel [S, 128, 9], cochleagram [S, 84, 7]."""
        return _mel_statistics(mel), _cochleagram_statistics(cochleagram)

    def tokens(self, mel: Tensor, cochleagram: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Return features of windows around `centres` [B]: mel [B, 128, 18], cochleagram [B, 84 + 10, 14]."""
        mean = window_mean(centres, self.context_s, len(mel))
        mel_mean, cochleagram_mean = mean(mel), mean(cochleagram)
        bands = torch.cat([cochleagram_mean, mean.deviation(cochleagram, cochleagram_mean)], dim=-1)
        heard = window_mean(centres, self.tonal_context_s, len(mel))
        degrees, overall = tonal_features(cochleagram[..., _ENERGY], heard)
        tonal = torch.cat([degrees.flatten(1), overall], dim=-1)
        missing = self.tonal_rows * self.cochleagram_features - tonal.shape[1]
        rows = torch.nn.functional.pad(tonal, (0, missing)).view(len(tonal), self.tonal_rows, -1)
        return (
            torch.cat([mel_mean, mean.deviation(mel, mel_mean)], dim=-1),
            torch.cat([bands, rows], dim=1),
        )


def window_mean(centres: Tensor, context_s: int, seconds: int) -> WindowMean:
    """Return the windows of `context_s` around `centres` [B], cut at the edges of a track of `seconds`."""
    before = context_s // 2
    starts = (centres - before).clamp(min=0)
    ends = (centres + (context_s - before)).clamp(max=seconds)
    return WindowMean(starts, ends)


def make_stem(config: DamerConfig) -> Stem:
    """Return the stem that `config` names."""
    if config.stem == "statistics":
        return StatisticsStem(config.context_s, config.tonal_context_s)
    return RawStem(config.frames)
