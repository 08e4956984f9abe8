"""What annotators said, as a researcher looks at it while the study runs: agreement and single tracks."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from damer.annotation.protocol import AnnotatorState, Take
from damer.annotation.server import researcher_schemas as schemas
from damer.core.agreement.summary import Agreement, Table, agreement
from damer.core.fusion import TrackRatings, resample
from damer.core.trajectory import Trajectory

if TYPE_CHECKING:
    from damer.annotation.server.service import StudyService

Values = npt.NDArray[np.float64]

_RATE_HZ = 1.0
_LOOK_HZ = 4.0
_MOST_TAKES = 4000  # agreement of more is told from the tracks that most people have heard


class Said:
    """Reads what was said, and remembers it at one value a second: a take that has ended never changes."""

    def __init__(self, service: "StudyService") -> None:
        """Begin with nothing read."""
        self._service = service
        self._seconds: dict[str, tuple[Values, Values]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._last: tuple[frozenset[str], schemas.AgreementNow] | None = None

    async def agreement(self, states: Mapping[str, AnnotatorState]) -> schemas.AgreementNow:
        """Return how far the annotators agree in the work that they have heard to its end."""
        async with self._one_at_a_time:
            heard, left_out = _most_heard(states)
            takes = frozenset(take.trial_id for some in heard.values() for take in some.values())
            if self._last is None or self._last[0] != takes:
                for name in sorted({name for some in heard.values() for name in some}):
                    await self._read(states[name], [some[name] for some in heard.values() if name in some])
                tables = [self._table(track, some) for track, some in sorted(heard.items())]
                found = await asyncio.to_thread(agreement, tables)
                self._last = takes, _told(found, self._service.now(), len(takes), len(heard), left_out)
            return self._last[1]

    async def trajectories(self, track_id: str, states: Sequence[AnnotatorState]) -> schemas.Trajectories:
        """Return every take of a track that has ended, on one grid."""
        track = self._service.tracks[track_id]
        grid = np.arange(0.0, track.duration_s, 1.0 / _LOOK_HZ)
        told = []
        for state in states:
            takes = [take for take in state.takes if take.track == track_id]
            paths = await self._paths(state, takes)
            told += [_take(state.course.plan.annotator, take, paths[take.trial_id], grid) for take in takes]
        return schemas.Trajectories(
            track_id=track_id,
            title=track.row.title,
            duration_s=track.duration_s,
            rate_hz=_LOOK_HZ,
            takes=told,
        )

    async def _read(self, state: AnnotatorState, takes: Sequence[Take]) -> None:
        missing = [take for take in takes if take.trial_id not in self._seconds]
        paths = await self._paths(state, missing)
        for take in missing:
            length = state.course.durations[take.track]
            self._seconds[take.trial_id] = resample(paths[take.trial_id], _RATE_HZ, length)

    async def _paths(self, state: AnnotatorState, takes: Sequence[Take]) -> dict[str, Trajectory]:
        recordings = self._service.recordings
        return await recordings.trajectories(state.course.plan.annotator, takes, state.course.durations)

    def _table(self, track: str, takes: Mapping[str, Take]) -> TrackRatings:
        names = sorted(takes)
        series = [self._seconds[takes[name].trial_id] for name in names]
        valence, arousal = (np.stack([one[axis] for one in series], axis=1) for axis in (0, 1))
        return TrackRatings(track, tuple(names), _RATE_HZ, valence, arousal)


def _most_heard(states: Mapping[str, AnnotatorState]) -> tuple[dict[str, dict[str, Take]], int]:
    """Return valid first hearings in the work by track and annotator, and how many tracks are left out."""
    heard: defaultdict[str, dict[str, Take]] = defaultdict(dict)
    for name, state in states.items():
        for take in state.takes:
            if take.valid and take.kind == "work":
                heard[take.track][name] = take
    chosen: dict[str, dict[str, Take]] = {}
    room = _MOST_TAKES
    for track, some in sorted(heard.items(), key=lambda one: (-len(one[1]), one[0])):
        if len(some) <= room:
            chosen[track] = some
            room -= len(some)
    return chosen, len(heard) - len(chosen)


def _told(found: Agreement, at: float, takes: int, tracks: int, left_out: int) -> schemas.AgreementNow:
    notes = []
    if not takes:
        notes.append("nobody has heard a track of the work to its end yet")
    elif not any(raters > 1 for raters in found.raters):
        notes.append("no track was heard by two annotators yet")
    elif not found.crossed:
        notes.append(
            "most annotators have heard fewer than three tracks, so they are not compared over tracks"
        )
    if left_out:
        notes.append(f"{left_out} tracks are left out here, those that fewest people have heard")
    return schemas.AgreementNow(
        at=at,
        trajectories=takes,
        tracks=tracks,
        tables=[_told_table(table) for table in found.tables],
        annotators=[
            schemas.PersonAgreement(
                annotator=name,
                tracks=int(values["tracks"]),
                arousal=_number(values["arousal"]),
                valence=_number(values["valence"]),
            )
            for name, values in sorted(found.per_annotator.items())
        ],
        note="; ".join(notes),
    )


def _told_table(table: Table) -> schemas.AgreementTable:
    return schemas.AgreementTable(
        dimension=table.dimension,
        scope=table.scope,
        design=table.design,
        targets=table.targets,
        ratings=table.ratings,
        raters=_number(table.k),
        estimates={
            name: schemas.AgreementValue(
                value=_number(one.value), low=_number(one.interval[0]), high=_number(one.interval[1])
            )
            for name, one in table.estimates.items()
        },
    )


def _take(annotator: str, take: Take, path: Trajectory, grid: Values) -> schemas.Trajectory:
    """Return a take on a grid; one that was broken off ends where it was."""
    last = path.times_s[-1] if len(path.times_s) else 0.0
    moments = grid if take.valid else grid[grid <= last]
    valence, arousal = path.at(moments)
    return schemas.Trajectory(
        trial_id=take.trial_id,
        annotator=annotator,
        kind=take.kind,
        valid=take.valid,
        started_at=take.started_at,
        time_s=[round(float(moment), 3) for moment in moments],
        valence=[_number(value) for value in valence],
        arousal=[_number(value) for value in arousal],
    )


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
