"""What a run refuses: two at once, folders and rules that do not fit, disks that take no more."""

import os
import shutil
from pathlib import Path

import pytest
from curating import RULES, curate, digests

from damer.core.errors import DamerError
from damer.curation import Curation, CurationSettings
from damer.curation import fingerprint as prints
from damer.curation.disk import CannotWriteError

pytestmark = pytest.mark.usefixtures("no_fingerprints")


def test_two_runs_on_one_folder(source: Path, tmp_path: Path) -> None:
    with (
        Curation(source, tmp_path / "out", RULES),
        pytest.raises(DamerError, match="another run is at work in it; wait"),
    ):
        Curation(source, tmp_path / "out", RULES)
    curate(source, tmp_path / "out")  # and the lock is gone with the run


def test_folders_that_do_not_fit(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DamerError, match="is not a folder; name the folder"):
        Curation(source / "b.wav", tmp_path / "out", RULES)
    with pytest.raises(DamerError, match="results cannot go where the sources are"):
        Curation(source, source, RULES)
    with pytest.raises(DamerError, match="is not a folder; choose another --out"):
        Curation(source, source / "b.wav", RULES)
    (tmp_path / "nothing").mkdir()
    with (
        Curation(tmp_path / "nothing", tmp_path / "out", RULES) as run,
        pytest.raises(DamerError, match="no sound"),
    ):
        run.find()
    curate(source, tmp_path / "filled")
    (tmp_path / "other").mkdir()
    shutil.copy(source / "b.wav", tmp_path / "other")
    with (
        Curation(tmp_path / "other", tmp_path / "filled", RULES) as run,
        pytest.raises(DamerError, match="was made from"),
    ):
        run.find()
    assert not (source / ".curation").exists()


def test_results_inside_the_source_are_no_sources(source: Path) -> None:
    _, rows, _ = curate(source, source / "below" / "out")
    _, rows_again, _ = curate(source, source / "below" / "out")
    assert list(rows) == list(rows_again)
    assert not any("out/" in name for name in rows)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"min_s": 0.5}, "durations"),
        ({"min_s": 10, "max_s": 5}, "durations"),
        ({"max_s": 1e6}, "durations"),
        ({"min_s": float("nan")}, "durations"),
        ({"loudness_lufs": -80}, "loudness"),
        ({"loudness_lufs": 1}, "loudness"),
        ({"true_peak_dbtp": 0.5}, "true peak"),
    ],
)
def test_rules_out_of_range(values: dict[str, float], problem: str) -> None:
    with pytest.raises(DamerError, match=problem):
        CurationSettings(**values)  # type: ignore[arg-type]


def test_disk_that_fills_up_ends_the_run_and_the_rest_is_done_later(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "out", []
    kept = os.fsync

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        kept(descriptor)

    monkeypatch.setattr("damer.curation.track.os.fsync", full)
    with Curation(source, out, RULES) as run:
        run.find()
        with pytest.raises(
            DamerError, match=r"out: cannot be written \(no space left on device\); make room"
        ):
            run.work(1, lambda row, earlier: None)
    assert len(list((out / "audio").iterdir())) == 1
    assert not any(path.suffix == ".part" or ".f32" in path.name for path in out.rglob("*"))
    monkeypatch.undo()
    monkeypatch.setattr(prints, "maker", lambda: "")
    result, _, worked = curate(source, out)
    assert "b.wav" not in worked
    assert result.counts["kept"] == 3


@pytest.mark.parametrize("name", ["manifest.parquet", "manifest.csv", "curation.json"])
def test_manifest_is_whole_or_as_it_was(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / "out"
    curate(source, out)
    before = digests(out)
    real = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target.name == name:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(CannotWriteError, match="no space left on device"):
        curate(source, out)
    assert digests(out) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_takes_no_files(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(DamerError, match="choose another --out"):
        Curation(source, tmp_path / "out", RULES)


def test_state_that_is_no_database(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / ".curation").mkdir(parents=True)
    (tmp_path / "out" / ".curation" / "state.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(DamerError, match=r"state.sqlite: is damaged; delete it and run"):
        Curation(source, tmp_path / "out", RULES)


def test_state_with_a_page_overwritten(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _, before, _ = curate(source, out)
    path = out / ".curation" / "state.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(DamerError, match=r"state.sqlite: is damaged; delete it and run"):
        Curation(source, out, RULES)
    path.unlink()
    assert curate(source, out)[1] == before


def test_names_that_are_no_text(source: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\nnew.wav")
    try:
        shutil.copy(source / "below" / "a.flac", source / name)
    except OSError:
        pytest.skip("this file system takes only text as names")
    table = tmp_path / "licences.csv"
    table.write_text(
        "file,licence\ncaf\\xe9\\nnew.wav,CC0\nbelow\\a.flac,MIT\n"
    )  # the first as in the manifest
    result, rows, _ = curate(source, tmp_path / "out", licences=table)
    assert rows[r"caf\xe9\nnew.wav"].status == "rejected"  # the exact copy that comes later by name
    assert rows[r"caf\xe9\nnew.wav"].duplicate_of == "below/a.flac"
    assert (rows[r"caf\xe9\nnew.wav"].licence, rows["below/a.flac"].licence) == ("CC0", "MIT")
    assert not any("names what is no file" in note for note in result.notes)
