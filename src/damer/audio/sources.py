"""One class for each way to decode: all give blocks of samples from any frame on, at the file's own rate."""

import contextlib
import io
import json
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from damer.audio import aac, mp3, mp4, ogg
from damer.audio.content import HEAD, not_sound
from damer.core.errors import DamerError

SUFFIXES = frozenset(
    (
        *(".mp3", ".mp2", ".flac", ".ogg", ".oga", ".opus", ".wav", ".wave", ".w64", ".rf64"),
        *(".aif", ".aiff", ".aifc", ".m4a", ".m4b", ".mp4", ".aac", ".caf", ".au", ".snd"),
    )
)
"""What counts as sound in a folder, small letters; a file that is named itself is read whatever its name."""

_BLOCK_FRAMES = 1 << 19
# Where a block fails, this much is tried at a time, to keep what comes before the damage.
_SMALL_BLOCK_FRAMES = 1 << 13
# An MP3 frame may need bits that stand in frames before it, up to nine where those are small (ISO/IEC
# 11172-3, 2.4.3.4); after a seek libmpg123 reads four. So many samples more are decoded, and dropped.
_MP3_LEAD_IN = 16 * 1152
_quiet_lock = threading.RLock()


class UnreadableError(Exception):
    """This way of decoding cannot read the file; another may."""


