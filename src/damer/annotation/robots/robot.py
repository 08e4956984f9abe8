"""A simulated annotator at work on a server."""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from damer import __version__
from damer.annotation.protocol.orders import generator
from damer.annotation.robots.connection import Door, RefusedError, UnreachableError
from damer.annotation.robots.ear import Ear
from damer.annotation.robots.outbox import LONGEST_WAIT_S, Batch, Outbox, Row
from damer.annotation.robots.visitor import Visitor, Watch
from damer.annotation.simulation import Annotator, KnownTrack, hand, smooth_curve, still
from damer.annotation.tables import Samples, StudyTrack

T = TypeVar("T")
_HEARING = ("training", "retrain", "calibrate", "work")
_OVER = ("finished", "paused", "dropped")


class Clock(Protocol):
    """A clock that a robot lives by."""

    def now(self) -> float:
        """Return seconds, never going back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class RealClock:
    """The time of this machine."""

    def now(self) -> float:
        """Return seconds, never going back."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, seconds))


@dataclass(frozen=True)
class Pace:
    """How a robot spends its time.

    Attributes:
        speed: seconds of music played in one second. Above 1 the study must allow tracks to be reported
            early (`early_s`), or the server is asked until the track's time has passed.
        listens: whether sounds are fetched and listened to; else each name conveys something of its own.
        days: whether to wait for the next day where the cap is reached, or leave.
        pause_s: longest wait between two steps, where a person reads; drawn anew each time.
        clock: what it lives by.
    """

    speed: float = 1.0
    listens: bool = True
    days: bool = False
    pause_s: float = 0.0
    clock: Clock = field(default_factory=RealClock)


