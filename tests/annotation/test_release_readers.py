"""A release as others read it, off line: the official Croissant library, Hugging Face `datasets`."""

import json
import socket
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from small_study import write_study

from damer.annotation.release import About, ReleaseSettings, release
from damer.datasets import release_tables as tables

# What those libraries still use of rdflib and pandas is theirs to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever asks the network for something fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("asked the network for something")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    about = About(creator="The Lab", url="https://example.org/arcs", citation="@misc{arcs, title = {Arcs}}")
    study = write_study(folder / "study")
    release(study, folder / "out", ReleaseSettings("2030-01-02", licence="CC-BY-4.0", about=about))
    return folder / "out"


def rows_of(made: Path, table: tables.Table) -> list[dict[str, Any]]:
    return [row for path in sorted(made.glob(table.path)) for row in pq.ParquetFile(path).read().to_pylist()]


# -- Croissant -----------------------------------------------------------------------------------------------


def test_croissant_is_valid_without_a_warning(made: Path) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(made / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert dataset.metadata.name == "Tones-and-arcs"
    assert dataset.metadata.license == ["https://spdx.org/licenses/CC-BY-4.0.html"]
    assert {one.id for one in dataset.metadata.record_sets} == {
        "splits",
        *(table.name for table in tables.TABLES),
    }


def test_croissant_notices_a_fault(made: Path, tmp_path: Path) -> None:
    """The judge above can say no: a field that points at no file is an error."""
    import mlcroissant

    record = json.loads((made / "croissant.json").read_text())
    record["recordSet"][1]["field"][0]["source"]["fileObject"]["@id"] = "nowhere.parquet"
    (tmp_path / "croissant.json").write_text(json.dumps(record))
    with pytest.raises(mlcroissant.ValidationError, match=r"nowhere\.parquet"):
        mlcroissant.Dataset(jsonld=str(tmp_path / "croissant.json"))


@pytest.mark.parametrize(
    "table", [tables.TRACKS, tables.DYNAMIC, tables.STATIC], ids=lambda table: table.name
)
def test_croissant_reads_what_the_tables_hold(made: Path, table: tables.Table) -> None:
    """The library checks each file's sum, then gives the rows."""
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(made / "croissant.json"))
    found = [
        {
            key.partition("/")[2]: value.decode() if isinstance(value, bytes) else value
            for key, value in row.items()
        }
        for row in dataset.records(table.name)
    ]
    assert found == rows_of(made, table)


# -- Hugging Face --------------------------------------------------------------------------------------------


def load(made: Path, cache: Path, *config: str, **options: str) -> Any:
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset(str(made), *config, cache_dir=str(cache), **options)


def test_hugging_face_loads_the_splits(made: Path, tmp_path: Path) -> None:
    found = load(made, tmp_path)
    parts = json.loads((made / "splits/split.json").read_text())
    assert {name: sorted(found[name]["track_id"]) for name in found} == {
        name: sorted(parts[name]) for name in ("train", "validation", "test")
    }
    row = found["train"][0]
    steps = [step for step in rows_of(made, tables.DYNAMIC) if step["track_id"] == row["track_id"]]
    assert row["second"] == [step["second"] for step in steps]
    assert row["valence_curve"] == [step["valence"] for step in steps]
    assert row["arousal_curve_sd"] == [step["arousal_sd"] for step in steps]
    assert (made / row["audio"]).is_file()


@pytest.mark.parametrize(
    "table", [tables.DYNAMIC, tables.ANNOTATORS, tables.TRAJECTORIES], ids=lambda table: table.name
)
def test_hugging_face_loads_every_table(made: Path, table: tables.Table, tmp_path: Path) -> None:
    assert load(made, tmp_path, table.name, split="full").to_list() == rows_of(made, table)
