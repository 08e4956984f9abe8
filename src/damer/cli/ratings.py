"""The three kinds of folder that hold what people said of music: a study, a release, VGMIDI."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory


@dataclass(frozen=True)
class Ratings:
    """Trajectories, and what is known of the tracks.

    Attributes:
        name: What the study is called.
        read: Reads every trajectory anew, second hearings and those of calibration included; a study may be
            larger than memory.
        work: Says whether a trajectory counts for labels: not those of training and calibration.
        durations: Length of each track, seconds.
        left_out: Annotators whose work does not count, for their calibration was not passed.
        sounds: Sound file of each track that has one.
    """

    name: str
    read: Callable[[], Iterable[Trajectory]]
    work: Callable[[Trajectory], bool]
    durations: Mapping[str, float] = field(default_factory=dict)
    sounds: Mapping[str, Path] = field(default_factory=dict)
    left_out: Sequence[str] = ()


def open_ratings(folder: Path) -> Ratings:
    """Open whichever of the three the folder is.

    Raises:
        DamerError: it is none of them, or cannot be read.
    """
    if (folder / "study.json").is_file():
        return _study(folder)
    if (folder / "dataset.json").is_file():
        return _release(folder)
    if any(
        (folder / part / "vgmidi_raw_1.json").is_file()
        for part in ("", "annotations", "labelled/annotations")
    ):
        from damer.datasets.vgmidi import trajectories

        said = trajectories(folder)
        return Ratings("VGMIDI", lambda: said, lambda _: True)
    raise DamerError(
        f"{folder}: no study.json, dataset.json or vgmidi_raw_1.json; give the folder of a study, of a "
        f"release, "
        "or VGMIDI's"
    )


def _study(folder: Path) -> Ratings:
    from damer.annotation.records import Study

    study = Study.open(folder)
    kinds = {trial.trial_id: trial.kind for trial in study.trials}
    failed = sorted(one.annotator for one in study.annotators if not one.calibrated)
    paths = {track.track_id: study.audio(track.track_id) for track in study.tracks}
    return Ratings(
        study.name,
        lambda: study.iter_trajectories(("calibration", "work", "duplicate")),
        lambda said: kinds[said.take] in ("work", "duplicate") and said.annotator not in failed,
        {track.track_id: track.duration_s for track in study.tracks},
        {track: path for track, path in paths.items() if path.is_file()},
        failed,
    )


def _release(folder: Path) -> Ratings:
    from damer.datasets.release import read_columns, read_description, read_trajectories
    from damer.datasets.release_tables import TRACKS

    said = read_trajectories(folder)
    tracks = read_columns(folder, TRACKS)
    lengths = zip(tracks["track_id"], tracks["duration_s"], strict=True)
    files = zip(tracks["track_id"], tracks["file"], strict=True)
    sounds = {str(track): folder / str(file) for track, file in files if file}
    return Ratings(
        str(read_description(folder)["name"]),
        lambda: said,
        lambda _: True,
        {str(track): float(length) for track, length in lengths},
        {track: path for track, path in sounds.items() if path.is_file()},
    )
