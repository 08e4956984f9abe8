"""The rule that chooses which part of a track is used."""

import math

import pytest

from damer import audio
from damer.core.errors import DamerError


@pytest.mark.parametrize(
    ("duration", "wanted", "expected"),
    [
        (200.0, "15:75", (15.0, 75.0)),
        (75.0, "15:75", (15.0, 75.0)),
        (74.9, "15:75", (15.0, 74.9)),
        (30.0, "15:75", (15.0, 30.0)),
        (29.9, "15:75", (0.0, 29.9)),
        (1.0, "15:75", (0.0, 1.0)),
        (200.0, "all", (0.0, 200.0)),
        (200.0, "30:", (30.0, 200.0)),
        (200.0, (10, 20), (10.0, 20.0)),
        (19.0, (10, 20), (0.0, 19.0)),
    ],
)
def test_rule(duration: float, wanted: str | tuple[float, float], expected: tuple[float, float]) -> None:
    assert audio.window(duration, wanted) == expected


@pytest.mark.parametrize("wanted", ["", "15", "a:b", "75:15", "-5:20", "9:9.5", "inf:inf", "nan:20", "1:2:3"])
def test_nonsense_is_refused(wanted: str) -> None:
    with pytest.raises(DamerError, match="write for example 15:75"):
        audio.window(100.0, wanted)


def test_infinite_end_is_the_end() -> None:
    assert audio.window(100.0, (20.0, math.inf)) == (20.0, 100.0)
