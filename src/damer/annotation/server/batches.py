"""The hot path: a batch of samples, read and checked without an object for each sample.

`schemas.Batch` says the same for the documentation; a test holds the two together. What types cannot say
(numbers ascend, points lie in the disc, positions in the track) is checked where samples are packed.
"""

from typing import Annotated, Literal

import msgspec
from fastapi.responses import Response

from damer.annotation.server.problems import Problem
from damer.annotation.server.schemas import MOST_EVENTS, MOST_SAMPLES, NO_NUL, OUTERMOST

_Seq = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Position = Annotated[float, msgspec.Meta(ge=0.0, le=1e8)]
_Clock = Annotated[float, msgspec.Meta(ge=0.0, le=1e13)]
_Coordinate = Annotated[float, msgspec.Meta(ge=-OUTERMOST, le=OUTERMOST)] | None
_Kind = Literal["play", "pause", "ended", "stall", "seek_attempt", "visibility", "focus", "device", "latency",
                "error"]  # fmt: skip

Sample = tuple[_Seq, _Position, _Clock, _Coordinate, _Coordinate, Literal[0, 1]]


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    kind: _Kind
    position_ms: _Position
    client_ms: _Clock
    detail: Annotated[str, msgspec.Meta(max_length=200, pattern=NO_NUL)] = ""


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    samples: Annotated[list[Sample], msgspec.Meta(max_length=MOST_SAMPLES)]
    events: Annotated[list[_Event], msgspec.Meta(max_length=MOST_EVENTS)] = []


class _Receipt(msgspec.Struct):
    number: int
    duplicate: bool
    next_missing: int


_DECODE = msgspec.json.Decoder(_Batch).decode
_ENCODE = msgspec.json.Encoder().encode


def read(content_type: str, body: bytes) -> _Batch:
    """Return the batch that a request's body holds.

    Args:
        content_type: as the header says.
        body: JSON.

    Raises:
        Problem: 415, 400 or 422: it is no batch.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "content_type", "The body must be application/json.")
    try:
        return _DECODE(body)
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid", f"{error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, "bad_request", "The body is not JSON.") from error


def plain_events(batch: _Batch) -> list[dict[str, object]]:
    """Return the player's events as plain values."""
    return [msgspec.structs.asdict(event) for event in batch.events]


def answer(number: int, duplicate: bool, next_missing: int) -> Response:
    """Return the receipt as a response."""
    return Response(_ENCODE(_Receipt(number, duplicate, next_missing)), media_type="application/json")
