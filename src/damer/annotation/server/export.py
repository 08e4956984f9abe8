"""From the database to a study folder, which agreement and release read. Nothing of a profile goes along."""

import asyncio
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from damer.annotation.protocol import AnnotatorState
from damer.annotation.records import Study
from damer.annotation.rows import annotator_row
from damer.annotation.server.answers import Track
from damer.annotation.server.service import StudyService
from damer.annotation.tables import StudyTrack
from damer.core.errors import DamerError


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export came to.

    Attributes:
        folder: where it lies.
        annotators: how many people have a row.
        calibrated: how many of them passed the calibration.
        trials: takes that have ended, broken off ones included.
        valid: takes that count.
        samples: rows of samples.
        open: takes that play now; they are left out.
    """

    folder: Path
    annotators: int
    calibrated: int
    trials: int
    valid: int
    samples: int
    open: int


def export_study(
    url: str,
    out: Path,
    *,
    folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Exported:
    """Write the study folder of a running or finished study; may be called from any thread.

    The same database gives the same bytes.

    Args:
        url: of the database.
        out: folder of the study; must not hold one.
        folder: where sound files with a relative path are.
        progress: is told whenever an annotator is done.

    Raises:
        DamerError: the database cannot be read, or the folder not be written.
    """
    return asyncio.run(_export(url, out, folder, progress))


async def _export(
    url: str, out: Path, folder: Path | None, progress: Callable[[int], None] | None
) -> Exported:
    service = await StudyService.open(url, folder=folder, clock=time.time, serving=False)
    try:
        return await write_study(service, out, progress)
    finally:
        await service.close()


async def write_study(
    service: StudyService, out: Path, progress: Callable[[int], None] | None = None
) -> Exported:
    """Write the study folder of a service."""
    info = service.info
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DamerError(f"{out}: is there already; name a folder that is not there yet")
    tracks = [exported_track(track) for track in service.tracks.values()]
    study = Study.create(out, info.name, tracks, info.settings, info.assignment.seed)
    rows, samples, playing = [], 0, 0
    for annotator in info.assignment.plans:
        state = await service.state(annotator)
        samples += await _append(study, service, state)
        rows.append(annotator_row(state))
        playing += state.open is not None
        if progress is not None:
            progress(1)
    study.annotators = tuple(rows)
    study.write()
    return Exported(
        folder=out,
        annotators=len(rows),
        calibrated=sum(row.calibrated for row in rows),
        trials=len(study.trials),
        valid=sum(trial.valid for trial in study.trials),
        samples=samples,
        open=playing,
    )


def exported_track(track: Track) -> StudyTrack:
    """Return a track's row with the path that is right wherever the study folder lies."""
    return dataclasses.replace(track.row, file=str(track.path))


async def _append(study: Study, service: StudyService, state: AnnotatorState) -> int:
    """Add the takes of one annotator that have ended; return how many samples they have."""
    takes = {take.trial_id: take for take in state.takes}
    count = 0
    async for trial_id, recording in service.recordings.iterate(list(takes)):
        row = service.recordings.row(state.course.plan.annotator, takes[trial_id], recording)
        study.append_trial(row, recording.samples)
        count += len(recording.samples)
    return count
