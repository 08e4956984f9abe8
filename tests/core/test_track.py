import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damer.core.errors import DamerError
from damer.core.track import Dimension, Track

STEPS = ((0.5, 0.2, -0.4), (1.5, -0.6, 0.8), (3.0, 1.0, 0.0))


def make(**changes: object) -> Track:
    return Track.from_dict({"id": "c:a", "group": "g", "corpus": "c", **changes})


def curve(track: Track, dimension: Dimension, time: float) -> float:
    """The step function read off directly, one instant at a time."""
    column = 1 if dimension == "valence" else 2
    for step in track.dynamic:
        if time < step[0]:
            return step[column]
    return track.dynamic[-1][column]


@pytest.mark.parametrize("dimension", ["arousal", "valence"])
@pytest.mark.parametrize("start", [0.0, 0.25, 0.5, 1.2, 2.0, 2.7, 9.0])
def test_label_at_is_the_mean_over_one_second(dimension: Dimension, start: float) -> None:
    track = make(dynamic=STEPS)
    fine = [curve(track, dimension, start + (i + 0.5) / 2000) for i in range(2000)]
    assert track.label_at(dimension, start) == pytest.approx(np.mean(fine), abs=1e-3)


def test_label_at_by_hand() -> None:
    track = make(dynamic=STEPS, clip_start=1.0)
    assert track.label_at("valence", 0.0) == pytest.approx(0.5 * 0.2 + 0.5 * -0.6)
    assert track.label_at("arousal", 1.0) == pytest.approx(0.5 * 0.8 + 0.5 * 0.0)
    # Stored second 0 of a clip that starts at 1 s is the time 1 s.
    np.testing.assert_allclose(track.labels_per_second("arousal", 3), [0.4, 0.0, 0.0], atol=1e-12)


def test_static_labels_hold_everywhere_and_none_is_unlabelled() -> None:
    track = make(arousal=0.3)
    assert track.label_at("arousal", 17.0) == 0.3
    assert track.label_at("valence", 17.0) is None
    np.testing.assert_array_equal(track.labels_per_second("arousal", 2), [0.3, 0.3])
    assert np.isnan(track.labels_per_second("valence", 2)).all()


def test_variants_share_everything_but_the_id() -> None:
    track = make(dynamic=STEPS, valence=0.5)
    third = track.as_variant(3)
    assert third.id == "c:a@3"
    assert third.base_id == "c:a"
    assert third.as_variant(0) == track
    assert third.as_variant(2).id == "c:a@2"
    assert make(id="c:mail@3").base_id == "c:mail@3"


finite = st.floats(-1, 1)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 50), finite, finite), max_size=6),
    st.none() | finite,
    st.floats(0, 100),
    st.sampled_from(["zero", "train_median"]),
)
def test_json_round_trip(
    gaps: list[tuple[float, float, float]], valence: float | None, start: float, threshold: str
) -> None:
    ends = np.cumsum([gap[0] for gap in gaps]).tolist()
    dynamic = [(end, *gap[1:]) for end, gap in zip(ends, gaps, strict=True)]
    track = make(dynamic=dynamic, valence=valence, clip_start=start, threshold=threshold)
    assert Track.from_dict(json.loads(json.dumps(track.to_dict()))) == track


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valence": 1.01}, "valence"),
        ({"arousal": math.nan}, "arousal"),
        ({"clip_start": -1.0}, "clip_start"),
        ({"clip_start": 5.0, "clip_end": 5.0}, "clip_end"),
        ({"threshold": "mean"}, "threshold"),
        ({"variant": 2}, "variant"),
        ({"dynamic": [(1.0, 0, 0), (1.0, 0, 0)]}, "ascend"),
        ({"dynamic": [(1.0, 2.0, 0)]}, "label at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_records_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DamerError, match=message):
        make(**changes)


def test_missing_field_is_named() -> None:
    with pytest.raises(DamerError, match="group"):
        Track.from_dict({"id": "a", "corpus": "c"})
