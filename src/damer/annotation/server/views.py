"""What annotators are shown of their own state: no covert duplicate is told apart, no verdict has numbers."""

import dataclasses
import math
from typing import TYPE_CHECKING

from damer.annotation.server.auth import PREFIX
from damer.annotation.server.schemas import Audio, ExemplarPlace, Me, OpenTrial, Today, VerdictSeen

if TYPE_CHECKING:
    from damer.annotation.server import answers
    from damer.annotation.server.service import StudyService


async def me_of(service: "StudyService", annotator: str) -> Me:
    """Return where an annotator stands and what comes next."""
    coming = await service.following(annotator)  # first: it may judge a calibration
    state = await service.state(annotator)
    trial = await service.open_trial(annotator)
    today = await service.today(annotator)
    verdict = VerdictSeen(passed=state.calibrated, attempt=state.attempt + state.calibrated)
    waits = coming.until is not None and math.isfinite(coming.until)
    return Me(
        annotator=annotator,
        step=coming.step,
        number=coming.number,
        total=coming.total,
        until=coming.until if waits else None,
        server_time=service.now(),
        audio=_audio(await service.audio(annotator)),
        open_trial=None if trial is None else OpenTrial(**dataclasses.asdict(trial)),
        today=Today(listened_s=today.listened_s, cap_s=today.cap_s, day_ends_at=today.ends_at),
        verdict=verdict if state.attempt or state.calibrated else None,
        timezone=state.zones[0].name if state.zones else None,
        profile_done=await service.get_profile(annotator) is not None,
        paused_reason=coming.reason or None,
    )


def _audio(found: "answers.Audio | None") -> Audio | None:
    if found is None:
        return None
    place = found.exemplar
    return Audio(
        name=found.name,
        url=f"{PREFIX}/audio/{found.name}",
        duration_s=math.ceil(found.track.duration_s),
        gain_db=0.0,
        list=found.list,
        exemplar=None if place is None else ExemplarPlace(valence=place.valence, arousal=place.arousal),
    )
