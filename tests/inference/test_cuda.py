"""On a CUDA device the answers are those of the CPU."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from damer.inference import Recognizer

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("weights", ["checkpoints", "context_checkpoints"])
def test_as_on_the_cpu(
    weights: str, request: pytest.FixtureRequest, tone: Callable[[float, float], NDArray[np.float32]]
) -> None:
    paths: tuple[Path, Path] = request.getfixturevalue(weights)
    sound = np.concatenate([tone(9, 220.0), tone(7.5, 880.0)])
    ours, theirs = (
        Recognizer(*paths, device=device).from_samples(sound, 22050).segments for device in ("cuda", "cpu")
    )
    for name in ("arousal", "valence", "arousal_sd", "valence_sd"):
        values = [[getattr(segment, name) for segment in segments] for segments in (ours, theirs)]
        np.testing.assert_allclose(values[0], values[1], atol=5e-3)  # products on the device may be TF32
