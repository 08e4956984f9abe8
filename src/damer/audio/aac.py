"""AAC packets out of MP4 (M4A) and ADTS files.

The decoder at hand (symphonia, by way of sphn) reads ADTS but neither MP4 nor seeks.
Finding the packets is easy, and handing it just those that are wanted makes seeking exact.
ISO/IEC 14496-12 (boxes), 14496-3 (AudioSpecificConfig, ADTS).
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
# A packet overlaps the one before; a second one lets the decoder's window shape settle.
_LEAD_IN = 2
_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
_LOW_COMPLEXITY, _SBR, _PARAMETRIC_STEREO = 2, 5, 29
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"}


class NotAacError(Exception):
    """The file holds sound that is not AAC-LC, or is not built as expected."""


@dataclasses.dataclass(frozen=True)
class AacStream:
    """Where each packet of a stream lies.

    Attributes:
        path: the file.
        rate: samples a second, Hz, of the (core) decoder.
        channels: number of channels.
        priming: decoded samples before the first that is meant to be heard.
        frames: length in samples, priming left out.
        offsets: int64 [P], place of each packet in the file, bytes.
        sizes: int64 [P], length of each packet, bytes.
    """

    path: Path
    rate: int
    channels: int
    priming: int
    frames: int
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def packets(self, start: int, stop: int) -> tuple[bytes, int]:
        """Return the ADTS packets that hold samples `start` to `stop`, and how many samples precede them."""
        first = max(0, (start + self.priming) // SAMPLES_A_PACKET - _LEAD_IN)
        last = min(len(self.sizes), -(-(stop + self.priming) // SAMPLES_A_PACKET))
        parts: list[bytes] = []
        with self.path.open("rb") as file:
            for offset, size in zip(self.offsets[first:last], self.sizes[first:last], strict=True):
                file.seek(int(offset))
                packet = file.read(int(size))
                if len(packet) < size:
                    break
                parts += [self._adts_header(int(size)), packet]
        return b"".join(parts), start + self.priming - first * SAMPLES_A_PACKET

    def _adts_header(self, size: int) -> bytes:
        length = size + 7
        channels = _CHANNELS.index(self.channels)
        bits = (0xFFF << 44) | (1 << 40) | ((_LOW_COMPLEXITY - 1) << 38) | (_RATES.index(self.rate) << 34)
        bits |= (channels << 30) | (length << 13) | (0x7FF << 2)
        return bits.to_bytes(7, "big")


def is_adts(head: bytes) -> bool:
    """Say whether a file that begins like this is a bare AAC stream."""
    return len(head) >= 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def open_stream(path: Path) -> AacStream:
    """Find the AAC packets of an MP4 or ADTS file.

    Raises:
        DamerError: it is an MP4 file without sound.
        NotAacError: it holds another codec, or is not built as expected.
    """
    try:
        with path.open("rb") as file:
            if is_adts(file.read(2)):
                return _adts_stream(path)
            return _mp4_stream(path, file)
    except (struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
        raise NotAacError(f"its MP4 structure is damaged: {error}") from None


def _adts_stream(path: Path) -> AacStream:
    """Walk the headers of a bare stream."""
    data = np.memmap(path, np.uint8, mode="r")
    offsets, sizes, position = [], [], 0
    head = data[:7].tobytes()
    while position + 7 <= len(data):
        head = data[position : position + 7].tobytes()
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        if not is_adts(head) or length < 7 or position + length > len(data):
            break
        skip = 7 if head[1] & 1 else 9
        offsets.append(position + skip)
        sizes.append(length - skip)
        position += length
    head = data[:7].tobytes()
    if len(sizes) < 2 or head[2] >> 6 != _LOW_COMPLEXITY - 1:
        raise NotAacError("it is no AAC-LC stream")
    rate = _RATES[head[2] >> 2 & 15]
    channels = _CHANNELS[(head[2] & 1) << 2 | head[3] >> 6]
    return _stream(path, rate, channels, 0, len(sizes) * SAMPLES_A_PACKET, np.array(offsets), np.array(sizes))


def _mp4_stream(path: Path, file: BinaryIO) -> AacStream:
    size = path.stat().st_size
    tracks = [box for name, *box in _walk(file, 0, size) if name == b"trak"]
    if not any(name == b"moov" for name, *_ in _walk(file, 0, size)):
        raise NotAacError("its index (moov) is missing: the file is cut short")
    for start, stop in tracks:
        boxes = {
            name: _payload(file, first, last)
            for name, first, last in _walk(file, start, stop)
            if name not in _CONTAINERS
        }
        if boxes.get(b"hdlr", b"")[8:12] == b"soun":
            return _track_stream(path, boxes, file, size)
    raise DamerError(f"{path}: has no audio stream; give a file with sound")


def _walk(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, end) of every box's content between two places, nested ones too."""
    while start + 8 <= stop:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        content = start + 8
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
            content += 8
        end = stop if size == 0 else start + size
        if end < content or end > stop:
            if name != b"mdat":
                raise NotAacError("a part of it is missing")
            end = stop
        yield name, content, end
        if name in _CONTAINERS:
            yield from _walk(file, content, end)
        start = end


