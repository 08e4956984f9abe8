"""Acoustic fingerprints by Chromaprint.

Chromaprint (Lukáš Lalinský, https://acoustid.org/chromaprint; MIT, parts LGPL) describes a sound by one
32-bit item every eighth of a second, made from its chroma: gain, coding and sampling rate hardly change it,
another performance does. It is run as a process, by its own program `fpcalc` or by an ffmpeg that holds it;
both give the same items.
"""

import contextlib
import functools
import shutil
import subprocess
import tempfile

import numpy as np
from numpy.typing import NDArray

from damer.core.errors import DamerError

Fingerprint = NDArray[np.uint32]

# An item is one hop of Chromaprint's default algorithm: a third of a frame of 4096 samples at 11 025 Hz.
ITEM_SECONDS = 4096 // 3 / 11_025

_INSTALL = (
    "install Chromaprint (Debian, Ubuntu: apt-get install libchromaprint-tools; macOS: brew install "
    "chromaprint; others: fpcalc from https://acoustid.org/chromaprint, put on the PATH)"
)
_TIMEOUT_S = 120
_BLOCK = 1 << 17  # frames


@functools.cache
def _program() -> tuple[str, str] | None:
    """Return ("fpcalc" or "ffmpeg", its path), or None where neither can make fingerprints."""
    if path := shutil.which("fpcalc"):
        return "fpcalc", path
    if path := shutil.which("ffmpeg"):
        listed = subprocess.run(
            [path, "-hide_banner", "-muxers"], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
        if any(line.split()[1:2] == ["chromaprint"] for line in listed.stdout.splitlines()):
            return "ffmpeg", path
    return None


def missing() -> str | None:
    """Return None where fingerprints can be made, else one line that says what to install."""
    if _program() is None:
        return f"near duplicates are not looked for, as Chromaprint is not installed: {_INSTALL}"
    return None


def maker() -> str:
    """Return what makes the fingerprints, with its version, for the record; "" where nothing can."""
    program = _program()
    if program is None:
        return ""
    told = subprocess.run(
        [program[1], "-version"], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )
    return " ".join(told.stdout.partition("\n")[0].split()[:3])


def fingerprint(samples: NDArray[np.float32], rate: int) -> Fingerprint:
    """Return the Chromaprint fingerprint of a sound: uint32 (items,), about eight items a second.

    Sounds of less than about three seconds have none: the result is empty.

    Args:
        samples: float32 (n,) or (n, channels), full scale ±1; one or two channels.
        rate: Samples a second.

    Raises:
        DamerError: Chromaprint is not installed, or failed.
    """
    program = _program()
    if program is None:
        raise DamerError(f"no fingerprint can be made, as Chromaprint is not installed: {_INSTALL}")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    name, path = program
    if name == "fpcalc":
        options: tuple[str, ...] = (
            "-format",
            "s16le",
            "-rate",
            f"{rate}",
            "-channels",
            f"{channels}",
            "-length",
            "0",
        )
        # On a pipe fpcalc 1.5 calls the end of the sound an error (status 3), having printed all items.
        printed = _run([path, *options, "-raw", "-plain", "-"], samples, accepted=(0, 2, 3))
        return np.array([int(item) for item in printed.split(b",") if item.strip()], dtype=np.uint32)
    options = ("-f", "s16le", "-ar", f"{rate}", "-ac", f"{channels}", "-i", "-", "-f", "chromaprint")
    printed = _run([path, "-v", "error", *options, "-fp_format", "raw", "-"], samples, accepted=(0,))
    return np.frombuffer(printed, dtype="<u4").astype(np.uint32)


def _run(command: list[str], samples: NDArray[np.float32], accepted: tuple[int, ...]) -> bytes:
    """Feed a sound to a program, block by block, and return what it printed."""
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complaints:
        try:
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=printed, stderr=complaints
            ) as process:
                assert process.stdin is not None
                # A program that stops reading has its reason on standard error.
                with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                    for start in range(0, len(samples), _BLOCK):
                        block = np.nan_to_num(samples[start : start + _BLOCK]) * np.float32(32_767)
                        pipe.write(np.clip(block, -32_768, 32_767).astype("<i2").tobytes())
        except OSError as error:
            raise DamerError(f"{command[0]}: cannot be run ({error.strerror}): {_INSTALL}") from error
        printed.seek(0)
        complaints.seek(0)
        told = complaints.read().decode(errors="replace").strip().replace("\n", "; ")
        too_short = process.returncode == 2 and "Empty fingerprint" in told
        if process.returncode not in accepted or (process.returncode == 2 and not too_short):
            told = told or f"status {process.returncode}"
            raise DamerError(f"{command[0]}: cannot make a fingerprint ({told}): {_INSTALL}")
        return printed.read()
