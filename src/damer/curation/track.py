"""One file's way through curation: decode, duration, voices, loudness, WAV. Runs in worker processes.

Whatever the length of the file, memory holds a few blocks of it: the sound lies in a scratch file, mapped.
"""

import contextlib
import functools
import hashlib
import math
import os
import wave
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from damer.core.errors import DamerError
from damer.curation.disk import CannotWriteError, writing
from damer.curation.loudness import Meter, interpolator
from damer.curation.row import Row
from damer.curation.settings import NO_SCREENER, RATE, CurationSettings

if TYPE_CHECKING:
    from damer.audio.sources import Source
    from damer.curation.screening import Screener

_BLOCK_FRAMES = 1 << 17
_FULL_SCALE = 32768
_RATES = (2000, 768_000)
"""Input rates that are believed, Hz: a damaged header would ask for terabytes."""
_CUT_SHORT_S = 0.5
_LOUD_GAIN_DB = 20.0


@dataclass(frozen=True)
class Task:
    """One file of a run.

    Attributes:
        file: its path relative to the source folder, as the system spells it.
        path: where it is.
        folder: the output folder.
        scratch: where to keep the decoded sound meanwhile; no other task's.
        settings: the rules.
        prints: whether to make a fingerprint.
    """

    file: str
    path: Path
    folder: Path
    scratch: Path
    settings: CurationSettings
    prints: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        row: the file's row, its duplicates and table entries still unknown; None if `fatal` says why.
        fingerprint: Chromaprint items as little-endian uint32, empty where there is none.
        output_bytes: size of the WAV file.
        fatal: why no file at all can be written, in one line; "" where all is well.
    """

    row: Row | None
    fingerprint: bytes = b""
    output_bytes: int = 0
    fatal: str = ""


def curate_file(task: Task) -> Outcome:
    """Do everything for one file that does not depend on the others."""
    from damer.core.text import one_line

    row = Row(file=one_line(task.file))
    name = str(task.path)
    try:
        return _Curation(task, row).run()
    except CannotWriteError as error:
        return Outcome(None, fatal=str(error))
    except DamerError as error:
        problem = str(error).removeprefix(f"{name}: ")
    except MemoryError:
        problem = "not enough memory; use fewer --workers"
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}); check the disk"
    except Exception as error:  # one file must not end a run of thousands; the kind of error is kept
        problem = f"unexpected {type(error).__name__} ({error}); please report this with the file"
    finally:
        with contextlib.suppress(OSError):
            task.scratch.unlink(missing_ok=True)
    return Outcome(replace(row, reason=one_line(problem)))


class _Rejected(Exception):  # noqa: N818 (no error: a rule said no)
    """A rule turned the file away; holds the reason."""


class _Curation:
    """The steps for one file, in order; the row grows on the way."""

    def __init__(self, task: Task, row: Row) -> None:
        self._task, self._rules, self._row = task, task.settings, row

    def run(self) -> Outcome:
        """Take all steps, or as many as the rules allow."""
        try:
            source = self._open()
            self._identify()
            sound, meter = self._decode(source)
            self._listen(sound)
            gain_db = self._gain(meter)
            size = self._write(sound, gain_db)
        except _Rejected as rejected:
            return Outcome(replace(self._row, status="rejected", reason=str(rejected)))
        items = self._fingerprint(sound) if self._task.prints else b""
        return Outcome(replace(self._row, status="kept"), items, size)

    def _add(self, **values: object) -> None:
        self._row = replace(self._row, **values)  # type: ignore[arg-type]

    def _note(self, text: str) -> None:
        self._add(note="; ".join(part for part in (self._row.note, text) if part))

    def _open(self) -> "Source":
        """Open the file and turn away what its header says to be too short or too long."""
        from damer.audio import open_file
        from damer.curation.tags import read_tags

        source = open_file(self._task.path)
        self._add(
            sample_rate_in=source.rate, channels_in=source.channels, codec_in=source.codec,
            duration_s=round(source.frames / source.rate, 3) if source.rate else 0.0,
            **read_tags(self._task.path),
        )  # fmt: skip
        if not _RATES[0] <= source.rate <= _RATES[1]:
            raise DamerError(f"{self._task.path}: states a rate of {source.rate} Hz; export it again")
        stated = source.frames / source.rate
        if stated < self._rules.min_s:
            raise _Rejected(self._too_short(stated))
        # The header may promise more than there is: only sound behind the limit makes a file too long.
        limit = math.ceil(self._rules.max_s * source.rate)
        if source.frames > limit + source.rate and any(
            len(block) for block in source.blocks(limit + source.rate // 2, limit + source.rate)
        ):
            raise _Rejected(self._too_long(stated))
        return source

    def _too_short(self, seconds: float) -> str:
        return f"too short: lasts {seconds:.2f} s, less than {self._rules.min_s:g} s"

    def _too_long(self, seconds: float) -> str:
        return f"too long: lasts {seconds:.2f} s, more than {self._rules.max_s:g} s"

    def _identify(self) -> None:
        with self._task.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._add(sha256_source=digest, track_id=f"t{digest[:12]}")

    def _decode(self, source: "Source") -> tuple[NDArray[np.float32], Meter]:
        """Decode to the scratch file, measuring on the way; return the sound, mapped, and the meter."""
        from damer.audio import stereo

        meter, frames = Meter(RATE), 0
        with _new_file(self._task.scratch) as file:
            for block in stereo(self._task.path, source, RATE, self._rules.max_s + 1):
                with writing(self._task.folder):
                    file.write(block.data)
                meter.add(block)
                frames += len(block)
        seconds, stated = frames / RATE, source.frames / source.rate
        self._add(duration_s=round(seconds, 3))
        if frames == 0:
            raise DamerError("is damaged: nothing in it could be decoded; fetch or export it again")
        if seconds < stated - max(_CUT_SHORT_S, 0.01 * stated) and seconds <= self._rules.max_s:
            self._note(f"cut short: {seconds:.1f} s of {stated:.1f} s could be decoded")
        if seconds < self._rules.min_s:
            raise _Rejected(self._too_short(seconds))
        if seconds > self._rules.max_s:
            raise _Rejected(self._too_long(seconds))
        sound = np.memmap(self._task.scratch, np.float32, "r", shape=(frames, 2))
        return sound, meter

    def _listen(self, sound: NDArray[np.float32]) -> None:
        """Ask the screener for voices."""
        rules = self._rules
        if rules.screener == NO_SCREENER:
            self._add(screener=NO_SCREENER)
            return
        screener = screener_of(rules)
        score = screener.score(sound, RATE)
        verdict, threshold = screener.verdict(score), screener.thresholds.likely
        self._add(
            screener=screener.name, screener_version=screener.version,
            screener_weights_sha256=screener.weights_sha256, vocal_threshold=threshold,
            vocal_score=None if math.isnan(score) else round(score, 6), vocal_verdict=verdict,
        )  # fmt: skip
        if verdict == "likely-vocal":
            raise _Rejected(f"likely vocal: score {score:.3f}, threshold {threshold:.3f} ({screener.name})")
        if verdict == "review":
            self._note("may have vocals: listen to it")

    def _gain(self, meter: Meter) -> float:
        """Return the one gain in dB, having noted what was measured."""
        found, rules = meter.measure(), self._rules
        if math.isinf(found.loudness_lufs):
            raise _Rejected("silent: nothing in it is louder than -70 LUFS")
        self._add(
            loudness_in_lufs=round(found.loudness_lufs, 3), true_peak_in_dbtp=round(found.true_peak_dbtp, 3)
        )
        wanted = meter.gain_to(rules.loudness_lufs)
        # Dither and rounding add up to one and a half steps to a sample, and the filter between samples may
        # stack them up: that much is left free, so that what is written keeps the limit too.
        headroom = 10 ** (rules.true_peak_dbtp / 20) - 1.5 * interpolator()[1] / _FULL_SCALE
        fitting = 20 * math.log10(headroom) - found.true_peak_dbtp
        gain_db = min(wanted, fitting)
        if gain_db < wanted:
            self._add(peak_limited=True)
            self._note(f"{wanted - gain_db:.1f} LU below the target, as the true peak would be too high")
        if gain_db > _LOUD_GAIN_DB:
            self._note(f"amplified by {gain_db:.0f} dB: its noise may be heard")
        self._add(gain_db=round(gain_db, 6))
        return gain_db

    def _fingerprint(self, sound: NDArray[np.float32]) -> bytes:
        """Return the fingerprint's items; that it cannot be made is no reason to lose the track."""
        from damer.curation.fingerprint import fingerprint

        try:
            return fingerprint(sound, RATE).astype("<u4").tobytes()
        except (DamerError, OSError) as error:
            self._note(f"not compared with other tracks: {error}")
            return b""

    def _write(self, sound: NDArray[np.float32], gain_db: float) -> int:
        """Write the WAV file, whole or not at all, and measure it; return its size in bytes."""
        final = self._task.folder / "audio" / f"{self._row.track_id}.wav"
        partial = self._task.scratch.with_suffix(".wav")
        meter = Meter(RATE)
        try:
            with _new_file(partial) as file, writing(self._task.folder):
                digest = _write_wav(file, sound, gain_db, int(self._row.sha256_source[:16], 16), meter)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            with writing(self._task.folder):
                partial.replace(final)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        found = meter.measure()
        self._add(
            output=f"audio/{final.name}", sha256=digest, loudness_lufs=round(found.loudness_lufs, 3),
            true_peak_dbtp=round(found.true_peak_dbtp, 3),
        )  # fmt: skip
        return size


