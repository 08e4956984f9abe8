import numpy as np
import pytest

from damer.core.errors import DamerError
from damer.core.trajectory import Trajectory


def path(**changes: object) -> Trajectory:
    given = {"times_s": [0.5, 1.0, 2.0], "valence": [0.1, np.nan, -1.0], "arousal": [0.2, 0.3, 1.0]}
    return Trajectory("t1", "a1", **(given | changes))  # type: ignore[arg-type]


def test_a_value_holds_until_the_next() -> None:
    valence, arousal = path(end_s=4.0).at([0.4, 0.5, 0.99, 1.0, 1.5, 2.0, 3.99, 4.0])
    np.testing.assert_array_equal(valence, [np.nan, 0.1, 0.1, np.nan, np.nan, -1, -1, np.nan])
    np.testing.assert_array_equal(arousal, [np.nan, 0.2, 0.2, 0.3, 0.3, 1, 1, np.nan])


def test_without_an_end_the_last_value_holds() -> None:
    assert path().at([100.0])[1][0] == 1.0


def test_an_empty_path_is_unknown_everywhere() -> None:
    empty = path(times_s=[], valence=[], arousal=[])
    assert np.isnan(empty.at([0.0, 1.0])).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times_s": [0.5, 0.5, 2.0]}, "strictly ascending"),
        ({"times_s": [-0.5, 0.5, 2.0]}, "strictly ascending"),
        ({"times_s": [0.5, np.nan, 2.0]}, "strictly ascending"),
        ({"valence": [0.1, 0.2]}, "one length"),
        ({"arousal": [0.1, 0.2, 1.01]}, "arousal leaves"),
        ({"end_s": 0.0}, "end_s"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DamerError, match=rf"a1 on t1: .*{message}"):
        path(**changes)
