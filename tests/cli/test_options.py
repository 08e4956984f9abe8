"""Values of options are checked as they are read: wrong ones are wrong usage, status 2."""

import argparse
import math

import pytest

from damer.cli import main
from damer.cli.options import lag, number, whole


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("007", 7), ("256", 256)])
def test_whole_numbers(text: str, value: int) -> None:
    assert whole(most=256)(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "257", "", "two", "²"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number from 1 to 256"):
        whole(most=256)(text)


def test_bounds() -> None:
    assert whole(least=0)("0") == 0
    assert whole()("1000000") == 1_000_000
    with pytest.raises(argparse.ArgumentTypeError, match="of 1 or more"):
        whole()("0")


def test_lag() -> None:
    assert [lag(text) for text in ("auto", "none", "2.5", "-30")] == ["auto", "none", 2.5, -30.0]
    for text in ("nan", "inf", "31", "soon", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            lag(text)
    assert math.isnan(number("soon"))


@pytest.mark.parametrize(
    "words",
    [
        ["benchmark", "tiny", "--data", "s", "--out", "o", "--workers", "0"],
        ["benchmark", "tiny", "--data", "s", "--out", "o", "--threads", "0"],
        ["sweep", "paper", "--data", "s", "--out", "o", "--trials", "0"],
        ["dataset", "prepare", "deam", "root", "--out", "o", "--limit", "0"],
        ["dataset", "check", "deam", "root", "--tracks", "0"],
        ["dataset", "release", "study", "--out", "o", "--lag", "nan"],
        ["features", "music", "--out", "o", "--workers", "300"],
        ["curate", "raw", "--out", "o", "--workers", "no"],
        ["predict", "song.mp3", "--workers", "0"],
    ],
)
def test_wrong_usage_ends_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"argument {words[-2]}: '{words[-1]}' is not" in capsys.readouterr().err
