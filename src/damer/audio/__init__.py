"""From a file to mono samples: any usual format, only the part that is wanted, at the rate that is wanted."""

from damer.audio.reading import (
    LOUDEST,
    SILENCE,
    Audio,
    duration,
    lasts,
    open_file,
    read,
    read_window,
    resample,
    stream,
)
from damer.audio.sources import SUFFIXES
from damer.audio.stereo import stereo
from damer.audio.window import window

__all__ = [
    "LOUDEST",
    "SILENCE",
    "SUFFIXES",
    "Audio",
    "duration",
    "lasts",
    "open_file",
    "read",
    "read_window",
    "resample",
    "stereo",
    "stream",
    "window",
]
