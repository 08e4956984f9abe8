"""Who may call a route: one mechanism for all of them.

Every route belongs to a router that `guarded` made, and every such router has one guard in front of it; the
application refuses to start with a route that has none. A guard looks at the session's cookie, at the role,
and, on every method that changes something, at the header X-CSRF-Token.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from damer.annotation.server.problems import Problem, answers
from damer.annotation.server.schemas import Role

if TYPE_CHECKING:
    from damer.annotation.server.service import StudyService

PREFIX = "/api/v1"
COOKIE = "damer_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Who = Literal["anyone", "session", "annotator", "researcher"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is.

    Attributes:
        annotator: pseudonym of the annotator or name of the researcher.
        role: annotator or researcher.
        csrf: what X-CSRF-Token must say.
        cookie: the session's secret.
    """

    annotator: str
    role: Role
    csrf: str
    cookie: str


def study(request: Request) -> "StudyService":
    """Return the study that is served."""
    service: StudyService = request.app.state.service
    return service


async def anyone(request: Request) -> None:
    """Let everybody pass, but no request that another site's page made."""
    _same_site(request)


async def session(request: Request) -> Caller:
    """Let whoever has a session pass."""
    return await _caller(request)


async def annotator(request: Request) -> Caller:
    """Let annotators pass."""
    return await _caller(request, "annotator")


async def researcher(request: Request) -> Caller:
    """Let researchers pass."""
    return await _caller(request, "researcher")


AnySession = Annotated[Caller, Depends(session)]
AsAnnotator = Annotated[Caller, Depends(annotator)]
AsResearcher = Annotated[Caller, Depends(researcher)]

_GUARDS: dict[Who, Callable[[Request], Awaitable[Any]]] = {
    "anyone": anyone,
    "session": session,
    "annotator": annotator,
    "researcher": researcher,
}
_ERRORS: dict[Who, tuple[int, ...]] = {
    "anyone": (),
    "session": (401, 403, 429),
    "annotator": (401, 403, 429),
    "researcher": (401, 403, 429),
}


def guarded(who: Who, tag: str) -> APIRouter:
    """Return a router whose routes are for some callers only.

    Args:
        who: for whom they are.
        tag: under which the documentation shows them.
    """
    return APIRouter(prefix=PREFIX, tags=[tag], dependencies=[Depends(_GUARDS[who])],
                     responses=answers(*_ERRORS[who]))  # fmt: skip


def who_may(route: APIRoute) -> Who:
    """Return for whom a route is.

    Raises:
        RuntimeError: it has no guard, or several.
    """
    found = [
        name for name, guard in _GUARDS.items() if any(d.dependency is guard for d in route.dependencies)
    ]
    if len(found) != 1:
        raise RuntimeError(f"route {route.path}: has {len(found)} guards, not one")
    return found[0]


def check_guards(routes: Iterable[object]) -> None:
    """See to it that every route has its guard.

    Raises:
        RuntimeError: one has none, or several.
    """
    for route in routes:
        if isinstance(route, APIRoute):
            who_may(route)


async def _caller(request: Request, role: Role | None = None) -> Caller:
    cookie = request.cookies.get(COOKIE, "")
    found = await study(request).session(cookie) if 16 <= len(cookie) <= 200 else None
    if found is None:
        raise Problem(401, "session", "You are not logged in; open your link again.")
    if role is not None and found.role != role:
        raise Problem(403, "role", f"This is for {role}s.")
    if request.method not in SAFE_METHODS:
        _same_site(request)
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), found.csrf.encode()):
            raise Problem(403, "csrf", f"The header {CSRF_HEADER} is missing or wrong; load the page again.")
    request.app.state.limits.request(found.annotator)
    return Caller(found.annotator, found.role, found.csrf, cookie)


def _same_site(request: Request) -> None:
    """Refuse what a browser says was caused by another site, whatever cookies came along."""
    if request.method not in SAFE_METHODS and request.headers.get("sec-fetch-site") in (
        "cross-site",
        "same-site",
    ):
        raise Problem(403, "csrf", "Another site's page made this request.")
