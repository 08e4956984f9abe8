"""A study made by hand: every number of it is known, no protocol and no chance in it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from damer.annotation.records import Study
from damer.annotation.tables import Samples, StudyAnnotator, StudyTrack, Trial
from damer.core.checksums import file_sha256

SECONDS = 6.0
RATE = 8000
TRACKS = 12
LAG_S = 1.5
RATERS = ("ada", "ben", "cyd", "dee")
CARELESS = "eve"


def curve(track: int, seconds: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Valence and arousal that the music of a track conveys: an arc through the plane, another for each."""
    angle = 2 * np.pi * track / TRACKS + np.asarray(seconds, dtype=np.float64) / SECONDS
    return 0.7 * np.cos(angle), 0.7 * np.sin(angle)


def offset(rater: str) -> float:
    """By how much a rater sees everything to the right of the others."""
    return 0.1 * (RATERS.index(rater) - 1.5) if rater in RATERS else 0.0


def write_study(folder: Path, tracks: int = TRACKS) -> Study:
    """Write a study of short tones: two tracks an artist, four raters and one who never passed."""
    rows = [_track(folder, number) for number in range(tracks)]
    study = Study.create(folder, "Tones and arcs", rows)
    study.annotators = tuple(
        StudyAnnotator(name, cohort=str(number % 2), calibrated=name != CARELESS, status="finished")
        for number, name in enumerate((*RATERS, CARELESS))
    )
    for rater in (*RATERS, CARELESS):
        for number, row in enumerate(rows):
            _hear(study, rater, number, row.track_id)
        _hear(study, rater, 0, rows[0].track_id, again=True)
    study.write()
    return study


def _track(folder: Path, number: int) -> StudyTrack:
    path = folder / "sounds" / f"Piece No. {number}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(SECONDS * RATE)) / RATE
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * (150 + 60 * number) * times), RATE)
    return StudyTrack(
        f"t{number:02d}",
        f"sounds/{path.name}",
        SECONDS,
        group=f"artist {number // 2}",
        title=f"Piece, No. {number} “é”",
        licence="CC0-1.0" if number % 3 else "",
        is_cc0=bool(number % 3),
        source="made for a test",
        sha256=file_sha256(path),
    )


def _hear(study: Study, rater: str, number: int, track: str, again: bool = False) -> None:
    """Add one hearing: 20 samples a second, late by LAG_S; the careless one points at the opposite."""
    position = np.arange(0.0, SECONDS, 0.05)
    valence, arousal = curve(number, position - LAG_S)
    if rater == CARELESS:
        valence, arousal = -valence, -arousal
    start = 1_000_000.0 + 100 * len(study.trials)
    first = f"{rater}-{track}"
    trial = Trial(
        trial_id=f"{first}-again" if again else first,
        annotator=rater,
        track_id=track,
        kind="duplicate" if again else "work",
        duplicate_of=first if again else "",
        valid=True,
        started_at=start,
        finished_at=start + SECONDS,
        device="mouse",
        client="web 1",
    )
    study.append_trial(trial, Samples(1000 * position, valence + offset(rater), arousal))
