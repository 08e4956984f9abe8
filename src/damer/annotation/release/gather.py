"""What leaves a study: its tracks, the pseudonyms of those who passed the calibration, what they said.

Everything that is released goes through here, field by field by name. Whatever else a study's database or
folder holds (ages, countries, addresses, further columns) has no way into a release.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from damer.annotation.records import Study
from damer.annotation.tables import StudyAnnotator, StudyTrack
from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory


@dataclass(frozen=True)
class Material:
    """What is to be released of a study.

    Attributes:
        study: Where the samples are.
        tracks: Tracks that somebody heard to their end, in the study's order.
        annotators: Annotators who passed the calibration and did some of the work.
        tracks_left_out: Tracks of the study that nobody finished.
        annotators_left_out: Annotators of the study that are not released.
        hearings: Finished first hearings of each annotator.
        raters: Annotators of each track.
        takes: Released trajectories, covert second hearings included.
        duplicates: Those second hearings.
    """

    study: Study
    tracks: tuple[StudyTrack, ...]
    annotators: tuple[StudyAnnotator, ...]
    tracks_left_out: int
    annotators_left_out: int
    hearings: dict[str, int]
    raters: dict[str, int]
    takes: int
    duplicates: int

    def trajectories(self) -> Iterator[Trajectory]:
        """Yield the released trajectories one by one, second hearings included."""
        names = {annotator.annotator for annotator in self.annotators}
        for trajectory in self.study.iter_trajectories(("work", "duplicate")):
            if trajectory.annotator in names and len(trajectory.times_s):
                yield trajectory


def gather(study: Study) -> Material:
    """Choose what is released of a study.

    Raises:
        DamerError: nobody passed the calibration or finished a track, or an annotator's pseudonym looks like
            an address or a full name.
    """
    for annotator in study.annotators:
        _check_pseudonym(study.folder, annotator.annotator)
    passed = {annotator.annotator for annotator in study.annotators if annotator.calibrated}
    counted = [
        trial
        for trial in study.trials
        if trial.valid and trial.kind in ("work", "duplicate") and trial.annotator in passed
    ]
    first = [trial for trial in counted if trial.kind == "work"]
    if not first:
        reason = "nobody has finished a track" if passed else "no annotator has passed the calibration"
        raise DamerError(f"{study.folder}: {reason}, so there is nothing to release")
    hearings = Counter(trial.annotator for trial in first)
    raters = Counter(trial.track_id for trial in first)
    tracks = tuple(track for track in study.tracks if track.track_id in raters)
    _check_track_ids(study.folder, tracks)
    annotators = tuple(annotator for annotator in study.annotators if annotator.annotator in hearings)
    return Material(
        study=study,
        tracks=tracks,
        annotators=annotators,
        tracks_left_out=len(study.tracks) - len(tracks),
        annotators_left_out=len(study.annotators) - len(annotators),
        hearings=dict(hearings),
        raters=dict(raters),
        takes=len(counted),
        duplicates=len(counted) - len(first),
    )


def _check_pseudonym(folder: Path, name: str) -> None:
    if "@" in name or re.search(r"\s", name):
        raise DamerError(
            f"{folder}: annotator {name!r} looks like an address or a name, not a pseudonym; "
            "give annotators pseudonyms such as a07 before anything is released"
        )


def _check_track_ids(folder: Path, tracks: tuple[StudyTrack, ...]) -> None:
    for track in tracks:
        if not re.fullmatch(r"[\w.-]+", track.track_id) or track.track_id.startswith("."):
            raise DamerError(
                f"{folder}: track id {track.track_id!r} cannot name a file; use letters, digits, . _ and -"
            )
