from pathlib import Path

import numpy as np
import pytest
import soundfile

from damer.audio.level import level_curve
from damer.core.errors import DamerError


@pytest.mark.parametrize("rate", [11_025, 44_100])
def test_levels_of_a_sine_that_grows(tmp_path: Path, rate: int) -> None:
    seconds = np.arange(4 * rate) / rate
    gain = np.where(seconds < 2, 0.05, 0.5)
    soundfile.write(tmp_path / "a.wav", gain * np.sin(2 * np.pi * 500 * seconds), rate, "FLOAT")
    times, level = level_curve(tmp_path / "a.wav")
    assert len(times) == pytest.approx(40, abs=1)
    np.testing.assert_allclose(np.diff(times), 0.1, atol=1e-3)
    # A sine of peak a has a root mean square of a / √2.
    np.testing.assert_allclose(level[times < 1.8], 20 * np.log10(0.05 / np.sqrt(2)), atol=0.1)
    np.testing.assert_allclose(level[times > 2.2], 20 * np.log10(0.5 / np.sqrt(2)), atol=0.1)


def test_silence_within_has_a_floor(tmp_path: Path) -> None:
    sound = np.zeros(3 * 8000)
    sound[:8000] = 0.3
    soundfile.write(tmp_path / "a.wav", sound, 8000)
    assert level_curve(tmp_path / "a.wav")[1].min() == -70.0


def test_what_is_no_sound_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match=r"b\.wav"):
        level_curve(tmp_path / "b.wav")
