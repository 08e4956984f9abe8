"""The built-in screener: classical cues of a voice, weighed by a logistic regression.

It needs no download, and it is weak: instruments that slide and tremble like a voice look like one to it, and
a voice far back in a dense mix leaves no trace. So it says likely-vocal, review or no-evidence; what it is
worth is measured in docs/screening.md.
"""

import hashlib
import json
from functools import cached_property
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from damer.curation.screening.base import Thresholds, Verdict
from damer.curation.screening.frames import FRAMES_PER_SECOND, Frames, blocks

Array = NDArray[np.float64]

WINDOW_S, STEP_S = 6, 3
# Of a track the third of the windows with most evidence counts: a voice that is there only in the refrain is
# found, and one odd window is not enough.
TOP_SHARE = 1 / 3
QUIET_DB = -50.0  # a window that is so far below the loudest one says nothing
_SILENCE = 1e-7  # power of a frame, about -100 dBFS
VERSION = "cues 1"
_WEIGHTS = "cues.json"
_GROUPS = np.split(np.arange(64), [12, 28, 46])  # up to about 0.6, 1.7, 4.1 and 8 kHz
_COEFFICIENTS = 9


class CueScreener:
    """Classical cues → evidence of a voice."""

    name = "cues"

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._thresholds = thresholds

    @cached_property
    def _packaged(self) -> bytes:
        return resources.files(__package__).joinpath(_WEIGHTS).read_bytes()

    @cached_property
    def _model(self) -> dict[str, Any]:
        model: dict[str, Any] = json.loads(self._packaged)
        return model

    @property
    def version(self) -> str:
        """Version of the cues and weights."""
        return str(self._model["version"])

    @property
    def weights_sha256(self) -> str:
        """Hex digest of the file of weights."""
        return hashlib.sha256(self._packaged).hexdigest()

    @property
    def thresholds(self) -> Thresholds:
        """Given ones, else those that were measured (docs/screening.md)."""
        return self._thresholds or Thresholds(self._model["review"], self._model["likely"])

    def score(self, samples: NDArray[np.float32], rate: int) -> float:
        """Return the evidence of a voice in [0, 1]; 0 for silence and for sounds under two seconds.

        Args:
            samples: float32 (n, 2), full scale ±1.
            rate: Samples a second.
        """
        found = cues(samples, rate)
        if not len(found):
            return 0.0
        model = self._model
        standard = (found - np.array(model["mean"])) / np.array(model["deviation"])
        return pooled(np.clip(standard, -4, 4) @ np.array(model["weights"]) + model["bias"])

    def verdict(self, score: float) -> Verdict:
        """Return likely-vocal, review or no-evidence; never that there is no voice."""
        return self.thresholds.verdict(score)

    def close(self) -> None:
        """Nothing is held."""


def pooled(logits: Array) -> float:
    """Return one score in (0, 1) from the logits of the windows: the mean of the top third, squashed."""
    top = np.sort(logits)[-max(1, round(len(logits) * TOP_SHARE)) :]
    return float(1 / (1 + np.exp(-top.mean())))


def cues(samples: NDArray[np.float32], rate: int) -> Array:
    """Return the cues of each window that is not silent: float64 (windows, cues), in the order of `CUES`.

    Args:
        samples: float32 (n, 2), full scale ±1.
        rate: Samples a second.
    """
    length, step = WINDOW_S * FRAMES_PER_SECOND, STEP_S * FRAMES_PER_SECOND
    found, levels = [], []
    for frames in blocks(samples, rate):
        count = len(frames.mel)
        floor = 1e-8 * float(np.quantile(frames.mel, 0.999)) + 1e-12
        for start in range(0, max(1, count - length + 1), step):
            window = slice(start, min(start + length, count))
            found.append(_window_cues(frames, window, floor))
            levels.append(float(frames.mel[window].sum(axis=1).mean()))
    level = np.array(levels)
    heard = (level > _SILENCE) & (level > level.max(initial=0) * 10 ** (QUIET_DB / 10))
    kept: Array = np.array(found, dtype=np.float64).reshape(-1, len(CUES))[heard]
    return kept


def _window_cues(frames: Frames, window: slice, floor: float) -> Array:
    mel, front = frames.mel[window].astype(np.float64), frames.foreground[window].astype(np.float64)
    decibels = 10 * np.log10(mel + floor)
    return np.concatenate(
        [
            _foreground(mel, front, frames.side[window]),
            _modulation(decibels, np.sqrt(front)),
            _formants(decibels),
            _hiss(decibels, mel),
            _moving(frames.moves[window], frames.weights[window]),
            _gliding(frames.pitch[window], frames.salience[window]),
        ]
    )


def _foreground(mel: Array, front: Array, side: NDArray[np.float32]) -> list[float]:
    """Share of what is not repeated in four ranges; how much nearer the middle it lies than the rest."""
    shares = [float(front[:, group].sum() / (mel[:, group].sum() + 1e-12)) for group in _GROUPS]
    middle = mel / (mel + side + 1e-12)
    sung = slice(8, 46)
    weight, rest = front[:, sung], mel[:, sung] - front[:, sung]
    nearer = (middle[:, sung] * weight).sum() / (weight.sum() + 1e-12) - (middle[:, sung] * rest).sum() / (
        rest.sum() + 1e-12
    )
    return [*shares, float(nearer)]


