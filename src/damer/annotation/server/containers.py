"""FLAC and WAV as browsers are given them: tags dropped, padding inside, sizes that tell nothing.

Only what is around the sound changes; the samples are the file's own, byte by byte. Formats: RFC 9639 (FLAC)
and Microsoft's "Multimedia Programming Interface" of 1991 with the extensible format of 2001 (WAV).
"""

import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

SMALLEST_CLASS = 64 * 1024
CLASS_RATIO = 1.25
_LEAST_PADDING = 12  # a RIFF chunk or FLAC block has a header of 8 or 4 bytes
_LARGEST_FLAC_BLOCK = 2**24 - 1
_STREAMINFO, _PADDING, _LAST = 0, 1, 0x80
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_PCM_BITS = (8, 16, 24, 32)
_FLOAT_BITS = (32,)

Kind = Literal["flac", "wav"]


@dataclass(frozen=True)
class Contained:
    """A sound file of which only the sound is used.

    Attributes:
        kind: flac or wav.
        path: the file.
        about: what describes the sound: FLAC's STREAMINFO without its checksum, or what is in WAV's `fmt `.
        start: where the sound begins in the file, bytes.
        length: of the sound, bytes.
    """

    kind: Kind
    path: Path
    about: bytes
    start: int
    length: int

    @property
    def media_type(self) -> str:
        """The MIME type."""
        return f"audio/{self.kind}"

    def head(self, padding: int = 0) -> bytes:
        """Return what comes before the sound.

        Args:
            padding: by how many bytes it is to be longer than the shortest one; 0 or at least 12, for WAV
                even.
        """
        return (_flac_head if self.kind == "flac" else _wav_head)(self, padding)

    def padded_head(self, name: str) -> bytes:
        """Return a head with which the whole is as large as `covert_size` wants it.

        Args:
            name: opaque name of the hearing.
        """
        plain = len(self.head()) + self.length
        return self.head(covert_size(plain, name) - plain)


def covert_size(plain: int, name: str) -> int:
    """Return the size at which a sound is sent.

    Sizes are divided into classes, each a quarter larger than the one before. Within a class the size follows
    from the hearing's name alone: of two hearings of tracks of one class nobody can tell by their sizes
    whether the tracks are the same.

    Args:
        plain: size without padding, bytes.
        name: opaque name of the hearing, another one for each.

    Returns:
        Bytes, at least 12 more than `plain`; even, as a WAV must be.
    """
    needed = plain + _LEAST_PADDING + 1
    steps = max(0, math.ceil(math.log(needed / SMALLEST_CLASS, CLASS_RATIO)))
    bottom = math.ceil(SMALLEST_CLASS * CLASS_RATIO**steps)
    fraction = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    size = bottom + int(fraction * bottom * (CLASS_RATIO - 1.0))
    return size - size % 2


def contained(path: Path) -> Contained | None:
    """Return how a file's sound can be served as it is, or None where browsers could not play it so.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        magic = file.read(4)
        if magic == b"fLaC":
            return _read_flac(path, file, size)
        return _read_wav(path, file, size) if magic == b"RIFF" else None


def _read_flac(path: Path, file: BinaryIO, size: int) -> Contained | None:
    about, last = b"", False
    while not last:
        header = file.read(4)
        if len(header) < 4:
            return None
        kind, length, last = header[0] & 0x7F, int.from_bytes(header[1:], "big"), bool(header[0] & _LAST)
        if kind == _STREAMINFO and length == 34:
            about = file.read(34)[:18] + bytes(16)  # a checksum of the samples would tell the track
        else:
            file.seek(length, 1)
    start = file.tell()
    if len(about) != 34 or start >= size:
        return None
    return Contained("flac", path, about, start, size - start)


def _read_wav(path: Path, file: BinaryIO, size: int) -> Contained | None:
    if file.read(8)[4:] != b"WAVE":
        return None
    about = b""
    while len(header := file.read(8)) == 8:
        name, length = header[:4], int.from_bytes(header[4:], "little")
        if name == b"data":
            start = file.tell()
            fits = 0 < length <= size - start and length % 2 == 0
            return Contained("wav", path, about, start, length) if about and fits else None
        if name == b"fmt " and 16 <= length <= 40:
            about = _playable(file.read(length))
            file.seek(length % 2, 1)
        else:
            file.seek(length + length % 2, 1)
    return None


def _playable(about: bytes) -> bytes:
    """Return the description of a WAV's sound where every browser can play it, else nothing."""
    (kind,) = struct.unpack_from("<H", about)
    (bits,) = struct.unpack_from("<H", about, 14)
    if kind == _EXTENSIBLE:
        if len(about) != 40 or about[26:] != _GUID_TAIL:
            return b""
        (kind,) = struct.unpack_from("<H", about, 24)
    allowed = {_PCM: _PCM_BITS, _FLOAT: _FLOAT_BITS}.get(kind, ())
    return about if bits in allowed else b""


def _flac_head(sound: Contained, padding: int) -> bytes:
    blocks = []
    while padding:
        # What is left over must again be room for a block.
        length = min(padding - 4, _LARGEST_FLAC_BLOCK)
        if 0 < padding - 4 - length < 4:
            length -= 4
        blocks.append((_PADDING, bytes(length)))
        padding -= 4 + length
    blocks.insert(0, (_STREAMINFO, sound.about))
    head = bytearray(b"fLaC")
    for number, (kind, content) in enumerate(blocks, 1):
        head.append(kind | (_LAST if number == len(blocks) else 0))
        head += len(content).to_bytes(3, "big") + content
    return bytes(head)


def _wav_head(sound: Contained, padding: int) -> bytes:
    chunks = b"fmt " + struct.pack("<I", len(sound.about)) + sound.about + bytes(len(sound.about) % 2)
    if padding:
        chunks += b"JUNK" + struct.pack("<I", padding - 8) + bytes(padding - 8)
    riff = 4 + len(chunks) + 8 + sound.length
    return b"RIFF" + struct.pack("<I", riff) + b"WAVE" + chunks + b"data" + struct.pack("<I", sound.length)
