"""The application: routes, guards, limits, headers and pages put together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from damer import __version__
from damer.annotation.server import pages, problems
from damer.annotation.server.auth import PREFIX, check_guards
from damer.annotation.server.exports import Exports
from damer.annotation.server.limits import Limits, Rates
from damer.annotation.server.openapi import describe
from damer.annotation.server.routes import annotator, entry, researcher, sound, trials
from damer.annotation.server.security import BodyLimit, SecureHeaders
from damer.annotation.server.sounds import ANSWERS_AFTER_S, Sounds

if TYPE_CHECKING:
    from damer.annotation.server.service import StudyService

_LOG = logging.getLogger("damer.annotate")

_TOLD = 5  # sounds that cannot be served, by name

ROUTERS = (entry.public, entry.router, annotator.router, trials.router, sound.router, researcher.router)


@dataclass(frozen=True)
class ServerSettings:
    """How the study is served.

    Attributes:
        secure: whether clients come through TLS: the cookie is then sent through nothing else.
        folder: of the study: in it is kept what is decoded for browsers, and archives while they are sent.
        web: folder of the built client; None: the one in the package.
        rates: how much anybody may ask for.
        sound_after_s: how long an annotator's sound is waited for at least.
    """

    secure: bool = False
    folder: Path | None = None
    web: Path | None = None
    rates: Rates = field(default_factory=Rates)
    sound_after_s: float = ANSWERS_AFTER_S


def create_app(
    open_study: "Callable[[], Awaitable[StudyService]]", settings: ServerSettings | None = None
) -> FastAPI:
    """Return the application of one study.

    Args:
        open_study: opens the study when the server starts; it is closed when the server stops.
        settings: how it is served.
    """
    settings = settings or ServerSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = await open_study()
        app.state.service = service
        app.state.sounds = Sounds(
            settings.folder and settings.folder / "sounds", app.state.limits, settings.sound_after_s
        )
        app.state.exports = Exports(settings.folder)
        preparing = asyncio.create_task(_prepare(app.state.sounds, service))
        try:
            yield
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)
            await service.close()

    app = FastAPI(
        title="damer annotate",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = settings
    app.state.limits = Limits(settings.rates)
    for router in ROUTERS:
        check_guards(router.routes)
        app.include_router(router)
    problems.install(app)
    description = describe(app, ROUTERS)
    # The way that FastAPI documents; mypy does not like a method to be replaced.
    app.openapi = lambda: description  # type: ignore[method-assign]
    pages.install(app, settings.web, description)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecureHeaders, secure=settings.secure)
    return app


async def _prepare(sounds: Sounds, service: "StudyService") -> None:
    problems = await sounds.prepare(service.tracks.values())
    for problem in problems[:_TOLD]:
        _LOG.error("%s", problem)
    if len(problems) > _TOLD:
        _LOG.error("%d more sounds cannot be served", len(problems) - _TOLD)


def openapi() -> dict[str, Any]:
    """Return the description of the API without a study."""

    async def no_study() -> "StudyService":
        raise RuntimeError("only described, never started")

    return create_app(no_study).openapi()


__all__ = ["PREFIX", "ServerSettings", "create_app", "openapi"]
