"""The ladder of entries: every rung says the same, and what it says is what the networks say."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

import damer
from damer.core.errors import DamerError
from damer.features import extract
from damer.inference import Recognizer
from damer.models.checkpoint import load, save

Tone = Callable[[float, float], NDArray[np.float32]]
RATE = 22050


@pytest.fixture(scope="module")
def recognizer(checkpoints: tuple[Path, Path]) -> Recognizer:
    return Recognizer(*checkpoints, device="cpu")


def by_hand(path: Path, sound: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation of the members' calibrated probabilities, one second and member at a time."""
    checkpoint = load(path)
    views = extract(sound, RATE, checkpoint.spec)
    table = np.empty((len(checkpoint.networks), views.seconds))
    for member, network in enumerate(checkpoint.networks):
        for second in range(views.seconds):
            with torch.no_grad():
                fused = network(*(torch.from_numpy(view[second : second + 1]) for view in views)).fused
            low, high = (fused[0].double() / checkpoint.temperature).tolist()
            table[member, second] = 1 / (1 + np.exp(low - high))
    return table.mean(axis=0), table.std(axis=0)


def test_the_numbers_are_those_of_the_networks(
    recognizer: Recognizer, checkpoints: tuple[Path, Path], tone: Tone
) -> None:
    sound = tone(5.5, 440.0)
    result = recognizer.from_samples(sound, RATE)
    assert len(result.segments) == 5
    for dimension, path in zip(("arousal", "valence"), checkpoints, strict=True):
        mean, deviation = by_hand(path, sound[: 5 * RATE])
        found = [getattr(segment, dimension) for segment in result.segments]
        np.testing.assert_allclose(found, mean, atol=2e-6)
        np.testing.assert_allclose(
            [getattr(s, f"{dimension}_sd") for s in result.segments], deviation, atol=2e-6
        )
        assert getattr(result, dimension) == pytest.approx(mean.mean(), abs=2e-6)
    assert max(segment.arousal_sd for segment in result.segments) > 1e-3


def test_a_lone_network_is_as_sure_as_its_heads_agree(
    checkpoints: tuple[Path, Path], tone: Tone, tmp_path: Path
) -> None:
    alone = load(checkpoints[0])
    alone.networks = alone.networks[:1]
    save(tmp_path / "alone.safetensors", alone)
    segment = (
        Recognizer(tmp_path / "alone.safetensors", checkpoints[1])
        .from_samples(tone(1, 440.0), RATE)
        .segments[0]
    )
    views = extract(tone(1, 440.0), RATE)
    with torch.no_grad():
        output = alone.networks[0](*(torch.from_numpy(view) for view in views))
    heads = [(head / 0.1).softmax(-1)[0, 1].item() for head in (output.mel, output.cochleagram, output.fused)]
    assert segment.arousal == pytest.approx(heads[2], abs=2e-6)
    assert segment.arousal_sd == pytest.approx(np.std(heads), abs=2e-6)


def test_file_samples_and_views_agree(recognizer: Recognizer, tone: Tone, tmp_path: Path) -> None:
    sound = tone(20.25, 330.0)
    soundfile.write(tmp_path / "song.wav", sound, RATE, subtype="FLOAT")
    file = recognizer(tmp_path / "song.wav", window="all")
    assert (file.file, file.duration_s, file.window_s) == (str(tmp_path / "song.wav"), 20.25, (0.0, 20.25))
    assert file.segments == recognizer.from_samples(sound, RATE).segments
    assert file.segments == recognizer.from_views(*extract(sound, RATE)).segments
    assert [segment.start_s for segment in file.segments] == list(range(20))


def test_the_window_is_the_part_that_is_heard(recognizer: Recognizer, tone: Tone, tmp_path: Path) -> None:
    sound = tone(40, 330.0)
    soundfile.write(tmp_path / "song.wav", sound, RATE, subtype="FLOAT")
    default = recognizer(tmp_path / "song.wav")
    assert default.window_s == (15.0, 40.0)
    chosen = recognizer(tmp_path / "song.wav", window=(20, 25))
    assert (chosen.window_s, len(chosen.segments)) == ((20.0, 25.0), 5)
    part = recognizer.from_samples(sound[20 * RATE : 25 * RATE], RATE)
    assert [s.arousal for s in chosen.segments] == [s.arousal for s in part.segments]
    assert [s.start_s for s in chosen.segments] == [20, 21, 22, 23, 24]


