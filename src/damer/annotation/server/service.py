"""The study service: what may be asked of a running study. Every rule is enforced here, whoever asks."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from damer.annotation.protocol import (
    AnnotatorState,
    CalibrationJudged,
    Consented,
    Event,
    Invited,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    listened_today,
)
from damer.annotation.protocol.days import day_bounds
from damer.annotation.server import models
from damer.annotation.server.answers import Invitation, Role, Session, StudyInfo, Today, Track
from damer.annotation.server.database import Database
from damer.annotation.server.hearings import Hearings
from damer.annotation.server.histories import Histories, Rows
from damer.annotation.server.people import People
from damer.annotation.server.recordings import Recordings
from damer.annotation.server.researcher import Researcher
from damer.annotation.server.studies import read_info, read_revision, read_secret, read_tracks


class StudyService(Hearings):
    """A running study.

    Attributes:
        info: what the study is; read anew when somebody was replaced.
        people: links, sessions, profiles.
        researcher: what researchers see and do.
    """

    def __init__(
        self,
        database: Database,
        info: StudyInfo,
        secret: bytes,
        tracks: Mapping[str, Track],
        clock: Callable[[], float],
    ) -> None:
        """Use `open`."""
        histories = Histories(database, self.info_for, clock)
        recordings = Recordings(database, info.about.sample_rate_hz)
        super().__init__(database, tracks, histories, recordings, secret, clock)
        self.info = info
        self.people = People(database, clock)
        self.researcher = Researcher(self)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        folder: Path | str | None = None,
        clock: Callable[[], float] = time.time,
        serving: bool = True,
    ) -> Self:
        """Open the study in a database; a server brings its tables up to date.

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
            info, secret = await read_info(database), await read_secret(database)
            if folder is None:
                folder = Path(str(database.url.database)).parent if database.dialect == "sqlite" else Path()
            return cls(database, info, secret, await read_tracks(database, Path(folder)), clock)
        except BaseException:
            await database.close()
            raise

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
        if await read_revision(self.database) != self.info.revision:
            self.info = await read_info(self.database)
        return self.info

    # -- where somebody stands -------------------------------------------------------------------------------

    async def state(self, annotator: str) -> AnnotatorState:
        """Return where an annotator stands; always current.

        Raises:
            UnknownPerson: there is no such annotator.
        """
        return await self.histories.state(annotator)

    async def today(self, annotator: str) -> Today:
        """Return how much of the day's listening is used."""
        state, now = await self.state(annotator), self.now()
        ends = day_bounds(now, state.zones[0].name)[1] if state.zones else None
        return Today(listened_today(state, now), self.info.settings.daily_cap_s, ends)

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
