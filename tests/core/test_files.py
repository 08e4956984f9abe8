"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from damer.core.errors import DamerError
from damer.core.files import replacing


def write_half(path: Path) -> None:
    with replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt


@pytest.mark.parametrize("lasting", [False, True])
def test_the_file_takes_its_name_only_at_the_end(tmp_path: Path, lasting: bool) -> None:
    path = tmp_path / "table.csv"
    path.write_text("before")
    with replacing(path, lasting=lasting) as part:
        part.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_half(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "table.csv"
    with replacing(path, parents=True) as part:
        part.write_text("x")
    assert path.read_text() == "x"


def test_what_cannot_be_written_is_told_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "table.csv"
    with (
        pytest.raises(DamerError, match=r"table\.csv: cannot be written \(No such .*\): choose another"),
        replacing(path, "choose another") as part,
    ):
        part.write_text("x")


def test_without_a_remedy_the_error_is_the_systems(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "nowhere" / "table.csv") as part:
        part.write_text("x")
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(DamerError, match="cannot be written"),
        replacing(tmp_path / "file" / "table.csv", "x", parents=True) as part,
    ):
        part.write_text("x")
