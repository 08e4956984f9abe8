"""The study service: what may be asked of a running study. Every rule is enforced here, whoever asks."""

import dataclasses
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select

from damer.annotation.protocol import (
    PROTOCOL,
    AnnotatorState,
    CalibrationJudged,
    Consented,
    Event,
    Exemplar,
    Invited,
    Next,
    Refusal,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    decide,
    judge,
    judgement,
    listened_today,
)
from damer.annotation.protocol.days import day_bounds
from damer.annotation.server import models
from damer.annotation.server.answers import (
    Audio,
    BadBatch,
    BatchReceipt,
    Conflict,
    Invitation,
    ListName,
    MissingBatches,
    NotYours,
    OpenTrial,
    Refused,
    Role,
    Session,
    StartedTrial,
    StudyInfo,
    Today,
    Track,
)
from damer.annotation.server.database import Database
from damer.annotation.server.histories import Histories, Rows
from damer.annotation.server.packing import Row, digest, pack, pack_events
from damer.annotation.server.people import People
from damer.annotation.server.recorder import Batch, Recorder
from damer.annotation.server.recordings import Recordings
from damer.annotation.server.researcher import Researcher
from damer.annotation.server.studies import read_info, read_tracks
from damer.core.plane import TERM_SET

LAST_BATCH = 99_999
_TRIALS_KEPT = 5000
_LISTS: dict[str, ListName] = {"training": "training", "calibration": "calibration", "work": "work"}


@dataclasses.dataclass(frozen=True)
class _Opened:
    """What never changes about a trial."""

    annotator: str
    track: Track


