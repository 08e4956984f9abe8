"""What ffmpeg measures of a file, and ten sounds to measure."""

import re
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sounds import tones


def ebur128(path: Path) -> tuple[float, float]:
    """Return what ffmpeg measures of a file: LUFS and dBTP, to one decimal."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path)]
    command += ["-af", "ebur128=peak=true", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary = done.stderr[done.stderr.rindex("Summary:") :]
    loudness = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert loudness
    assert peak
    return float(loudness[1]), float(peak[1])


def varied(number: int) -> tuple[NDArray[np.float32], int]:
    """Return one of ten sounds that differ in rate, level, dynamics and channels: float32 [n, 2], rate."""
    rate = (44100, 48000, 44100, 32000, 96000, 44100, 48000, 22050, 44100, 48000)[number]
    left = tones(8.0, rate, seed=number)
    right = tones(8.0, rate, seed=100 + number) if number % 3 else left
    time = np.arange(len(left)) / rate
    if number in (2, 6):  # long quiet parts that the gates leave out
        envelope = np.where(time < 4, 1.0, 0.01)
    elif number in (4, 9):  # a swell
        envelope = 10 ** (-30 * np.abs(time - 4) / 4 / 20)
    else:
        envelope = np.ones(len(time))
    gain = (1.0, 0.3, 1.6, 0.05, 0.5, 0.01, 1.0, 2.0, 0.2, 1.5)[number]
    noise = np.random.default_rng(number).standard_normal((len(left), 2)) * (0.2 if number == 8 else 0.0)
    return (gain * envelope[:, None] * np.stack([left, right], 1) + gain * noise).astype(np.float32), rate
