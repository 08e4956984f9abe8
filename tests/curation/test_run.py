"""Whole runs: the manifest, going on after a stop, the same again, duplicates, licences, voices."""

import csv
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from curating import RATE, RULES, curate, digests
from pyarrow import parquet
from sounds import tones

from damer.core.errors import DamerError
from damer.curation import Curation, CurationSettings, Row, track
from damer.curation import fingerprint as prints
from damer.curation.manifest import COLUMNS

pytestmark = pytest.mark.usefixtures("no_fingerprints")

# The columns that other parts of the product read; more may be added, none may go.
PROMISED = set(
    """
file status reason output sha256_source sha256 duration_s sample_rate_in channels_in codec_in loudness_in_lufs
true_peak_in_dbtp gain_db loudness_lufs true_peak_dbtp peak_limited screener screener_version
screener_weights_sha256 vocal_score vocal_verdict vocal_threshold duplicate_of duplicate_kind licence is_cc0
source artist title track_id
""".split()  # noqa: SIM905
)


def test_manifest(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result, rows, worked = curate(source, out)
    assert len(worked) == 7
    assert result.counts == {"kept": 3, "rejected": 2, "failed": 2}
    table = parquet.read_table(out / "manifest.parquet")
    assert set(table.column_names) >= PROMISED
    assert tuple(table.column_names) == COLUMNS
    found = table.to_pylist()
    assert [row["file"] for row in found] == sorted(rows, key=os.fsencode)
    assert [Row(**row) for row in found] == list(rows.values())
    assert {str(table.schema.field(name).type) for name in ("peak_limited", "is_cc0")} == {"bool"}
    assert str(table.schema.field("gain_db").type) == "double"
    for row in found:
        assert (row["reason"] == "") == (row["status"] == "kept")
        assert (row["output"] != "") == (row["status"] == "kept")
    kept = [row for row in found if row["status"] == "kept"]
    assert sorted(path.name for path in (out / "audio").iterdir()) == sorted(
        Path(r["output"]).name for r in kept
    )
    assert rows["copy of b.wav"].reason == "exact duplicate of b.wav"
    assert (rows["copy of b.wav"].duplicate_of, rows["copy of b.wav"].duplicate_kind) == ("b.wav", "exact")
    assert rows["b.wav"].duplicate_of == ""


def test_csv_says_the_same_as_parquet(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    curate(source, out)
    with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))

    def plain(value: Any) -> str:
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    table = parquet.read_table(out / "manifest.parquet").to_pylist()
    assert lines == [{name: plain(value) for name, value in row.items()} for row in table]


