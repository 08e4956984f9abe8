import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_copies import SCALE, write_midi
from small_study import LAG_S, RATERS, SECONDS, TRACKS, curve, offset, write_study

from damer.cli import main


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agreement") / "study"
    write_study(folder)
    return folder


def numbers(file: Path, scope: str, dimension: str) -> dict[str, dict[str, Any]]:
    tables = json.loads(file.read_text(encoding="utf-8"))["tables"]
    (found,) = [one["statistics"] for one in tables if (one["scope"], one["dimension"]) == (scope, dimension)]
    return dict(found)


def test_a_study_whose_numbers_are_known(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four raters who differ by nothing but a constant in valence, and one who failed and does not count."""
    out = tmp_path / "numbers.json"
    assert (
        main(["dataset", "agreement", str(study), "--bootstrap", "20", "--lag", "none", "--json", str(out)])
        == 0
    )
    text = capsys.readouterr().out
    assert f"{TRACKS} tracks, 4 annotators, 4 a track; 1 a second" in text
    assert "left out, calibration not passed: eve" in text
    assert "12 tracks heard twice" not in text
    valence, arousal = (numbers(out, "static", one) for one in ("valence", "arousal"))
    assert valence["icc_c1"]["value"] == pytest.approx(1.0, abs=1e-6)
    assert arousal["icc_a1"]["value"] == pytest.approx(1.0, abs=1e-6)
    # By hand: variance of the tracks' means, and of the four offsets.
    seconds = np.arange(0.025, SECONDS, 0.05)
    means = [np.clip(curve(track, seconds - LAG_S)[0], -1, 1).mean() for track in range(TRACKS)]
    tracks, raters = np.var(means, ddof=1), np.var([offset(name) for name in RATERS], ddof=1)
    assert valence["icc_a1"]["value"] == pytest.approx(tracks / (tracks + raters), abs=0.01)
    assert valence["pairwise_pearson"]["value"] == pytest.approx(1.0, abs=1e-6)
    low, high = valence["icc_a1"]["interval"]
    assert low < valence["icc_a1"]["value"] < high
    assert re.search(r"ICC\(C,1\) +1\.000", text)


def test_second_hearings_are_compared(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "numbers.json"
    assert main(["dataset", "agreement", str(study), "--bootstrap", "0", "--json", str(out)]) == 0
    repeats = json.loads(out.read_text(encoding="utf-8"))["repeats"]
    assert sorted(one["annotator"] for one in repeats) == sorted(RATERS)
    assert max(one["distance"] for one in repeats) == pytest.approx(0.0, abs=1e-6)
    assert "4 tracks heard twice by 4 annotators: mean distance .000" in capsys.readouterr().out


def test_a_given_lag_is_taken_off(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "numbers.json"
    arguments = [
        "dataset",
        "agreement",
        str(study),
        "--bootstrap",
        "0",
        "--lag",
        str(LAG_S),
        "--json",
        str(out),
    ]
    assert main(arguments) == 0
    assert "1.5 s taken off for everybody, as given" in capsys.readouterr().out
    steps = [
        table["targets"] for table in json.loads(out.read_text())["tables"] if table["scope"] == "dynamic"
    ]
    assert steps == [TRACKS * 5] * 2  # of the last second and a half, only half a second is known


def test_the_page_holds_its_figures_and_asks_for_nothing(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", "agreement", str(study), "--bootstrap", "20", "--out", str(tmp_path)]) == 0
    assert str(tmp_path / "agreement.html") in capsys.readouterr().out
    page = (tmp_path / "agreement.html").read_text(encoding="utf-8")
    assert "{{" not in page
    assert "Tones and arcs" in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    pictures = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert page.count('src="data:image/png;base64,') == len(pictures)
    assert {"statistics", "plane", "raters", "tracks", "annotators", "repeats", "spread"} <= pictures


def vgmidi(root: Path, raters: int = 12, pieces: int = 4) -> Path:
    """Write VGMIDI's table of one round with ratings that are drawn, and an empty second round."""
    rng = np.random.default_rng(0)
    names = {f"piece{one}": {"midi": f"Game_PC_Part_{one}.mid", "duration": 20.0} for one in range(pieces)}
    place = rng.uniform(-0.5, 0.5, (pieces, 1, 2, 1))
    drawn = np.clip(place + 0.2 * rng.normal(size=(pieces, raters, 2, 10)), -1, 1).round(2)
    annotations = {
        f"piece{one}_{rater}": {
            "valence": drawn[one, rater, 0].tolist(),
            "arousal": drawn[one, rater, 1].tolist(),
        }
        for one in range(pieces)
        for rater in range(raters)
    }
    root.mkdir()
    (root / "vgmidi_raw_1.json").write_text(json.dumps({"pieces": names, "annotations": annotations}))
    (root / "vgmidi_raw_2.json").write_text(json.dumps({"pieces": {}, "annotations": {}}))
    for one in names.values():
        write_midi(root / "midi" / str(one["midi"]), SCALE)
    return root


def test_vgmidi_has_no_persons_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = vgmidi(tmp_path / "vgmidi")
    out = tmp_path / "out.json"
    assert (
        main(["dataset", "agreement", str(root), "--bootstrap", "0", "--json", str(out), "--rate", "0.5"])
        == 0
    )
    text = capsys.readouterr().out
    assert "4 tracks, 48 trajectories, 12 a track; 0.5 a second" in text
    assert "cannot be compared over tracks" in text
    static = numbers(out, "static", "valence")
    assert static["icc_a1"]["value"] > 0.5
    assert static["cronbach_alpha"]["value"] is None
    assert numbers(out, "within", "valence")["pairwise_ccc"]["value"] == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "no study.json, dataset.json or vgmidi_raw_1.json"),
        (lambda folder: (folder / "study.json").write_text("{"), "study.json"),
        (lambda folder: (folder / "dataset.json").write_text("[]"), "dataset.json"),
        (lambda folder: (folder / "vgmidi_raw_1.json").write_text("{}"), "vgmidi_raw"),
    ],
)
def test_what_is_no_study_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], prepare: object, message: str
) -> None:
    prepare(tmp_path)  # type: ignore[operator]
    assert main(["dataset", "agreement", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_study_in_which_nobody_has_worked_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from damer.annotation.records import Study
    from damer.annotation.tables import StudyTrack

    Study.create(tmp_path / "s", "Empty", [StudyTrack("t1", "a.wav", 5.0)]).write()
    assert main(["dataset", "agreement", str(tmp_path / "s")]) == 1
    assert "nobody has rated a track yet" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    arguments = [
        "dataset",
        "agreement",
        str(study),
        "--bootstrap",
        "0",
        "--json",
        str(tmp_path / "file" / "x.json"),
    ]
    assert main(arguments) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--bootstrap", "-1"], ["--rate", "0"], ["--lag", "soon"], ["--rate", "nan"]]
)
def test_wrong_options_are_usage_errors(option: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", "agreement", str(tmp_path), *option])
    assert stopped.value.code == 2


def test_a_release_gives_the_numbers_of_its_study(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = tmp_path / "release"
    assert main(["dataset", "release", str(study), "--out", str(release), "--audio", "none"]) == 0
    found = []
    for number, folder in enumerate((study, release)):
        out = tmp_path / f"{number}.json"
        options = ["--bootstrap", "0", "--lag", "none", "--json", str(out)]
        assert main(["dataset", "agreement", str(folder), *options]) == 0
        found.append(json.loads(out.read_text(encoding="utf-8")))
    assert found[0]["tables"] == found[1]["tables"]
    assert found[0]["repeats"] == found[1]["repeats"]
    capsys.readouterr()


def test_a_sound_that_cannot_be_read_is_named_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(tmp_path / "study")
    (tmp_path / "study" / "sounds" / "Piece No. 3.wav").write_bytes(b"no sound")
    assert main(["dataset", "agreement", str(tmp_path / "study"), "--bootstrap", "0"]) == 0
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert "Piece No. 3.wav" in shown.err
    # They were made equally late, so all that each one's own lag can be is small.
    assert "own lags of 4 of 4 annotators taken off" in shown.out
    assert "nothing clear could be told from the sound" in shown.out  # the tones do not change
