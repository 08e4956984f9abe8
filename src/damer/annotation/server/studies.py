"""The study itself in the database: how it is written once, read, and changed when somebody is replaced."""

import dataclasses
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update

from damer import __version__
from damer.annotation.protocol import Assignment, Exemplar, StudySettings, assign
from damer.annotation.server import models
from damer.annotation.server.answers import About, Conflict, Invitation, StudyInfo, Track
from damer.annotation.server.database import Database
from damer.annotation.server.people import People, is_pseudonym
from damer.annotation.tables import StudyTrack
from damer.core.errors import DamerError

STUDY = 1


@dataclasses.dataclass(frozen=True)
class Draft:
    """A study that is to be made.

    Attributes:
        name: of the study.
        tracks: of the work.
        annotators: pseudonyms.
        exemplars: tracks of the training with their places (valence, arousal).
        calibration: tracks kept for calibration; without, they come from groups that an annotator does not
            work on.
        settings: the protocol's.
        about: how it is run.
        seed: of the assignment.
    """

    name: str
    tracks: Sequence[StudyTrack]
    annotators: Sequence[str]
    exemplars: Sequence[tuple[StudyTrack, tuple[float, float]]] = ()
    calibration: Sequence[StudyTrack] = ()
    settings: StudySettings = dataclasses.field(default_factory=StudySettings)
    about: About = dataclasses.field(default_factory=About)
    seed: int = 0

    def assignment(self) -> Assignment:
        """Draw who hears what.

        Raises:
            DamerError: the design does not fit, or a pseudonym is none.
        """
        for name in self.annotators:
            if not is_pseudonym(name):
                raise DamerError(
                    f"annotator {name!r}: is no pseudonym; use letters, digits, . _ and -, such as a07"
                )
        exemplars = [
            Exemplar(row.track_id, row.duration_s, valence, arousal)
            for row, (valence, arousal) in self.exemplars
        ]
        return assign(
            self.settings,
            _lengths(self.tracks),
            list(self.annotators),
            self.seed,
            exemplars,
            _lengths(self.calibration),
        )


def _lengths(rows: Sequence[StudyTrack]) -> dict[str, float]:
    lengths = {row.track_id: row.duration_s for row in rows}
    if len(lengths) != len(rows):
        raise DamerError("tracks: two have the same track_id; give each track its own")
    return lengths


async def create(database: Database, draft: Draft, now: float) -> None:
    """Write a study into a database that has none.

    Args:
        database: where.
        draft: what.
        now: UTC seconds.

    Raises:
        DamerError: there is a study already, or the design does not fit.
    """
    assignment = draft.assignment()
    rows = [*draft.tracks, *draft.calibration, *(row for row, _ in draft.exemplars)]
    study = {
        "id": STUDY,
        "name": draft.name,
        "created_at": now,
        "settings": draft.settings.to_dict(),
        "assignment": assignment.to_dict(),
        "about": dataclasses.asdict(dataclasses.replace(draft.about, made_by=__version__)),
        "secret": secrets.token_bytes(32),
        "revision": 0,
    }
    tracks = [_track_values(number, row) for number, row in enumerate(rows)]
    people = [{"annotator": name, "role": "annotator", "created_at": now} for name in draft.annotators]
    insert = database.insert(models.study).on_conflict_do_nothing()

    def work(connection: Connection) -> bool:
        if connection.execute(insert, study).rowcount != 1:
            return False
        connection.execute(models.tracks.insert(), tracks)
        connection.execute(models.people.insert(), people)
        return True

    if not await database.write(work):
        raise DamerError(f"database {database.name}: holds a study already; choose another one")


def _track_values(number: int, row: StudyTrack) -> dict[str, Any]:
    about = dataclasses.asdict(row)
    kept = {name: about.pop(name) for name in ("track_id", "file", "duration_s")}
    return {**kept, "number": number, "about": about}


async def read_info(database: Database) -> StudyInfo:
    """Return the study of a database.

    Raises:
        DamerError: there is none.
    """
    row = await database.read(lambda connection: connection.execute(select(models.study)).one_or_none())
    if row is None:
        raise DamerError(f"database {database.name}: holds no study; make one with `damer annotate init`")
    about = {**row.about, "languages": tuple(row.about["languages"])}
    return StudyInfo(
        name=row.name,
        created_at=row.created_at,
        settings=StudySettings.from_dict(row.settings),
        assignment=Assignment.from_dict(row.assignment),
        about=About(**about),
        revision=row.revision,
    )


async def read_secret(database: Database) -> bytes:
    """Return the study's secret, from which opaque names are made."""
    query = select(models.study.c.secret)
    return bytes(await database.read(lambda connection: connection.execute(query).scalar_one()))


async def read_revision(database: Database) -> int:
    """Return how often the assignment was changed."""
    query = select(models.study.c.revision)
    return int(await database.read(lambda connection: connection.execute(query).scalar_one()))


async def read_tracks(database: Database, folder: Path) -> Mapping[str, Track]:
    """Return the tracks of a study in their order, by id; relative paths are taken from a folder."""
    table = models.tracks
    query = select(table).order_by(table.c.number)
    rows = await database.read(lambda connection: connection.execute(query).all())
    found = [StudyTrack(row.track_id, row.file, row.duration_s, **row.about) for row in rows]
    return {row.track_id: Track(row, (folder / row.file).resolve()) for row in found}


async def change_assignment(
    database: Database, info: StudyInfo, assignment: Assignment, newcomer: str, entry: Mapping[str, Any]
) -> None:
    """Put an assignment with one more annotator in the place of the one that was read.

    Args:
        database: of the study.
        info: as it was read.
        assignment: with the newcomer.
        newcomer: pseudonym.
        entry: for the log.

    Raises:
        Conflict: somebody else changed it since, or the name is a researcher's.
    """
    table = models.study
    change = update(table).where(table.c.id == STUDY, table.c.revision == info.revision)
    person = {"annotator": newcomer, "role": "annotator", "created_at": entry["at"]}
    enter = database.insert(models.people).values(person).on_conflict_do_nothing()
    values = {"assignment": assignment.to_dict(), "revision": info.revision + 1}

    def work(connection: Connection) -> None:
        if connection.execute(change.values(values)).rowcount != 1:
            raise Conflict("the assignment was changed at the same time; try again")
        if connection.execute(enter).rowcount != 1:
            raise Conflict(f"{newcomer}: is taken; choose another name")
        connection.execute(models.log.insert(), dict(entry))

    await database.write(work)


async def make_study(
    url: str, draft: Draft, researcher: str = "researcher", clock: Callable[[], float] = time.time
) -> Invitation:
    """Make a study: its database, and the researcher who runs it.

    Args:
        url: a file of SQLite that is not there yet, or a database of PostgreSQL that holds no study.
        draft: the study.
        researcher: name of the first researcher.
        clock: UTC seconds.

    Returns:
        The researcher's link, which is told only here.

    Raises:
        DamerError: the design does not fit, the database cannot be opened, or holds a study already.
    """
    draft.assignment()  # what cannot be leaves no database behind
    database = await Database.open(url, make=True)
    try:
        await create(database, draft, clock())
        return await People(database, clock).invite(researcher, "researcher")
    finally:
        await database.close()
