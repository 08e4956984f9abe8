"""Text for people: file names come in every script, with line breaks, with bytes that are no text."""

import unicodedata


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


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds: 75 is `1:15`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
