"""A study is made from what people have: a curated folder or a table of sound files, and some settings."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from damer.annotation.protocol import StudySettings
from damer.annotation.server.answers import About
from damer.annotation.server.config import find_study, read_settings
from damer.annotation.server.manifests import read_exemplars, read_manifest
from damer.core.checksums import file_sha256
from damer.core.errors import DamerError
from damer.curation.row import Row


def sounds(folder: Path, names: Iterable[str], seconds: float = 2.0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in names:
        soundfile.write(folder / name, rng.uniform(-0.1, 0.1, int(8000 * seconds)), 8000)


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# -- manifests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "parquet", "csv"])
def test_a_curated_folder_is_taken_as_it_is(tmp_path: Path, kind: str) -> None:
    sounds(tmp_path / "audio", ["t1.wav", "t2.wav"])
    rows = [
        Row(file="raw/a.mp3", track_id="t1", status="kept", output="audio/t1.wav", sha256="ab" * 32,
            gain_db=-7.0, duration_s=2.0, artist="Ada", title="One", licence="CC0-1.0", is_cc0=True,
            source="home"),
        Row(file="raw/b.mp3", track_id="t2", status="kept", output="audio/t2.wav"),
        Row(file="raw/c.mp3", track_id="t3", status="rejected", reason="too short"),
    ]  # fmt: skip
    values = [vars(row) for row in rows]
    if kind == "csv":
        names = [field.name for field in dataclasses.fields(Row)]
        lines = [",".join("" if one[name] is None else str(one[name]) for name in names) for one in values]
        table(tmp_path / "manifest.csv", "\n".join([",".join(names), *lines]) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(values), tmp_path / "manifest.parquet")
    given = tmp_path if kind == "folder" else tmp_path / f"manifest.{kind}"
    first, second = read_manifest(given)
    assert first.file == str(tmp_path / "audio" / "t1.wav")
    assert (first.track_id, first.duration_s, first.group, first.title) == ("t1", 2.0, "Ada", "One")
    assert (first.licence, first.is_cc0, first.source, first.sha256) == ("CC0-1.0", True, "home", "ab" * 32)
    assert first.gain_db == 0.0  # it is in the file already
    assert second.sha256 == file_sha256(tmp_path / "audio" / "t2.wav")


def test_any_table_with_sound_files_will_do(tmp_path: Path) -> None:
    sounds(tmp_path / "music", ["Für Elise.wav", "b.flac"], 1.5)
    csv = table(
        tmp_path / "mine.csv",
        "\ufefffile,group,gain_db\nmusic/Für Elise.wav,Beethoven,-3.5\nmusic/b.flac,,\n",
    )
    first, second = read_manifest(csv)
    assert (first.track_id, first.group, first.gain_db, first.duration_s) == (
        "F_r_Elise",
        "Beethoven",
        -3.5,
        1.5,
    )
    assert (second.track_id, second.group, second.gain_db, second.is_cc0) == ("b", "", 0.0, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("file\nnone.wav\n", "sound file 'none.wav' is missing"),
        ("file\ntext.wav\n", "is no sound that can be played"),
        ("file\n", "names no track"),
        ("name\na.wav\n", "has no column file"),
        ("file,track_id\na.wav,x\nb.wav,x\n", "track_id x comes twice"),
        ("file,track_id\na.wav,x/y\n", "'x/y' of a.wav is no track_id"),
        ("file,gain_db\na.wav,loud\n", "gain_db 'loud' of a.wav is no number"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path: Path, text: str, problem: str) -> None:
    sounds(tmp_path, ["a.wav", "b.wav"])
    table(tmp_path / "text.wav", "this is text")
    with pytest.raises(DamerError, match=problem):
        read_manifest(table(tmp_path / "mine.csv", text))


def test_a_folder_without_a_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match=r"manifest.parquet: is missing"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DamerError, match="cannot be read"):
        read_manifest(tmp_path)


def test_exemplars_have_places_in_the_disc(tmp_path: Path) -> None:
    sounds(tmp_path, ["a.wav"])
    ((track, place),) = read_exemplars(table(tmp_path / "x.csv", "file,valence,arousal\na.wav,0.6,-0.8\n"))
    assert (track.track_id, place) == ("a", (0.6, -0.8))
    for text, problem in (
        ("file,valence,arousal\na.wav,0.8,-0.8\n", "outside the unit disc"),
        ("file,valence,arousal\na.wav,nan,0\n", "outside the unit disc"),
        ("file,valence,arousal\na.wav,,0\n", "has no valence and arousal"),
        ("file,valence\na.wav,0.5\n", "has no valence and arousal"),
    ):
        with pytest.raises(DamerError, match=problem):
            read_exemplars(table(tmp_path / "x.csv", text))


# -- settings ------------------------------------------------------------------------------------------------


def test_settings_come_from_files_and_words_and_later_ones_win(tmp_path: Path) -> None:
    toml = table(tmp_path / "rules.toml", 'reset_s = 20\ncap_counts_reset = true\nlanguages = ["zh"]\n')
    settings, about = read_settings(
        [str(toml), "reset_s=5.5", "calibration_tracks=6", "consent_version=2026-11"]
    )
    assert settings == StudySettings(reset_s=5.5, cap_counts_reset=True, calibration_tracks=6)
    assert about == About(languages=("zh",), consent_version="2026-11")
    assert read_settings(["languages=en, zh", "batch_interval_s=0.5"])[1] == About(batch_interval_s=0.5)
    assert read_settings([]) == (StudySettings(), About())


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("rest_s=5", "unknown 'rest_s'; known are groups"),
        ("reset_s=long", "reset_s must be a number"),
        ("groups=1.5", "groups must be a whole number"),
        ("cap_counts_reset=perhaps", "cap_counts_reset must be true or false"),
        ("reset_s=-1", "reset_s must be 0 or more"),
        ("sample_rate_hz=0.5", "sample_rate_hz must be 1 to 200"),
        ("batch_interval_s=nan", "batch_interval_s must be 0.1 to 60"),
        ("languages=", "languages must name one or more"),
        ("made_by=me", "unknown 'made_by'"),
        ("nothing.toml", "is no file, and no KEY=VALUE either"),
    ],
)
def test_what_is_wrong_with_settings_is_told(word: str, problem: str) -> None:
    with pytest.raises(DamerError, match=problem):
        read_settings([word])


def test_a_file_of_settings_that_is_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match=r"rules.toml: cannot be read .* write TOML"):
        read_settings([str(table(tmp_path / "rules.toml", "reset_s: 5"))])


# -- the folder ----------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match=r"annotate.json: is missing; make a study"):
        find_study(tmp_path)
    table(tmp_path / "annotate.json", "{}")
    with pytest.raises(DamerError, match="cannot be read"):
        find_study(tmp_path)
    table(tmp_path / "annotate.json", json.dumps({"format": "other", "name": "x", "database": "y"}))
    with pytest.raises(DamerError, match="is not of format damer-annotate-v1"):
        find_study(tmp_path)
