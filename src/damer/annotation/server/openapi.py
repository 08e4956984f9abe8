"""The description of the API: FastAPI's own, with who may call what and the body of the hot path."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from damer.annotation.server.auth import COOKIE, CSRF_HEADER, SAFE_METHODS, who_may
from damer.annotation.server.problems import DESCRIPTIONS
from damer.annotation.server.schemas import Batch

_ABOUT = """\
What the annotation client and the researcher's pages speak with the server. Times are UTC seconds. A session
begins with `POST /api/v1/session`, which sets the cookie; every other request that is no GET carries the
header `X-CSRF-Token`. Errors are `{code, message, until?, missing?}`. `x-who` says who may call a route.
"""


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """Return the OpenAPI description of an application.

    Args:
        app: it.
        routers: whose routes are described.
    """
    routes = [route for router in routers for route in router.routes]
    found = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
    schemas: dict[str, Any] = found["components"]["schemas"]
    _, batch = models_json_schema([(Batch, "validation")], ref_template="#/components/schemas/{model}")
    schemas.update(batch["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    found["components"]["securitySchemes"] = {
        "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
    }
    for route in routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                _complete(found["paths"][route.path_format][method.lower()], method, route)
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    return found


def _complete(operation: dict[str, Any], method: str, route: APIRoute) -> None:
    who = who_may(route)
    operation["x-who"] = who
    if who != "anyone":
        needed: dict[str, list[str]] = {"cookie": []}
        if method not in SAFE_METHODS:
            needed["csrf"] = []
        operation["security"] = [needed]
    if "requestBody" in operation:
        operation["responses"] = _errors(400, 408, 413, 422) | operation["responses"]
    # FastAPI's own shape of a validation error is answered by nobody here.
    wrong = operation["responses"].get("422")
    if wrong and "HTTPValidationError" in str(wrong):
        operation["responses"] |= _errors(422)
    for answer in operation["responses"].values():
        if answer["description"] == "Successful Response":  # FastAPI's default says nothing
            answer["description"] = "done"
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _errors(*statuses: int) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {str(status): {"description": DESCRIPTIONS[status], "content": content} for status in statuses}
