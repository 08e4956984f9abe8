"""A small running study for tests: a clock to be moved, and people who go through it by the service."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from damer.annotation.protocol import (
    AnnotatorState,
    CalibrationJudged,
    Consented,
    Invited,
    StudySettings,
    TrainingDone,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    VolumeChecked,
)
from damer.annotation.server.answers import Invitation, StartedTrial
from damer.annotation.server.packing import Row
from damer.annotation.server.service import StudyService
from damer.annotation.server.studies import Draft, make_study
from damer.annotation.simulation import KnownTrack, Session, smooth_curve, still
from damer.annotation.tables import Samples, StudyTrack

NOON = 1_780_311_600.0  # 1 June 2026, 11:00 UTC
SETTINGS = StudySettings(
    groups=1, cohorts=1, cohorts_per_group=1, calibration_tracks=3, duplicate_every=3, duplicate_distance=2
)
CLIENT = {"program": "test 1", "device": "mouse", "output_latency_ms": 21.5, "clock_offset_ms": 1.7e12}


class Clock:
    """The server's clock."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def known(prefix: str, count: int, duration_s: float = 20.0) -> list[KnownTrack]:
    """Return tracks of which it is known what they convey."""
    return [
        KnownTrack(
            StudyTrack(f"{prefix}{n}", f"/music/{prefix}{n}.wav", duration_s),
            smooth_curve(100 * ord(prefix) + n),
        )
        for n in range(count)
    ]


def extremes(duration_s: float = 12.0) -> list[KnownTrack]:
    """Return exemplars of two extremes."""
    places = {"bright": (0.6, 0.6), "dark": (-0.6, -0.6)}
    return [
        still(*place, StudyTrack(f"x-{name}", f"/music/{name}.wav", duration_s))
        for name, place in places.items()
    ]


def draft(
    people: Sequence[str] = ("a01", "a02"),
    settings: StudySettings = SETTINGS,
    tracks: Sequence[KnownTrack] | None = None,
    calibration: Sequence[KnownTrack] | None = None,
    exemplars: Sequence[KnownTrack] = (),
    seed: int = 0,
) -> Draft:
    """Return a study of a few short tracks, with others for calibration."""
    return Draft(
        name="Test",
        tracks=[one.row for one in (known("t", 8) if tracks is None else tracks)],
        annotators=people,
        exemplars=[(one.row, place(one)) for one in exemplars],
        calibration=[one.row for one in (known("c", 8) if calibration is None else calibration)],
        settings=settings,
        seed=seed,
    )


def place(track: KnownTrack) -> tuple[float, float]:
    valence, arousal = track.curve(np.linspace(0.0, track.row.duration_s, 200)).mean(axis=0)
    return float(valence), float(arousal)


async def running(
    url: str, clock: Callable[[], float], what: Draft | None = None, **options: Any
) -> tuple[StudyService, Invitation]:
    """Make a study, open it, and return it with the researcher's link."""
    link = await make_study(url, what or draft(), clock=clock)
    return await StudyService.open(url, clock=clock, **options), link


def rows_of(samples: Samples) -> list[Row]:
    """Return samples as a client sends them."""
    columns = (
        samples.seq.tolist(),
        samples.position_ms.tolist(),
        samples.client_ms.tolist(),
        [None if np.isnan(one) else one for one in samples.valence.tolist()],
        [None if np.isnan(one) else one for one in samples.arousal.tolist()],
        samples.inside.tolist(),
    )
    return list(zip(*columns, strict=True))


def some_rows(count: int = 40, start: int = 0) -> list[Row]:
    """Return any samples, 20 a second."""
    return [(n, n * 50.0, 1000.0 + n * 50.0, 0.3, -0.2, 1) for n in range(start, start + count)]


async def enter(service: StudyService, annotator: str, timezone: str = "Europe/Berlin") -> None:
    """Come as far as the training."""
    await service.enter(annotator, timezone)
    await service.record(annotator, Consented(0.0), consent_version="v7")
    await service.record(annotator, VolumeChecked(0.0))


async def at_calibration(service: StudyService, annotator: str = "a01") -> None:
    """Come as far as the calibration, in a study without exemplars."""
    await enter(service, annotator)
    await service.record(annotator, TrainingDone(0.0))


async def start(service: StudyService, annotator: str) -> StartedTrial:
    """Start whatever comes next; it must be allowed."""
    audio = await service.audio(annotator)
    assert audio is not None
    return await service.start_trial(annotator, audio.name, CLIENT)


async def hear(service: StudyService, clock: Clock, annotator: str) -> str:
    """Hear the next track to its end, with a batch of samples."""
    audio = await service.audio(annotator)
    trial = await start(service, annotator)
    assert audio is not None
    clock.now += audio.track.duration_s
    await service.add_batch(annotator, trial.trial_id, 0, some_rows())
    await service.finish_trial(annotator, trial.trial_id, 1)
    return trial.trial_id


async def through(session: Session, service: StudyService, clock: Clock, batch: int = 97) -> AnnotatorState:
    """Let a simulated annotator go their way, and then everything of it once more, by the service.

    The hands are the simulation's, and so is the clock: the service must keep what the simulation keeps, but
    for the trials' ids, which it draws itself. Batches come in the wrong order, and one of them twice.
    """
    said = {trial.trial_id: samples for trial, samples in session.run()}
    trial_id = ""
    for event in session.events:
        clock.now = event.at
        if isinstance(event, Invited):
            await service.enter(session.name, event.timezone)
        elif isinstance(event, TrialStarted):
            audio = await service.audio(session.name)
            assert audio is not None
            assert audio.track.track_id == event.track
            client = {"program": "simulation", "device": "mouse"}
            trial_id = (await service.start_trial(session.name, audio.name, client)).trial_id
        elif isinstance(event, TrialFinished | TrialInterrupted):
            rows = rows_of(said[event.trial_id])
            parts = [rows[first : first + batch] for first in range(0, len(rows), batch)]
            for number, part in [*reversed(list(enumerate(parts))), (0, parts[0])]:
                await service.add_batch(session.name, trial_id, number, part)
            if isinstance(event, TrialFinished):
                await service.finish_trial(session.name, trial_id, len(parts))
            else:
                await service.interrupt_trial(session.name, trial_id, event.reason)
        elif not isinstance(event, CalibrationJudged):  # the service judges by itself, with the last track
            await service.record(session.name, event)
    return await service.state(session.name)
