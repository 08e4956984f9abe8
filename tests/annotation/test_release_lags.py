from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from damer.annotation.release import lags
from damer.core.lag import Curve
from damer.core.trajectory import Trajectory


def test_of_a_large_study_sounds_are_read_where_annotators_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The paper's 2 496 tracks: a few hundred are compared and a hundred sounds read, of the same tracks."""
    tracks = [SimpleNamespace(track_id=f"t{number:04}", duration_s=1.0) for number in range(2496)]
    material = SimpleNamespace(
        tracks=tracks,
        annotators=[SimpleNamespace(annotator="a")],
        study=SimpleNamespace(audio=Path),
        trajectories=lambda: (Trajectory(t.track_id, "a", [0.0], [0.0], [0.0]) for t in tracks),  # type: ignore[arg-type]
    )
    heard: set[str] = set()
    read: set[str] = set()

    def curve(path: Path) -> Curve:
        return np.zeros(1), np.zeros(1)

    def estimate(
        said: list[Trajectory], curves: dict[str, Curve], durations: dict[str, float]
    ) -> SimpleNamespace:
        heard.update(one.track for one in said)
        read.update(curves)
        return SimpleNamespace(seconds={}, common=None)

    monkeypatch.setattr(lags, "estimate_lag", estimate)
    lags.lags_of(material, "auto", curve)  # type: ignore[arg-type]
    assert read <= heard
    assert 90 <= len(read) <= 150
