"""Calibration: ROC and thresholds against scikit-learn and counting, and the command on labelled clips."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.metrics import roc_auc_score, roc_curve

from damer.cli import main
from damer.core.errors import DamerError
from damer.curation.calibration import Clip, auc_interval, calibrate, read_labels, roc, wilson
from damer.curation.screening import read_thresholds


def clips(seed: int = 0, count: int = 200) -> list[Clip]:
    generator = np.random.default_rng(seed)
    vocal = generator.random(count) < 0.5
    scores = np.round(1 / (1 + np.exp(-generator.normal(np.where(vocal, 1.5, -1), 1.2))), 2)
    return [Clip(f"{n}.wav", bool(v), float(s)) for n, (v, s) in enumerate(zip(vocal, scores, strict=True))]


def test_curve_and_area_are_scikit_learns() -> None:
    given = clips()
    truth, score = [clip.vocal for clip in given], [clip.score for clip in given]
    wrong, right, _ = roc_curve(truth, score, drop_intermediate=False)
    ours = roc(given)
    np.testing.assert_allclose(ours[0], wrong)
    np.testing.assert_allclose(ours[1], right)
    assert calibrate(given).auc == pytest.approx(roc_auc_score(truth, score))


@pytest.mark.parametrize("false_reject", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("missed", [0.0, 0.02, 0.3])
def test_thresholds_keep_their_rules(false_reject: float, missed: float) -> None:
    given = clips(1)
    found = calibrate(given, false_reject, missed)
    without = [clip.score for clip in given if not clip.vocal and clip.score is not None]
    voices = [clip.score for clip in given if clip.vocal and clip.score is not None]
    limits = found.thresholds
    assert (
        np.mean([score >= limits.likely for score in without]) == found.false_rejections.value <= false_reject
    )
    assert np.mean([score < limits.review for score in voices]) == found.misses.value <= missed
    # The next lower threshold for likely-vocal would break its rule.
    lower = max(
        score for score in {clip.score for clip in given} if score is not None and score < limits.likely
    )
    assert np.mean([score >= lower for score in without]) > false_reject
    assert limits.review <= limits.likely


def test_wilson_interval_is_the_published_one() -> None:
    """Newcombe (1998), table I: 15 of 148 gives 0.0624 to 0.1605, 0 of 20 gives 0 to 0.1611."""
    rate = wilson(15, 148)
    assert (rate.low, rate.high) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert (wilson(0, 20).low, wilson(0, 20).high) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_interval_of_the_area_covers_it_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    true_area, hits, draws = 0.9214, 0, 400  # of two normal distributions two deviations apart
    for _ in range(draws):
        voices, none = generator.normal(2, 1, 40), generator.normal(0, 1, 60)
        area = float((voices[:, None] > none).mean())
        low, high = auc_interval(area, 40, 60)
        hits += low <= true_area <= high
    assert 0.92 <= hits / draws <= 0.99


def test_interval_of_a_perfect_area_has_a_width() -> None:
    low, high = auc_interval(1.0, 10, 10)
    assert high == 1.0
    assert 0.6 < low < 0.95


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (None, "cannot be read"),
        ("name,vocal\na.wav,1\n", "needs a line of names with 'file' and 'vocal'"),
        ("file,vocal\na.wav,perhaps\n", "line 2: vocal is 'perhaps'"),
        ("file,vocal\na.wav,1\nc.wav,0\n", "line 3: .*c.wav is not there"),
        ("file,vocal\na.wav,1\nb.wav,yes\n", "only one kind of clip"),
        ("file,vocal\na.wav,1\nb.wav,0\n./a.wav,0\n", "line 4: ./a.wav stands in line 2 too"),
    ],
)
def test_tables_that_will_not_do(tmp_path: Path, table: str | None, problem: str) -> None:
    for name in "ab":
        (tmp_path / f"{name}.wav").touch()
    if table is not None:
        (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DamerError, match=problem):
        read_labels(tmp_path / "labels.csv", tmp_path)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One clip is no sound: thresholds, picture and scores are written all the same."""
    folder = tmp_path / "clips"
    folder.mkdir()
    time = np.arange(3 * 16_000) / 16_000
    generator = np.random.default_rng(0)
    with (tmp_path / "labels.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["file", "vocal"])
        for number in range(4):
            wobble = np.cumsum(220 * (1 + 0.05 * np.sin(2 * np.pi * 5 * time)) / 16_000)
            still = 0.3 * np.sin(2 * np.pi * 110 * 2 ** (number / 4) * time)
            voice = np.sign(np.sin(2 * np.pi * wobble)) * 0.2 * (np.sin(2 * np.pi * 4 * time) > 0)
            for kind, samples in (("voice", voice + generator.normal(0, 0.01, len(time))), ("none", still)):
                soundfile.write(folder / f"{kind}{number}.wav", samples, 16_000)
                rows.writerow([f"{kind}{number}.wav", int(kind == "voice")])
        (folder / "text.wav").write_text("no sound")
        rows.writerow(["text.wav", 0])
    out = tmp_path / "out"
    words = [str(folder), str(tmp_path / "labels.csv"), "--out", str(out), "--workers", "1"]
    assert main(["curate", "calibrate", *words]) == 1
    printed = capsys.readouterr()
    assert "4 clips with voice, 4 without" in printed.out
    assert "text.wav" in printed.err
    assert "are few" in printed.err
    limits = read_thresholds(out / "thresholds.json", "cues")
    content = json.loads((out / "thresholds.json").read_text())
    with (out / "scores.csv").open(newline="") as table:
        scored = [
            Clip(row["file"], row["vocal"] == "1", float(row["score"])) for row in csv.DictReader(table)
        ]
    assert len(scored) == 8
    assert calibrate(scored).auc == pytest.approx(content["auc"])
    assert calibrate(scored).thresholds.likely == pytest.approx(limits.likely, abs=1e-6)
    assert (out / "roc.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.iterdir()) == ["roc.png", "scores.csv", "thresholds.json"]


def test_command_without_a_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert (
        main(["curate", "calibrate", str(tmp_path / "none"), "labels.csv", "--out", str(tmp_path / "o")]) == 1
    )
    assert "is no folder" in capsys.readouterr().err


def test_command_hears_nothing_before_it_knows_where_to_write(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Hearing takes hours: that the folder cannot be made is said at once, and a folder of one kind too."""
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_text("no sound")
    (tmp_path / "labels.csv").write_text("file,vocal\na.wav,1\nb.wav,0\n")
    words = ["curate", "calibrate", str(tmp_path), str(tmp_path / "labels.csv"), "--workers", "1", "--out"]
    assert main([*words, str(tmp_path / "a.wav")]) == 1
    assert (
        capsys.readouterr().err
        == f"damer: {tmp_path / 'a.wav'}: cannot be made (File exists); choose another --out\n"
    )
    assert main([*words, str(tmp_path / "out")]) == 1
    assert "all or none have a voice: add clips" in capsys.readouterr().err
