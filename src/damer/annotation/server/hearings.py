"""Hearings: which track comes next under which name, how it starts, what arrives of it, how it ends."""

import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from damer.annotation.protocol import (
    PROTOCOL,
    AnnotatorState,
    CalibrationJudged,
    Event,
    Exemplar,
    Next,
    Refusal,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    decide,
    judge,
    judgement,
)
from damer.annotation.server import models
from damer.annotation.server.answers import (
    Audio,
    BadBatch,
    BatchReceipt,
    Conflict,
    ListName,
    MissingBatches,
    NotYours,
    OpenTrial,
    Refused,
    StartedTrial,
    Track,
)
from damer.annotation.server.database import Database
from damer.annotation.server.histories import Histories, Rows
from damer.annotation.server.packing import Row, digest, pack, pack_events
from damer.annotation.server.recorder import Batch, Recorder
from damer.annotation.server.recordings import Recordings
from damer.core.plane import TERM_SET

LAST_BATCH = 99_999
_TRIALS_KEPT = 5000
_LISTS: dict[str, ListName] = {"training": "training", "calibration": "calibration", "work": "work"}


@dataclasses.dataclass(frozen=True)
class _Opened:
    """What never changes about a trial."""

    annotator: str
    track: Track


class Hearings:
    """What annotators hear, and what is recorded of it.

    Attributes:
        database: where everything is.
        tracks: by id.
        now: the clock, UTC seconds.
        histories: events and states.
        recordings: what was recorded in trials.
    """

    def __init__(
        self,
        database: Database,
        tracks: Mapping[str, Track],
        histories: Histories,
        recordings: Recordings,
        secret: bytes,
        clock: Callable[[], float],
    ) -> None:
        """Begin.

        Args:
            database: of the study.
            tracks: by id.
            histories: of all annotators.
            recordings: of all trials.
            secret: from which opaque names are made.
            clock: UTC seconds.
        """
        self.database = database
        self.tracks = tracks
        self.now = clock
        self.histories = histories
        self.recordings = recordings
        self._recorder = Recorder(database, clock)
        self._secret = secret
        self._opened: dict[str, _Opened] = {}

    async def following(self, annotator: str) -> Next:
        """Return what comes next, at the server's time.

        A clock that was set back is noted first, and a calibration that is waiting to be judged is judged.
        """
        state = await self._settled(annotator)
        return decide(state, self.now())

    async def audio(self, annotator: str) -> Audio | None:
        """Return the hearing that plays or comes next; None where there is none."""
        return self._audio(await self.histories.state(annotator))

    async def audio_of(self, annotator: str, name: str) -> Audio | None:
        """Return a hearing by its opaque name; None where it is not the annotator's present or next one."""
        audio = await self.audio(annotator)
        return (
            audio if audio is not None and hmac.compare_digest(audio.name.encode(), name.encode()) else None
        )

    async def open_trial(self, annotator: str) -> OpenTrial | None:
        """Return the trial that plays; it is still there after a crash of the server or the client."""
        take = (await self.histories.state(annotator)).open
        if take is None:
            return None
        return OpenTrial(take.trial_id, take.started_at, await self._recorder.next_missing(take.trial_id))

    def place_name(self, annotator: str, list: ListName, attempt: int, place: int) -> str:
        """Return the opaque name of one hearing: nothing about the track can be told from it.

        Args:
            annotator: who hears it.
            list: training, calibration or work.
            attempt: number of the calibration attempt, from 0.
            place: in the list, from 0.
        """
        words = repr((annotator, list, attempt, place)).encode()
        return hmac.digest(self._secret, words, hashlib.sha256).hex()[:32]

    async def start_trial(self, annotator: str, place_name: str, client: Mapping[str, Any]) -> StartedTrial:
        """Begin the hearing of the next place.

        Args:
            annotator: who hears it.
            place_name: its opaque name.
            client: by what; `program`, `device`, `output_latency_ms`, `clock_offset_ms` and others.

        Raises:
            Refused: it may not start now, or is not the next one.
        """
        trial_id = secrets.token_hex(12)

        def started(state: AnnotatorState) -> Event:
            if state.open is None and state.status == "active":  # else the protocol says why not
                audio = self._audio(state)
                if audio is None:
                    raise Refused(Refusal("phase", "there is no track to hear now"))
                if not hmac.compare_digest(audio.name.encode(), place_name.encode()):
                    raise Refused(Refusal("order", "this is not the track that comes next"))
            return TrialStarted(0.0, trial_id, state.next_place.track if state.next_place else "")

        def opened(state: AnnotatorState, event: Event) -> Rows:
            assert isinstance(event, TrialStarted)
            about = {
                **client,
                "protocol": PROTOCOL,
                "terms": TERM_SET,
                "sha256": self.tracks[event.track].sha256,
                "gain_db": self.tracks[event.track].gain_db,
            }
            return [
                (
                    models.trials,
                    {
                        "trial_id": trial_id,
                        "annotator": annotator,
                        "track_id": event.track,
                        "opened_at": event.at,
                        "client": about,
                    },
                )
            ]

        state = await self.histories.append(annotator, started, opened)
        assert state.open is not None
        return StartedTrial(trial_id, state.open.started_at)

    async def add_batch(
        self,
        annotator: str,
        trial_id: str,
        number: int,
        samples: Sequence[Row],
        events: Sequence[Mapping[str, Any]] = (),
    ) -> BatchReceipt:
        """Store a numbered batch of samples; returns when it is on the disk. It may come again, and late.

        Args:
            annotator: whose trial it is.
            trial_id: of a trial, ended or not.
            number: of the batch, from 0.
            samples: (seq, position_ms, client_ms, valence, arousal, inside) each.
            events: of the player: {kind, position_ms, client_ms, detail} each.

        Raises:
            NotYours: there is no such trial of this annotator.
            BadBatch: it cannot have been recorded.
            Conflict: another batch is stored under this number.
        """
        opened = await self._trial(annotator, trial_id)
        if not 0 <= number <= LAST_BATCH:
            raise BadBatch(f"batch {number}: numbers go from 0 to {LAST_BATCH}")
        packed, told = pack(samples, opened.track.duration_s), pack_events(events)
        return await self._recorder.add(Batch(trial_id, number, digest(packed, told), packed, told))

    async def next_batch(self, trial_id: str) -> int:
        """Return the lowest number of a batch that has not arrived."""
        return await self._recorder.next_missing(trial_id)

    async def finish_trial(self, annotator: str, trial_id: str, batches: int) -> AnnotatorState:
        """End a trial that was heard to its end; a calibration that is complete with it is judged.

        Args:
            annotator: whose trial it is.
            trial_id: of the trial.
            batches: how many there are, numbered from 0.

        Raises:
            NotYours: there is no such trial of this annotator.
            BadBatch: a number below 0.
            MissingBatches: some have not arrived.
            Conflict: one has arrived that should not exist.
            Refused: too early, or it was interrupted. A finish that comes twice is no error.
        """
        await self._trial(annotator, trial_id)
        if batches < 0:
            raise BadBatch(f"{batches} batches: there cannot be fewer than none")
        state = await self.histories.state(annotator)
        if any(take.trial_id == trial_id and take.valid for take in state.takes):
            return await self._settled(annotator)
        if state.open is not None and state.open.trial_id == trial_id:
            there = await self._recorder.numbers(trial_id)
            missing = sorted(set(range(min(batches, LAST_BATCH + 1))) - there)
            if missing:
                raise MissingBatches(missing)
            if any(number >= batches for number in there):
                raise Conflict(f"this trial has batch {max(there)}, so there are more than {batches}")
        await self.histories.append(
            annotator,
            lambda _: TrialFinished(0.0, trial_id),
            lambda _, __: [(models.ends, {"trial_id": trial_id, "batches": batches})],
        )
        return await self._settled(annotator)

    async def interrupt_trial(self, annotator: str, trial_id: str, reason: str = "") -> AnnotatorState:
        """End a trial that was broken off; it is heard again from its start.

        Raises:
            NotYours: there is no such trial of this annotator.
            Refused: it was finished. An interruption that comes twice is no error.
        """
        await self._trial(annotator, trial_id)
        state = await self.histories.state(annotator)
        if any(take.trial_id == trial_id and not take.valid for take in state.takes):
            return state
        return await self.histories.append(annotator, lambda _: TrialInterrupted(0.0, trial_id, reason))

    def _audio(self, state: AnnotatorState) -> Audio | None:
        list_name = _LISTS.get(state.phase)
        place = state.next_place
        if list_name is None or place is None or state.status == "dropped":
            return None
        if state.status == "paused" and state.open is None:
            return None
        name = self.place_name(state.course.plan.annotator, list_name, state.attempt, state.place)
        exemplar: Exemplar | None = state.course.exemplars[state.place] if list_name == "training" else None
        return Audio(name, self.tracks[place.track], list_name, exemplar)

    async def _settled(self, annotator: str) -> AnnotatorState:
        state = await self.histories.settle(annotator)
        if state.phase != "judgement" or state.status == "dropped":
            return state
        by = judgement(state)
        takes = [by.first, by.second, *(take for _, take in by.extremes)]
        said = await self.recordings.trajectories(annotator, takes, state.course.durations)
        verdict = judge(state, lambda take: said[take.trial_id])
        try:
            return await self.histories.append(annotator, lambda _: CalibrationJudged(0.0, verdict))
        except Refused:  # another server was faster
            return await self.histories.state(annotator)

    async def _trial(self, annotator: str, trial_id: str) -> _Opened:
        opened = self._opened.get(trial_id)
        if opened is None:
            table = models.trials
            query = select(table.c.annotator, table.c.track_id).where(table.c.trial_id == trial_id)
            found = await self.database.read(lambda connection: connection.execute(query).one_or_none())
            if found is not None:
                opened = _Opened(found.annotator, self.tracks[found.track_id])
                while len(self._opened) >= _TRIALS_KEPT:
                    del self._opened[next(iter(self._opened))]
                self._opened[trial_id] = opened
        if opened is None or opened.annotator != annotator:
            raise NotYours("there is no such trial of yours")
        return opened
