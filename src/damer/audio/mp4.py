"""Where the AAC packets of an MP4 (M4A) file lie: its sample tables, or its fragments.

ISO/IEC 14496-12 (boxes, sample tables, fragments, edit lists), 14496-14 and 14496-1 (the `esds` box),
14496-3 (AudioSpecificConfig).
"""

import dataclasses
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from damer.core.errors import DamerError

SAMPLES_A_PACKET = 1024
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
LOW_COMPLEXITY, _SBR, _PARAMETRIC_STEREO = 2, 5, 29
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"}

Ints = NDArray[np.int64]


class NotAacError(Exception):
    """The file holds sound that is not AAC-LC, or is not built as expected."""


@dataclasses.dataclass(frozen=True)
class Box:
    """A box of the file: its type, where its header and its content begin, and where it ends."""

    name: bytes
    header: int
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Packets:
    """The AAC packets of a file.

    Attributes:
        rate: samples a second, Hz, of the (core) decoder.
        channels: number of channels.
        priming: decoded samples before the first that is meant to be heard.
        frames: length in samples, priming left out.
        offsets: int64 [P], place of each packet in the file, bytes.
        sizes: int64 [P], length of each packet, bytes.
    """

    rate: int
    channels: int
    priming: int
    frames: int
    offsets: Ints
    sizes: Ints


