"""What was recorded and is not acknowledged yet; it outlives the robot, as a browser's database its tab."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from damer.annotation.robots.connection import RefusedError, UnreachableError
from damer.annotation.robots.visitor import Visitor

Row = tuple[int, float, float, float, float, int]
"""A sample as it travels: seq, position_ms, client_ms, valence, arousal, inside."""
LONGEST_WAIT_S = 2.0


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples and events of a trial, numbered from 0.

    Attributes:
        trial_id: of which.
        number: of the batch.
        samples: rows in order.
        body: the whole as JSON.
    """

    trial_id: str
    number: int
    samples: tuple[Row, ...]
    body: bytes = field(repr=False)

    @classmethod
    def of(
        cls, trial_id: str, number: int, samples: Sequence[Row], events: Sequence[dict[str, Any]] = ()
    ) -> "Batch":
        """Return a batch, written as JSON once: what is sent again is the same to the last byte."""
        value = {"samples": samples, "events": events}
        body = json.dumps(value, separators=(",", ":")).encode()
        return cls(trial_id, number, tuple(samples), body)


class Outbox:
    """Batches on their way, and the ledger of those that the server acknowledged.

    Attributes:
        waiting: not acknowledged, in order.
        acknowledged: in order of acknowledgement, each once.
        refused: those that the server will never take, with what it said.
        repeated: acknowledgements of batches that the server had already.
    """

    def __init__(self) -> None:
        self.waiting: list[Batch] = []
        self.acknowledged: list[Batch] = []
        self.refused: list[tuple[Batch, str]] = []
        self.repeated = 0
        self._news = asyncio.Condition()

    async def put(self, batch: Batch) -> None:
        """Add a batch to be sent."""
        async with self._news:
            self.waiting.append(batch)
            self._news.notify_all()

    async def empty(self) -> None:
        """Wait until everything is acknowledged or refused."""
        async with self._news:
            await self._news.wait_for(lambda: not self.waiting)

    def choose(self) -> Sequence[Batch]:
        """Return what to send next, one after another: the oldest. A mischievous outbox does otherwise."""
        return self.waiting[:1]

    async def run(self, visitor: Visitor) -> None:
        """Send, and send again, until cancelled."""
        wait = 0.0
        while True:
            async with self._news:
                await self._news.wait_for(lambda: bool(self.waiting))
                chosen = list(self.choose())
            try:
                for batch in chosen:
                    await self.deliver(visitor, batch)
                wait = 0.0
            except UnreachableError:
                wait = min(LONGEST_WAIT_S, 2 * wait + 0.05)
                await asyncio.sleep(wait)

    async def deliver(self, visitor: Visitor, batch: Batch) -> None:
        """Send one batch and note the answer.

        Raises:
            UnreachableError: no answer came; the batch waits on.
        """
        path = f"/trials/{batch.trial_id}/batches/{batch.number}"
        answer = await visitor.send("batch", "POST", path, batch.body)
        try:
            self.repeated += bool(answer.json().get("duplicate"))
        except RefusedError as refusal:
            if refusal.status in (401, 408, 429):  # later, or after the session was opened again
                raise UnreachableError(str(refusal)) from refusal
            await self._settle(batch, str(refusal))
        else:
            await self._settle(batch, "")

    async def _settle(self, batch: Batch, refusal: str) -> None:
        async with self._news:
            if batch in self.waiting:
                self.waiting.remove(batch)
                if refusal:
                    self.refused.append((batch, refusal))
                else:
                    self.acknowledged.append(batch)
            self._news.notify_all()
