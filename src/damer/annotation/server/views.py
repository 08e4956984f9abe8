"""What an annotator is shown of the own state: never which track is a covert duplicate, nor any number of a verdict."""

import math
from typing import TYPE_CHECKING

from damer.annotation.protocol import AnnotatorState, Next, listened_today
from damer.annotation.protocol.days import day_bounds
from damer.annotation.server.auth import PREFIX
from damer.annotation.server.schemas import (
    Audio,
    ExemplarPlace,
    ListName,
    Me,
    OpenTrial,
    Today,
    VerdictSeen,
)

if TYPE_CHECKING:
    from damer.annotation.server.service import StudyService

_LISTS: dict[str, ListName] = {"training": "training", "calibration": "calibration", "work": "work"}


async def me_of(service: "StudyService", annotator: str) -> Me:
    """Return where an annotator stands and what comes next."""
    coming = await service.following(annotator)
    state = await service.state(annotator)
    now = service.now()
    profile = await service.get_profile(annotator)
    failed = state.attempt > 0
    verdict = VerdictSeen(passed=state.calibrated, attempt=state.attempt + state.calibrated)
    return Me(
        annotator=annotator,
        step=coming.step,
        number=coming.number,
        total=coming.total,
        until=coming.until,
        server_time=now,
        audio=_audio(service, state, coming),
        open_trial=await _open_trial(service, state),
        today=_today(state, now),
        verdict=verdict if failed or state.calibrated else None,
        timezone=state.zones[0].name if state.zones else None,
        profile_done=profile is not None,
        paused_reason=coming.reason or None,
    )


def _audio(service: "StudyService", state: AnnotatorState, coming: Next) -> Audio | None:
    """The sound that plays or comes next; while a track plays no other one is named."""
    place = state.next_place
    if not coming.track or place is None or coming.step in ("paused", "dropped"):
        return None
    name = service.place_name(state.course.plan.annotator, state.phase, state.attempt, state.place)
    exemplar = None
    if state.phase == "training":
        shown = state.course.exemplars[state.place]
        exemplar = ExemplarPlace(valence=shown.valence, arousal=shown.arousal)
    return Audio(
        name=name,
        url=f"{PREFIX}/audio/{name}",
        duration_s=math.ceil(state.course.durations[coming.track]),
        gain_db=0.0,
        list=_LISTS[state.phase],
        exemplar=exemplar,
    )


async def _open_trial(service: "StudyService", state: AnnotatorState) -> OpenTrial | None:
    if state.open is None:
        return None
    trial_id = state.open.trial_id
    return OpenTrial(
        trial_id=trial_id, started_at=state.open.started_at, next_batch=await service.next_batch(trial_id)
    )


def _today(state: AnnotatorState, now: float) -> Today:
    return Today(
        listened_s=listened_today(state, now),
        cap_s=state.course.settings.daily_cap_s,
        day_ends_at=day_bounds(now, state.zones[0].name)[1] if state.zones else None,
    )