def _payload(file: BinaryIO, start: int, stop: int) -> bytes:
    file.seek(start)
    return file.read(stop - start)


def _track_stream(path: Path, boxes: dict[bytes, bytes], file: BinaryIO, size: int) -> AacStream:
    """Read the sample tables of one audio track."""
    entry = boxes[b"stsd"][8:]
    if entry[4:8] != b"mp4a":
        raise NotAacError(f"its codec is {entry[4:8].decode('latin-1')}")
    rate, channels = _audio_config(entry)
    version = boxes[b"mdhd"][0]
    timescale = struct.unpack_from(">I", boxes[b"mdhd"], 20 if version else 12)[0]
    fixed, count = struct.unpack_from(">II", boxes[b"stsz"], 4)
    sizes = (
        np.full(count, fixed) if fixed else np.frombuffer(boxes[b"stsz"], ">u4", count, 12).astype(np.int64)
    )
    if count == 0:
        raise NotAacError(
            "it is fragmented"
            if any(name == b"moof" for name, *_ in _walk(file, 0, size))
            else "it holds no packets"
        )
    offsets = _offsets(boxes, sizes)
    kept = int(np.searchsorted(offsets + sizes, size, side="right"))
    priming, frames = _edit(boxes, timescale, rate, count * SAMPLES_A_PACKET)
    frames = min(frames, kept * SAMPLES_A_PACKET - priming)
    return _stream(path, rate, channels, priming, frames, offsets[:kept], sizes[:kept])


def _stream(
    path: Path,
    rate: int,
    channels: int,
    priming: int,
    frames: int,
    offsets: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> AacStream:
    if channels == 0:
        raise NotAacError("its channel layout is given in the stream")
    return AacStream(path, rate, channels, priming, frames, offsets.astype(np.int64), sizes.astype(np.int64))


def _audio_config(entry: bytes) -> tuple[int, int]:
    """Return rate and channels of an `mp4a` sample entry, from its AudioSpecificConfig."""
    place = entry.find(b"esds")
    position = place + 8
    for tag in (3, 4, 5):  # ES descriptor, decoder configuration, decoder-specific information
        if entry[position] != tag:
            raise NotAacError("its decoder configuration is not where it should be")
        position += 1
        while entry[position] & 0x80:
            position += 1
        position += 1
        if tag == 3:
            flags = entry[position + 2]
            position += 3 + 2 * (flags >> 7) + 2 * (flags >> 5 & 1)
            position += 1 + entry[position] if flags >> 6 & 1 else 0
        elif tag == 4:
            if entry[position] != 0x40:
                raise NotAacError(f"its codec is MPEG-4 object type {entry[position]:#x}")
            position += 13
    config = int.from_bytes(entry[position : position + 4], "big")
    kind, rate_index, channels = config >> 27, config >> 23 & 15, config >> 19 & 15
    # HE-AAC: the core is plain AAC-LC at half the rate; SBR only adds what lies above it.
    if kind not in (_LOW_COMPLEXITY, _SBR, _PARAMETRIC_STEREO) or rate_index >= len(_RATES):
        raise NotAacError(f"its codec is AAC object type {kind}")
    return _RATES[rate_index], _CHANNELS[channels]


def _offsets(boxes: dict[bytes, bytes], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of every packet: those of a chunk follow one another (stsc, stco)."""
    if b"co64" in boxes:
        chunks = np.frombuffer(boxes[b"co64"], ">u8", offset=8).astype(np.int64)
    else:
        chunks = np.frombuffer(boxes[b"stco"], ">u4", offset=8).astype(np.int64)
    runs = np.frombuffer(boxes[b"stsc"], ">u4", offset=8).astype(np.int64).reshape(-1, 3)
    lengths = np.diff(np.append(runs[:, 0] - 1, len(chunks)))
    in_chunk = np.repeat(runs[:, 1], lengths)
    chunk = np.repeat(np.arange(len(chunks)), in_chunk)[: len(sizes)]
    before = np.cumsum(sizes) - sizes
    first = np.minimum((np.cumsum(in_chunk) - in_chunk)[chunk], len(sizes) - 1)
    return np.asarray(chunks[chunk] + before - before[first])


def _edit(boxes: dict[bytes, bytes], timescale: int, rate: int, decoded: int) -> tuple[int, int]:
    """Return (priming, frames) in samples, from the edit list: encoders mark their delay there."""
    priming, frames = 0, decoded
    edits = boxes.get(b"elst")
    if edits and struct.unpack_from(">I", edits, 4)[0]:
        layout, step = (">Qq", 20) if edits[0] else (">Ii", 12)
        count = struct.unpack_from(">I", edits, 4)[0]
        starts = [struct.unpack_from(layout, edits, 8 + step * index)[1] for index in range(count)]
        priming = max(0, round(next((start for start in starts if start >= 0), 0) * rate / timescale))
        frames -= priming
    duration = boxes[b"mdhd"]
    media = struct.unpack_from(">Q" if duration[0] else ">I", duration, 24 if duration[0] else 16)[0]
    return priming, min(frames, max(0, round(media * rate / timescale) - priming) or frames)
