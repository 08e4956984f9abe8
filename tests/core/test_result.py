"""The result record: the published JSON, there and back."""

import json

import pytest

from damer.core.errors import DamerError
from damer.core.result import Emotion, Failure, Model, Segment

EMOTION = Emotion(
    file="dir/søng.mp3",
    duration_s=3.5,
    window_s=(0.0, 2.0),
    arousal=0.75,
    valence=0.25,
    segments=(Segment(0.0, 0.7, 0.2, 0.01, 0.02), Segment(1.0, 0.8, 0.3)),
    model=Model("damer", "1", "ab" * 32),
)


def test_json_fields() -> None:
    value = EMOTION.to_dict()
    assert value == {
        "file": "dir/søng.mp3",
        "duration_s": 3.5,
        "window_s": [0.0, 2.0],
        "arousal": {"probability": 0.75, "label": "high"},
        "valence": {"probability": 0.25, "label": "negative"},
        "quadrant": "Q2",
        "term": "angry",
        "uncertainty": 0.811278,
        "segments": [
            {"start_s": 0.0, "arousal": 0.7, "valence": 0.2, "arousal_sd": 0.01, "valence_sd": 0.02},
            {"start_s": 1.0, "arousal": 0.8, "valence": 0.3, "arousal_sd": 0.0, "valence_sd": 0.0},
        ],
        "model": {"name": "damer", "version": "1", "sha256": "ab" * 32},
    }
    assert Emotion.from_dict(json.loads(json.dumps(value))) == EMOTION


def test_labels_agree_with_quadrant_at_one_half() -> None:
    middle = Emotion("x", 1.0, (0.0, 1.0), 0.5, 0.5, (), EMOTION.model)
    assert (middle.arousal_label, middle.valence_label, middle.quadrant) == ("high", "positive", "Q1")
    low = Emotion("x", 1.0, (0.0, 1.0), 0.499999, 0.5, (), EMOTION.model)
    assert (low.arousal_label, low.quadrant, low.term) == ("low", "Q4", "calm")


def test_a_second_names_its_place() -> None:
    second = Segment(0.0, 0.25, 0.75)
    assert (second.quadrant, second.term) == ("Q4", "relaxed")
    assert second.uncertainty == pytest.approx(0.811278, abs=1e-6)


@pytest.mark.parametrize("broken", [{}, {"file": "x"}, {**EMOTION.to_dict(), "window_s": [1.0]}])
def test_foreign_objects_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(DamerError, match="not a result"):
        Emotion.from_dict(broken)


def test_failure() -> None:
    assert Failure("a.mp3", "is empty").to_dict() == {"file": "a.mp3", "error": "is empty"}
