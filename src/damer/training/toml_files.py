"""Small TOML files of settings: those in the package have names, a user's own are paths that end in .toml."""

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from damer.core.errors import DamerError


@dataclass(frozen=True)
class TomlFiles:
    """The files of one kind.

    Attributes:
        kind: what one of them is called, such as "recipe".
        folder: where those of the package lie, below it.
    """

    kind: str
    folder: str

    def names(self) -> list[str]:
        """Return the names of those in the package, in alphabetical order."""
        found = (resources.files("damer") / self.folder).iterdir()
        return sorted(item.name.removesuffix(".toml") for item in found if item.name.endswith(".toml"))

    def read(self, name_or_path: str) -> tuple[str, dict[str, Any]]:
        """Return the name and the content of one in the package, by its name, or of a user's, by its path.

        Raises:
            DamerError: there is none, or it is no TOML file.
        """
        name, text = self._text(name_or_path)
        try:
            return name, tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise DamerError(f"{name_or_path}: not a TOML file ({error})") from None

    def _text(self, name_or_path: str) -> tuple[str, str]:
        path = Path(name_or_path)
        if path.suffix == ".toml":
            try:
                return path.stem, path.read_text(encoding="utf-8")
            except OSError as error:
                raise DamerError(f"{path}: cannot be read as a {self.kind} ({error.strerror})") from None
            except UnicodeDecodeError:
                raise DamerError(f"{path}: not a text file, so not a {self.kind}") from None
        known = self.names()
        if name_or_path not in known:
            raise DamerError(
                f"no {self.kind} is called {name_or_path!r}; {nearest(name_or_path, known)} "
                f"(a {self.kind} of your own is a path that ends in .toml)"
            )
        source = resources.files("damer") / self.folder / f"{name_or_path}.toml"
        return name_or_path, source.read_text(encoding="utf-8")


def nearest(key: str, known: Iterable[str]) -> str:
    """Return a hint: the known name that is meant most likely, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"


def value_of(text: str) -> Any:
    """Return a value as TOML reads it; a bare word is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def setting(key: str, value: Any) -> str:
    """Return "key=value", which `value_of` reads again, as --set takes it."""
    return f"{key}={str(value).lower() if isinstance(value, bool) else value}"
