"""The four bundled pieces, one a quadrant, composed for this project and in the public domain (CC0)."""

from importlib.resources import files
from pathlib import Path

QUADRANTS = {"joyful": "Q1", "angry": "Q2", "sad": "Q3", "calm": "Q4"}
"""The name of each bundled piece and the quadrant it was composed for."""


def example_path(name: str) -> Path:
    """Path of a bundled piece, an Ogg Vorbis file of 30 to 40 s, 44.1 kHz stereo.

    Args:
        name: `"joyful"`, `"angry"`, `"sad"` or `"calm"`.

    Raises:
        KeyError: There is no such piece.
    """
    if name not in QUADRANTS:
        raise KeyError(f"no example {name!r}; there are {', '.join(QUADRANTS)}")
    return Path(str(files(__package__) / f"{name}.ogg"))
