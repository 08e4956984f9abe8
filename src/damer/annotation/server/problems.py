"""What goes wrong on the way, in one JSON shape: `{code, message, until?, missing?}`, never a traceback."""

import json
import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from damer.annotation.server import answers as said
from damer.annotation.server.schemas import Error

_WORDS = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is no such thing here."),
    405: ("method", "This address does not take that method."),
    413: ("too_large", "The request is larger than is taken here."),
}


class Problem(HTTPException):
    """A request that cannot be done, with what to tell.

    It is an HTTPException because FastAPI lets only those through while it reads a body.

    Attributes:
        status: HTTP status, 400 to 499.
        code: one word for programs.
        message: one sentence for people.
        until: when it may happen, UTC seconds; None: waiting is no help.
        missing: numbers of batches that have not arrived.
        retry_after_s: for the header Retry-After; None: no such header.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        until: float | None = None,
        missing: Sequence[int] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.code = code
        self.message = message
        self.until = until
        self.missing = missing
        self.retry_after_s = retry_after_s

    def response(self) -> Response:
        """Return the answer to be sent."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.until is not None:
            body["until"] = self.until
        if self.missing is not None:
            body["missing"] = list(self.missing)
        headers = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, round(self.retry_after_s)))
        text = json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")
        return Response(text, self.status, headers, "application/json")


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entry of the errors that a route may answer with."""
    return {status: {"model": Error, "description": DESCRIPTIONS[status]} for status in statuses}


DESCRIPTIONS = {
    400: "the body is not JSON",
    401: "no session, or it is over",
    403: "another role's, or the header X-CSRF-Token is missing or wrong",
    404: "no such thing, or not yours",
    408: "the body came too slowly",
    409: "the study's rules do not allow it now",
    413: "too large",
    415: "the body is not called application/json",
    422: "a value is missing, unknown or out of range",
    429: "too much at once; Retry-After says when",
}


def install(app: FastAPI) -> None:
    """Answer every error in the one shape."""

    async def problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, said.ServiceError)
        return _refusal(error).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _invalid(error).response()

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, message = _WORDS.get(error.status_code, ("refused", "The request was refused."))
        response = Problem(error.status_code, code, message).response()
        if error.status_code == 405 and error.headers:
            response.headers.update(error.headers)
        return response

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(said.ServiceError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def internal_error() -> Response:
    """Return what is told of an exception that nobody expected."""
    return Problem(500, "internal", "Something went wrong on the server; it was noted.").response()


def stopping() -> Response:
    """Return what is told to a request that was not answered before the server stopped."""
    return Problem(
        503, "stopping", "The server is being stopped; try again soon.", retry_after_s=5
    ).response()


def _refusal(error: said.ServiceError) -> Problem:
    """Return how the study service's no is told."""
    if isinstance(error, said.Refused):
        until = error.refusal.until
        waits = until is not None and math.isfinite(until)
        return Problem(409, error.refusal.code, _sentence(error), until=until if waits else None)
    if isinstance(error, said.MissingBatches):
        return Problem(409, "missing", _sentence(error), missing=error.missing)
    if isinstance(error, said.NotYours | said.UnknownPerson):
        return Problem(404, "not_found", _sentence(error))
    if isinstance(error, said.BadBatch):
        return Problem(422, "invalid", _sentence(error))
    if isinstance(error, said.Conflict):
        return Problem(409, "conflict", _sentence(error))
    return Problem(429, "busy", _sentence(error), retry_after_s=1.0)


def _sentence(error: Exception) -> str:
    text = str(error)[:300]
    return f"{text[:1].upper()}{text[1:]}."


def _invalid(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Problem(400, "bad_request", "The body is not JSON.")
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return Problem(422, "invalid", f"{where[:100]}: {first['msg'][:200]}")