class _Hashing:
    """A file that is hashed as it is written, front to back.

    `wave` goes back to the header only where writing broke off: such a file has no use for its digest.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int, whence: int) -> int:
        return self._file.seek(position, whence)


def _write_wav(file: IO[bytes], sound: NDArray[np.float32], gain_db: float, seed: int, meter: Meter) -> str:
    """Write `sound`, amplified, as 16-bit WAV; let the meter hear what was written; return its SHA-256.

    A gain leaves values between the steps of 16 bits. Rounding them alone gives an error that follows the
    music; with triangular dither before it (Lipshitz, Wannamaker, Vanderkooy 1992) the error is a steady
    noise 96 dB below full scale. The dither's seed comes from the file: it always gives the same bytes.
    """
    hashing = _Hashing(file)
    generator = np.random.Generator(np.random.SFC64(seed))
    gain = np.float32(10 ** (gain_db / 20) * _FULL_SCALE)
    with wave.open(hashing, "wb") as target:  # type: ignore[call-overload]
        target.setnchannels(2)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.setnframes(len(sound))  # the header is right at once, and never written again
        for start in range(0, len(sound), _BLOCK_FRAMES):
            scaled = sound[start : start + _BLOCK_FRAMES] * gain
            scaled += generator.random(scaled.shape, np.float32)
            scaled -= generator.random(scaled.shape, np.float32)
            steps = np.rint(scaled, out=scaled).clip(-_FULL_SCALE, _FULL_SCALE - 1, out=scaled)
            target.writeframesraw(steps.astype("<i2").tobytes())
            meter.add(steps / np.float32(_FULL_SCALE))
    return hashing.sha256.hexdigest()


@functools.cache
def screener_of(settings: CurationSettings) -> "Screener":
    """Return this process's screener.

    Raises:
        DamerError: there is no such screener, what it needs is not installed, or its thresholds are wrong.
    """
    from damer.curation.screening import read_thresholds, screener

    path, python = settings.threshold_file, settings.spleeter_python
    thresholds = read_thresholds(Path(path), settings.screener) if path else None
    return screener(
        settings.screener, thresholds=thresholds, spleeter_python=Path(python) if python else None
    )


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file; that it cannot be opened, or closed, ends the run."""
    with writing(path.parent):
        file = path.open("wb")
    try:
        yield file
    finally:
        with writing(path.parent):
            file.close()
