"""Checksums: understood by sha256sum, and every difference said in plain words."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from damer.core import checksums
from damer.core.errors import DamerError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "audio").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"one")
    (root / "audio" / "b c.wav").write_bytes(b"two")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"not the folder's own")
    checksums.write_sums(root)
    return root


def test_the_list_is_what_sha256sum_writes(folder: Path) -> None:
    wanted = [
        f"{hashlib.sha256(b'one').hexdigest()}  a.txt",
        f"{hashlib.sha256(b'two').hexdigest()}  audio/b c.wav",
    ]
    assert (folder / "SHA256SUMS").read_text().splitlines() == wanted
    assert checksums.differences(folder) == []


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_agrees(folder: Path) -> None:
    call = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["a.txt: OK", "audio/b c.wav: OK"]


def test_missing_changed_and_extra_are_told_apart(folder: Path) -> None:
    (folder / "a.txt").unlink()
    (folder / "audio" / "b c.wav").write_bytes(b"owt")
    (folder / "note.txt").write_bytes(b"")
    missing, changed, extra = checksums.differences(folder)
    assert missing.startswith(f"{folder / 'a.txt'}: is missing")
    assert changed.startswith(f"{folder / 'audio' / 'b c.wav'}: is changed")
    assert extra.startswith(f"{folder / 'note.txt'}: is extra")


def test_known_sums_are_not_computed_again(folder: Path) -> None:
    checksums.write_sums(folder, {"a.txt": "0" * 64})
    assert checksums.read_sums(folder)["a.txt"] == "0" * 64


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0" * 63 + "  a.txt", "line 1 is not"),
        ("0" * 64 + "  ../secret", "not inside the folder"),
        ("0" * 64 + "  /etc/passwd", "not inside the folder"),
    ],
)
def test_a_strange_list_is_refused(folder: Path, line: str, words: str) -> None:
    (folder / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(DamerError, match=words):
        checksums.differences(folder)


def test_without_a_list_nothing_is_said_to_be_well(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(DamerError, match="nobody can tell whether the folder is whole"):
        checksums.differences(folder)


def test_copying_gives_the_sum_of_what_was_copied(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000  # more than one block
    (tmp_path / "a").write_bytes(content)
    assert checksums.copy_with_sum(tmp_path / "a", tmp_path / "b") == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "b").read_bytes() == content
    with pytest.raises(FileExistsError):
        checksums.copy_with_sum(tmp_path / "a", tmp_path / "b")
