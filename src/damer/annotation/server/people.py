"""Who may enter: invitations, sessions, and what people said of themselves.

Links and sessions are secrets of 256 bits; the database has only their SHA-256.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from sqlalchemy import Connection, bindparam, delete, select, update

from damer.annotation.server import models
from damer.annotation.server.answers import Conflict, Invitation, Role, Session, UnknownPerson
from damer.annotation.server.database import Database

_SESSION_S = 30 * 86400.0
_SEEN_EVERY_S = 120.0
_BELIEVED_S = 5.0  # how long another server's revocation may take to be noticed here
_BELIEVED_MOST = 10_000
_PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_pseudonym(name: str) -> bool:
    """Return whether a name can be a pseudonym: letters, digits, `.`, `_`, `-`; no address, no full name."""
    return _PSEUDONYM.fullmatch(name) is not None


def hashed(secret: str) -> bytes:
    """Return what the database has of a secret."""
    return hashlib.sha256(secret.encode()).digest()


class People:
    """Everybody who has to do with a study."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        """Begin with nobody logged in here."""
        self._database = database
        self._clock = clock
        self._believed: dict[bytes, tuple[float, Session]] = {}

    async def invite(self, name: str, role: Role = "annotator", revoke: bool = True) -> Invitation:
        """Make a new link for somebody.

        Args:
            name: an annotator of the study; a researcher may be new.
            role: annotator or researcher.
            revoke: whether older links, and sessions that they opened, end.

        Raises:
            UnknownPerson: no annotator has this name.
            Conflict: the name is one of the other role.
        """
        token, now = secrets.token_urlsafe(32), self._clock()

        def work(connection: Connection) -> None:
            _enter(connection, name, role, now)
            if revoke:
                _revoke(connection, name, now)
            values = {"annotator": name, "token_hash": hashed(token), "created_at": now}
            connection.execute(models.invitations.insert(), values)

        await self._database.write(work)
        self._forget(name)
        return Invitation(name, role, token)

    async def revoke(self, name: str) -> None:
        """End every link and every session of a person."""
        await self._database.write(lambda connection: _revoke(connection, name, self._clock()))
        self._forget(name)

    async def invited(self) -> set[str]:
        """Return everybody who has a link that works."""
        table = models.invitations
        query = select(table.c.annotator).where(table.c.revoked_at.is_(None)).distinct()
        return await self._database.read(lambda connection: set(connection.execute(query).scalars()))

    async def open_session(self, token: str) -> Session | None:
        """Log somebody in by the token of a link; None where it is none, or is revoked."""
        wanted = {"token_hash": hashed(token)}
        # Guesses only read: they do not hold up those who write.
        found = await self._database.read(lambda c: c.execute(_BY_LINK, wanted).one_or_none())
        if found is None:
            return None
        cookie, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(24), self._clock()
        values = {
            "id_hash": hashed(cookie),
            "annotator": found.annotator,
            "csrf": csrf,
            "created_at": now,
            "expires_at": now + _SESSION_S,
            "last_seen": now,
        }

        def work(connection: Connection) -> None:
            connection.execute(delete(models.sessions).where(models.sessions.c.expires_at < now))
            connection.execute(models.sessions.insert(), values)

        await self._database.write(work)
        return Session(found.annotator, cast(Role, found.role), csrf, cookie, now + _SESSION_S)

    async def session(self, cookie: str) -> Session | None:
        """Return whose session a cookie is; None where it has ended."""
        key, now = hashed(cookie), time.monotonic()
        believed = self._believed.get(key)
        if believed is not None and now < believed[0]:
            return believed[1] if self._clock() < believed[1].expires_at else None
        found = await self._database.read(
            lambda connection: connection.execute(_BY_COOKIE, {"id_hash": key}).one_or_none()
        )
        if found is None or found.expires_at <= self._clock():
            self._believed.pop(key, None)
            return None
        expires_at = await self._seen(key, found)
        session = Session(found.annotator, cast(Role, found.role), found.csrf, cookie, expires_at)
        if len(self._believed) >= _BELIEVED_MOST:
            self._believed.clear()
        self._believed[key] = (now + _BELIEVED_S, session)
        return session

    async def close_session(self, cookie: str) -> None:
        """Log out."""
        end = delete(models.sessions).where(models.sessions.c.id_hash == hashed(cookie))
        await self._database.execute(end)
        self._believed.pop(hashed(cookie), None)

    async def get_profile(self, name: str) -> dict[str, Any] | None:
        """Return what a person said of themselves; None: was not asked yet."""
        table = models.profiles
        query = select(table.c.answers).where(table.c.annotator == name)
        found = await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return cast("dict[str, Any] | None", found)

    async def set_profile(self, name: str, answers: Mapping[str, Any]) -> None:
        """Keep what a person says of themselves, in place of what was said before."""
        insert = self._database.insert(models.profiles).values(annotator=name, answers=dict(answers))
        insert = insert.on_conflict_do_update(index_elements=["annotator"], set_={"answers": dict(answers)})
        await self._database.execute(insert)

    async def _seen(self, key: bytes, found: Any) -> float:
        """Note now and then that a session is used, and let it last from then on."""
        now = self._clock()
        if abs(now - found.last_seen) < _SEEN_EVERY_S:
            return float(found.expires_at)
        change = update(models.sessions).where(models.sessions.c.id_hash == key)
        change = change.values(last_seen=now, expires_at=now + _SESSION_S)
        await self._database.execute(change)
        return now + _SESSION_S

    def _forget(self, name: str) -> None:
        self._believed = {key: one for key, one in self._believed.items() if one[1].annotator != name}


def _enter(connection: Connection, name: str, role: Role, now: float) -> None:
    """See to it that a person is there, in this role."""
    table = models.people
    known = connection.execute(select(table.c.role).where(table.c.annotator == name)).scalar_one_or_none()
    if known == role:
        return
    if known is not None:
        raise Conflict(f"{name}: is {known} of this study; choose another name")
    if role == "annotator":
        raise UnknownPerson(f"annotator {name}: is not in this study; check the name")
    if not is_pseudonym(name):
        raise Conflict(
            f"{name!r}: a name has letters, digits, . _ and -, and begins with one of the first two"
        )
    connection.execute(table.insert(), {"annotator": name, "role": role, "created_at": now})


def _revoke(connection: Connection, name: str, now: float) -> None:
    table = models.invitations
    links = update(table).where(table.c.annotator == name, table.c.revoked_at.is_(None))
    connection.execute(links.values(revoked_at=now))
    connection.execute(delete(models.sessions).where(models.sessions.c.annotator == name))


_BY_LINK = (
    select(models.people.c.annotator, models.people.c.role)
    .join(models.invitations, models.invitations.c.annotator == models.people.c.annotator)
    .where(
        models.invitations.c.token_hash == bindparam("token_hash"), models.invitations.c.revoked_at.is_(None)
    )
)
_BY_COOKIE = (
    select(
        models.people.c.annotator,
        models.people.c.role,
        models.sessions.c.csrf,
        models.sessions.c.expires_at,
        models.sessions.c.last_seen,
    )
    .join(models.sessions, models.sessions.c.annotator == models.people.c.annotator)
    .where(models.sessions.c.id_hash == bindparam("id_hash"))
)
