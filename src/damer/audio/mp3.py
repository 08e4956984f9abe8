"""MP3 whose frames libsndfile does not find: their number is not stated, or something lies between them.

Where the first frame does not tell how many there are, libsndfile guesses the length from its bit rate, and
gives no sound past the guess.
"""

import itertools
import mmap

_BITRATES = {  # kbit/s of layer III, by index (ISO/IEC 11172-3, 2.4.2.3 and 13818-3, 2.4.2.3)
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz, by version
Bytes = bytes | mmap.mmap
_TAG = 10
_BITRATE_INDEX = 9  # of the frame made here: 128 or 80 kbit/s, far longer than what it holds


def _lengths() -> dict[bytes, int]:
    """Return the bytes of a frame by the second and third byte of its header, of layer III."""
    lengths = {}
    for version, unprotected, index, rate, rest in itertools.product(
        _RATES, (0, 1), range(1, 15), range(3), range(4)
    ):
        first = version == 3
        bits = (144_000 if first else 72_000) * _BITRATES[first][index] // _RATES[version][rate]
        header = bytes((0xE2 | version << 3 | unprotected, index << 4 | rate << 2 | rest))
        lengths[header] = bits + (rest >> 1)
    return lengths


_LENGTHS = _lengths()


def with_length(file: Bytes, damaged: bool = False) -> bytes | None:
    """Return an MP3 file's frames behind one that counts them, in the manner of Xing.

    Args:
        file: the whole file; of one that counts its frames only the beginning is looked at.
        damaged: whether decoding it failed: then the frames are wanted in any case, without what lies
            between them, which libmpg123 skips only where it is short.

    Returns:
        None where that is not needed: the file has such a frame, or one bit rate all the way.
    """
    first = _next_frame(file, _after_tags(file))
    counted = first is not None and _counts(file[first : first + 64])
    if first is None or (counted and not damaged):
        return None
    count, bitrates = 0, set()
    place: int | None = first
    runs: list[bytes] = []
    while place is not None:
        begin = place
        while (length := _length(file, place)) and place + length <= len(file):
            count += 1
            bitrates.add(file[place + 2] >> 4)
            place += length
        runs.append(file[begin:place])
        place = _next_frame(file, place)
    if len(bitrates) == 1 and not damaged:
        return None
    begin_with = b"" if counted else _counting_frame(file[first : first + 4], count)
    return b"".join((begin_with, *runs))


def _length(file: Bytes, place: int) -> int:
    """Return how long the frame at a place is, in bytes; 0 when there is none."""
    return _LENGTHS.get(file[place + 1 : place + 3], 0) if file[place : place + 1] == b"\xff" else 0


def _after_tags(file: Bytes) -> int:
    """Return where the ID3v2 tags at the beginning end."""
    place = 0
    while file[place : place + 3] == b"ID3":
        sizes = (file[place + 6 : place + _TAG] + bytes(4))[:4]
        place += _TAG + (sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3])
    return place


def _next_frame(file: Bytes, place: int) -> int | None:
    """Return where the next frame begins that another of its version and rate follows."""
    while (place := file.find(b"\xff", place)) >= 0:
        following = place + _length(file, place)
        if following > place and _length(file, following) and _kind(file, place) == _kind(file, following):
            return place
        place += 1
    return None


def _kind(file: Bytes, place: int) -> tuple[int, int]:
    return file[place + 1] & 0xFE, file[place + 2] & 0x0C


def _counts(frame: bytes) -> bool:
    """Say whether this is the beginning of a frame that tells the length, by Xing, LAME or Fraunhofer."""
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))


def _counting_frame(header: bytes, count: int) -> bytes:
    """Return a silent frame, of the kind that `header` begins, which says how many follow."""
    second, third = header[1] | 1, _BITRATE_INDEX << 4 | header[2] & 0x0C
    mono = header[3] >> 6 == 3
    side = (17 if mono else 32) if header[1] >> 3 & 3 == 3 else (9 if mono else 17)
    frame = bytes((0xFF, second, third, header[3])) + bytes(side) + b"Xing"
    frame += (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return frame.ljust(_LENGTHS[bytes((second, third))], b"\0")
