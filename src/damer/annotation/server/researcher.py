"""What researchers see of a study and do to it; whatever they do is logged in the same transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from damer.annotation.protocol import (
    AnnotatorState,
    CalibrationJudged,
    DroppedOut,
    Event,
    Paused,
    Readmitted,
    coverage,
    decide,
    event_from_json,
    listened_today,
    open_tracks,
    succeed,
)
from damer.annotation.server import models
from damer.annotation.server import researcher_schemas as schemas
from damer.annotation.server.answers import Conflict, ServiceError
from damer.annotation.server.people import is_pseudonym
from damer.annotation.server.said import Said
from damer.annotation.server.studies import change_assignment
from damer.core.errors import DamerError

if TYPE_CHECKING:
    from damer.annotation.server.service import StudyService

_YEARS = ((0.0, "0"), (1.0, "under 1"), (3.0, "1 to 2"), (6.0, "3 to 5"), (11.0, "6 to 10"))
_FEWEST = 3
_JUDGED = '{"event": "calibration_judged"'


class Researcher:
    """A study as its researchers see it."""

    def __init__(self, service: "StudyService") -> None:
        """Look at a study."""
        self._service = service
        self._said = Said(service)

    # -- what there is to see --------------------------------------------------------------------------------

    async def progress(self) -> schemas.Progress:
        """Return how far the study is, by cohort and by person."""
        info = await self._service.refresh()
        seen = await self._last_seen()
        states = await self._states()
        now = self._service.now()
        people = [self._person(state, seen.get(name), now) for name, state in states.items()]
        counts = coverage(info.assignment, states).values()
        return schemas.Progress(
            name=info.name,
            created_at=info.created_at,
            server_time=now,
            tracks=sum(map(len, info.assignment.groups)),
            done=sum(one.done for one in counts),
            total=sum(one.planned for one in counts),
            to_come=sum(one.to_come for one in counts),
            open=sum(one.open for one in counts),
            listened_s=sum(one.listened_s for one in people),
            cohorts=_cohorts(people),
            annotators=people,
        )

    async def calibrations(self) -> schemas.Calibrations:
        """Return every judged calibration, oldest first."""
        table = models.events
        query = (
            select(table.c.annotator, table.c.event)
            .where(table.c.event.startswith(_JUDGED, autoescape=True))
            .order_by(table.c.at, table.c.annotator, table.c.seq)
        )
        rows = await self._service.database.read(lambda connection: connection.execute(query).all())
        attempts: Counter[str] = Counter()
        results = []
        for row in rows:
            event = event_from_json(row.event)
            assert isinstance(event, CalibrationJudged)
            attempts[row.annotator] += 1
            results.append(
                schemas.CalibrationResult(
                    annotator=row.annotator,
                    attempt=attempts[row.annotator],
                    at=event.at,
                    **event.verdict.to_dict(),
                )
            )
        return schemas.Calibrations(
            largest_distance=self._service.info.settings.calibration_distance, results=results
        )

    async def agreement(self) -> schemas.AgreementNow:
        """Return how far the annotators agree on what was heard to its end so far."""
        return await self._said.agreement(await self._states())

    async def trajectories(self, track_id: str) -> schemas.Trajectories | None:
        """Return every take of a track that has ended, on one grid; None where there is no such track."""
        if track_id not in self._service.tracks:
            return None
        trials = models.trials
        query = select(trials.c.annotator).where(trials.c.track_id == track_id).distinct()
        names = sorted(await self._service.database.read(lambda c: c.execute(query).scalars().all()))
        return await self._said.trajectories(track_id, [await self._service.state(name) for name in names])

    async def tracks(self) -> list[schemas.TrackProgress]:
        """Return every track and how often it was heard."""
        heard: defaultdict[str, list[str]] = defaultdict(list)
        states = await self._states()
        for name, state in states.items():
            for take in state.takes:
                if take.valid:
                    heard[take.track].append(name)
        plans = self._service.info.assignment.plans.values()
        planned = Counter(track for plan in plans for track in plan.tracks)
        return [
            schemas.TrackProgress(
                track_id=track_id,
                title=track.row.title,
                group=track.row.group,
                duration_s=track.duration_s,
                licence=track.row.licence,
                takes=len(heard[track_id]),
                annotators=len(set(heard[track_id])),
                total=planned[track_id],
            )
            for track_id, track in self._service.tracks.items()
        ]

    async def instruments(self) -> schemas.Instruments:
        """Count what the profiles say; groups of fewer than three people are not told."""
        people, profiles = models.people, models.profiles
        asked = select(func.count()).select_from(people).where(people.c.role == "annotator")
        total, answers = await self._service.database.read(
            lambda c: (c.execute(asked).scalar_one(), c.execute(select(profiles.c.answers)).scalars().all())
        )
        said = [one for one in answers if any(value not in (None, [], "") for value in one.values())]
        instruments = Counter(
            name for one in said for name in {_word(played) for played in one.get("instruments") or ()}
        )
        rare = {name for name, people in instruments.items() if people < _FEWEST}
        others = sum(any(_word(name) in rare for name in one.get("instruments") or ()) for one in said)
        return schemas.Instruments(
            people=total,
            answered=len(said),
            instruments=[
                *_counted(instruments.elements()),
                *([schemas.Count(name="other", people=others)] if others else []),
            ],
            training=_counted(
                _years(one["training_years"]) for one in said if one.get("training_years") is not None
            ),
            gender=_counted(_word(one["gender"]) for one in said if one.get("gender")),
            age_bands=_counted(one["age_band"] for one in said if one.get("age_band")),
        )

    async def log(self, limit: int = 500) -> list[schemas.LogEntry]:
        """Return what researchers did, the newest first."""
        table = models.log
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        rows = await self._service.database.read(lambda connection: connection.execute(query).all())
        return [schemas.LogEntry(at=row.at, who=row.who, what=row.what, detail=row.detail) for row in rows]

    # -- what there is to do ---------------------------------------------------------------------------------

    async def pause(self, who: str, annotator: str, reason: str = "") -> None:
        """Stop an annotator for the time being; what plays may be heard to its end.

        Raises:
            Refused: has dropped out.
        """
        await self._do(who, "pause", annotator, Paused(0.0, reason), {"reason": reason})

    async def readmit(self, who: str, annotator: str) -> None:
        """Let an annotator go on.

        Raises:
            Refused: is not paused, or there is no fresh calibration set left.
        """
        await self._do(who, "readmit", annotator, Readmitted(0.0), {})

    async def drop(self, who: str, annotator: str, reason: str = "") -> None:
        """Note that an annotator left for good; what they did stays and counts.

        Raises:
            Refused: has dropped out already.
        """
        await self._do(who, "drop", annotator, DroppedOut(0.0, reason), {"reason": reason})

    async def replace(self, who: str, annotator: str, newcomer: str | None = None) -> schemas.Invitation:
        """Give what an annotator who dropped out has left to a newcomer of the same cohort.

        Args:
            who: the researcher.
            annotator: who dropped out.
            newcomer: a pseudonym that is not taken; None: one is made.

        Raises:
            Conflict: has not dropped out, has nothing left, is replaced already, or the name is taken.
        """
        info = await self._service.refresh()
        state = await self._service.state(annotator)
        if state.status != "dropped":
            raise Conflict(f"annotator {annotator}: has not dropped out, so there is nothing to take over")
        name = newcomer or _free_name(annotator, info.assignment.plans)
        if not is_pseudonym(name):
            raise Conflict(f"{name!r}: is no pseudonym; use letters, digits, . _ and -")
        try:
            assignment = succeed(info.settings, info.assignment, annotator, name, open_tracks(state))
        except ServiceError:
            raise
        except DamerError as error:
            raise Conflict(str(error)) from error
        now = self._service.now()
        entry = self._entry(who, "replace", annotator, now, {"newcomer": name})
        await change_assignment(self._service.database, info, assignment, name, entry)
        await self._service.refresh()
        return await self._link(name)

    async def invite(self, who: str, annotator: str) -> schemas.Invitation:
        """Make a new link for an annotator; older ones, and sessions opened with them, end at once."""
        await self._service.state(annotator)  # nobody else may be invited from here
        invitation = await self._link(annotator)
        entry = self._entry(who, "invite", annotator, self._service.now(), {})
        await self._service.database.execute(models.log.insert(), entry)
        return invitation

    async def _link(self, annotator: str) -> schemas.Invitation:
        invitation = await self._service.people.invite(annotator)
        return schemas.Invitation(annotator=annotator, link_path=invitation.path)

    async def _do(self, who: str, what: str, annotator: str, event: Event, detail: Mapping[str, Any]) -> None:
        await self._service.histories.append(
            annotator,
            lambda _: event,
            lambda _, stored: [(models.log, self._entry(who, what, annotator, stored.at, detail))],
        )

    def _entry(
        self, who: str, what: str, annotator: str, at: float, detail: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {"at": at, "who": who, "what": what, "detail": {"annotator": annotator, **detail}}

    # -- inside ----------------------------------------------------------------------------------------------

    async def _states(self) -> dict[str, AnnotatorState]:
        info = await self._service.refresh()
        return await self._service.histories.states(list(info.assignment.plans))

    async def _last_seen(self) -> dict[str, float]:
        table = models.sessions
        query = select(table.c.annotator, func.max(table.c.last_seen)).group_by(table.c.annotator)
        return await self._service.database.read(lambda c: {row[0]: row[1] for row in c.execute(query)})

    def _person(self, state: AnnotatorState, seen: float | None, now: float) -> schemas.PersonProgress:
        plan, following = state.course.plan, decide(state, now)
        ended = [take for take in state.takes if take.ended_at is not None]
        lengths = [
            max(0.0, min(take.ended_at - take.started_at, state.course.durations[take.track]))
            for take in ended
            if take.ended_at is not None
        ]
        return schemas.PersonProgress(
            annotator=plan.annotator,
            cohort=plan.cohort + 1,
            phase=state.phase,
            status=state.status,
            step=following.step,
            reason=state.reason,
            done=state.place if state.calibrated else 0,
            total=len(plan.work),
            calibrated=state.calibrated,
            attempts=state.attempt,
            interrupted=sum(not take.valid for take in ended),
            listened_s=sum(lengths),
            listened_today_s=listened_today(state, now),
            until=following.until,
            last_seen=seen,
            entered=state.phase != "new",
            replaces=plan.replaces,
        )


def _cohorts(people: Iterable[schemas.PersonProgress]) -> list[schemas.CohortProgress]:
    members: defaultdict[int, list[schemas.PersonProgress]] = defaultdict(list)
    for person in people:
        members[person.cohort].append(person)
    return [
        schemas.CohortProgress(
            cohort=cohort,
            annotators=len(some),
            active=sum(one.status == "active" for one in some),
            done=sum(one.done for one in some),
            total=sum(one.total for one in some),
        )
        for cohort, some in sorted(members.items())
    ]


def _counted(words: Iterable[str]) -> list[schemas.Count]:
    """Count words, the most frequent first; what fewer than three people say could point at somebody."""
    counts = {word: people for word, people in Counter(words).items() if word and people >= _FEWEST}
    return [
        schemas.Count(name=name, people=n) for name, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    ]


def _word(text: object) -> str:
    return " ".join(str(text).split()).casefold()


def _years(years: float) -> str:
    return next((name for below, name in _YEARS if years < below or years == below == 0), "11 or more")


def _free_name(annotator: str, taken: Iterable[str]) -> str:
    names, number = set(taken), 2
    while f"{annotator[:60]}-{number}" in names:
        number += 1
    return f"{annotator[:60]}-{number}"
