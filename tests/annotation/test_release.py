"""`damer dataset release`: what is in the folder and what is not, and what happens when things go wrong."""

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_study import CARELESS, LAG_S, RATERS, SECONDS, TRACKS, curve, offset, write_study

from damer.annotation.records import Study
from damer.annotation.release import ReleaseSettings, release
from damer.annotation.release.figure import save_overview
from damer.annotation.release.labels import ewe_weights
from damer.cli import main
from damer.core import fusion
from damer.core.errors import DamerError
from damer.core.fusion import TrackRatings
from damer.datasets import release_tables as tables

DAY = "2030-01-02"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_study(folder)
    return folder


@pytest.fixture(scope="module")
def made(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "tones"
    settings = ReleaseSettings(DAY, fusion="mean", lag=LAG_S, licence="CC-BY-4.0")
    release(Study.open(study), folder, settings)
    return folder


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    return found


# -- labels --------------------------------------------------------------------------------------------------


def test_labels_are_the_known_curves(made: Path) -> None:
    """The mean of the annotators, shifted by the lag, is the mean of the curve over each second."""
    found = rows(made / "labels/dynamic.parquet")
    known_s = SECONDS - LAG_S  # of what came later nobody heard in time to say something
    assert len(found) == TRACKS * 5
    assert max(row["second"] for row in found) == 4.0
    for row in found:
        if row["second"] + 1 > known_s:
            continue
        fine = row["second"] + np.arange(0, 1, 0.05)
        valence, arousal = curve(int(row["track_id"][1:]), fine)
        assert row["valence"] == pytest.approx(valence.mean(), abs=1e-6)
        assert row["arousal"] == pytest.approx(arousal.mean(), abs=1e-6)
        assert row["raters"] == 4


def test_spread_is_the_annotators_standard_deviation(made: Path) -> None:
    wanted = np.std([offset(name) for name in RATERS], ddof=1)
    for table in ("dynamic", "static"):
        for row in rows(made / f"labels/{table}.parquet"):
            assert row["valence_sd"] == pytest.approx(wanted, abs=1e-6)
            assert row["arousal_sd"] == pytest.approx(0, abs=1e-6)


def test_static_label_is_the_mean_over_time(made: Path) -> None:
    dynamic = rows(made / "labels/dynamic.parquet")
    for row in rows(made / "labels/static.parquet"):
        over_time = [step["valence"] for step in dynamic if step["track_id"] == row["track_id"]]
        assert row["valence"] == pytest.approx(np.mean(over_time), abs=1e-6)


def test_ten_labels_a_second(study: Path, tmp_path: Path) -> None:
    release(Study.open(study), tmp_path / "out", ReleaseSettings(DAY, rate_hz=10, lag="none"))
    found = [row for row in rows(tmp_path / "out/labels/dynamic.parquet") if row["track_id"] == "t03"]
    assert [row["second"] for row in found] == pytest.approx(np.arange(60) / 10)
    # Two samples, 50 ms apart, in each step.
    wanted = [curve(3, np.array([0.0, 0.05]) + start - LAG_S)[1].mean() for start in np.arange(60) / 10]
    assert [row["arousal"] for row in found] == pytest.approx(wanted, abs=1e-6)


def test_who_did_not_pass_the_calibration_is_not_there(made: Path) -> None:
    assert [row["annotator"] for row in rows(made / "annotators.parquet")] == list(RATERS)
    told = {row["annotator"] for row in rows(made / "trajectories/part-00000.parquet")}
    assert told == set(RATERS)
    assert json.loads((made / "dataset.json").read_text())["annotators_left_out"] == 1
    for path in made.rglob("*.parquet"):
        cells = {str(cell) for row in rows(path) for cell in row.values()}
        assert not [cell for cell in cells if cell == CARELESS or cell.startswith(f"{CARELESS}-")], path


def test_evaluator_weights_are_a_persons(study: Path, tmp_path: Path) -> None:
    """Those who follow the others weigh the same here; the weights stand beside the pseudonyms."""
    release(Study.open(study), tmp_path / "out", ReleaseSettings(DAY, fusion="ewe", lag=LAG_S))
    found = rows(tmp_path / "out/annotators.parquet")
    assert [row["valence_weight"] for row in found] == pytest.approx([1.0] * 4, abs=1e-6)
    assert [row["lag_s"] for row in found] == [LAG_S] * 4
    assert [row["tracks"] for row in found] == [TRACKS] * 4


def test_weights_over_a_study_are_those_of_one_large_table() -> None:
    """Track by track, so that thousands of annotators fit, and the same numbers as all at once."""
    generator = np.random.default_rng(4)
    ratings = np.clip(
        0.3 * generator.standard_normal((80, 1)) + 0.2 * generator.standard_normal((80, 5)), -1, 1
    )
    ratings[generator.random(ratings.shape) < 0.3] = np.nan
    ratings[:, 4] = -ratings[:, 0]
    names = tuple("abcde")
    tracks = [
        TrackRatings(str(part), names, 1.0, block, block) for part, block in enumerate(np.split(ratings, 8))
    ]
    found = ewe_weights(tracks, "valence")
    assert [found[name] for name in names] == pytest.approx(fusion.ewe_weights(ratings))
    assert found["e"] == 0 < found["a"]


# -- privacy -------------------------------------------------------------------------------------------------

SECRET = "Zweibrücken-1987-f"


def test_what_else_the_study_knows_stays_there(tmp_path: Path) -> None:
    """Further columns and fields of a study's files, as someone's database may export them, do not leak."""
    folder = tmp_path / "study"
    write_study(folder)
    for name in ("annotators", "tracks", "trials"):
        path = folder / f"{name}.parquet"
        table = pq.read_table(path)
        for column in ("birthplace", "age", "email"):
            table = table.append_column(column, pa.array([SECRET] * table.num_rows))
        pq.write_table(table.replace_schema_metadata({"owner": SECRET}), path)
    header = json.loads((folder / "study.json").read_text())
    header |= {"people": dict.fromkeys(RATERS, SECRET), "contact": SECRET}
    (folder / "study.json").write_text(json.dumps(header))
    (folder / "demographics.csv").write_text(f"annotator,birthplace\nada,{SECRET}\n")
    release(Study.open(folder), tmp_path / "out", ReleaseSettings(DAY))
    released = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(released) > 20
    for path in released:
        assert SECRET.encode() not in path.read_bytes(), path
        if path.suffix == ".parquet":  # compressed: what it holds is looked at, not its bytes
            file = pq.ParquetFile(path)
            assert SECRET not in str(file.read().to_pylist()), path
            assert SECRET not in str(file.schema_arrow.metadata), path


def test_columns_are_exactly_those_that_are_documented(made: Path) -> None:
    for table in tables.TABLES:
        paths = sorted(made.glob(table.path))
        assert paths, table.name
        for path in paths:
            assert pq.ParquetFile(path).schema_arrow.names == table.names
    assert "started_at" not in tables.TRAJECTORIES.names
    card = (made / "README.md").read_text()
    for table in tables.TABLES:
        assert f"### `{table.path}`" in card
        assert [name for name in table.names if f"| `{name}` |" not in card] == []


@pytest.mark.parametrize("name", ["ada@example.org", "Ada Lovelace"])
def test_addresses_and_names_are_no_pseudonyms(tmp_path: Path, name: str) -> None:
    study = write_study(tmp_path / "study", tracks=2)
    study.annotators = (*study.annotators, type(study.annotators[0])(name))
    with pytest.raises(DamerError, match="not a pseudonym"):
        release(study, tmp_path / "out", ReleaseSettings(DAY))
    assert not (tmp_path / "out").exists()


# -- splits --------------------------------------------------------------------------------------------------


def test_splits_keep_groups_whole_and_quadrants_in_proportion(made: Path) -> None:
    found = rows(made / "tracks.parquet")
    sides = {
        row["group"]: {other["split"] for other in found if other["group"] == row["group"]} for row in found
    }
    assert all(len(side) == 1 for side in sides.values())
    written = json.loads((made / "splits/split.json").read_text())
    parts = {name: written[name] for name in ("train", "validation", "test")}
    assert sorted([*parts["train"], *parts["validation"], *parts["test"]]) == [
        row["track_id"] for row in found
    ]
    assert all(row["track_id"] in parts[row["split"]] for row in found)
    assert parts["test"]
    assert parts["validation"]
    folds = json.loads((made / "splits/folds.json").read_text())["folds"]
    assert len(folds) == 5
    tested = [name for fold in folds for name in fold["test"]]
    assert sorted(tested) == [row["track_id"] for row in found]
    lines = (made / "splits/splits.csv").read_text().splitlines()
    assert lines == ["track_id,split,fold"] + [
        f"{row['track_id']},{row['split']},{row['fold']}" for row in found
    ]


@pytest.mark.parametrize(("tracks", "counts"), [(2, (2, 0, 0)), (4, (2, 0, 2))])
def test_few_groups_give_fewer_parts(tmp_path: Path, tracks: int, counts: tuple[int, ...]) -> None:
    study = write_study(tmp_path / "study", tracks=tracks)
    parts = release(study, tmp_path / "out", ReleaseSettings(DAY))["splits"]
    assert (parts["train"], parts["validation"], parts["test"]) == counts
    assert main(["dataset", "check", "release", str(tmp_path / "out")]) == 0


# -- the command ---------------------------------------------------------------------------------------------


def test_command_says_what_is_in_it_and_what_is_left_to_do(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["dataset", "release", str(study), "--out", str(out), "--name", "Arcs", "--lag", "1.5"]) == 0
    said = capsys.readouterr()
    assert "12 tracks in 6 groups" in said.out
    assert "4 annotators, 52 trajectories, of them 4 second hearings" in said.out
    assert "lag: 1.5 s taken off for everybody" in said.out
    assert "no --licence" in said.err
    assert "licence is not stated: 4" in said.err
    assert "open questions: " in said.err


def test_makers_answers_are_used(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = tmp_path / "about.toml"
    about.write_text('creator = "The Lab"\ncontact = "lab@example.org"\n[datasheet]\npurpose = "To test."\n')
    call = ["dataset", "release", str(study), "--out", str(tmp_path / "out"), "--about", str(about)]
    assert main([*call, "--licence", "CC0-1.0", "--audio", "none"]) == 0
    sheet = (tmp_path / "out/DATASHEET.md").read_text()
    assert "**For what purpose was the dataset made?**\n\nTo test.\n" in sheet
    assert "**Who made it, and for whom?**\n\nThe Lab\n" in sheet
    assert "**How can they be reached?**\n\nlab@example.org\n" in sheet
    assert "purpose" not in capsys.readouterr().err
    assert "Yes: the sound files" in sheet


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("author = 'x'", "author is unknown; there are creator"),
        ("[datasheet]\nwhy = 'x'", "datasheet.why is unknown"),
        ("creator = 3", "creator is not a text"),
        ("creator: x", "is not TOML"),
    ],
)
def test_a_wrong_answer_file_is_said(
    study: Path, tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    about = tmp_path / "about.toml"
    about.write_text(text)
    call = ["dataset", "release", str(study), "--out", str(tmp_path / "out"), "--about", str(about)]
    assert main(call) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# -- when things go wrong ------------------------------------------------------------------------------------


def test_the_same_study_gives_the_same_bytes(study: Path, made: Path, tmp_path: Path) -> None:
    settings = ReleaseSettings(DAY, fusion="mean", lag=LAG_S, licence="CC-BY-4.0")
    release(Study.open(study), tmp_path / "again", settings)
    names = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    assert names == sorted(
        path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file()
    )
    for name in names:
        assert (made / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_nothing_that_is_there_is_overwritten(study: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(DamerError, match="is there already"):
        release(Study.open(study), tmp_path / "out", ReleaseSettings(DAY))
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_a_full_disk_leaves_nothing(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("damer.annotation.release.build.save_overview", full)
    with pytest.raises(DamerError, match="No space left on device"):
        release(Study.open(study), tmp_path / "out", ReleaseSettings(DAY))
    assert list(tmp_path.iterdir()) == []


def test_missing_sound_is_named_before_anything_is_copied(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study")
    study.audio("t07").unlink()
    with pytest.raises(DamerError, match=r"missing sound: .*Piece No. 7.wav"):
        release(study, tmp_path / "out", ReleaseSettings(DAY))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study"]
    assert release(study, tmp_path / "out", ReleaseSettings(DAY, audio="none"))["audio"] == "none"


def test_another_sound_than_was_annotated_is_refused(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", tracks=2)
    study.audio("t01").write_bytes(study.audio("t00").read_bytes())
    with pytest.raises(DamerError, match=r"Piece No. 1.wav: is not the file that was annotated"):
        release(study, tmp_path / "out", ReleaseSettings(DAY))


def test_a_study_without_anybody_who_passed(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", tracks=2)
    study.annotators = study.annotators[-1:]
    with pytest.raises(DamerError, match="no annotator has passed the calibration"):
        release(study, tmp_path / "out", ReleaseSettings(DAY))


def test_a_study_without_samples(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = Path(shutil.copytree(study, tmp_path / "study"))
    pq.write_table(pq.read_table(copy / "samples.parquet").slice(0, 0), copy / "samples.parquet")
    assert main(["dataset", "release", str(copy), "--out", str(tmp_path / "out")]) == 1
    assert "its trials hold no samples, so there is nothing to release" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_runs_into_one_folder(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is refused, the first one's folder stays whole."""
    inner = []

    def meanwhile(*arguments: Any) -> Any:
        with pytest.raises(DamerError, match="another process is making it"):
            release(Study.open(study), tmp_path / "out", ReleaseSettings(DAY))
        inner.append("refused")
        return save_overview(*arguments)

    monkeypatch.setattr("damer.annotation.release.build.save_overview", meanwhile)
    release(Study.open(study), tmp_path / "out", ReleaseSettings(DAY))
    assert inner == ["refused"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert main(["dataset", "check", "release", str(tmp_path / "out")]) == 0


def test_agreement_is_that_of_the_ratings(made: Path) -> None:
    """Four annotators with known offsets in valence, none in arousal: ICC(A,1) = variances' share."""
    found = json.loads((made / "dataset.json").read_text())["agreement"]
    assert found["arousal"]["dynamic"]["icc_a1"] == pytest.approx(1)
    truth = np.array([row["valence"] for row in rows(made / "labels/dynamic.parquet")])
    between = np.var([offset(name) for name in RATERS], ddof=1)
    share = truth.var(ddof=1) / (truth.var(ddof=1) + between)
    assert found["valence"]["dynamic"]["icc_a1"] == pytest.approx(share, abs=1e-3)
    assert "| valence, dynamic | " in (made / "README.md").read_text()


def test_what_a_killed_run_left_is_cleared_away(study: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.draft" / "audio").mkdir(parents=True)
    (tmp_path / ".out.draft" / "audio" / "half.wav").write_bytes(b"RIFF")
    (tmp_path / ".out.lock").touch()
    release(Study.open(study), tmp_path / "out", ReleaseSettings(DAY))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not (tmp_path / "out" / "audio" / "half.wav").exists()