class Source(Protocol):
    """An opened sound file.

    Attributes:
        rate: samples a second, Hz.
        channels: number of channels.
        frames: length that the file states, in samples of one channel; it may hold fewer.
        codec: how the sound is coded, such as "wav/pcm_16", "ogg/vorbis", "mp4/aac" or ffmpeg's name for it.
    """

    rate: int
    channels: int
    frames: int
    codec: str

    def blocks(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """Yield samples `start` to `stop`, float32 [n, channels], full scale 1; fewer where the file ends."""
        ...


def open_source(path: Path) -> Source:
    """Open a sound file, whatever its name ends in.

    Raises:
        DamerError: nothing here can decode it; the message says why and what to do.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    try:
        if head[4:8] == b"ftyp" or aac.is_adts(head):
            return AacSource(path)
        return SoundfileSource(path)
    except UnreadableError as reason:
        if (instead := not_sound(head)) is not None:
            raise DamerError(f"{path}: cannot be decoded: it {instead}") from None
        return _open_with_ffmpeg(path, str(reason))


def _open_with_ffmpeg(path: Path, reason: str) -> Source:
    if shutil.which("ffmpeg") and shutil.which("ffprobe"):
        return FfmpegSource(path, reason)
    raise DamerError(
        f"{path}: cannot be decoded ({reason}); if it is a sound file, install ffmpeg or convert it to WAV"
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep C libraries off standard error: libmpg123 prints its warnings there, past Python."""
    with _quiet_lock, contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:  # no standard error at all
            yield
            return
        stack.callback(os.close, kept)
        if sys.stderr is not None:
            sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        try:
            yield
        finally:
            os.dup2(kept, 2)


class SoundfileSource:
    """WAV, AIFF, FLAC, Ogg Vorbis, Opus and MP3 by libsndfile, which seeks to the sample in all of them.

    Opus and MP3 that libsndfile cannot follow to their end are first put right in memory.
    """

    def __init__(self, path: Path) -> None:
        import soundfile

        class Unbroken(soundfile.SoundFile):  # type: ignore[misc]
            """A file that is read on: soundfile would seek after every call, and MP3 start afresh."""

            def seekable(self) -> bool:
                return False

        self._path = path
        self._open = Unbroken
        self._error = soundfile.SoundFileError
        self._mended: bytes | None = None
        try:
            self._reopen()
        except (self._error, TypeError, ValueError) as error:
            raise UnreadableError(_reason(error)) from None
        if self._file.format == "MP3":
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                self._mended = mp3.with_length(whole)
            if self._mended is not None:
                self._reopen()
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        self.codec = f"{self._file.format}/{self._file.subtype}".lower()

    def _reopen(self) -> None:
        # A name is bytes, which need not be text; only Windows has it the other way round.
        name = str(self._path) if os.name == "nt" else os.fsencode(self._path)
        with quiet():
            self._file = self._open(name if self._mended is None else io.BytesIO(self._mended))

    def _mend(self) -> bool:
        """Put right what can be, once, and say whether there is something to try again."""
        menders = {"ogg/opus": ogg.with_true_times, "mp3/mpeg_layer_iii": _without_damage}
        if self._mended is not None or self.codec not in menders:
            return False
        self._mended = menders[self.codec](self._path.read_bytes())
        return self._mended is not None

    def _seek(self, position: int) -> None:
        lead_in = min(position, _MP3_LEAD_IN) if self._file.format == "MP3" else 0
        self._file.seek(position - lead_in)
        if lead_in:
            self._file.read(out=np.empty((lead_in, self.channels), np.float32))

    def blocks(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """See `Source.blocks`."""
        position, stop, size = start, min(stop, self.frames), _BLOCK_FRAMES
        buffer = np.empty((max(0, min(size, stop - start)), self.channels), np.float32)
        seek = True
        while position < stop:
            try:
                with quiet():
                    if seek:
                        self._seek(position)
                    block = self._file.read(out=buffer[: min(size, stop - position)])
                seek = False
            except self._error:
                if not self._mend():
                    if size == _SMALL_BLOCK_FRAMES:
                        return  # the rest is damaged or missing: what came before stands
                    size = _SMALL_BLOCK_FRAMES
                self._file.close()
                self._reopen()  # libFLAC does not recover from an error
                seek = True
                continue
            if len(block) == 0:
                return
            position += len(block)
            yield block


def _without_damage(file: bytes) -> bytes | None:
    return mp3.with_length(file, damaged=True)


def _reason(error: Exception) -> str:
    """Return why libsndfile opens a file no further; of no MP3 it says that there is no such file."""
    said = str(getattr(error, "error_string", error)).rstrip(".")
    if said.startswith(("File does not exist", "Format not recognised", "Format not recognized")):
        return "its format is not known here"
    return said


class AacSource:
    """AAC in MP4 (M4A) or ADTS; only the packets that are wanted go through the decoder."""

    def __init__(self, path: Path) -> None:
        try:
            self._stream = aac.open_stream(path)
        except mp4.NotAacError as reason:
            raise UnreadableError(str(reason)) from None
        self.rate = self._stream.found.rate
        self.channels = self._stream.found.channels
        self.frames = self._stream.found.frames
        self.codec = f"{self._stream.container}/aac"

    def blocks(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """See `Source.blocks`."""
        priming, length = self._stream.found.priming, aac.PACKETS_A_CHUNK * mp4.SAMPLES_A_PACKET
        position, stop = start + priming, min(stop, self.frames) + priming
        while position < stop:
            number, skip = divmod(position, length)
            block = self._decode(number)[skip : skip + stop - position]
            if len(block) == 0:
                return
            position += len(block)
            yield block

    def _decode(self, number: int) -> NDArray[np.float32]:
        """Return the samples of a chunk; if it is damaged, what comes before the damage."""
        import sphn

        count = aac.PACKETS_A_CHUNK
        while count:
            packets, lead_in = self._stream.chunk(number, count)
            with tempfile.NamedTemporaryFile(suffix=".aac") as file:
                file.write(packets)
                file.flush()
                try:
                    with quiet():
                        decoded, _ = sphn.read(file.name)
                    return np.asarray(decoded, dtype=np.float32).T[lead_in:]
                except (ValueError, OSError):
                    count //= 2
        return np.empty((0, self.channels), np.float32)


class FfmpegSource:
    """Everything else, by an `ffmpeg` that the user has installed, run as a process.

    Args:
        path: the file.
        reason: why nothing else decodes it, for the message when ffmpeg does not either.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self._path = path
        command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-of", "json"]
        command += [
            "-show_entries",
            "stream=codec_name,sample_rate,channels,duration:format=duration",
            _safe(path),
        ]
        probe = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        try:
            found = json.loads(probe.stdout)
        except ValueError:
            found = {}
        if probe.returncode == 0 and "format" in found and not found.get("streams"):
            raise DamerError(f"{path}: has no audio stream; give a file with sound")
        stream: dict[str, str] = next(iter(found.get("streams", ())), {})
        self.rate, self.channels = int(stream.get("sample_rate", 0)), int(stream.get("channels", 0))
        if probe.returncode != 0 or self.rate < 1 or self.channels < 1:
            raise DamerError(
                f"{path}: cannot be decoded ({reason}); "
                "if it is a sound file, fetch it again or convert it to WAV"
            )
        length = stream.get("duration") or found["format"].get("duration") or self._last_packet_s()
        self.frames = round(float(length) * self.rate)
        self.codec = stream.get("codec_name", "unknown")

    def _last_packet_s(self) -> float:
        """Return where the sound ends, seconds: a recording streamed into a file states no length."""
        command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-of", "csv=p=0"]
        command += ["-show_entries", "packet=pts_time,duration_time", _safe(self._path)]
        end = 0.0
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                with contextlib.suppress(ValueError):
                    start, duration = [*line.strip().split(","), ""][:2]
                    end = max(end, float(start) + float(duration.replace("N/A", "") or 0))
        return end

    def blocks(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """See `Source.blocks`. `-ss` after `-i` decodes and drops: slower than seeking, but exact."""
        command = ["ffmpeg", "-nostdin", "-v", "quiet", "-i", _safe(self._path), "-map", "0:a:0"]
        command += [
            "-af",
            f"atrim=start_sample={start}:end_sample={stop}",
            "-f",
            "f32le",
            "-c:a",
            "pcm_f32le",
            "-",
        ]
        size = _BLOCK_FRAMES * self.channels * 4
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        with process:
            assert process.stdout is not None
            try:
                while data := process.stdout.read(size):
                    whole = len(data) // (4 * self.channels) * self.channels
                    yield np.frombuffer(data, np.float32, count=whole).reshape(-1, self.channels)
            finally:
                process.kill()


def _safe(path: Path) -> str:
    """Return a path that ffmpeg takes neither for an option nor for a protocol."""
    return f"file:{path.absolute()}"
