"""An annotator's way: what comes next, steps that were taken, time zone, profile."""

from fastapi import Request, Response

from damer.annotation.protocol import Consented, Invited, TimezoneSet, TrainingDone, VolumeChecked
from damer.annotation.protocol.days import zone
from damer.annotation.server.auth import AsAnnotator, guarded, study
from damer.annotation.server.problems import Problem, answers
from damer.annotation.server.schemas import Me, Profile, StepRequest, TimezoneRequest
from damer.annotation.server.views import me_of
from damer.core.errors import DamerError

router = guarded("annotator", "annotator")


def timezone(name: str) -> str:
    """Return the name of a time zone that is known here.

    Raises:
        Problem: 422, it is not.
    """
    try:
        zone(name)
    except DamerError as error:
        raise Problem(
            422, "invalid", f"timezone: {name!r} is not known; send a name such as Europe/Berlin."
        ) from error
    return name


@router.get("/me", summary="Where I stand and what comes next")
async def me(request: Request, caller: AsAnnotator) -> Me:
    """Tell step, sound to be loaded, open trial, and today's listening."""
    return await me_of(study(request), caller.annotator)


@router.post("/me/steps", summary="Take a step that is no track", responses=answers(409, 422))
async def take_step(request: Request, caller: AsAnnotator, body: StepRequest) -> Me:
    """Take the invitation up, consent, confirm the volume, or end the training; at the server's time."""
    service = study(request)
    if body.step == "invitation":
        if body.timezone is None:
            raise Problem(422, "invalid", "timezone: is needed for this step.")
        await service.record(caller.annotator, Invited(0.0, timezone(body.timezone)))
    elif body.step == "consent":
        if body.consent_version != service.info.about.consent_version:
            raise Problem(409, "consent", "The consent text has changed; load the page again and read it.")
        await service.record(caller.annotator, Consented(0.0), body.consent_version)
    elif body.step == "volume_check":
        await service.record(caller.annotator, VolumeChecked(0.0))
    else:
        await service.record(caller.annotator, TrainingDone(0.0))
    return await me_of(service, caller.annotator)


@router.put("/me/timezone", summary="Live by another time zone", responses=answers(409, 422))
async def set_timezone(request: Request, caller: AsAnnotator, body: TimezoneRequest) -> Me:
    """Change the zone whose days count for the daily cap; until the old one's day is over both count."""
    service = study(request)
    await service.record(caller.annotator, TimezoneSet(0.0, timezone(body.timezone)))
    return await me_of(service, caller.annotator)


@router.get("/me/profile", summary="What I said of myself")
async def profile(request: Request, caller: AsAnnotator) -> Profile:
    """Return the profile; empty where nothing was said."""
    found = await study(request).get_profile(caller.annotator)
    return Profile.model_validate(found or {})


@router.put("/me/profile", summary="Say something of myself", status_code=204, responses=answers(422))
async def set_profile(request: Request, caller: AsAnnotator, body: Profile) -> Response:
    """Keep the profile; all of it may be left out. It is never exported with what was annotated."""
    await study(request).set_profile(caller.annotator, body.model_dump())
    return Response(status_code=204)
