"""Trials: one hearing of one track, its batches of samples, and its end."""

from typing import Annotated, Any

from fastapi import Path, Request, Response

from damer.annotation.server import batches
from damer.annotation.server.auth import AsAnnotator, guarded, study
from damer.annotation.server.problems import answers
from damer.annotation.server.schemas import (
    LAST_BATCH,
    BatchReceipt,
    FinishRequest,
    Me,
    Reason,
    Trial,
    TrialRequest,
)
from damer.annotation.server.views import me_of

router = guarded("annotator", "trials")

TrialId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="of the trial")]
Number = Annotated[int, Path(ge=0, le=LAST_BATCH, description="of the batch, from 0")]
_BATCH: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
    }
}


@router.post("/trials", summary="Start the next track", status_code=201, responses=answers(404, 409, 422))
async def start(request: Request, caller: AsAnnotator, body: TrialRequest) -> Trial:
    """Start to play. Refused before its time, out of order, over the day's cap, while another plays."""
    started = await study(request).start_trial(caller.annotator, body.audio_name, body.client.model_dump())
    return Trial(trial_id=started.trial_id, started_at=started.started_at)


@router.post(
    "/trials/{trial_id}/batches/{number}",
    summary="Store a batch of samples",
    response_model=BatchReceipt,
    openapi_extra=_BATCH,
    responses=answers(400, 404, 408, 409, 413, 415, 422),
)
async def add_batch(request: Request, caller: AsAnnotator, trial_id: TrialId, number: Number) -> Response:
    """Answer after the batch is safe on disk. The same batch may come any number of times, in any order.

    Batches of a trial that has ended are taken as well: they may have waited for a network.
    """
    batch = batches.read(request.headers.get("content-type", ""), await request.body())
    request.app.state.limits.samples(caller.annotator, len(batch.samples) + len(batch.events))
    receipt = await study(request).add_batch(
        caller.annotator, trial_id, number, batch.samples, batches.plain_events(batch)
    )
    return batches.answer(number, receipt.duplicate, receipt.next_missing)


@router.post("/trials/{trial_id}/finish", summary="The track was heard to its end",
             responses=answers(404, 409, 422))  # fmt: skip
async def finish(request: Request, caller: AsAnnotator, trial_id: TrialId, body: FinishRequest) -> Me:
    """End the trial. Refused while batches are missing, and before the track can have ended."""
    service = study(request)
    await service.finish_trial(caller.annotator, trial_id, body.batches)
    return await me_of(service, caller.annotator)


@router.post("/trials/{trial_id}/interrupt", summary="The track was broken off",
             responses=answers(404, 409, 422))  # fmt: skip
async def interrupt(request: Request, caller: AsAnnotator, trial_id: TrialId, body: Reason) -> Me:
    """End the trial without an end of the track: it will be played again, from its start."""
    service = study(request)
    await service.interrupt_trial(caller.annotator, trial_id, body.reason)
    return await me_of(service, caller.annotator)