def _band(track: Array, low: float, high: float) -> Array:
    """Return the power of each column between two frequencies (Hz) of change."""
    spectrum = (
        np.abs(np.fft.rfft((track - track.mean(axis=0)) * np.hanning(len(track))[:, None], axis=0)) ** 2
    )
    hertz = np.fft.rfftfreq(len(track), 1 / FRAMES_PER_SECOND)
    found: Array = spectrum[(hertz >= low) & (hertz < high)].sum(axis=0)
    return found


def _modulation(decibels: Array, front: Array) -> list[float]:
    """Syllables: the share of change at 2–6 Hz (about 4 a second), of the mix and of the foreground."""
    found = []
    for track in (decibels, front):
        groups = np.stack([track[:, group].mean(axis=1) for group in _GROUPS], axis=1)
        slow, syllables, fast = _band(groups, 0.3, 2), _band(groups, 2, 6), _band(groups, 6, 20)
        found += [
            *(syllables / (slow + syllables + fast + 1e-12)),
            *(fast / (slow + syllables + fast + 1e-12)),
        ]
    return [float(value) for value in found]


def _formants(decibels: Array) -> list[float]:
    """Vowels: how much and how fast the spectrum changes its shape, whatever the level does."""
    shape = dct(decibels, axis=1, norm="ortho")[:, 1:_COEFFICIENTS]
    change = shape[5:] - shape[:-5]
    syllables = _band(shape, 2, 7) / (_band(shape, 0.3, 20) + 1e-12)
    return [*np.log(shape.std(axis=0) + 1e-3), *np.log(np.abs(change).mean(axis=0) + 1e-3), *syllables[:5]]


def _hiss(decibels: Array, mel: Array) -> list[float]:
    """Sibilants: bursts above 4 kHz while the rest pauses; drums have both at once."""
    high, low = decibels[:, _GROUPS[3]].mean(axis=1), decibels[:, 8:40].mean(axis=1)
    fast = [
        track - np.convolve(np.pad(track, 25, mode="edge"), np.ones(51) / 51, mode="valid")
        for track in (high, low)
    ]
    together = float(np.corrcoef(fast[0], fast[1])[0, 1]) if min(map(np.std, fast)) > 1e-6 else 0.0
    over = mel[:, _GROUPS[3]].sum(axis=1) / (mel.sum(axis=1) + 1e-12)
    return [together, float(fast[0].std()), float(np.quantile(over, 0.95)), float(over.mean())]


def _moving(moves: NDArray[np.float32], weights: NDArray[np.float32]) -> list[float]:
    """Vibrato and slides: how much bands of partials move, and whether they move together."""
    size = np.abs(moves)
    groups = [slice(0, 4), slice(3, 7), slice(6, 10), slice(9, 13)]
    small = (size > 0) & (size < 5)
    found = [float((small[:, g] * weights[:, g]).sum() / (weights[:, g].sum() + 1e-12)) for g in groups]
    found += [float((size[:, g] * weights[:, g]).sum() / (weights[:, g].sum() + 1e-12)) for g in groups]
    sums = (moves * weights).sum(axis=1), (size * weights).sum(axis=1)
    found.append(float(np.abs(sums[0]).sum() / (sums[1].sum() + 1e-12)))
    return found


def _gliding(pitch: NDArray[np.float32], salience: NDArray[np.float32]) -> list[float]:
    """The most salient pitch: slides, tremble, how near it keeps to the semitones."""
    change = np.diff(pitch)
    holding = np.abs(change) <= 6
    glides = float(((np.abs(change) >= 1) & holding).sum() / (holding.sum() + 1))
    turns = float((np.diff(np.sign(change)) != 0)[holding[1:]].mean()) if holding[1:].any() else 0.0
    fine = pitch - np.convolve(np.pad(pitch, 12, mode="edge"), np.ones(25) / 25, mode="valid")
    steady = np.abs(fine) < 8
    tremble = float(_band(np.where(steady, fine, 0)[:, None], 4, 8)[0] / len(pitch))
    grid = np.abs((np.exp(2j * np.pi * pitch / 10) * salience).sum() / (salience.sum() + 1e-12))
    strength = np.log(salience + 1e-3)
    return [
        glides,
        float(holding.mean()),
        turns,
        np.log(tremble + 1e-3),
        float(grid),
        float(strength.mean()),
        float(strength.std()),
    ]


CUES = (
    *(f"foreground {name}" for name in ("low", "middle", "high", "hiss")),
    "foreground nearer the middle",
    *(
        f"{speed} change of {track}, {name}"
        for track in ("mix", "foreground")
        for speed in ("syllabic", "fast")
        for name in ("low", "middle", "high", "hiss")
    ),
    *(f"spread of shape {n}" for n in range(1, _COEFFICIENTS)),
    *(f"speed of shape {n}" for n in range(1, _COEFFICIENTS)),
    *(f"syllabic change of shape {n}" for n in range(1, 6)),
    *("hiss with the rest", "spread of hiss", "strongest hiss", "mean hiss"),
    *(f"small moves, band {n}" for n in range(1, 5)),
    *(f"moves, band {n}" for n in range(1, 5)),
    "moves together",
    *("glides", "held pitch", "turns", "tremble", "on the semitones", "salience", "spread of salience"),
)
