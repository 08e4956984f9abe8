"""Fifty times a second: what the cues of a voice are made from.

Sound is read at 16 kHz in frames of 0.1 s. Beside the Mel spectrum there are, for each frame, how far bands
of partials have moved since the last one (the fluctogram of Lehner, Sonnleitner and Widmer, EUSIPCO 2013),
the most salient pitch, and the foreground that the piece does not repeat (REPET-SIM, Rafii and Pardo, ISMIR
2012; here on Mel bands).
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal.windows import hann

Array = NDArray[np.float32]

RATE = 16_000
HOP = 320
FRAMES_PER_SECOND = RATE // HOP
FRAME, SIZE = 1_600, 2_048
MEL_BANDS = 64

# The logarithmic axis: steps of 10 cents from LOWEST on.
STEPS_PER_OCTAVE = 120
LOWEST_HZ = 100.0
OCTAVES = 6
STEPS = OCTAVES * STEPS_PER_OCTAVE
PITCHES = int(STEPS_PER_OCTAVE * np.log2(1_000 / LOWEST_HZ))
HARMONICS = 6
LARGEST_MOVE = 5
MOVING_BANDS = 13

# REPET-SIM: every second frame is compared; a frame's background is the median of those most like it.
_THINNING = 2
_LIKE = 20
_APART = FRAMES_PER_SECOND // _THINNING // 2
BLOCK_S = 60


@dataclass(frozen=True)
class Frames:
    """What is known of each frame; n frames.

    Attributes:
        mel: float32 (n, 64) power of the middle (left + right) in Mel bands from 100 Hz to 8 kHz.
        side: float32 (n, 64) power of left minus right.
        foreground: float32 (n, 64) the part of `mel` that similar frames do not have.
        moves: float32 (n, 13) tens of cents by which a band of partials moved, −5 … 5.
        weights: float32 (n, 13) level of these bands.
        pitch: float32 (n,) the most salient pitch, steps of 10 cents above 100 Hz.
        salience: float32 (n,) how far that pitch stands out from the others, from 1 on.
    """

    mel: Array
    side: Array
    foreground: Array
    moves: Array
    weights: Array
    pitch: Array
    salience: Array


def blocks(samples: NDArray[np.float32], rate: int) -> Iterator[Frames]:
    """Yield the frames of a sound, in equal parts of at most a minute: memory does not grow with its length.

    Args:
        samples: float32 (n, 2), full scale ±1; a memory map will do.
        rate: Samples a second.
    """
    parts = max(1, math.ceil(len(samples) / rate / BLOCK_S))
    edges = np.linspace(0, len(samples), parts + 1).astype(int)
    for start, end in pairwise(edges.tolist()):
        piece = np.nan_to_num(np.asarray(samples[start:end], dtype=np.float32))
        left, right = (soxr.resample(piece[:, side], rate, RATE, quality="MQ") for side in (0, 1))
        if len(left) >= 2 * RATE:
            yield _frames((left + right) / 2, (left - right) / 2)


def _frames(middle: Array, side: Array) -> Frames:
    power = _spectrum(middle)
    mel = power @ mel_filters().T
    low, high, share = _log_axis()
    level = np.sqrt(power)
    line = (level[:, low] * (1 - share) + level[:, high] * share).astype(np.float32)
    moves, weights = _moves(line)
    pitch, salience = _pitch(line)
    apart = _spectrum(side) @ mel_filters().T
    return Frames(mel, apart, foreground(mel), moves, weights, pitch, salience)


def _spectrum(sound: Array) -> Array:
    framed = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::HOP]
    spectrum = np.fft.rfft(framed * hann(FRAME, sym=False).astype(np.float32), SIZE)
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32)


@functools.cache
def mel_filters() -> Array:
    """Return float32 (64, 1025): triangles on the Mel axis (O'Shaughnessy) from 100 Hz to 8 kHz."""
    lowest, highest = 2595 * np.log10(1 + np.array([100, RATE / 2]) / 700)
    edges = 700 * (10 ** (np.linspace(lowest, highest, MEL_BANDS + 2) / 2595) - 1)
    bins = np.arange(SIZE // 2 + 1) * RATE / SIZE
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


@functools.cache
def _log_axis() -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Return for each step of the logarithmic axis the bins around it and the share of the upper one."""
    places = LOWEST_HZ * 2 ** (np.arange(STEPS) / STEPS_PER_OCTAVE) * SIZE / RATE
    low = np.floor(places).astype(np.int64)
    return low, low + 1, (places - low).astype(np.float32)


def _moves(line: Array) -> tuple[Array, Array]:
    """Return by how many steps each band of partials moved since the last frame, and the bands' levels."""
    width = 2 * STEPS_PER_OCTAVE
    inner = slice(LARGEST_MOVE, STEPS - LARGEST_MOVE)
    starts = np.linspace(0, STEPS - 2 * LARGEST_MOVE - width, MOVING_BANDS).astype(int)
    bands = np.zeros((STEPS - 2 * LARGEST_MOVE, MOVING_BANDS), np.float32)
    for band, start in enumerate(starts):
        bands[start : start + width, band] = np.bartlett(width)
    before = line[np.maximum(np.arange(len(line)) - 1, 0)][:, inner]
    likeness = [
        (before * line[:, LARGEST_MOVE + move : STEPS - LARGEST_MOVE + move]) @ bands
        for move in range(-LARGEST_MOVE, LARGEST_MOVE + 1)
    ]
    moves = np.argmax(likeness, axis=0) - LARGEST_MOVE
    return moves.astype(np.float32), line[:, inner] @ bands


def _pitch(line: Array) -> tuple[Array, Array]:
    """Return the pitch whose harmonics sum up highest, and that sum over the median one."""
    total = np.zeros((len(line), PITCHES), np.float32)
    for harmonic in range(1, HARMONICS + 1):
        place = round(STEPS_PER_OCTAVE * float(np.log2(harmonic)))
        part = line[:, place : place + PITCHES]
        total[:, : part.shape[1]] += 0.84 ** (harmonic - 1) * part
    best = total.argmax(axis=1)
    peak = total[np.arange(len(total)), best]
    return best.astype(np.float32), peak / (np.median(total[:, ::8], axis=1) + 1e-9)


def foreground(mel: Array) -> Array:
    """Return what of each frame is not in the frames most like it (REPET-SIM on Mel bands).

    Args:
        mel: float32 (n, bands) power of at most a minute.
    """
    thin = np.sqrt(mel[::_THINNING])
    if len(thin) < 2 * _LIKE:
        return mel.copy()
    direction = thin / (np.linalg.norm(thin, axis=1, keepdims=True) + 1e-9)
    likeness = direction @ direction.T
    for lag in range(-_APART + 1, _APART):  # a frame's neighbours are always like it: they do not count
        if lag:
            np.fill_diagonal(likeness[max(0, -lag) :, max(0, lag) :], -1)
    nearest = np.argpartition(-likeness, _LIKE, axis=1)[:, :_LIKE]
    background = np.median(thin[nearest], axis=1).repeat(_THINNING, axis=0)[: len(mel)] ** 2
    front: Array = np.clip(mel - background, 0, None)
    return front
