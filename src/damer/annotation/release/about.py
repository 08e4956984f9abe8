"""What only the makers of a dataset know, from a file of theirs: who they are, answers for the datasheet."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

from damer.annotation.release.datasheet import questions
from damer.core.errors import DamerError


@dataclass(frozen=True)
class About:
    """What a release says of itself beyond the study.

    Attributes:
        creator: Who made it: people or an institution.
        contact: Where questions go.
        url: Where it is published.
        description: A paragraph on what it is; "" lets the release describe itself.
        citation: How to cite it, best as BibTeX.
        version: Of the dataset, three numbers.
        datasheet: Answers to questions of the datasheet, by their names.
    """

    creator: str = ""
    contact: str = ""
    url: str = ""
    description: str = ""
    citation: str = ""
    version: str = "1.0.0"
    datasheet: dict[str, str] = field(default_factory=dict)


def read_about(path: Path) -> About:
    """Read a TOML file with the fields of `About`; answers stand in a table `[datasheet]`.

    Raises:
        DamerError: it cannot be read, or holds an unknown name or something that is no text.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DamerError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DamerError(f'{path}: is not TOML ({error}); write lines such as creator = "…"') from error
    known = [one.name for one in fields(About)]
    table = found.pop("datasheet", {})
    if not isinstance(table, dict):
        raise DamerError(f'{path}: datasheet is not a table; write [datasheet] and below it name = "answer"')
    for name, value in found.items():
        _expect(path, name, value, [one for one in known if one != "datasheet"])
    for name, value in table.items():
        _expect(path, f"datasheet.{name}", value, [f"datasheet.{one.name}" for one in questions()])
    return About(**found, datasheet=table)


def _expect(path: Path, name: str, value: object, known: list[str]) -> None:
    if name not in known:
        raise DamerError(f"{path}: {name} is unknown; there are {', '.join(known)}")
    if not isinstance(value, str):
        raise DamerError(f"{path}: {name} is not a text; put it in quotes")
