"""Names as people meet them in file systems."""

import pytest

from damer.core import text


def test_bytes_that_are_no_text_become_escapes() -> None:
    name = b"caf\xe9.mp3".decode("utf-8", "surrogateescape")
    assert text.valid(name) == "caf\\xe9.mp3"
    assert text.valid("日本.mp3") == "日本.mp3"


def test_one_line() -> None:
    assert text.one_line("a\nb\tc\x1b[31m") == "a\\nb\\tc\\x1b[31m"


@pytest.mark.parametrize(
    ("name", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("가", 2), ("a\u200db", 2)]
)
def test_width(name: str, columns: int) -> None:
    assert text.width(name) == columns


@pytest.mark.parametrize("name", ["short", "x" * 50, "日本語の長い長い長い名前.flac", "ab日" * 20])
@pytest.mark.parametrize("columns", [3, 10, 11])
def test_shortened_fits(name: str, columns: int) -> None:
    short = text.shortened(name, columns)
    assert text.width(short) <= columns
    assert short == name or short.count("…") == 1


def test_shortened_keeps_both_ends() -> None:
    assert text.shortened("abcdefghij.mp3", 9) == "abcd….mp3"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (75, "1:15"), (3600, "60:00")])
def test_clock(seconds: float, shown: str) -> None:
    assert text.clock(seconds) == shown