def find_packets(path: Path) -> Packets:
    """Find the packets of the first audio track.

    Raises:
        DamerError: the file has no audio track.
        NotAacError: the track is not AAC-LC, or the file's structure is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            boxes = list(_walk(file, 0, size))
            if not any(box.name == b"moov" for box in boxes):
                raise NotAacError("its index (moov) is missing: the file is cut short")
            for track in (box for box in boxes if box.name == b"trak"):
                content = _contents(file, track.start, track.end)
                if content.get(b"hdlr", b"")[8:12] == b"soun":
                    return _packets_of(content, file, boxes, size)
        except (struct.error, IndexError, KeyError, ValueError, ArithmeticError) as error:
            raise NotAacError(f"its MP4 structure is damaged ({error})") from None
    raise DamerError(f"{path}: has no audio stream; give a file with sound")


def _walk(file: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """Yield every box between two places, nested ones too; stop where the file is cut short."""
    while start + 8 <= stop:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        content = start + 8
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
            content += 8
        end = stop if size == 0 else start + size
        if end < content or (end > stop and name in _CONTAINERS):
            raise NotAacError("a part of its index is missing")
        yield Box(name, start, content, min(end, stop))
        if name in _CONTAINERS:
            yield from _walk(file, content, end)
        start = end


def _contents(file: BinaryIO, start: int, stop: int) -> dict[bytes, bytes]:
    """Return the content of every box that holds no boxes, by type."""
    found = {}
    for box in _walk(file, start, stop):
        if box.name not in _CONTAINERS:
            file.seek(box.start)
            found[box.name] = file.read(box.end - box.start)
    return found


def _packets_of(content: dict[bytes, bytes], file: BinaryIO, boxes: list[Box], size: int) -> Packets:
    entry = content[b"stsd"][8:]
    if entry[4:8] != b"mp4a":
        raise NotAacError(f"its codec is {entry[4:8].decode('latin-1')}")
    rate, channels = _audio_config(entry)
    offsets, sizes = _sample_tables(content, size)
    if len(sizes) == 0:
        offsets, sizes = _fragments(content, file, boxes)
    kept = int(np.searchsorted(offsets + sizes, size, side="right"))
    priming, frames = _edit(content, rate, len(sizes) * SAMPLES_A_PACKET)
    frames = min(frames, kept * SAMPLES_A_PACKET - priming)
    return Packets(rate, channels, priming, frames, offsets[:kept], sizes[:kept])


def _audio_config(entry: bytes) -> tuple[int, int]:
    """Return rate and channels of an `mp4a` sample entry, from its AudioSpecificConfig."""
    position = entry.index(b"esds") + 8
    for tag in (3, 4, 5):  # ES descriptor, decoder configuration, decoder-specific information
        if entry[position] != tag:
            raise NotAacError("its decoder configuration is not where it should be")
        position += 1
        while entry[position] & 0x80:
            position += 1
        position += 1
        if tag == 3:
            flags = entry[position + 2]
            position += 3 + 2 * (flags >> 7)
            position += 1 + entry[position] if flags >> 6 & 1 else 0
            position += 2 * (flags >> 5 & 1)
        elif tag == 4:
            if entry[position] != 0x40:
                raise NotAacError(f"its codec is MPEG-4 object type {entry[position]:#x}")
            position += 13
    config = int.from_bytes(entry[position : position + 4], "big")
    kind, rate_index, channels = config >> 27, config >> 23 & 15, config >> 19 & 15
    # HE-AAC: the core is plain AAC-LC at half the rate; SBR only adds what lies above it.
    if kind not in (LOW_COMPLEXITY, _SBR, _PARAMETRIC_STEREO) or rate_index >= len(RATES):
        raise NotAacError(f"its codec is AAC object type {kind}")
    return RATES[rate_index], CHANNELS[channels]


def _sample_tables(content: dict[bytes, bytes], size: int) -> tuple[Ints, Ints]:
    """Return place and length of every packet; those of a chunk follow one another (stsz, stsc, stco)."""
    fixed, count = struct.unpack_from(">II", content[b"stsz"], 4)
    if fixed * count > size:
        raise NotAacError("its MP4 structure is damaged (more packets than file)")
    sizes = np.full(count, fixed) if fixed else np.frombuffer(content[b"stsz"], ">u4", count, 12)
    sizes = sizes.astype(np.int64)
    if count == 0:
        return sizes, sizes
    wide = b"co64" in content
    chunks = np.frombuffer(content[b"co64" if wide else b"stco"], ">u8" if wide else ">u4", offset=8)
    chunks = chunks.astype(np.int64)
    runs = np.frombuffer(content[b"stsc"], ">u4", offset=8).astype(np.int64).reshape(-1, 3)
    in_chunk = np.repeat(runs[:, 1], np.diff(np.append(runs[:, 0] - 1, len(chunks))))
    chunk = np.repeat(np.arange(len(chunks)), np.minimum(in_chunk, count))[:count]
    before = np.cumsum(sizes) - sizes
    first = np.minimum((np.cumsum(in_chunk) - in_chunk)[chunk], count - 1)
    return chunks[chunk] + before[: len(chunk)] - before[first], sizes[: len(chunk)]


def _fragments(content: dict[bytes, bytes], file: BinaryIO, boxes: list[Box]) -> tuple[Ints, Ints]:
    """Return place and length of every packet of a fragmented file (moof, traf, tfhd, trun)."""
    number = content[b"tkhd"][20 if content[b"tkhd"][0] else 12 :][:4]
    default = 0
    offsets: list[int] = []
    sizes: list[int] = []
    wanted, base, next_offset, length = False, 0, 0, 0
    for box in boxes:
        if box.name == b"moof":
            base = box.header
        if box.name not in (b"trex", b"tfhd", b"trun"):
            continue
        file.seek(box.start)
        data = file.read(box.end - box.start)
        flags = int.from_bytes(data[1:4], "big")
        if box.name == b"trex" and data[4:8] == number:
            default = struct.unpack_from(">I", data, 16)[0]
        elif box.name == b"tfhd":
            wanted, length, next_offset = data[4:8] == number, default, base
            place = 8
            if flags & 1:
                next_offset = struct.unpack_from(">Q", data, place)[0]
            place += 8 * (flags & 1) + 4 * (flags >> 1 & 1) + 4 * (flags >> 3 & 1)
            if flags >> 4 & 1:
                length = struct.unpack_from(">I", data, place)[0]
        elif box.name == b"trun" and wanted:
            run = _run_sizes(data, flags, length)
            start = next_offset
            if flags & 1:
                start = base + struct.unpack_from(">i", data, 8)[0]
            offsets += [start + before for before in np.cumsum([0, *run])[:-1].tolist()]
            sizes += run
            next_offset = start + sum(run)
    if not sizes:
        raise NotAacError("it holds no packets")
    return np.array(offsets, dtype=np.int64), np.array(sizes, dtype=np.int64)


def _run_sizes(data: bytes, flags: int, default: int) -> list[int]:
    """Return the packet lengths of a `trun` box."""
    count = struct.unpack_from(">I", data, 4)[0]
    first = 8 + 4 * (flags & 1) + 4 * (flags >> 2 & 1)
    fields = [flag for flag in (8, 9, 10, 11) if flags >> flag & 1]  # duration, size, flags, time offset
    table = np.frombuffer(data, ">u4", count * len(fields), first).reshape(count, len(fields))
    if 9 in fields:
        return [int(size) for size in table[:, fields.index(9)]]
    if default * count == 0:
        raise NotAacError("it holds no packets")
    return [default] * count


def _edit(content: dict[bytes, bytes], rate: int, decoded: int) -> tuple[int, int]:
    """Return (priming, frames) in samples, from the edit list: encoders mark their delay there."""
    header = content[b"mdhd"]
    wide = header[0] == 1
    timescale = struct.unpack_from(">I", header, 20 if wide else 12)[0]
    media = struct.unpack_from(">Q" if wide else ">I", header, 24 if wide else 16)[0]
    priming = 0
    edits = content.get(b"elst", bytes(8))
    layout, step = (">Qq", 20) if edits[0] else (">Ii", 12)
    for index in range(struct.unpack_from(">I", edits, 4)[0]):
        start = struct.unpack_from(layout, edits, 8 + step * index)[1]
        if start >= 0:
            priming = round(start * rate / timescale)
            break
    frames = decoded - priming
    stated = round(media * rate / timescale) - priming  # 0 in fragmented files
    return priming, min(frames, stated) if stated > 0 else frames
