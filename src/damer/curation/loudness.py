"""Programme loudness and true peak, by EBU R 128 (ITU-R BS.1770-5), of sound of any length in bounded memory.

No library fits: pyloudnorm wants the whole file and knows no true peak, the bindings of libebur128 have no
wheels for every Python. The algorithm is short, and the tests hold it to ffmpeg's ebur128, to libebur128's
published answers and to the signals of EBU Tech 3341.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Loudness is measured in blocks of 400 ms that overlap by three quarters (BS.1770-5, annex 1).
_STEP_S = 0.1
_STEPS_A_BLOCK = 4
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LUFS = -0.691

# The two stages of the K weighting as analogue prototypes (frequency, gain and quality); at 48 kHz their
# bilinear transforms are the coefficients that BS.1770-5 prints (tables 1 and 2).
_SHELF_HZ, _SHELF_DB, _SHELF_Q, _SHELF_SLOPE = (
    1681.974450955533,
    3.999843853973347,
    0.7071752369554196,
    0.4996667741545416,
)
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773

# True peak: eight values a sample, each from 24 samples around it. BS.1770-5 (annex 2) asks for four and
# allows more; with eight at most 0.2 dB of a peak below 20 kHz is missed, with four 0.6 dB.
_OVERSAMPLING = 8
_TAPS = 24
_ROW = 16
"""Samples for which one row of the matrix product makes the values between."""

_SILENCE_LUFS = -math.inf


@dataclass(frozen=True)
class Measurement:
    """What a meter heard.

    Attributes:
        loudness_lufs: programme (integrated) loudness; minus infinity where no block passes the gate at −70.
        true_peak_dbtp: highest true peak of any channel, dB relative to full scale; minus infinity for zeros.
    """

    loudness_lufs: float
    true_peak_dbtp: float


class Meter:
    """Measures loudness and true peak of sound that comes in blocks.

    Args:
        rate: samples a second, Hz.
        weights: weight of each channel's energy: 1 for left, right and centre, 1.41 for surrounds.

    Example:
        meter = Meter(44100)
        meter.add(samples)                      # float32 [n, 2], as often as there are blocks
        meter.measure().loudness_lufs
    """

    def __init__(self, rate: int, weights: Sequence[float] = (1.0, 1.0)) -> None:
        self._weights = np.asarray(weights, np.float64)
        self._step = round(_STEP_S * rate)
        self._filter = k_weighting(rate)
        self._state = np.zeros((len(self._filter), len(self._weights), 2))
        self._left = np.zeros((len(self._weights), 0))
        self._energies: list[NDArray[np.float64]] = []
        self._peak = _TruePeak(len(self._weights))

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take in the next samples, float32 [n, channels], full scale 1."""
        from scipy import signal

        if len(samples) == 0:
            return
        planes = np.ascontiguousarray(samples.T)
        self._peak.add(planes)
        weighted, self._state = signal.sosfilt(
            self._filter, planes.astype(np.float64), axis=1, zi=self._state
        )
        weighted = np.concatenate([self._left, weighted], axis=1)
        whole = weighted.shape[1] // self._step * self._step
        self._left = weighted[:, whole:].copy()
        if whole:
            steps = weighted[:, :whole].reshape(len(weighted), -1, self._step)
            self._energies.append(self._weights @ np.einsum("cns,cns->cn", steps, steps))

    def measure(self, gain_db: float = 0.0) -> Measurement:
        """Return what all samples together measure, had they been amplified by `gain_db` on the way."""
        gain = 10 ** (gain_db / 20)
        peak = gain * self._peak.value()
        return Measurement(self._loudness(gain * gain), 20 * math.log10(peak) if peak else -math.inf)

    def gain_to(self, target_lufs: float) -> float:
        """Return the one gain, in dB, that brings the loudness to the target.

        Where much of the sound lies near the gate at −70 LUFS a gain changes what passes it, so that
        the difference of the two loudnesses is only the first guess.

        Raises:
            ValueError: nothing is above the gate: there is no loudness to start from.
        """
        gain_db = 0.0
        for _ in range(20):
            now = self._loudness(10 ** (gain_db / 10))
            if now == _SILENCE_LUFS:
                raise ValueError("nothing is louder than -70 LUFS")
            gain_db += target_lufs - now
            if abs(target_lufs - now) < 1e-4:
                break
        return gain_db

    def _loudness(self, power_gain: float) -> float:
        """Return the gated loudness of the blocks (BS.1770-5, equations 3 to 7)."""
        steps = np.concatenate(self._energies) if self._energies else np.zeros(0)
        if len(steps) < _STEPS_A_BLOCK:
            return _SILENCE_LUFS
        blocks = np.convolve(steps, np.ones(_STEPS_A_BLOCK), "valid") * (
            power_gain / (_STEPS_A_BLOCK * self._step)
        )
        loud = blocks[blocks > _power(_ABSOLUTE_GATE_LUFS)]
        if len(loud) == 0:
            return _SILENCE_LUFS
        gate = loud.mean() * 10 ** (_RELATIVE_GATE_LU / 10)
        return _OFFSET_LUFS + 10 * math.log10(loud[loud > gate].mean())


