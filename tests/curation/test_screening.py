"""The built-in screener and the thresholds that every screener has."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import lfilter

import damer.curation.screening as screening
import damer.curation.screening.frames as frames_module
from damer.core.errors import DamerError
from damer.curation.screening import Thresholds, read_thresholds, screener, write_thresholds
from damer.curation.screening.cues import CUES, CueScreener, cues, pooled
from damer.curation.screening.frames import (
    HOP,
    LOWEST_HZ,
    RATE,
    STEPS_PER_OCTAVE,
    blocks,
    foreground,
    mel_filters,
)
from damer.examples import QUADRANTS, example_path

Samples = NDArray[np.float32]


def tone(hertz: NDArray[np.float64] | float, seconds: float = 8.0, harmonics: int = 8) -> Samples:
    """Return a tone whose pitch may change, at 16 kHz, on both sides: float32 (n, 2)."""
    count = int(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, count)) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, harmonics + 1)) * 0.1
    return np.repeat(np.asarray(sound, np.float32)[:, None], 2, axis=1)


def babble(seconds: float = 8.0, seed: int = 0) -> Samples:
    """Return something like speech: gliding buzzes through moving formants, four a second, and hisses."""
    generator = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    while sum(len(part) for part in parts) < seconds * RATE:
        count = int(generator.uniform(0.15, 0.3) * RATE)
        pitch = np.linspace(generator.uniform(100, 220), generator.uniform(100, 220), count)
        buzz = (np.cumsum(pitch) / RATE % 1 < 0.1).astype(float) - 0.1
        for formant in (generator.uniform(300, 900), generator.uniform(900, 2400), 2800):
            radius = math.exp(-math.pi * 90 / RATE)
            feedback = [1, -2 * radius * math.cos(2 * math.pi * formant / RATE), radius**2]
            buzz = lfilter([1 - radius], feedback, buzz)
        hiss = np.diff(generator.normal(0, 0.02, count // 3 + 1))
        parts += [buzz / np.abs(buzz).max() * np.hanning(count), hiss, np.zeros(count // 5)]
    sound = np.concatenate(parts)[: int(seconds * RATE)].astype(np.float32) * 0.3
    return np.repeat(sound[:, None], 2, axis=1)


def column(found: NDArray[np.float64], name: str) -> float:
    return float(found[:, CUES.index(name)].mean())


# -- frames --------------------------------------------------------------------------------------------------


def test_mel_filters_lie_where_the_formula_puts_them() -> None:
    centres = mel_filters().argmax(axis=1) * RATE / 2048
    lowest, highest = (1127.01048 * math.log(1 + hertz / 700) for hertz in (100, 8000))
    wanted = 700 * (np.exp(np.linspace(lowest, highest, 66)[1:-1] / 1127.01048) - 1)
    assert np.abs(centres - wanted).max() <= RATE / 2048 / 2 + 0.1


@pytest.mark.parametrize("hertz", [130.8, 220.0, 440.0, 880.0])
def test_pitch_of_a_tone(hertz: float) -> None:
    (frames,) = blocks(tone(hertz, 3), RATE)
    found = LOWEST_HZ * 2 ** (np.median(frames.pitch) / STEPS_PER_OCTAVE)
    assert abs(1200 * math.log2(found / hertz)) <= 20  # cents
    heard = frames.weights[1:] > 0.2 * frames.weights.max()  # bands between two partials hold nothing
    assert np.median(np.abs(frames.moves[1:][heard])) == 0


def test_moves_follow_a_glide() -> None:
    """A glide of 1500 cents a second is three steps of ten cents in each frame of 20 ms."""
    count = 2 * RATE
    hertz = 200 * 2 ** (np.arange(count) / RATE * 1500 / 1200)
    (frames,) = blocks(tone(hertz, 2, harmonics=6), RATE)
    assert np.median(frames.moves[1:, 4:7]) == pytest.approx(1500 * HOP / RATE / 10, abs=0.5)


def test_foreground_is_what_is_not_repeated() -> None:
    generator = np.random.default_rng(0)
    pattern = np.tile(generator.uniform(0.5, 1, (50, 64)), (20, 1)).astype(np.float32)
    once = np.zeros_like(pattern)
    once[520:530, 30] = 5.0
    found = foreground(pattern + once)
    assert found[520:530, 30] == pytest.approx(5.0, rel=0.1)
    found[520:530, 30] = 0
    assert found.mean() < 0.1 * pattern.mean()


def test_blocks_are_equal_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "BLOCK_S", 5)
    lengths = [len(frames.mel) for frames in blocks(np.zeros((RATE * 11, 2), np.float32), RATE)]
    assert len(lengths) == 3
    assert max(lengths) - min(lengths) <= 1


# -- cues ----------------------------------------------------------------------------------------------------


def test_cues_hear_what_their_names_say() -> None:
    time = np.arange(8 * RATE) / RATE
    still, trembling = (
        cues(tone(220.0), RATE),
        cues(tone(220 * (1 + 0.03 * np.sin(2 * np.pi * 6 * time))), RATE),
    )
    assert column(trembling, "tremble") > column(still, "tremble") + 2
    assert column(trembling, "small moves, band 3") > column(still, "small moves, band 3") + 0.3
    swelling = tone(220.0) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))[:, None].astype(np.float32)
    slow = tone(220.0) * (0.55 + 0.45 * np.sin(2 * np.pi * 0.7 * time))[:, None].astype(np.float32)
    name = "syllabic change of mix, low"
    assert column(cues(swelling, RATE), name) > column(cues(slow, RATE), name) + 0.3


def test_cues_do_not_depend_on_level_or_rate_of_blocks() -> None:
    sound = babble()
    loud, soft = cues(sound, RATE), cues(sound * np.float32(0.05), RATE)
    assert np.abs(loud - soft).max() < 0.02
    assert np.isfinite(loud).all()


def test_something_like_speech_scores_above_the_examples() -> None:
    """The examples are played by instruments alone."""
    judge = CueScreener()
    spoken = judge.score(babble(), RATE)
    assert judge.verdict(spoken) == "likely-vocal"
    for name in QUADRANTS:
        samples, rate = soundfile.read(example_path(name), dtype="float32", always_2d=True)
        score = judge.score(samples[: 15 * rate], rate)
        assert score < spoken
        assert judge.verdict(score) != "likely-vocal", f"{name}: {score:.2f}"


@pytest.mark.parametrize("sound", ["silence", "short", "nan"])
def test_odd_sounds_get_a_score(sound: str) -> None:
    samples = np.zeros((4 * RATE, 2), np.float32)
    if sound == "short":
        samples = tone(220.0, 1.0)
    if sound == "nan":
        samples[:] = np.nan
    assert CueScreener().score(samples, RATE) == 0.0


def test_one_window_in_a_long_track_does_not_decide() -> None:
    logits = np.full(30, -3.0)
    logits[4] = 6.0
    assert pooled(logits) < 0.2
    logits[:10] = 6.0
    assert pooled(logits) == pytest.approx(1 / (1 + math.exp(-6)))


def test_the_record_names_the_weights() -> None:
    judge = screener("cues")
    path = Path(screening.__file__).with_name("cues.json")
    assert judge.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert json.loads(path.read_text())["version"] == judge.version
    assert json.loads(path.read_text())["cues"] == list(CUES)


# -- thresholds ----------------------------------------------------------------------------------------------


def test_verdicts() -> None:
    limits = Thresholds(0.3, 0.7)
    verdicts = [limits.verdict(score) for score in (0.0, 0.29, 0.3, 0.69, 0.7, 1.0, math.nan)]
    assert verdicts == [*["no-evidence"] * 2, *["review"] * 2, *["likely-vocal"] * 2, "review"]


@pytest.mark.parametrize("pair", [(0.7, 0.3), (-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_impossible_thresholds(pair: tuple[float, float]) -> None:
    with pytest.raises(DamerError, match="0 ≤ review ≤ likely ≤ 1"):
        Thresholds(*pair)


def test_thresholds_travel_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    write_thresholds(path, "cues", Thresholds(0.25, 0.5), auc=0.9)
    limits = read_thresholds(path, "cues")
    assert limits == Thresholds(0.25, 0.5)
    assert screener("cues", thresholds=limits).verdict(0.4) == "review"
    assert [item.name for item in tmp_path.iterdir()] == ["thresholds.json"]
    with pytest.raises(DamerError, match=r"for the screener cues, not demucs: .* --screener demucs"):
        read_thresholds(path, "demucs")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read"),
        ("[]", "not a file of vocal thresholds"),
        ("{", "not a file of vocal thresholds"),
        ('{"format": "damer-vocal-threshold-v1", "screener": "cues", "review": "x"}', "must be numbers"),
    ],
)
def test_files_that_hold_no_thresholds(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "thresholds.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DamerError, match=f"{path.name}: .*{problem}"):
        read_thresholds(path, "cues")


def test_no_such_screener() -> None:
    with pytest.raises(DamerError, match="choose one of cues, demucs, spleeter"):
        screener("ears")
