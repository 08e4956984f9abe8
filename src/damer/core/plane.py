"""The valence-arousal plane: quadrants, the twelve terms of `ring12-v1`, and uncertainty.

A point of the plane is (valence, arousal), each on [-1, 1]; a probability p lies at 2p - 1. The ring has
three terms a quadrant, 30 degrees apart, in the order of Russell (1980), "A circumplex model of affect".
"""

import math
from dataclasses import dataclass

TERM_SET = "ring12-v1"
"""The name of this set of terms and places; results that name a term mean this ring."""


@dataclass(frozen=True)
class Term:
    """One emotion term and its place on the unit circle.

    Attributes:
        name: the word.
        degrees: angle from the valence axis, counter-clockwise, in [0, 360).
    """

    name: str
    degrees: int

    @property
    def valence(self) -> float:
        """Return cos θ, in [-1, 1]."""
        return math.cos(math.radians(self.degrees))

    @property
    def arousal(self) -> float:
        """Return sin θ, in [-1, 1]."""
        return math.sin(math.radians(self.degrees))


_NAMES = (
    *("happy", "delighted", "excited", "tense", "angry", "frustrated"),
    *("sad", "depressed", "tired", "calm", "relaxed", "content"),
)

TERMS: tuple[Term, ...] = tuple(Term(name, 15 + 30 * place) for place, name in enumerate(_NAMES))
"""The twelve terms, counter-clockwise from the valence axis."""

_TERMS_FROM_VALENCE_AXIS = {
    "Q1": TERMS[0:3],
    "Q2": TERMS[5:2:-1],
    "Q3": TERMS[6:9],
    "Q4": TERMS[11:8:-1],
}


def coordinate(probability: float) -> float:
    """Return the place on an axis of the plane, in [-1, 1], of a probability in [0, 1]."""
    return 2.0 * probability - 1.0


def quadrant(valence: float, arousal: float) -> str:
    """Return Q1 (positive, high), Q2 (negative, high), Q3 (negative, low) or Q4 (positive, low).

    A zero counts as positive or high, as a probability of one half does.

    Args:
        valence: in [-1, 1].
        arousal: in [-1, 1].
    """
    if arousal >= 0.0:
        return "Q1" if valence >= 0.0 else "Q2"
    return "Q4" if valence >= 0.0 else "Q3"


def nearest_term(valence: float, arousal: float) -> str:
    """Return the name of the nearest of the twelve terms.

    All terms are equally far from the centre, so the nearest is the one of the nearest angle. On a border
    between two quadrants it is the term of the quadrant that `quadrant` names.

    Args:
        valence: in [-1, 1].
        arousal: in [-1, 1].
    """
    angle = math.degrees(math.atan2(abs(arousal), abs(valence)))
    return _TERMS_FROM_VALENCE_AXIS[quadrant(valence, arousal)][min(2, int(angle // 30.0))].name


def disc_position(valence: float, arousal: float) -> tuple[float, float]:
    """Return where a point of the square [-1, 1] x [-1, 1] is drawn in the unit disc.

    The angle, and with it quadrant and nearest term, stays; the distance from the centre becomes the larger
    of the two coordinates' sizes, so that the square's border is the circle and the axes stay as they are.

    Args:
        valence: in [-1, 1].
        arousal: in [-1, 1].
    """
    distance = math.hypot(valence, arousal)
    if distance == 0.0:
        return 0.0, 0.0
    scale = max(abs(valence), abs(arousal)) / distance
    return valence * scale, arousal * scale


def binary_entropy(probability: float) -> float:
    """Return the entropy of a yes-or-no question in bits, in [0, 1]: 0 when sure, 1 at one half."""
    if not 0.0 < probability < 1.0:
        return 0.0
    rest = 1.0 - probability
    return -probability * math.log2(probability) - rest * math.log2(rest)


def uncertainty(arousal: float, valence: float) -> float:
    """Return the mean binary entropy of the two calibrated probabilities in bits, in [0, 1].

    Args:
        arousal: probability of high arousal, in [0, 1].
        valence: probability of positive valence, in [0, 1].
    """
    return (binary_entropy(arousal) + binary_entropy(valence)) / 2.0