def test_integers_and_channels(recognizer: Recognizer, tone: Tone) -> None:
    sound = tone(2, 330.0)
    whole = np.round(sound * 32768).astype(np.int16)
    twice = np.stack([whole, whole], axis=1)
    expected = recognizer.from_samples(whole.astype(np.float64) / 32768, RATE)
    assert recognizer.from_samples(twice, RATE).segments == expected.segments


def test_another_rate_is_resampled(recognizer: Recognizer, tone: Tone) -> None:
    import soxr

    sound = tone(3, 330.0)
    same = recognizer.from_samples(sound, RATE).segments
    other = recognizer.from_samples(soxr.resample(sound, RATE, 48000), 48000)
    assert other.duration_s == 3.0
    # Above the filter's edge the noise is gone, so the numbers come close but are not the same.
    np.testing.assert_allclose([s.arousal for s in other.segments], [s.arousal for s in same], atol=0.1)


@pytest.mark.parametrize("length", [1, 100, 22050, 30000, 10**7])
def test_a_stream_in_any_blocks_says_what_samples_say(
    recognizer: Recognizer, tone: Tone, length: int
) -> None:
    sound = tone(4.5, 330.0)[: 4 * RATE + 9000] if length > 1 else tone(1.01, 330.0)
    blocks = (sound[start : start + length] for start in range(0, len(sound), length))
    parts, whole = list(recognizer.stream(blocks, RATE)), recognizer.from_samples(sound, RATE).segments
    assert [segment.start_s for segment in parts] == [segment.start_s for segment in whole]
    for name in ("arousal", "valence", "arousal_sd", "valence_sd"):
        ours, theirs = ([getattr(segment, name) for segment in each] for each in (parts, whole))
        np.testing.assert_allclose(ours, theirs, atol=3e-6)


def test_a_stream_answers_as_soon_as_a_second_has_come(recognizer: Recognizer, tone: Tone) -> None:
    sound = tone(4, 330.0)
    quarters: list[int] = []

    def live() -> Iterator[NDArray[np.float32]]:
        for quarter in range(16):
            quarters.append(quarter)
            yield sound[quarter * RATE // 4 : (quarter + 1) * RATE // 4]

    stream = recognizer.stream(live(), RATE)
    assert [len(quarters) for _ in stream] == [4, 8, 12, 16]
    quarters.clear()
    patient = recognizer.stream(live(), RATE, lookahead_s=2)
    assert (next(patient).start_s, len(quarters)) == (0, 12)


@pytest.fixture(scope="module")
def wide(context_checkpoints: tuple[Path, Path]) -> Recognizer:
    return Recognizer(*context_checkpoints, device="cpu")


def test_a_second_is_heard_in_its_context(wide: Recognizer, tone: Tone) -> None:
    assert wide.context_s == 8
    sound = np.concatenate([tone(12, 220.0), tone(12, 880.0)])
    late = np.concatenate([np.zeros(12 * RATE, np.float32), tone(12, 880.0)])
    first, second = (wide.from_samples(samples, RATE).segments for samples in (sound, late))
    assert abs(first[15].valence - second[15].valence) > 1e-4  # 12 to 19 hears the change a little
    np.testing.assert_allclose([s.valence for s in first[17:]], [s.valence for s in second[17:]], atol=3e-3)


@pytest.mark.parametrize("lookahead", [0, 2, 5])
def test_a_stream_hears_the_same_stretch(wide: Recognizer, tone: Tone, lookahead: int) -> None:
    sound = np.concatenate([tone(9, 220.0), tone(7.5, 880.0)])
    blocks = (sound[start : start + 5000] for start in range(0, len(sound), 5000))
    parts = list(wide.stream(blocks, RATE, lookahead))
    assert [segment.start_s for segment in parts] == list(range(16))
    for second in (3, 7, 11):  # 9 seconds: the context and a second that views look back into
        start, stop = max(0, second - max(7 - lookahead, 4) - 1), min(16, second + 1 + lookahead)
        stretch = wide.from_samples(sound[start * RATE : stop * RATE], RATE).segments
        assert parts[second].arousal == pytest.approx(stretch[second - start].arousal, abs=1e-3)
    if lookahead >= 4:
        whole = wide.from_samples(sound, RATE).segments
        inner = slice(4, 13)
        np.testing.assert_allclose(
            [s.valence for s in parts[inner]], [s.valence for s in whole[inner]], atol=0.01
        )


def test_a_resampled_stream_matches_the_whole(recognizer: Recognizer, tone: Tone) -> None:
    sound = tone(6, 330.0)  # taken as 32 kHz: 4.13 s
    whole = recognizer.from_samples(sound, 32000).segments
    blocks = (sound[start : start + 777] for start in range(0, len(sound), 777))
    parts = list(recognizer.stream(blocks, 32000))
    np.testing.assert_allclose([s.valence for s in parts], [s.valence for s in whole], atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "rate", "problem"),
    [
        (np.zeros(RATE), RATE, "silent"),
        (np.ones(RATE - 1), RATE, "lasts 0.99 s; at least 1 s"),
        (np.full(RATE, 1e30), RATE, r"reach 1e\+30 times full scale"),
        (np.full(RATE, -1e30), RATE, r"reach 1e\+30 times full scale"),
        (np.full(RATE, np.nan), RATE, "NaN"),
        (np.ones(RATE, bool), RATE, "of type bool"),
        (np.ones((1, 2, 3)), RATE, "shape"),
        (np.ones(RATE), 0, "rate is 0"),
        ([], RATE, "lasts 0.00 s"),
    ],
)
def test_samples_that_cannot_be(recognizer: Recognizer, samples: object, rate: int, problem: str) -> None:
    with pytest.raises(DamerError, match=problem):
        recognizer.from_samples(samples, rate)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mel", "cochleagram", "problem"),
    [
        ((2, 128, 87), (3, 84, 87), "mel has 2 seconds and cochleagram 3"),
        ((2, 84, 87), (2, 84, 87), "mel has shape"),
        ((2, 128, 87), (2, 84, 44), "cochleagram has shape"),
        ((0, 128, 87), (0, 84, 87), "mel has shape"),
    ],
)
def test_views_that_cannot_be(
    recognizer: Recognizer, mel: tuple[int, ...], cochleagram: tuple[int, ...], problem: str
) -> None:
    with pytest.raises(DamerError, match=problem):
        recognizer.from_views(np.zeros(mel), np.zeros(cochleagram))


