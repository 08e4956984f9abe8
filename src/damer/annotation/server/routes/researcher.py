"""What researchers see of the study and do to it. Every action is logged with who did it."""

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from damer.annotation.server import researcher_schemas as schemas
from damer.annotation.server.auth import AsResearcher, guarded, study
from damer.annotation.server.problems import Problem, answers
from damer.annotation.server.routes.sound import AUDIO_ANSWER
from damer.annotation.server.schemas import NO_NUL, Reason

router = guarded("researcher", "researcher")

TrackId = Annotated[str, Path(min_length=1, max_length=500, pattern=NO_NUL, description="of the track")]
Person = Annotated[
    str, Path(min_length=1, max_length=64, pattern=NO_NUL, description="pseudonym of the annotator")
]


@router.get("/researcher/progress", summary="How far the study is", response_model=schemas.Progress)
async def progress(request: Request, _: AsResearcher) -> Any:
    """Tell it by cohort and by person."""
    return await study(request).researcher.progress()


@router.get("/researcher/calibrations", summary="Calibrations and their numbers",
            response_model=schemas.Calibrations)  # fmt: skip
async def calibrations(request: Request, _: AsResearcher) -> Any:
    """Tell every judged calibration, oldest first."""
    return await study(request).researcher.calibrations()


@router.get("/researcher/agreement", summary="Agreement so far", response_model=schemas.AgreementNow)
async def agreement(request: Request, _: AsResearcher) -> Any:
    """Compute it from what has been heard to its end; kept for a while, as it takes a while."""
    return await study(request).researcher.agreement()


@router.get("/researcher/instruments", summary="What the annotators play",
            response_model=schemas.Instruments)  # fmt: skip
async def instruments(request: Request, _: AsResearcher) -> Any:
    """Count what the profiles say."""
    return await study(request).researcher.instruments()


@router.get("/researcher/tracks", summary="Every track and how often it was heard",
            response_model=list[schemas.TrackProgress])  # fmt: skip
async def tracks(request: Request, _: AsResearcher) -> Any:
    """Tell what there is to look at."""
    return await study(request).researcher.tracks()


@router.get("/researcher/tracks/{track_id:path}/trajectories", summary="All that was said of a track",
            response_model=schemas.Trajectories, responses=answers(404))  # fmt: skip
async def trajectories(request: Request, _: AsResearcher, track_id: TrackId) -> Any:
    """Tell every take, broken-off ones too, on a common grid."""
    found = await study(request).researcher.trajectories(track_id)
    if found is None:
        raise Problem(404, "not_found", "There is no such track in this study.")
    return found


@router.get("/researcher/tracks/{track_id:path}/audio", summary="The sound of a track",
            response_class=Response, responses=AUDIO_ANSWER | answers(404))  # fmt: skip
async def track_audio(request: Request, _: AsResearcher, track_id: TrackId) -> Response:
    """Send it as the annotators hear it."""
    track = study(request).tracks.get(track_id)
    if track is None:
        raise Problem(404, "not_found", "There is no such track in this study.")
    response: Response = await request.app.state.sounds.plain(track)
    return response


@router.get("/researcher/log", summary="What researchers did", response_model=list[schemas.LogEntry])
async def log(request: Request, _: AsResearcher, limit: Annotated[int, Query(ge=1, le=5000)] = 500) -> Any:
    """Tell the newest entries first."""
    return await study(request).researcher.log(limit)


@router.post("/researcher/annotators/{annotator}/pause", summary="Stop an annotator for the time being",
             status_code=204, responses=answers(404, 409, 422))  # fmt: skip
async def pause(request: Request, caller: AsResearcher, annotator: Person, body: Reason) -> Response:
    """Let the open track end; none starts after it."""
    await study(request).researcher.pause(caller.annotator, annotator, body.reason)
    return Response(status_code=204)


@router.post("/researcher/annotators/{annotator}/readmit", summary="Let an annotator go on",
             status_code=204, responses=answers(404, 409))  # fmt: skip
async def readmit(request: Request, caller: AsResearcher, annotator: Person) -> Response:
    """After failed calibrations this grants as many new attempts as there were at first."""
    await study(request).researcher.readmit(caller.annotator, annotator)
    return Response(status_code=204)


@router.post("/researcher/annotators/{annotator}/drop", summary="An annotator has left for good",
             status_code=204, responses=answers(404, 409, 422))  # fmt: skip
async def drop(request: Request, caller: AsResearcher, annotator: Person, body: Reason) -> Response:
    """Keep what was done; what is left is open until somebody takes it over."""
    await study(request).researcher.drop(caller.annotator, annotator, body.reason)
    return Response(status_code=204)


@router.post("/researcher/annotators/{annotator}/replace", summary="Somebody takes over what is left",
             status_code=201, response_model=schemas.Invitation,
             responses=answers(404, 409, 422))  # fmt: skip
async def replace(
    request: Request, caller: AsResearcher, annotator: Person, body: schemas.Replacement
) -> Any:
    """Give the open tracks of a dropped annotator to a newcomer, whose link is the answer."""
    return await study(request).researcher.replace(caller.annotator, annotator, body.newcomer)


@router.post("/researcher/annotators/{annotator}/invite", summary="A new link for an annotator",
             status_code=201, response_model=schemas.Invitation, responses=answers(404, 409))  # fmt: skip
async def invite(request: Request, caller: AsResearcher, annotator: Person) -> Any:
    """Show the link once; older links of this person, and sessions opened with them, end at once."""
    return await study(request).researcher.invite(caller.annotator, annotator)


@router.get("/researcher/export", summary="The study folder as a .zip", response_class=Response,
            responses={200: {"description": "an archive that damer dataset agreement and release read",
                             "content": {"application/zip": {
                                 "schema": {"type": "string", "format": "binary"}}}}})  # fmt: skip
async def export(request: Request, caller: AsResearcher) -> Response:
    """Export what is recorded so far, without sound files."""
    response: Response = await request.app.state.exports.response(study(request))
    return response
