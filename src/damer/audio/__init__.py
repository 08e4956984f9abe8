"""From a file to mono samples: any usual format, only the part that is wanted, at the rate that is wanted."""

from damer.audio.reading import Audio, duration, open_file, read, read_window, resample, stream
from damer.audio.stereo import stereo
from damer.audio.window import window

__all__ = [
    "Audio",
    "duration",
    "open_file",
    "read",
    "read_window",
    "resample",
    "stereo",
    "stream",
    "window",
]
