"""How the C library hands memory back."""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # parameters of mallopt(3)
_MOST = 2**31 - 1
_STEP = 64 << 20  # bytes asked of the system at a time


def keep_freed_memory() -> bool:
    """Let the C library keep the memory that is freed, for what is asked next, until the process ends.

    glibc asks the system for every large block and gives it back when it is freed. A training step on the
    CPU makes and drops hundreds of them, and the system clears each page anew: half of the time of networks
    whose maps are large and whose arithmetic is light. The process grows to its peak and stays there, which
    is about a third higher.

    Returns:
        Whether it could be arranged: with glibc only.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    asked = ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, _MOST), (_TOP_PAD, _STEP))
    done = [mallopt(parameter, value) == 1 for parameter, value in asked]
    return all(done)