def test_curation_json_names_every_step_with_its_parameters(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    curate(source, out)
    about = json.loads((out / "curation.json").read_text())
    steps = {step["step"]: step for step in about["steps"]}
    assert list(steps) == ["decode", "duration", "voices", "loudness", "duplicates", "licences", "manifest"]
    assert (steps["duration"]["shortest_s"], steps["duration"]["longest_s"]) == (1.5, 4)
    assert (steps["loudness"]["target_lufs"], steps["loudness"]["highest_true_peak_dbtp"]) == (-23, -1)
    assert steps["decode"]["versions"]["numpy"] == np.__version__
    assert about["files"] == {"failed": 2, "kept": 3, "rejected": 2}


def test_the_same_again_changes_nothing(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, _, _ = curate(source, out)
    before = digests(out)
    times = {path: path.stat().st_mtime_ns for path in (out / "audio").iterdir()}
    again, _, worked = curate(source, out)
    assert worked == ["empty.mp3", "text.wav"]  # what could not be read gets another chance
    assert again.counts == first.counts
    assert digests(out) == before
    assert {path: path.stat().st_mtime_ns for path in (out / "audio").iterdir()} == times


def test_processes_give_the_same_as_one(source: Path, tmp_path: Path) -> None:
    curate(source, tmp_path / "one")
    curate(source, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


class KilledError(Exception):
    """Stands in for the end of the process."""


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_run_that_was_stopped_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    curate(source, whole)
    done: list[str] = []

    def stop(row: Row | None, earlier: bool) -> None:
        if len(done) == after:
            raise KilledError
        done.append("" if row is None else row.file)

    with Curation(source, out, RULES) as run:
        run.find()
        with pytest.raises(KilledError):
            run.work(1, stop)
    assert not (out / "manifest.csv").exists()
    (out / ".curation" / "scratch").mkdir(exist_ok=True)
    (out / ".curation" / "scratch" / "0.f32").write_bytes(b"left by a kill")
    _, _, worked = curate(source, out)
    assert not set(worked) & set(done[:after])
    assert digests(out) == digests(whole)
    assert not (out / ".curation" / "scratch").exists()


def test_what_changed_is_done_again_and_nothing_stale_stays(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _, before, _ = curate(source, out)
    soundfile.write(source / "below" / "a.flac", tones(2, 22050, 9), 22050)  # other music
    soundfile.write(source / "ü 音.ogg", tones(1, RATE), RATE)  # too short now
    (out / before["b.wav"].output).write_bytes(b"damaged")
    result, rows, worked = curate(source, out)
    assert set(worked) == {"below/a.flac", "ü 音.ogg", "b.wav", "empty.mp3", "text.wav"}
    assert result.counts == {"kept": 2, "rejected": 3, "failed": 2}
    names = {Path(row.output).name for row in rows.values() if row.output}
    assert {path.name for path in (out / "audio").iterdir()} == names
    assert rows["b.wav"] == before["b.wav"]
    assert Path(before["ü 音.ogg"].output).name not in names


def test_other_rules_apply_to_every_file(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    curate(source, out)
    rules = CurationSettings(min_s=0.5 + 0.5, max_s=4, loudness_lufs=-30, screener="none")
    _, rows, worked = curate(source, out, rules)
    assert len(worked) == 7
    assert rows["short.wav"].status == "kept"
    assert rows["b.wav"].loudness_lufs == pytest.approx(-30, abs=0.02)


def test_results_of_sources_that_are_gone_are_left_alone(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _, before, _ = curate(source, out)
    (source / "below" / "a.flac").unlink()
    result, rows, _ = curate(source, out)
    assert "below/a.flac" not in rows
    assert (out / before["below/a.flac"].output).exists()
    assert "WAV files of sources that are gone, left where they are: 1" in result.notes


def test_licences_come_from_the_table_then_from_tags(source: Path, tmp_path: Path) -> None:
    with soundfile.SoundFile(source / "tagged.flac", "w", RATE, 1) as file:
        file.license, file.title = "CC0 1.0", "From the tag"
        file.write(tones(2, RATE, 7))
    table, out = tmp_path / "licences.csv", tmp_path / "out"
    table.write_text("file,license,artist,title\nb.wav,CC0,Ana,Bee\ntagged.flac,,Ben,\nnone.wav,CC0,,\n")
    result, rows, _ = curate(source, out, licences=table)
    assert (rows["b.wav"].licence, rows["b.wav"].is_cc0, rows["b.wav"].artist) == ("CC0", True, "Ana")
    tagged = rows["tagged.flac"]
    assert (tagged.licence, tagged.is_cc0, tagged.artist, tagged.title) == (
        "CC0 1.0",
        True,
        "Ben",
        "From the tag",
    )
    assert not rows["below/a.flac"].is_cc0
    assert f"{table}: names what is no file here: none.wav" in result.notes
    table.write_text("file,license\nb.wav,CC BY 4.0\n")  # a change of the table needs no decoding
    _, rows, worked = curate(source, out, licences=table)
    assert "b.wav" not in worked
    assert (rows["b.wav"].licence, rows["b.wav"].is_cc0) == ("CC BY 4.0", False)
    table.write_text("file,license\nb.wav,CC0\n./b.wav,CC BY\n")
    with pytest.raises(DamerError, match=r"b\.wav: stands twice"):
        curate(source, out, licences=table)


def test_near_duplicates_are_reported_and_kept(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fingerprints come from a stand-in here: which file resembles which is another test's matter."""
    seen: list[list[Any]] = []

    class Pair:
        first, second = b"b.wav".hex(), "ü 音.ogg".encode().hex()

    def near(items: Any) -> Sequence[type[Pair]]:
        seen.append(list(items))
        return [Pair]

    monkeypatch.setattr(prints, "maker", lambda: "stand-in 1")
    monkeypatch.setattr(prints, "missing", lambda: None)
    monkeypatch.setattr(prints, "fingerprint", lambda samples, rate: np.full(5, len(samples), np.uint32))
    monkeypatch.setattr("damer.curation.run.near_duplicates", near)
    _, rows, _ = curate(source, tmp_path / "out")
    (items,) = seen
    assert [bytes.fromhex(name).decode() for name, _ in items] == ["b.wav", "below/a.flac", "ü 音.ogg"]
    assert items[0][1].tolist() == [2 * RATE] * 5
    row = rows["ü 音.ogg"]
    assert (row.status, row.duplicate_of, row.duplicate_kind) == ("kept", "b.wav", "near")


class Listener:
    """A screener that takes the pitch of the loudest tone for a voice's."""

    name, version, weights_sha256 = "stand-in", "2", "f" * 64
    thresholds = type("Thresholds", (), {"review": 0.3, "likely": 0.6})()

    def score(self, samples: Any, rate: int) -> float:
        assert samples.shape[1] == 2
        assert samples.dtype == np.float32
        return {1: 0.9, 2: 0.4, 3: 0.1}[Listener.turn(samples)]

    @staticmethod
    def turn(samples: Any) -> int:
        """Say which of the three good files this is."""
        errors = []
        for seed in (1, 2, 3):
            made = tones(2, RATE, seed)
            errors.append(-abs(np.corrcoef(made[:60000], samples[:60000, 0])[0, 1]))
        best = int(np.argmin(errors)) + 1
        return best if errors[best - 1] < -0.9 else 2  # the second one is resampled

    def verdict(self, score: float) -> str:
        return "likely-vocal" if score >= 0.6 else "review" if score >= 0.3 else "no-evidence"


def test_voices(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: Callable[[CurationSettings], Any] = lambda settings: Listener()  # noqa: E731
    monkeypatch.setattr(track, "screener_of", made)
    monkeypatch.setattr("damer.curation.run.screener_of", made)
    rules = CurationSettings(min_s=1.5, max_s=4, screener="cues")
    result, rows, _ = curate(source, tmp_path / "out", rules)
    vocal, doubtful, plain = rows["b.wav"], rows["below/a.flac"], rows["ü 音.ogg"]
    assert (vocal.status, vocal.vocal_verdict) == ("rejected", "likely-vocal")
    assert vocal.reason == "likely vocal: score 0.900, threshold 0.600 (stand-in)"
    assert vocal.output == ""
    assert (doubtful.status, doubtful.note) == ("kept", "may have vocals: listen to it")
    assert (plain.status, plain.note, plain.vocal_verdict) == ("kept", "", "no-evidence")
    assert (plain.vocal_score, plain.vocal_threshold) == (0.1, 0.6)
    assert (plain.screener, plain.screener_version, plain.screener_weights_sha256) == (
        "stand-in",
        "2",
        "f" * 64,
    )
    assert result.counts["kept"] == 2
