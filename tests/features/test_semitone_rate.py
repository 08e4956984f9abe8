"""The semitone reading goes to its analysis rate as scipy would take it there."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from damer.features.semitone import ANALYSIS_RATE, _at_analysis_rate


@pytest.mark.parametrize(
    ("rate", "up", "down"), [(22050, 1, 2), (44100, 1, 4), (11025, 1, 1), (48000, 147, 640)]
)
@pytest.mark.parametrize("length", [1, 100, 9999])
def test_as_scipy(rate: int, up: int, down: int, length: int) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    expected = resample_poly(samples, up, down)
    np.testing.assert_allclose(_at_analysis_rate(samples, rate), expected, atol=2e-6)
    assert rate * up == ANALYSIS_RATE * down
