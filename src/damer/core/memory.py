"""How the C library hands memory back."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
_ALL = 2**31 - 1
A_FEW_BLOCKS = 128 << 20
"""Bytes that hold what the work on some seconds of sound needs."""
_kept = 0


def keep_freed_memory(most: int = _ALL) -> bool:
    """Let the C library keep memory that is freed, for what is asked next, in place of giving it back.

    glibc gives every large block back to the system, which clears each page anew when the next one is asked
    for. Work on arrays makes and drops hundreds of them: that is a third of the time from a file to its
    emotion, and half of a training step of networks whose maps are large and whose arithmetic is light. What
    was asked for earlier is never lowered.

    Args:
        most: bytes that may be kept free, at least 2, for the process as a whole. Without a limit a process
            stays at its peak, which is up to a third higher.

    Returns:
        Whether it could be arranged: with glibc only.
    """
    global _kept  # the C library has one setting a process, which cannot be read back
    if most <= _kept:
        return True
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    _kept = most
    done = [mallopt(_MMAP_THRESHOLD, most // 2) == 1, mallopt(_TRIM_THRESHOLD, most) == 1]
    return all(done)
