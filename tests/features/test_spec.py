"""The settings of the views."""

import dataclasses
import json

import pytest

from damer.core.errors import DamerError
from damer.features import FeatureSpec


@pytest.mark.parametrize(
    ("rate", "frame_length", "frame", "frames"),
    [
        (22050, None, 512, 87),
        (44100, None, 1024, 87),
        (48000, None, 1024, 94),
        (16000, None, 512, 63),
        (22050, 1024, 1024, 44),
    ],
)
def test_frames_follow_from_the_rate(rate: int, frame_length: int | None, frame: int, frames: int) -> None:
    spec = FeatureSpec(sample_rate=rate, frame_length=frame_length)
    assert (spec.frame, spec.hop, spec.fft) == (frame, frame // 2, 2 * frame)
    assert spec.frames == frames == 1 + rate // spec.hop


def test_it_is_frozen_and_hashable() -> None:
    spec = FeatureSpec()
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.sample_rate = 44100  # type: ignore[misc]
    assert {spec: 1}[FeatureSpec()] == 1


def test_hash_tells_settings_apart_and_is_stable() -> None:
    changes = {
        "sample_rate": 44100,
        "frame_length": 1024,
        "pre_emphasis": 0.0,
        "window": "hann",
        "padding": "zero",
        "n_mels": 64,
        "mel_scale": "htk",
        "mel_norm": "none",
        "mel_fmin": 20.0,
        "mel_fmax": 8000.0,
        "mel_floor": 1e-8,
        "cochleagram": "time",
        "n_cochlea": 64,
        "cochlea_spacing": "semitone",
        "cochlea_fmin": 40.0,
        "cochlea_fmax": 8000.0,
        "compression": 0.5,
        "cochleagram_floor": 1e-8,
        "cochlea_tail": 1e-6,
    }
    assert set(changes) == {field.name for field in dataclasses.fields(FeatureSpec)}
    hashes = {FeatureSpec.from_dict({name: value}).hash() for name, value in changes.items()}
    assert len(hashes | {FeatureSpec().hash()}) == len(changes) + 1
    assert FeatureSpec().hash() == "915cf88b9430115d"  # stores and checkpoints depend on it


def test_round_trip_through_json() -> None:
    spec = FeatureSpec(sample_rate=44100, cochleagram="semitone", mel_fmax=8000)
    assert FeatureSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_options_of_the_command_line() -> None:
    options = ["sample_rate=44100", "cochleagram=time", "compression=0.5", "mel_fmax=null"]
    expected = FeatureSpec(sample_rate=44100, cochleagram="time", compression=0.5)
    assert FeatureSpec.from_options(options) == expected
    assert FeatureSpec.from_options(["mel_fmin=20"]).hash() == FeatureSpec(mel_fmin=20.0).hash()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["rate=1"], "unknown setting rate"),
        (["sample_rate"], "not NAME=VALUE"),
        (["sample_rate=fast"], "sample_rate is 'fast'; it must be of type int"),
        (["sample_rate=22050.5"], "sample_rate"),
        (["sample_rate=true"], "sample_rate"),
        (["sample_rate=100"], "at least 8000"),
        (["window=square"], "hamming or hann"),
        (["pre_emphasis=1.5"], "pre_emphasis"),
        (["n_mels=0"], "n_mels is 0"),
        (["mel_fmax=20000"], "mel_fmin, mel_fmax"),
        (["cochlea_fmin=9000", "cochlea_fmax=100"], "cochlea_fmin, cochlea_fmax"),
        (["frame_length=511"], "even"),
        (["mel_floor=0"], "mel_floor"),
        (["mel_floor=Infinity"], "mel_floor"),
        (["sample_rate=Infinity"], "sample_rate"),
        (["n_mels=512"], "n_mels is 512; it must be few enough"),
        (["mel_fmin=1000", "mel_fmax=1010", "n_mels=20"], "n_mels is 20"),
        (["cochleagram=semitone", "n_cochlea=60"], "n_cochlea is 60; it must be 84"),
        (["cochleagram=semitone", "cochlea_fmin=55"], "cochlea_fmin is 55.0; it must be left out"),
    ],
)
def test_nonsense_is_refused(options: list[str], message: str) -> None:
    with pytest.raises(DamerError, match=message):
        FeatureSpec.from_options(options)


@pytest.mark.parametrize("n_mels", [40, 128, 200, 260, 512])
@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_a_spec_is_refused_where_its_bank_has_an_empty_band(n_mels: int, scale: str) -> None:
    from types import SimpleNamespace

    from damer.features.mel import mel_bank

    settings = {**FeatureSpec(mel_scale=scale).to_dict(), "n_mels": n_mels}  # type: ignore[arg-type]
    unchecked = SimpleNamespace(**settings, mel_range=(0.0, 11025.0), fft=1024)
    whole = bool(mel_bank(unchecked).any(axis=1).all())  # type: ignore[arg-type]
    try:
        FeatureSpec(n_mels=n_mels, mel_scale=scale)  # type: ignore[arg-type]
    except DamerError:
        assert not whole
    else:
        assert whole


def test_centres_of_the_cochleagram() -> None:
    from damer.features.gammatone import centre_frequencies

    log = centre_frequencies(FeatureSpec())
    assert log[0] == pytest.approx(50)
    assert log[-1] == pytest.approx(0.9 * 11025)
    assert (log[1:] / log[:-1]).std() < 1e-9
    semitones = centre_frequencies(FeatureSpec(cochlea_spacing="semitone"))
    assert semitones[12] == pytest.approx(2 * 32.70)
    assert semitones[69 - 24] == pytest.approx(440, rel=1e-3)  # A4 is 45 semitones above C1
