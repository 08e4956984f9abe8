"""Which files a run takes."""

import os
from pathlib import Path

import pytest

from damer.collection import find_audio
from damer.core.result import Failure


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_folder_gives_its_audio_sorted_to_any_depth(tmp_path: Path) -> None:
    make(
        tmp_path,
        "b.mp3",
        "a.FLAC",
        "deep/er/c.ogg",
        "notes.txt",
        ".hidden.mp3",
        ".git/d.wav",
        "cover.jpg",
        "z.m4a",
    )
    found = [os.path.relpath(str(path), tmp_path) for path in find_audio([tmp_path])]
    assert found == ["a.FLAC", "b.mp3", "deep/er/c.ogg", "z.m4a"]


def test_strange_names_survive(tmp_path: Path) -> None:
    names = ["-dash.mp3", "new\nline.mp3", "sp ace.mp3", "日本.mp3", os.fsdecode(b"caf\xe9.mp3")]
    make(tmp_path, *names)
    assert find_audio([str(tmp_path)]) == sorted(str(tmp_path / name) for name in names)


def test_a_named_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    make(tmp_path, ".hidden", "song.txt")
    names = [str(tmp_path / ".hidden"), str(tmp_path / "song.txt"), str(tmp_path / "missing.mp3")]
    assert find_audio(names) == names


def test_nothing_is_taken_twice(tmp_path: Path) -> None:
    make(tmp_path, "a.mp3", "sub/b.mp3")
    (tmp_path / "0link.mp3").symlink_to("a.mp3")
    (tmp_path / "sub/loop").symlink_to("..")
    (tmp_path / "self").symlink_to("self")
    expected = [str(tmp_path / "a.mp3"), str(tmp_path / "sub/b.mp3")]
    assert find_audio([tmp_path]) == expected
    assert find_audio([tmp_path / "a.mp3", tmp_path, tmp_path / "sub/../a.mp3"]) == expected


def test_a_link_to_nothing_is_left_to_fail(tmp_path: Path) -> None:
    (tmp_path / "gone.mp3").symlink_to("nowhere")
    assert find_audio([tmp_path]) == [str(tmp_path / "gone.mp3")]


def test_pipes_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    make(tmp_path, "a.mp3")
    assert find_audio([tmp_path]) == [str(tmp_path / "a.mp3")]
    (failure,) = find_audio([tmp_path / "pipe.wav"])
    assert isinstance(failure, Failure)
    assert "neither a file nor a folder" in failure.error


def test_a_folder_without_audio_fails(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt")
    (failure,) = find_audio([tmp_path])
    assert isinstance(failure, Failure)
    assert failure.error == f"{tmp_path}: no audio file in this folder: name one that holds music"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may open any folder")
def test_a_locked_folder_fails_and_the_rest_go_on(tmp_path: Path) -> None:
    make(tmp_path, "a.mp3", "locked/b.mp3")
    (tmp_path / "locked").chmod(0)
    try:
        first, failure = find_audio([tmp_path])
    finally:
        (tmp_path / "locked").chmod(0o755)
    assert first == str(tmp_path / "a.mp3")
    assert isinstance(failure, Failure)
    assert "check its permissions" in failure.error
