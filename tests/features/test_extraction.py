"""The two views against independent computations."""

import librosa
import numpy as np
import pytest
from sounds import music

from damer.core.errors import DamerError
from damer.features import FeatureSpec, extract


def test_shapes_and_types() -> None:
    views = extract(music(2.5, 22050), 22050)
    assert views.mel.shape == (2, 128, 87)
    assert views.cochleagram.shape == (2, 84, 87)
    assert views.mel.dtype == views.cochleagram.dtype == np.float32


@pytest.mark.parametrize("rate", [22050, 44100])
@pytest.mark.parametrize(("scale", "norm"), [("slaney", "slaney"), ("htk", "none")])
@pytest.mark.parametrize("padding", ["reflect", "zero"])
def test_mel_is_librosas(rate: int, scale: str, norm: str, padding: str) -> None:
    spec = FeatureSpec.from_dict(
        {"sample_rate": rate, "mel_scale": scale, "mel_norm": norm, "padding": padding}
    )
    sound = music(3, rate)
    emphasised = np.append(sound[0] * 0.03, sound[1:] - 0.97 * sound[:-1]).astype(np.float32)
    bank = librosa.filters.mel(
        sr=rate, n_fft=spec.fft, n_mels=128, htk=scale == "htk", norm="slaney" if norm == "slaney" else None
    )
    for second, ours in zip(emphasised.reshape(3, rate), extract(sound, rate, spec).mel, strict=True):
        stft = librosa.stft(
            second,
            n_fft=spec.fft,
            hop_length=spec.hop,
            win_length=spec.frame,
            window="hamming",
            pad_mode="reflect" if padding == "reflect" else "constant",
        )
        expected = np.log(np.maximum(bank @ np.abs(stft) ** 2, 1e-10))
        assert expected.shape == ours.shape
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4)


def test_short_samples_are_refused() -> None:
    with pytest.raises(DamerError, match="at least 1 s"):
        extract(np.zeros(22049, np.float32), 22050)
