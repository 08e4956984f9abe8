"""The sound of the present or the next place, to the annotator whose place it is."""

from typing import Annotated, Any

from fastapi import Path, Request, Response

from damer.annotation.server.auth import AsAnnotator, guarded, study
from damer.annotation.server.problems import Problem, answers

router = guarded("annotator", "sound")

AUDIO_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the whole sound; ranges are not served",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("audio/flac", "audio/wav")
        },
    }
}


@router.get("/audio/{name}", summary="The sound of a place", response_class=Response,
            responses=AUDIO_ANSWER | answers(404))  # fmt: skip
async def audio(
    request: Request, caller: AsAnnotator, name: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
) -> Response:
    """Send the sound whole, gain applied, its size padded: a second hearing looks like any other."""
    found = await study(request).audio_of(caller.annotator, name)
    if found is None:
        raise Problem(404, "not_found", "There is no such sound for you now.")
    response: Response = await request.app.state.sounds.covert(caller.annotator, name, found.track)
    return response
