"""The plane against the published table of terms and brute force."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damer.core import plane

TABLE = {
    "happy": (15, 0.966, 0.259),
    "delighted": (45, 0.707, 0.707),
    "excited": (75, 0.259, 0.966),
    "tense": (105, -0.259, 0.966),
    "angry": (135, -0.707, 0.707),
    "frustrated": (165, -0.966, 0.259),
    "sad": (195, -0.966, -0.259),
    "depressed": (225, -0.707, -0.707),
    "tired": (255, -0.259, -0.966),
    "calm": (285, 0.259, -0.966),
    "relaxed": (315, 0.707, -0.707),
    "content": (345, 0.966, -0.259),
}
AXIS = st.floats(-1, 1)


def test_the_ring_is_the_table() -> None:
    assert {term.name: term.degrees for term in plane.TERMS} == {name: row[0] for name, row in TABLE.items()}
    for term in plane.TERMS:
        assert term.valence == pytest.approx(TABLE[term.name][1], abs=5e-4)
        assert term.arousal == pytest.approx(TABLE[term.name][2], abs=5e-4)
        assert plane.nearest_term(term.valence, term.arousal) == term.name


@given(AXIS, AXIS)
def test_nearest_term_is_nearest_and_lies_in_the_quadrant(valence: float, arousal: float) -> None:
    distances = {
        term.name: math.hypot(term.valence - valence, term.arousal - arousal) for term in plane.TERMS
    }
    chosen = plane.nearest_term(valence, arousal)
    assert distances[chosen] <= min(distances.values()) + 1e-9
    place = next(term for term in plane.TERMS if term.name == chosen)
    assert plane.quadrant(place.valence, place.arousal) == plane.quadrant(valence, arousal)


@pytest.mark.parametrize(
    ("valence", "arousal", "expected"),
    [(0.2, 0.3, "Q1"), (-0.2, 0.3, "Q2"), (-0.2, -0.3, "Q3"), (0.2, -0.3, "Q4"), (0, 0, "Q1"), (0, -1, "Q4")],
)
def test_quadrants(valence: float, arousal: float, expected: str) -> None:
    assert plane.quadrant(valence, arousal) == expected


@given(AXIS, AXIS)
def test_the_disc_keeps_angles_and_fills_the_circle(valence: float, arousal: float) -> None:
    x, y = plane.disc_position(valence, arousal)
    assert math.hypot(x, y) == pytest.approx(max(abs(valence), abs(arousal)))
    assert x * arousal == pytest.approx(y * valence)
    assert x * valence >= 0
    assert y * arousal >= 0


def test_entropy_by_hand() -> None:
    assert plane.binary_entropy(0.5) == 1.0
    assert plane.binary_entropy(0.0) == plane.binary_entropy(1.0) == 0.0
    assert plane.binary_entropy(0.25) == pytest.approx(0.811278, abs=1e-6)  # 2 - 3/4 log2 3
    assert plane.uncertainty(0.25, 0.5) == pytest.approx((0.811278 + 1) / 2, abs=1e-6)
    assert plane.coordinate(0.75) == 0.5
