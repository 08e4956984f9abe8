"""Vocal screening: interchangeable screeners behind one small interface."""

from pathlib import Path

from damer.core.errors import DamerError
from damer.curation.screening.base import Screener, Thresholds, Verdict, read_thresholds, write_thresholds

__all__ = [
    "SCREENERS",
    "Screener",
    "Thresholds",
    "Verdict",
    "read_thresholds",
    "screener",
    "write_thresholds",
]

SCREENERS = ("cues", "demucs", "spleeter")


def screener(
    name: str = "cues", *, thresholds: Thresholds | None = None, spleeter_python: Path | None = None
) -> Screener:
    """Return the screener of a name; each process makes its own.

    Args:
        name: "cues" (built in), "demucs" (extra) or "spleeter" (an environment of its own).
        thresholds: Where scores turn into verdicts; None: the screener's own.
        spleeter_python: The Python of the environment in which Spleeter is installed.

    Raises:
        DamerError: No such screener, or what it needs is not installed.
    """
    if name == "cues":
        from damer.curation.screening.cues import CueScreener

        return CueScreener(thresholds)
    if name == "demucs":
        from damer.curation.screening.separation import demucs

        return demucs(thresholds)
    if name == "spleeter":
        from damer.curation.screening.separation import spleeter

        return spleeter(spleeter_python, thresholds)
    raise DamerError(f"no screener is called {name}: choose one of {', '.join(SCREENERS)}")
