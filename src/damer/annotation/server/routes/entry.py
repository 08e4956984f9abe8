"""Coming in and going out; what everybody with a session may know."""

from fastapi import Request, Response
from sqlalchemy import text

from damer import __version__
from damer.annotation.protocol import PROTOCOL
from damer.annotation.server.auth import COOKIE, AnySession, guarded, study
from damer.annotation.server.problems import Problem, answers
from damer.annotation.server.schemas import (
    Entry,
    Health,
    ServerTime,
    Session,
    StudyInfo,
    StudyName,
    TermPlace,
)
from damer.core.plane import TERM_SET, TERMS

public = guarded("anyone", "entry")
router = guarded("session", "entry")

_TERMS = [TermPlace(name=t.name, degrees=t.degrees, valence=t.valence, arousal=t.arousal) for t in TERMS]


@public.get("/health", summary="Whether the server is up")
async def health(request: Request) -> Health:
    """Answer when the database does."""
    await study(request).database.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())
    return Health(status="ok", version=__version__)


@public.post("/session", summary="Enter with an invitation's token", responses=answers(401, 403, 422, 429))
async def enter(request: Request, response: Response, entry: Entry) -> Session:
    """Open a session: the answer sets the cookie and tells the CSRF token. The link can be used again."""
    address = request.client.host if request.client else ""
    request.app.state.limits.entry(address)
    opened = await study(request).open_session(entry.token)
    if opened is None:
        request.app.state.limits.wrong_token(address)
        raise Problem(401, "token", "This link is not known or no longer valid; ask for a new one.")
    settings = request.app.state.settings
    response.set_cookie(
        COOKIE,
        opened.cookie,
        max_age=max(1, int(opened.expires_at - study(request).now())),
        path="/",
        secure=settings.secure or request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return _session(request, opened.annotator, opened.role, opened.csrf)


@router.get("/session", summary="Who is logged in")
async def present(request: Request, caller: AnySession) -> Session:
    """Tell the page after a reload who it is shown to."""
    return _session(request, caller.annotator, caller.role, caller.csrf)


@router.delete("/session", summary="Log out", status_code=204)
async def leave(request: Request, caller: AnySession) -> Response:
    """End the session and take the cookie away."""
    await study(request).close_session(caller.cookie)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


@router.get("/time", summary="The server's clock")
async def time(request: Request, _: AnySession) -> ServerTime:
    """Tell the time: clients measure their clock's offset with it."""
    return ServerTime(server_time=study(request).now())


@router.get("/study", summary="The study's rules and terms")
async def info(request: Request, _: AnySession) -> StudyInfo:
    """Tell what the pages show: terms with their places, rests, the day's cap."""
    about = study(request).info
    return StudyInfo(
        name=about.name,
        languages=list(about.about.languages),
        protocol=PROTOCOL,
        terms_version=TERM_SET,
        terms=_TERMS,
        sample_rate_hz=about.about.sample_rate_hz,
        batch_interval_s=about.about.batch_interval_s,
        reset_s=about.settings.reset_s,
        daily_cap_s=about.settings.daily_cap_s,
        consent_version=about.about.consent_version,
    )


def _session(request: Request, annotator: str, role: str, csrf: str) -> Session:
    about = study(request).info
    name = StudyName(name=about.name, languages=list(about.about.languages))
    return Session.model_validate({"annotator": annotator, "role": role, "csrf_token": csrf, "study": name})
