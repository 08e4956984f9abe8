"""Opus whose pages state other times than their packets last, put right for libsndfile.

ffmpeg writes such files when it turns Ogg Vorbis into Opus: a page ends some samples late, a later one
catches up. Players do not mind; libsndfile takes the second page for damage and gives no more sound.
"""

import dataclasses
import zlib

_HEADER = 27
_LAST_PAGE = 4
_CONTINUED = 1
_NO_PACKET_ENDS = (1 << 64) - 1
# Samples of a frame at 48 kHz, by configuration (RFC 6716, table 2): SILK, hybrid, CELT.
_FRAMES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclasses.dataclass
class _Stream:
    """Where a logical stream stands: its packets so far, and samples as they are and as pages say."""

    packets: int = 0
    samples: int | None = None
    said: int = 0
    begun: bytes = b""


def with_true_times(file: bytes) -> bytes:
    """Return an Ogg Opus file with the end of every page counted from its packets (RFC 7845, section 4).

    What the last page cuts off stays cut off. Anything that is not Opus stays as it is.
    """
    data, place = bytearray(file), 0
    streams: dict[bytes, _Stream] = {}
    while (place := data.find(b"OggS", place)) >= 0 and place + _HEADER <= len(data):
        table = place + _HEADER
        body = table + data[place + 26]
        end = body + sum(data[table:body])
        if end > len(data):
            break
        serial = bytes(data[place + 14 : place + 18])
        if data.startswith(b"OpusHead", body):
            streams[serial] = _Stream()
        if serial in streams:
            _mend(data, place, body, end, streams[serial])
        place = end
    return bytes(data)


def _mend(data: bytearray, place: int, body: int, end: int, stream: _Stream) -> None:
    """Give one page its time and, where that changes it, its checksum."""
    lasts, ended = _count(data, place, body, stream)
    said = int.from_bytes(data[place + 6 : place + 14], "little")
    if not ended or stream.packets <= 2 or said == _NO_PACKET_ENDS:  # the first two packets hold no sound
        return
    cut = 0
    if stream.samples is None:
        stream.samples = max(0, said - lasts)
    elif data[place + 5] & _LAST_PAGE:
        cut = min(max(0, stream.said + lasts - said), lasts)
    stream.samples += lasts - cut
    stream.said = said
    if stream.samples != said:
        data[place + 6 : place + 14] = stream.samples.to_bytes(8, "little")
        data[place + 22 : place + 26] = bytes(4)
        data[place + 22 : place + 26] = checksum(bytes(data[place:end])).to_bytes(4, "little")


def _count(data: bytearray, place: int, body: int, stream: _Stream) -> tuple[int, int]:
    """Return how many samples the packets that end on a page last, and how many packets those are."""
    lasts = ended = 0
    position = body
    if not data[place + 5] & _CONTINUED:
        stream.begun = b""
    for size in data[place + _HEADER : body]:
        if len(stream.begun) < 2:
            stream.begun += bytes(data[position : position + min(size, 2)])
        position += size
        if size < 255:
            stream.packets += 1
            ended += 1
            lasts += _samples(stream.begun) if stream.packets > 2 else 0
            stream.begun = b""
    return lasts, ended


def _samples(packet: bytes) -> int:
    """Return how long a packet lasts, in samples at 48 kHz, from its first two bytes (RFC 6716, 3.1)."""
    if not packet:
        return 0
    frames = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[packet[0] & 3]
    return frames * _FRAMES[packet[0] >> 3]


def checksum(page: bytes) -> int:
    """Return the checksum of an Ogg page whose own is zero: zlib's, with bits the other way round."""
    remainder = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{remainder:032b}"[::-1], 2)
