"""The folder of a running study, and the settings that a study is made with."""

import dataclasses
import json
import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

from damer import __version__
from damer.annotation.protocol import StudySettings
from damer.annotation.server.answers import About, Invitation
from damer.annotation.server.studies import Draft, make_study
from damer.core.errors import DamerError

CONFIG = "annotate.json"
FORMAT = "damer-annotate-v1"
DATABASE = "study.sqlite3"


@dataclasses.dataclass(frozen=True)
class RunningStudy:
    """Where a running study is.

    Attributes:
        folder: with `annotate.json`; relative paths of sound files start here.
        name: of the study.
        url: of its database, for `StudyService.open`.
    """

    folder: Path
    name: str
    url: str


def find_study(folder: Path, db: str | None = None) -> RunningStudy:
    """Return where the study of a folder is.

    Args:
        folder: that `damer annotate init` made.
        db: a URL to use in place of the one that is written there, with a password for example.

    Raises:
        DamerError: there is none, or its file cannot be read.
    """
    path = folder / CONFIG
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kind, name, database = found["format"], found["name"], found["database"]
    except FileNotFoundError as error:
        raise DamerError(f"{path}: is missing; make a study with `damer annotate init`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamerError(f"{path}: cannot be read ({error!r}); restore it from a copy") from error
    if kind != FORMAT:
        raise DamerError(f"{path}: is not of format {FORMAT}; use the version of damer that wrote it")
    url = db or (database if "://" in database else str(folder / database))
    return RunningStudy(folder, str(name), url)


async def make_folder(
    folder: Path, draft: Draft, db: str | None = None, researcher: str = "researcher"
) -> Invitation:
    """Make a study in a folder.

    Args:
        folder: made if it is not there; must not hold a study.
        draft: the study; paths of sound files are absolute or relative to the folder.
        db: a URL of PostgreSQL; None: a file of SQLite in the folder.
        researcher: name of the first researcher.

    Returns:
        The researcher's link.

    Raises:
        DamerError: a study is there, the design does not fit, or something cannot be written.
    """
    if (folder / CONFIG).exists() or (folder / DATABASE).exists():
        raise DamerError(f"{folder}: holds a study already; choose another folder")
    draft.assignment()  # what cannot be leaves nothing behind
    database, new = folder / DATABASE, not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if db is None:
            os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise DamerError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        invitation = await make_study(db or str(database), draft, researcher)
    except BaseException:
        if db is None:
            for path in folder.glob(f"{DATABASE}*"):
                path.unlink()
        if new:
            with suppress(OSError):
                folder.rmdir()
        raise
    kept = DATABASE if db is None else _without_password(db)
    text = {"format": FORMAT, "name": draft.name, "database": kept, "made_by": __version__}
    draft_file = folder / f".{CONFIG}.draft"
    draft_file.write_text(json.dumps(text, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft_file.replace(folder / CONFIG)
    return invitation


def _without_password(db: str) -> str:
    """Return a URL as it may lie in a file: whoever serves has the password in PGPASSWORD or ~/.pgpass."""
    url = make_url(db)
    kept = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    return kept.difference_update_query(["password"]).render_as_string(hide_password=False)


def read_settings(words: Iterable[str]) -> tuple[StudySettings, About]:
    """Return the settings that a user names.

    Args:
        words: TOML files, and KEY=VALUE, later ones before earlier ones.

    Raises:
        DamerError: a file cannot be read, a key is not known, or a value does not fit.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        values |= {name.strip(): value.strip()} if equals else _read_toml(Path(word))
    unknown = sorted(set(values) - set(_KINDS))
    if unknown:
        raise DamerError(f"settings: unknown {', '.join(map(repr, unknown))}; known are {', '.join(_KINDS)}")
    known = {name: _value(name, value) for name, value in values.items()}
    about = {name: known.pop(name) for name in list(known) if name in _ABOUT}
    found = About(**about)
    _check_about(found)
    return StudySettings(**known), found


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DamerError(f"settings {path}: is no file, and no KEY=VALUE either") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DamerError(f"settings {path}: cannot be read ({error}); write TOML: reset_s = 15") from error


def _value(name: str, value: Any) -> Any:
    """Return a value as its setting wants it; texts come from the command line."""
    kind = _KINDS[name]
    if kind is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(str(part).strip() for part in parts) if isinstance(parts, list) else value
    if not isinstance(value, str) or kind is str:
        return value
    try:
        if kind is bool:
            return {"true": True, "yes": True, "false": False, "no": False}[value.lower()]
        return kind(value)
    except (KeyError, ValueError) as error:
        wanted = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
        raise DamerError(f"settings: {name} must be {wanted}, not {value!r}") from error


def _check_about(about: About) -> None:
    ranges = {"sample_rate_hz": (1, 200), "batch_interval_s": (0.1, 60)}
    for name, (low, high) in ranges.items():
        value = getattr(about, name)
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not low <= value <= high:
            raise DamerError(f"settings: {name} must be {low:g} to {high:g}, not {value!r}")
    if not isinstance(about.languages, tuple) or not about.languages or not all(about.languages):
        raise DamerError("settings: languages must name one or more, such as en,zh")
    if not isinstance(about.consent_version, str):
        raise DamerError("settings: consent_version must be a word")


_ABOUT = {field.name for field in dataclasses.fields(About)} - {"made_by"}
_KINDS: dict[str, type] = {
    field.name: type(field.default)
    for field in (*dataclasses.fields(StudySettings), *dataclasses.fields(About))
    if field.name != "made_by"
}