def test_an_answer_that_is_no_number_is_an_error(recognizer: Recognizer) -> None:
    mel, cochleagram = np.full((2, 128, 87), 3e38), np.full((2, 84, 87), -3e38)
    with (
        np.errstate(all="ignore"),
        pytest.raises(DamerError, match="answer is no number; check the views' values"),
    ):
        recognizer.from_views(mel, cochleagram)


def test_wrong_weights_and_devices(checkpoints: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DamerError, match="holds valence networks, not arousal"):
        Recognizer(checkpoints[1], checkpoints[0])
    with pytest.raises(DamerError, match="use auto, cpu or cuda"):
        Recognizer(*checkpoints, device="tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DamerError, match="no CUDA device"):
        Recognizer(*checkpoints, device="cuda")
    monkeypatch.setattr("damer.inference.networks.WEIGHTS", Path("/nowhere"))
    with pytest.raises(DamerError, match="holds no arousal weights; reinstall damer"):
        Recognizer()


def test_a_result_becomes_a_table_and_a_picture(recognizer: Recognizer, tone: Tone, tmp_path: Path) -> None:
    result = recognizer.from_samples(tone(3, 330.0), RATE)
    table = result.to_dataframe()
    assert list(table.columns) == [
        *("file", "start_s", "arousal", "valence", "arousal_sd", "valence_sd"),
        *("quadrant", "term", "uncertainty"),
    ]
    assert table["arousal"].mean() == pytest.approx(result.arousal, abs=1e-6)
    figure = result.plot(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert len(figure.axes) == 3


def test_the_identity_is_of_both_files(recognizer: Recognizer, checkpoints: tuple[Path, Path]) -> None:
    import hashlib

    digests = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in checkpoints)
    assert recognizer.model.sha256 == hashlib.sha256(digests.encode()).hexdigest()
    assert (recognizer.model.name, recognizer.model.version) == ("untrained", "0")
    assert damer.Recognizer is Recognizer