class _TruePeak:
    """Highest absolute value of the sound between its samples, by a polyphase filter as a matrix product."""

    def __init__(self, channels: int) -> None:
        self._matrix, self._bound = interpolator()
        self._recent = np.zeros((channels, _TAPS - 1), np.float32)
        self._highest = 0.0

    def add(self, planes: NDArray[np.float32]) -> None:
        """Take in the next samples, float32 [channels, n]."""
        joined = np.concatenate([self._recent, planes], axis=1)
        self._recent = joined[:, -(_TAPS - 1) :].copy()
        self._highest = max(self._highest, self._search(joined))

    def value(self) -> float:
        """Return the highest value so far, linear; the sound is followed by silence."""
        rest = np.concatenate([self._recent, np.zeros_like(self._recent)], axis=1)
        return max(self._highest, self._search(rest))

    def _search(self, planes: NDArray[np.float32]) -> float:
        """Return the highest value between the samples, or that already known where none is higher."""
        length = _ROW + _TAPS - 1
        highest = max(self._highest, float(np.abs(planes).max(initial=0.0)))
        for plane in planes:
            padded = np.pad(plane, (0, -(len(plane) - _TAPS + 1) % _ROW))
            if len(padded) < length:
                continue
            rows = np.lib.stride_tricks.sliding_window_view(padded, length)[::_ROW]
            # What the filter can make of a row at most rules out nearly all of them: the same answer, sooner.
            loudest = _row_peaks(padded, len(rows))
            order = np.flatnonzero(loudest * self._bound > highest)
            order = order[np.argsort(loudest[order])[::-1]]
            for start in range(0, len(order), 256):
                part = order[start : start + 256]
                if loudest[part[0]] * self._bound <= highest:
                    break
                highest = max(highest, float(np.abs(rows[part] @ self._matrix).max()))
        return highest


def _row_peaks(padded: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the highest absolute sample of each of `count` rows of `_ROW` + `_TAPS` − 1 samples."""
    reach = -(-(_ROW + _TAPS - 1) // _ROW)
    whole = np.pad(np.abs(padded), (0, (count + reach) * _ROW - len(padded)))
    pieces = whole.reshape(-1, _ROW).max(axis=1)
    peaks: NDArray[np.float32] = np.lib.stride_tricks.sliding_window_view(pieces, reach).max(axis=1)[:count]
    return peaks


@cache
def interpolator() -> tuple[NDArray[np.float32], float]:
    """Return the filter between samples as a matrix, and how much higher than its input its output can be.

    Returns:
        float32 [_ROW + _TAPS − 1, _ROW · _OVERSAMPLING]: a row of samples times this gives the values at and
        between its inner samples; and the largest sum of absolute coefficients of one value.
    """
    # A sinc windowed to the reach of the taps; each phase passes a constant unchanged.
    offsets = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - np.arange(_OVERSAMPLING) / _OVERSAMPLING
    phases = np.sinc(offsets) * np.i0(5.0 * np.sqrt(np.clip(1 - (offsets / (_TAPS / 2)) ** 2, 0, 1)))
    phases /= phases.sum(axis=0)
    matrix = np.zeros((_ROW + _TAPS - 1, _ROW, _OVERSAMPLING))
    for place in range(_ROW):
        matrix[place : place + _TAPS, place] = phases
    flat = matrix.reshape(len(matrix), -1)
    return flat.astype(np.float32), float(np.abs(flat).sum(axis=0).max())


@cache
def k_weighting(rate: int) -> NDArray[np.float64]:
    """Return the K weighting as second-order sections, float64 [2, 6], for a rate in Hz.

    Source: BS.1770-5, annex 1, tables 1 and 2, whose 48 kHz filters are taken back to their analogue
    prototypes and through the bilinear transform at this rate.
    """
    tangent = math.tan(math.pi * _SHELF_HZ / rate)
    high = 10 ** (_SHELF_DB / 20)
    middle = high**_SHELF_SLOPE
    shelf = _section(
        (high + middle * tangent / _SHELF_Q + tangent**2, 2 * (tangent**2 - high)),
        high - middle * tangent / _SHELF_Q + tangent**2,
        tangent,
        _SHELF_Q,
    )
    tangent = math.tan(math.pi * _HIGH_PASS_HZ / rate)
    high_pass = _section((1.0, -2.0), 1.0, tangent, _HIGH_PASS_Q)
    high_pass[:3] = 1.0, -2.0, 1.0  # as the tables have it, without the gain of the poles
    return np.stack([shelf, high_pass])


def _section(first: tuple[float, float], third: float, tangent: float, quality: float) -> NDArray[np.float64]:
    scale = 1 + tangent / quality + tangent**2
    numerator = (first[0] / scale, first[1] / scale, third / scale)
    return np.array(
        [*numerator, 1.0, 2 * (tangent**2 - 1) / scale, (1 - tangent / quality + tangent**2) / scale]
    )


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LUFS) / 10))
