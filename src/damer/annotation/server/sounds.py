"""Sound for browsers: FLAC and WAV as they are, everything else decoded once and kept as FLAC."""

import asyncio
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.responses import Response, StreamingResponse

from damer.annotation.server.containers import Contained, contained
from damer.annotation.server.limits import Limits
from damer.annotation.server.problems import Problem
from damer.core.errors import DamerError

if TYPE_CHECKING:
    from damer.annotation.server.answers import Track

_LOG = logging.getLogger("damer.annotate")
_CHUNK = 256 * 1024
_RATE = 44_100  # of what is decoded here, Hz
_AUDIBLE_GAIN_DB = 0.05
_WRITER = "1"  # a part of every kept file's name; another number makes all of them anew

ANSWERS_AFTER_S = 0.15
"""An annotator's sound begins to come so long after it was asked for: whether the server read it before or
had to fetch it from a disk cannot be told by the time it took."""


class Sounds:
    """The sounds of a study."""

    def __init__(self, cache: Path | None, limits: Limits, answers_after_s: float = ANSWERS_AFTER_S) -> None:
        """Begin with nothing read.

        Args:
            cache: folder for what was decoded; made where it is missing. None: nothing is decoded.
            limits: how often an annotator may ask.
            answers_after_s: how long an answer takes at least.
        """
        self._cache = cache
        self._limits = limits
        self._answers_after_s = answers_after_s
        self._known: dict[str, tuple[tuple[int, int], Contained]] = {}
        self._decoding: dict[str, asyncio.Lock] = {}

    async def covert(self, annotator: str, name: str, track: "Track") -> Response:
        """Return a track's sound for an annotator, padded by the hearing's name.

        Raises:
            Problem: 404, the sound file is gone or damaged; 429, asked for too often.
        """
        self._limits.sound(annotator)
        due = asyncio.get_running_loop().time() + self._answers_after_s
        sound = await self._served(track)
        head = sound.padded_head(name)
        first = await asyncio.to_thread(_first_part, sound)
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        return _response(sound, head, first)

    async def plain(self, track: "Track") -> Response:
        """Return a track's sound for a researcher.

        Raises:
            Problem: 404, the sound file is gone or damaged.
        """
        sound = await self._served(track)
        return _response(sound, sound.head(), await asyncio.to_thread(_first_part, sound))

    async def prepare(self, tracks: Iterable["Track"]) -> list[str]:
        """Decode what browsers cannot play, so that nobody waits for it.

        Returns:
            What is wrong with a sound, a line each.
        """
        problems = []
        for track in tracks:
            try:
                await self._ready(track)
            except (OSError, DamerError) as error:
                problems.append(_reason(track, error))
        return problems

    async def _served(self, track: "Track") -> Contained:
        try:
            return await self._ready(track)
        except (OSError, DamerError) as error:
            _LOG.error("%s", _reason(track, error))
            raise Problem(404, "sound_missing", "The sound file is missing on the server.") from error

    async def _ready(self, track: "Track") -> Contained:
        about = await asyncio.to_thread(os.stat, track.path)
        stamp = (about.st_mtime_ns, about.st_size)
        async with self._decoding.setdefault(track.track_id, asyncio.Lock()):
            known = self._known.get(track.track_id)
            if known is not None and known[0] == stamp:
                return known[1]
            sound = await asyncio.to_thread(self._read, track, stamp)
            self._known[track.track_id] = (stamp, sound)
            return sound

    def _read(self, track: "Track", stamp: tuple[int, int]) -> Contained:
        if abs(track.gain_db) < _AUDIBLE_GAIN_DB:
            found = contained(track.path)
            if found is not None:
                return found
        if self._cache is None:
            raise DamerError(f"{track.path}: must be decoded, and there is no folder to keep it in")
        key = f"{track.path}\0{stamp}\0{track.gain_db:.3f}\0{_WRITER}".encode()
        kept = self._cache / f"{hashlib.sha256(key).hexdigest()[:32]}.flac"
        if not kept.exists():
            self._cache.mkdir(parents=True, exist_ok=True)
            _decode(track.path, track.gain_db, kept)
        found = contained(kept)
        if found is None:
            raise DamerError(f"{kept}: is damaged; delete it, it will be made again")
        return found


def _decode(source: Path, gain_db: float, target: Path) -> None:
    """Write a sound file as 16-bit FLAC, stereo, 44.1 kHz; whole or not at all."""
    import numpy as np
    import soundfile

    from damer.audio import open_file, stereo

    gain = np.float32(10.0 ** (gain_db / 20.0))
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    try:
        with soundfile.SoundFile(draft, "w", _RATE, 2, "PCM_16", format="FLAC") as file:
            for block in stereo(source, open_file(source), _RATE):
                file.write(np.clip(block * gain, -1.0, 1.0))
        draft.replace(target)
    except soundfile.SoundFileError as error:
        raise DamerError(f"{source}: cannot be written as FLAC ({error})") from error
    finally:
        draft.unlink(missing_ok=True)


def _first_part(sound: Contained) -> bytes:
    """Return the beginning of a sound: the file is there, and a slow disk has been waited for."""
    try:
        with sound.path.open("rb") as file:
            file.seek(sound.start)
            return file.read(min(_CHUNK, sound.length))
    except OSError as error:
        _LOG.error("%s: %s", sound.path, error.strerror)
        raise Problem(404, "sound_missing", "The sound file is missing on the server.") from error


def _reason(track: "Track", error: Exception) -> str:
    """Return in one line why a sound cannot be served."""
    if isinstance(error, OSError):
        return f"{track.path}: cannot be read ({error.strerror}); put the sound file back"
    return str(error)


def _response(sound: Contained, head: bytes, first: bytes) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield head
        yield first
        with sound.path.open("rb") as file:
            file.seek(sound.start + len(first))
            left = sound.length - len(first)
            while left:
                part = await asyncio.to_thread(file.read, min(_CHUNK, left))
                if not part:
                    raise OSError(f"{sound.path}: became shorter while it was sent")
                left -= len(part)
                yield part

    headers = {"Content-Length": str(len(head) + sound.length), "Accept-Ranges": "none"}
    return StreamingResponse(parts(), headers=headers, media_type=sound.media_type)
