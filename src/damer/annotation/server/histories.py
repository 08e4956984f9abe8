"""What happened to each annotator: events that are only ever added, and the state that follows from them."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select

from damer.annotation.protocol import (
    AnnotatorState,
    Event,
    apply,
    begin,
    check,
    clock_event,
    event_from_json,
    event_to_json,
)
from damer.annotation.server import models
from damer.annotation.server.answers import Refused, ServiceError, StudyInfo, UnknownPerson
from damer.annotation.server.database import Database

_ATTEMPTS = 100
_LONG = 200  # events: replaying more is left to a thread, so that everybody else is served meanwhile

Rows = Sequence[tuple[Table, Mapping[str, Any]]]


@dataclass(frozen=True)
class _Known:
    seq: int
    state: AnnotatorState


class Histories:
    """Events of all annotators and their states.

    Several servers may write at once. An event is stored under the number that follows the last one known;
    where another server was faster, that number is taken, and the question is asked again.
    """

    def __init__(
        self, database: Database, info: Callable[[str], Awaitable[StudyInfo]], clock: Callable[[], float]
    ) -> None:
        """Begin with nothing known.

        Args:
            database: where the events are.
            info: gives the study as it is now, with a plan of the annotator named where there is one.
            clock: UTC seconds.
        """
        self._database = database
        self._info = info
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def state(self, annotator: str) -> AnnotatorState:
        """Return where an annotator stands, with every event that is stored by now.

        Raises:
            UnknownPerson: there is no such annotator.
        """
        return (await self._load(annotator)).state

    async def states(self, annotators: Sequence[str]) -> dict[str, AnnotatorState]:
        """Return where several annotators stand; one question for all that is new."""
        known = {name: self._known.get(name) or await self._first(name) for name in annotators}
        table = models.events
        numbers = select(table.c.annotator, func.max(table.c.seq)).group_by(table.c.annotator)
        last = await self._database.read(lambda c: {row[0]: row[1] for row in c.execute(numbers)})
        return {
            name: (await self.state(name)) if last.get(name, 0) > known[name].seq else known[name].state
            for name in annotators
        }

    async def events(self, annotator: str) -> list[Event]:
        """Return everything that happened to an annotator."""
        return [event for _, event in await self._after(annotator, 0)]

    async def append(
        self,
        annotator: str,
        event: Callable[[AnnotatorState], Event],
        rows: Callable[[AnnotatorState, Event], Rows] | None = None,
    ) -> AnnotatorState:
        """Store an event if the protocol allows it now, and return the state after it.

        Args:
            annotator: to whom it happens.
            event: gives the event in a state; its time is set to the present.
            rows: gives rows of other tables that are stored with it or not at all, from the state before.

        Raises:
            Refused: the protocol does not allow it.
            UnknownPerson: there is no such annotator.
        """
        for _ in range(_ATTEMPTS):
            known = await self._load(annotator)
            now = (
                self._clock()
            )  # after the state was read: else another server's event could seem to come later
            wanted: Event | None = clock_event(known.state, now)
            added: Rows = ()
            done = wanted is None
            if wanted is None:
                wanted = dataclasses.replace(event(known.state), at=now)
                refusal = check(known.state, wanted)
                if refusal is not None:
                    raise Refused(refusal)
                added = rows(known.state, wanted) if rows else ()
            if await self._store(annotator, known.seq + 1, wanted, added):
                state = self._keep(annotator, _Known(known.seq + 1, apply(known.state, wanted)))
                if done:
                    return state
        raise ServiceError(f"annotator {annotator}: too many things happen at once; try again")

    async def settle(self, annotator: str) -> AnnotatorState:
        """Return the state; where the clock was set back, that is stored first."""
        while True:
            known = await self._load(annotator)
            event = clock_event(known.state, self._clock())
            if event is None:
                return known.state
            if await self._store(annotator, known.seq + 1, event, ()):
                return self._keep(annotator, _Known(known.seq + 1, apply(known.state, event)))

    async def _load(self, annotator: str) -> _Known:
        known = self._known.get(annotator) or await self._first(annotator)
        found = await self._after(annotator, known.seq)
        if found:
            replayed = asyncio.to_thread(_replay, known, found) if len(found) > _LONG else None
            known = await replayed if replayed else _replay(known, found)
        self._keep(annotator, known)
        return known

    async def _first(self, annotator: str) -> _Known:
        info = await self._info(annotator)
        if annotator not in info.assignment.plans:
            raise UnknownPerson(f"annotator {annotator}: is not in this study; check the name")
        return _Known(0, begin(info.settings, info.assignment, annotator))

    def _keep(self, annotator: str, known: _Known) -> AnnotatorState:
        latest = self._known.get(annotator)
        if latest is None or latest.seq < known.seq:
            self._known[annotator] = known
        return known.state

    async def _after(self, annotator: str, seq: int) -> list[tuple[int, Event]]:
        rows = await self._database.read(
            lambda connection: connection.execute(_AFTER, {"annotator": annotator, "seq": seq}).all()
        )
        return [(row.seq, event_from_json(row.event)) for row in rows]

    async def _store(self, annotator: str, seq: int, event: Event, rows: Rows) -> bool:
        """Store an event under its number, and rows with it; False where the number is taken."""
        values = {"annotator": annotator, "seq": seq, "at": event.at, "event": event_to_json(event)}
        insert = self._database.insert(models.events).on_conflict_do_nothing()

        def work(connection: Connection) -> bool:
            if connection.execute(insert, values).rowcount != 1:
                return False
            for table, row in rows:
                connection.execute(table.insert(), row)
            return True

        return await self._database.write(work)


_AFTER = (
    select(models.events.c.seq, models.events.c.event)
    .where(models.events.c.annotator == bindparam("annotator"), models.events.c.seq > bindparam("seq"))
    .order_by(models.events.c.seq)
)


def _replay(known: _Known, found: Sequence[tuple[int, Event]]) -> _Known:
    state = known.state
    for _, event in found:
        state = apply(state, event)
    return _Known(found[-1][0], state)
