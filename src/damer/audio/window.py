"""Which part of a track is listened to."""

import math

from damer.core.errors import DamerError

_SHORTEST_S = 15.0


def parse_window(text: str | tuple[float, float]) -> tuple[float, float]:
    """Return (start, end) in seconds of "15:75", "all" (0 to infinity) or a pair.

    Raises:
        DamerError: not of that form, or the end is not at least a second after the start.
    """
    if text == "all":
        return 0.0, math.inf
    try:
        first, last = text.split(":") if isinstance(text, str) else text
        start, end = float(first), float(last) if last != "" else math.inf
    except (TypeError, ValueError):
        raise DamerError(
            f"window {text!r} is not START:END in seconds or 'all'; write for example 15:75"
        ) from None
    if not (0 <= start < math.inf and end - start >= 1):
        raise DamerError(
            f"window {text!r} must begin at 0 or later and last at least 1 s; write for example 15:75"
        )
    return start, end


def window(duration_s: float, wanted: str | tuple[float, float] = "15:75") -> tuple[float, float]:
    """Return (start, end) of the part of a track to listen to, in seconds.

    A track that ends within the window is used to its end if at least 15 s (or the whole window, where
    that is shorter) are left after the window's start; else the whole track is used.

    Args:
        duration_s: length of the track, seconds.
        wanted: "START:END" in seconds, "all", or a pair. 15:75 is the paper's (section III.C).

    Raises:
        DamerError: `wanted` cannot be read (see `parse_window`).
    """
    start, end = parse_window(wanted)
    if duration_s >= end:
        return start, end
    if duration_s - start >= min(_SHORTEST_S, end - start):
        return start, duration_s
    return 0.0, duration_s