class StudyService:
    """A running study.

    Attributes:
        database: where everything is.
        info: what the study is; read anew when somebody was replaced.
        tracks: by id.
        people: links, sessions, profiles.
        histories: events and states.
        recordings: what was recorded in trials.
        researcher: what researchers see and do.
    """

    def __init__(
        self, database: Database, info: StudyInfo, tracks: Mapping[str, Track], clock: Callable[[], float]
    ) -> None:
        """Use `open`."""
        self.database = database
        self.info = info
        self.tracks = tracks
        self.now = clock
        self.people = People(database, clock)
        self.histories = Histories(database, self.info_for, clock)
        self.recordings = Recordings(database, info.about.sample_rate_hz)
        self._recorder = Recorder(database, clock)
        self.researcher = Researcher(self)
        self._secret = b""
        self._opened: dict[str, _Opened] = {}

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        folder: Path | str | None = None,
        clock: Callable[[], float] = time.time,
        serving: bool = True,
    ) -> Self:
        """Open the study in a database, and bring its tables up to date.

        Args:
            url: a file of SQLite, or `postgresql://user@host/name`.
            folder: where sound files with a relative path are; by default the folder of the SQLite file.
            clock: UTC seconds; tests bring their own.
            serving: whether this is the one server of a file of SQLite.

        Raises:
            DamerError: it cannot be opened, is served already, or holds no study.
        """
        database = await Database.open(url, serving)
        try:
            info, secret = await read_info(database)
            if folder is None:
                folder = Path(str(database.url.database)).parent if database.dialect == "sqlite" else Path()
            service = cls(database, info, await read_tracks(database, Path(folder)), clock)
        except BaseException:
            await database.close()
            raise
        service._secret = secret
        return service

    async def close(self) -> None:
        """Store what is waiting, and close every connection."""
        await self._recorder.close()
        await self.database.close()

    async def info_for(self, annotator: str) -> StudyInfo:
        """Return the study; read anew where an annotator has no plan in what is known of it."""
        if annotator not in self.info.assignment.plans:
            await self.refresh()
        return self.info

    async def refresh(self) -> StudyInfo:
        """Read the study anew: another server may have replaced somebody."""
        self.info, _ = await read_info(self.database)
        return self.info

    # -- where somebody stands -------------------------------------------------------------------------------

    async def state(self, annotator: str) -> AnnotatorState:
        """Return where an annotator stands; always current.

        Raises:
            UnknownPerson: there is no such annotator.
        """
        return await self.histories.state(annotator)

    async def following(self, annotator: str) -> Next:
        """Return what comes next, at the server's time.

        A clock that was set back is noted first, and a calibration that is waiting to be judged is judged.
        """
        state = await self._settled(annotator)
        return decide(state, self.now())

    async def audio(self, annotator: str) -> Audio | None:
        """Return the hearing that plays or comes next; None where there is none."""
        return self._audio(await self.state(annotator))

    async def audio_of(self, annotator: str, name: str) -> Audio | None:
        """Return a hearing by its opaque name; None where it is not the annotator's present or next one."""
        audio = await self.audio(annotator)
        return (
            audio if audio is not None and hmac.compare_digest(audio.name.encode(), name.encode()) else None
        )

    async def open_trial(self, annotator: str) -> OpenTrial | None:
        """Return the trial that plays; it is still there after a crash of the server or the client."""
        take = (await self.state(annotator)).open
        if take is None:
            return None
        return OpenTrial(take.trial_id, take.started_at, await self._recorder.next_missing(take.trial_id))

    async def today(self, annotator: str) -> Today:
        """Return how much of the day's listening is used."""
        state, now = await self.state(annotator), self.now()
        ends = day_bounds(now, state.zones[0].name)[1] if state.zones else None
        return Today(listened_today(state, now), self.info.settings.daily_cap_s, ends)

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

    # -- what happens ----------------------------------------------------------------------------------------

    async def record(self, annotator: str, event: Event, consent_version: str = "") -> AnnotatorState:
        """Store an event other than a trial's, at the server's time whatever it says, if it is allowed now.

        Args:
            annotator: to whom it happens.
            event: what happens.
            consent_version: with `Consented`: of the text that was agreed to.

        Raises:
            Refused: the protocol does not allow it.
            UnknownPerson: there is no such annotator.
        """
        if isinstance(event, TrialStarted | TrialFinished | TrialInterrupted | CalibrationJudged):
            raise TypeError(f"{type(event).__name__} has a method of its own")

        def consent(_: AnnotatorState, stored: Event) -> Rows:
            values = {"annotator": annotator, "at": stored.at, "version": consent_version}
            return [(models.consents, values)]

        return await self.histories.append(
            annotator, lambda _: event, consent if isinstance(event, Consented) else None
        )

    async def enter(self, annotator: str, timezone: str) -> AnnotatorState:
        """Note that the link was opened, and where the annotator lives."""
        return await self.record(annotator, Invited(0.0, timezone))

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
            MissingBatches: some have not arrived.
            Conflict: one has arrived that should not exist.
            Refused: too early, or it was interrupted. A finish that comes twice is no error.
        """
        await self._trial(annotator, trial_id)
        state = await self.state(annotator)
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
        state = await self.state(annotator)
        if any(take.trial_id == trial_id and not take.valid for take in state.takes):
            return state
        return await self.histories.append(annotator, lambda _: TrialInterrupted(0.0, trial_id, reason))

    # -- people ----------------------------------------------------------------------------------------------

    async def invite(self, annotator: str, role: Role = "annotator") -> Invitation:
        """Make a new link for somebody; older ones end."""
        return await self.people.invite(annotator, role)

    async def open_session(self, token: str) -> Session | None:
        """Log somebody in by the token of a link."""
        return await self.people.open_session(token)

    async def session(self, cookie: str) -> Session | None:
        """Return whose session a cookie is; None where it has ended."""
        return await self.people.session(cookie)

    async def close_session(self, cookie: str) -> None:
        """Log out."""
        await self.people.close_session(cookie)

    async def get_profile(self, annotator: str) -> dict[str, Any] | None:
        """Return what an annotator said of themselves."""
        return await self.people.get_profile(annotator)

    async def set_profile(self, annotator: str, answers: Mapping[str, Any]) -> None:
        """Keep what an annotator says of themselves."""
        await self.people.set_profile(annotator, answers)

    # -- inside ----------------------------------------------------------------------------------------------

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
        if state.phase != "judgement" or state.status != "active":
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
