"""Text for people: file names come in every script, with line breaks, with bytes that are no text."""

import unicodedata
from collections.abc import Iterable


def valid(text: str) -> str:
    r"""Return text that any encoder takes: stray bytes of a file name become escapes such as \xff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def one_line(text: str) -> str:
    r"""Return valid text on one line: line breaks and other control characters become escapes such as \n."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in valid(text)
    )


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes: wide characters two, combining marks none."""
    return sum(_columns(character) for character in text)


def shortened(text: str, columns: int) -> str:
    """Return the text, with its middle left out if it takes more than so many columns (at least 3)."""
    if width(text) <= columns:
        return text
    head, tail = "", ""
    for first, last in zip(text, reversed(text), strict=True):
        if width(head + first + tail) + 1 > columns:
            break
        head += first
        if width(head + last + tail) + 1 > columns:
            break
        tail = last + tail
    return f"{head}…{tail}"


def by_reason(failed: Iterable[tuple[str, str]]) -> list[str]:
    """Return a sentence for each reason among failures (what failed, why): the first and how many more."""
    found: dict[str, list[str]] = {}
    for name, reason in failed:
        found.setdefault(reason, []).append(name)
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {reason}"
        for reason, names in found.items()
    ]


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds: 75 is `1:15`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
