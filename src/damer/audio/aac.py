"""AAC packets, and wrapping just those that are wanted for the decoder.

The decoder at hand (symphonia, by way of sphn) reads bare AAC streams (ADTS) but no MP4, and does not seek in
either. Handing it only the packets that are wanted does both.
"""

import dataclasses
from pathlib import Path

import numpy as np

from damer.audio.mp4 import (
    CHANNELS,
    LOW_COMPLEXITY,
    RATES,
    SAMPLES_A_PACKET,
    NotAacError,
    Packets,
    find_packets,
)

# Packets that are decoded together. Always the same ones, whatever part is read: where the encoder asks for
# noise the decoder makes it up from its state, so that only equal beginnings give equal samples.
PACKETS_A_CHUNK = 128
# A packet overlaps the one before; a second one lets the decoder's window shape settle.
_LEAD_IN = 2
_HEADER = 7


@dataclasses.dataclass(frozen=True)
class AacStream:
    """A file, where its packets lie, and what holds them: "mp4" or "adts"."""

    path: Path
    found: Packets
    container: str

    def chunk(self, number: int, count: int = PACKETS_A_CHUNK) -> tuple[bytes, int]:
        """Return the first `count` packets of a chunk as ADTS, and how many decoded samples precede them."""
        first = number * PACKETS_A_CHUNK
        before = max(0, first - _LEAD_IN)
        part = slice(before, first + count)
        parts: list[bytes] = []
        with self.path.open("rb") as file:
            for offset, size in zip(self.found.offsets[part], self.found.sizes[part], strict=True):
                file.seek(int(offset))
                packet = file.read(int(size))
                if len(packet) < size:
                    break
                parts += [self._header(int(size)), packet]
        return b"".join(parts), (first - before) * SAMPLES_A_PACKET

    def _header(self, size: int) -> bytes:
        """Return the ADTS header of a packet of `size` bytes (ISO/IEC 14496-3, 1.A.2.2)."""
        channels = CHANNELS.index(self.found.channels)
        bits = 0xFFF1 << 40 | (LOW_COMPLEXITY - 1) << 38 | RATES.index(self.found.rate) << 34
        bits |= channels << 30 | (size + _HEADER) << 13 | 0x7FF << 2
        return bits.to_bytes(_HEADER, "big")


def is_adts(head: bytes) -> bool:
    """Say whether a file that begins like this is a bare AAC stream."""
    return len(head) >= 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def open_stream(path: Path) -> AacStream:
    """Find the AAC packets of an MP4 or ADTS file.

    Raises:
        DamerError: it is an MP4 file without sound.
        NotAacError: it holds another codec, or is not built as expected.
    """
    with path.open("rb") as file:
        bare = is_adts(file.read(2))
    found = _bare_packets(path) if bare else find_packets(path)
    if found.channels not in (1, 2):  # symphonia decodes no more; 0 means that the stream itself says it
        raise NotAacError(f"its AAC has {found.channels or 'an unusual number of'} channels")
    if found.sizes.size and int(found.sizes.max()) + _HEADER >= 1 << 13:
        raise NotAacError("its packets are too long")
    return AacStream(path, found, "adts" if bare else "mp4")


def _bare_packets(path: Path) -> Packets:
    """Walk the headers of a bare stream."""
    data = np.memmap(path, np.uint8, mode="r")
    offsets, sizes, position = [], [], 0
    while position + _HEADER <= len(data):
        head = data[position : position + _HEADER].tobytes()
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        if not is_adts(head) or length <= _HEADER or position + length > len(data):
            break
        skip = _HEADER if head[1] & 1 else 9
        offsets.append(position + skip)
        sizes.append(length - skip)
        position += length
    head = data[:_HEADER].tobytes()
    rate_index = head[2] >> 2 & 15 if len(sizes) > 1 else len(RATES)
    if rate_index >= len(RATES) or head[2] >> 6 != LOW_COMPLEXITY - 1:
        raise NotAacError("it is no AAC-LC stream")
    channels = CHANNELS[(head[2] & 1) << 2 | head[3] >> 6]
    frames = len(sizes) * SAMPLES_A_PACKET
    return Packets(RATES[rate_index], channels, 0, frames, np.array(offsets), np.array(sizes))