class Robot:
    """A simulated annotator.

    Args:
        door: the server.
        token: of the invitation.
        who: how they annotate.
        seed: of the hand, the same for one person's whole life.
        ear: what they know music by; may be shared.
        pace: how they spend their time.
        outbox: may hold what an earlier life of the same robot left.
        watch: told of every request.

    Attributes:
        name: pseudonym, once inside.
        outbox: what is on its way, and the ledger of what was acknowledged.
        step: what the server said last that comes next.
        verdicts: what the annotator was told of each calibration, in order.
        finished: trials that the server acknowledged as heard to the end, with the samples of each.
    """

    def __init__(
        self,
        door: Door,
        token: str,
        who: Annotator,
        seed: int = 0,
        *,
        ear: Ear | None = None,
        pace: Pace | None = None,
        outbox: Outbox | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.name, self.step = "", ""
        self.outbox = outbox or Outbox()
        self.verdicts: list[dict[str, Any]] = []
        self.finished: dict[str, tuple[Row, ...]] = {}
        self._who, self._token = who, token
        self._visitor = Visitor(door, watch)
        self._ear = ear or Ear()
        self._pace = pace or Pace()
        self._clock = self._pace.clock
        self._rng = generator(seed, "robot")
        self._study: dict[str, Any] = {}

    async def run(self) -> str:
        """Work until there is nothing more to do.

        Returns:
            The last step: finished, paused, dropped or done_for_today.
        """
        await self._enter()
        self._study = await self._call("study", "GET", "/study")
        sender = asyncio.create_task(self.outbox.run(self._visitor))
        try:
            while not await self._next():
                pass
            await self.outbox.empty()
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
            await self._visitor.door.close()
        return self.step

    async def _next(self) -> bool:
        """Do what comes next; return whether there is nothing more."""
        me = await self._me()
        if self.step in _OVER or (self.step == "done_for_today" and not self._pace.days):
            return True
        if self._pace.pause_s:
            await self._clock.sleep(float(self._rng.uniform(0.0, self._pace.pause_s)))
        if self.step in _HEARING:
            await self._hear(me["audio"])
        elif self.step == "listening":  # a life before this one was cut short in mid-track
            await self._settle(me["open_trial"]["trial_id"])
        elif self.step in ("rest", "done_for_today"):
            await self._clock.sleep(max(0.0, me["until"] - me["server_time"]))
        elif self.step == "judgement":
            await self._clock.sleep(0.1)
        else:
            await self._consent(self.step)
        return False

    async def _consent(self, step: str) -> None:
        value: dict[str, Any] = {"step": step}
        if step == "invitation":
            value["timezone"] = self._who.timezone
        if step == "consent":
            value["consent_version"] = self._study["consent_version"]
        with contextlib.suppress(RefusedError):  # said twice, because the first answer was lost
            await self._call("step", "POST", "/me/steps", value)

    async def _settle(self, trial_id: str) -> None:
        with contextlib.suppress(RefusedError):
            await self._call("interrupt", "POST", f"/trials/{trial_id}/interrupt", {"reason": "client lost"})

    # -- a track ---------------------------------------------------------------------------------------------

    async def _hear(self, audio: dict[str, Any]) -> None:
        samples, heard, whole = await self._listen(audio)
        trial_id = await self._start(audio["name"])
        if not trial_id:
            return
        rows = rows_of(samples)
        batches = await self._play(trial_id, rows, heard)
        await self.outbox.empty()
        if whole:
            await self._finish(trial_id, rows, batches)
        else:
            await self._settle(trial_id)

    async def _listen(self, audio: dict[str, Any]) -> tuple[Samples, float, bool]:
        """Fetch a sound and return what the hand will do, for how many seconds, and whether to the end."""
        if self._pace.listens:
            track = self._ear.hear(await self._patiently(lambda: self._visitor.fetch(audio["url"])))
        else:
            row = StudyTrack(audio["name"], "", float(audio["duration_s"]))
            track = KnownTrack(row, smooth_curve(int(self._rng.integers(1 << 30))))
        length = track.row.duration_s
        if audio.get("exemplar"):
            track = still(audio["exemplar"]["valence"], audio["exemplar"]["arousal"], track.row)
        broken = bool(self._rng.random() < self._who.interrupts)
        heard = length * float(self._rng.uniform(0.05, 0.95)) if broken else length
        return hand(self._who, track, heard, self._rng), heard, not broken

    async def _start(self, name: str) -> str:
        """Start a trial and return its id; "" where it may not start now."""
        about = {
            "program": f"robot {__version__}", "device": "mouse", "language": "en", "output_latency_ms": 0.0,
            "clock_offset_ms": 0.0, "round_trip_ms": 0.0, "user_agent": f"damer robot {__version__}",
            "screen": "0x0", "instance": self.name,
        }  # fmt: skip
        try:
            trial = await self._call("start", "POST", "/trials", {"audio_name": name, "client": about})
            return str(trial["trial_id"])
        except RefusedError as refusal:
            if refusal.code not in ("listening", "rest", "cap", "order", "paused", "dropped", "phase"):
                raise
        me = await self._me()
        # The answer to the start was lost: nothing was played yet, so the trial that is open is this one.
        return str(me["open_trial"]["trial_id"]) if self.step == "listening" else ""

    async def _play(self, trial_id: str, rows: list[Row], heard_s: float) -> int:
        """Put what the hand does into the outbox as the music plays; return the number of batches."""
        interval = float(self._study["batch_interval_s"])
        begun = self._clock.now()
        count = max(1, math.ceil(heard_s / interval))
        position, row = 0, len(rows)
        for number in range(count):
            until = min((number + 1) * interval, heard_s)
            await self._clock.sleep(begun + until / self._pace.speed - self._clock.now())
            last = number == count - 1
            end = row if last else next((n for n in range(position, row) if rows[n][1] > 1000 * until), row)
            events = [_event("play", 0.0)] * (number == 0) + [_event("ended", heard_s)] * last
            await self.outbox.put(Batch.of(trial_id, number, rows[position:end], events))
            position = end
        return count

    async def _finish(self, trial_id: str, rows: list[Row], batches: int) -> None:
        while True:
            try:
                me = await self._call("finish", "POST", f"/trials/{trial_id}/finish", {"batches": batches})
            except RefusedError as refusal:
                if refusal.code == "early":
                    await self._clock.sleep(0.05)
                    continue
                if refusal.code != "over":  # the answer to an earlier one was lost
                    raise
                me = await self._me()
            self.finished[trial_id] = tuple(rows)
            if me.get("verdict") and me["verdict"] not in self.verdicts:
                self.verdicts.append(me["verdict"])
            return

    # -- the server ------------------------------------------------------------------------------------------

    async def _me(self) -> dict[str, Any]:
        me: dict[str, Any] = await self._call("me", "GET", "/me")
        self.step = str(me["step"])
        return me

    async def _enter(self) -> None:
        session = await self._patiently(lambda: self._visitor.enter(self._token))
        self.name = str(session["annotator"])

    async def _call(self, kind: str, method: str, path: str, value: Any = None) -> Any:
        try:
            return await self._patiently(lambda: self._visitor.call(kind, method, path, value))
        except RefusedError as refusal:
            if refusal.status != 401:
                raise
        await self._enter()
        return await self._patiently(lambda: self._visitor.call(kind, method, path, value))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        wait = 0.05
        while True:
            try:
                return await ask()
            except UnreachableError:
                pass
            except RefusedError as refusal:
                if refusal.status != 429:
                    raise
            await self._clock.sleep(wait)
            wait = min(LONGEST_WAIT_S, 2 * wait)


def rows_of(samples: Samples) -> list[Row]:
    """Return samples as they travel: tenths of milliseconds, places to 1e-4 and never outside the disc."""
    columns = (
        samples.seq.tolist(),
        np.round(samples.position_ms, 1).tolist(),
        np.round(samples.client_ms, 1).tolist(),
        (np.trunc(samples.valence * 1e4) / 1e4).tolist(),
        (np.trunc(samples.arousal * 1e4) / 1e4).tolist(),
        samples.inside.astype(int).tolist(),
    )
    return list(zip(*columns, strict=True))


def _event(kind: str, position_s: float) -> dict[str, Any]:
    return {"kind": kind, "position_ms": 1000 * position_s, "client_ms": 1000 * position_s, "detail": ""}
