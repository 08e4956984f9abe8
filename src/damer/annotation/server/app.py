"""The application: routes, guards, limits, headers and pages put together."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from damer import __version__
from damer.annotation.server import pages, problems
from damer.annotation.server.auth import PREFIX, check_guards
from damer.annotation.server.limits import Limits, Rates
from damer.annotation.server.openapi import describe
from damer.annotation.server.routes import annotator, entry, researcher, sound, trials
from damer.annotation.server.security import BodyLimit, SecureHeaders

if TYPE_CHECKING:
    from damer.annotation.server.service import StudyService

ROUTERS = (entry.public, entry.router, annotator.router, trials.router, sound.router, researcher.router)


@dataclass(frozen=True)
class ServerSettings:
    """How the study is served.

    Attributes:
        secure: whether clients come through TLS: the cookie is then sent through nothing else.
        cache: folder for sounds that browsers cannot play as they are.
        web: folder of the built client; None: the one in the package.
        rates: how much anybody may ask for.
    """

    secure: bool = False
    cache: Path | None = None
    web: Path | None = None
    rates: Rates = field(default_factory=Rates)


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
        try:
            yield
        finally:
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
    app.openapi = lambda: description  # type: ignore[method-assign]
    pages.install(app, settings.web, description)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecureHeaders, secure=settings.secure)
    return app


def openapi() -> dict[str, Any]:
    """Return the description of the API without a study."""

    async def no_study() -> "StudyService":
        raise RuntimeError("only described, never started")

    return create_app(no_study).openapi()


__all__ = ["PREFIX", "ServerSettings", "create_app", "openapi"]
