"""The built client, and the page of the API's documentation: everything comes from this server."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from damer.annotation.server import apidoc
from damer.annotation.server.auth import PREFIX

WEB = Path(__file__).parent / "static"
"""Where the built client lies; `make web` builds it, the wheel holds it."""

_NOT_BUILT = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>damer annotate</title>
<h1>The pages are missing</h1>
<p>The server runs and answers its <a href="/api/docs">programming interface</a>, but the pages for annotators
and researchers were not built. In a copy of the repository run <code>make web</code>, then start again;
the wheel of a release has them.</p></html>
"""


def install(app: FastAPI, web: Path | None, description: dict[str, Any]) -> None:
    """Serve pages and documentation.

    Args:
        app: to be added to.
        web: folder of the built client; None: the one in the package.
        description: OpenAPI.
    """
    web = web or WEB
    described = json.dumps(description, ensure_ascii=False).encode()
    page = apidoc.page(description)

    async def openapi(_: Request) -> Response:
        return Response(described, media_type="application/json")

    async def documentation(_: Request) -> Response:
        return HTMLResponse(page)

    async def style(_: Request) -> Response:
        return Response(apidoc.STYLE, media_type="text/css")

    app.add_route(f"{PREFIX}/openapi.json", openapi, ["GET"])
    app.add_route("/api/docs", documentation, ["GET"])
    app.add_route("/api/docs.css", style, ["GET"])
    index = web / "index.html"

    async def start(_: Request) -> Response:
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    app.add_route("/", start, ["GET"])
    # Files of the top folder are named one by one: nothing else that lies there can be asked for.
    for path in sorted(web.iterdir()) if web.is_dir() else []:
        if path.is_file() and path != index:
            app.add_route(f"/{path.name}", _file(path), ["GET"])
    if (web / "assets").is_dir():
        app.router.routes.append(Mount("/assets", _Assets(directory=web / "assets"), name="assets"))


def _file(path: Path) -> Any:
    async def send(_: Request) -> Response:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return send


class _Assets(StaticFiles):
    """Files with a hash in their name: kept by browsers for good. Errors are told by the application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_to_keep(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 206, 304):
                kept = (b"cache-control", b"public, max-age=31536000, immutable")
                message = {**message, "headers": [*message["headers"], kept]}
            await send(message)

        try:
            await super().__call__(scope, receive, send_to_keep)
        except (OSError, ValueError) as error:  # a name that no file can have
            raise HTTPException(404) from error
