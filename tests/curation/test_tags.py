"""Licences: what is CC0 and what only looks like it; tags of every format; the table beside the music."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from damer.core.errors import DamerError
from damer.curation.sidecar import read_sidecar
from damer.curation.tags import is_cc0, read_tags


@pytest.mark.parametrize(
    "licence",
    [
        "CC0",
        "cc0-1.0",
        "CC0 1.0 Universal",
        "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication",
        "Creative Commons Zero",
        "Creative Commons Zero v1.0 Universal",
        "Licensed under CC0 1.0",
        "Creative Commons 0",
        "http://creativecommons.org/publicdomain/zero/1.0/",
        "https://creativecommons.org/publicdomain/zero/1.0/legalcode.en",
        "CC0: https://creativecommons.org/publicdomain/zero/1.0/",
    ],
)
def test_cc0(licence: str) -> None:
    assert is_cc0(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "",
        "CC BY 4.0",
        "CC-BY/CC-BY-SA/CC0 per-file",
        "CC0 or CC BY, see each file",
        "not CC0",
        "public domain",
        "Public Domain Mark 1.0",
        "https://creativecommons.org/publicdomain/mark/1.0/",
        "https://creativecommons.org/licenses/by/3.0/",
        "CC0 CC BY",
        "was CC0, now all rights reserved",
        "ACC01",
        "1.0",
    ],
)
def test_not_cc0(licence: str) -> None:
    assert not is_cc0(licence)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "opus", "m4a"])
def test_tags_of_every_format(tmp_path: Path, suffix: str) -> None:
    bare, path = tmp_path / "bare.wav", tmp_path / f"tagged.{suffix}"
    soundfile.write(bare, np.zeros(44100), 44100)
    tags = {
        "title": "Übung №1",
        "artist": "One; Two",
        "comment": "see https://creativecommons.org/licenses/by/4.0/",
    }
    options = [part for name, value in tags.items() for part in ("-metadata", f"{name}={value}")]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(bare), *options, str(path)], check=True)
    assert read_tags(path) == {
        "title": "Übung №1",
        "artist": "One; Two",
        "licence": "https://creativecommons.org/licenses/by/4.0/",
        "source": "",
    }


def test_a_named_licence_goes_before_copyright_and_addresses(tmp_path: Path) -> None:
    path = tmp_path / "tagged.flac"
    with soundfile.SoundFile(path, "w", 44100, 1) as file:
        file.license, file.copyright = "CC0 1.0", "(c) somebody"
        file.write(np.zeros(44100))
    assert read_tags(path)["licence"] == "CC0 1.0"
    with soundfile.SoundFile(path, "w", 44100, 1) as file:
        file.copyright = "(c) somebody"
        file.write(np.zeros(44100))
    assert read_tags(path)["licence"] == "(c) somebody"


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".m4a", ".wav", ".xyz"])
def test_damaged_tags_are_no_tags(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    beginning = {".mp3": b"ID3\x04\x00\x00\x00\x00\x7f\x7f", ".flac": b"fLaC\x84", ".ogg": b"OggS"}
    path.write_bytes(beginning.get(suffix, b"") + np.random.default_rng(3).bytes(5000))
    assert read_tags(path) == {"licence": "", "source": "", "artist": "", "title": ""}


def test_table_of_licences(tmp_path: Path) -> None:
    path = tmp_path / "licences.csv"
    path.write_text(
        '\ufeffFile,Year,License,Title\n./a.mp3,1999,CC0,"One, two"\nb\\c.ogg,,, x \n,,,\n', encoding="utf-8"
    )
    assert list(read_sidecar(path)) == [("a.mp3", "CC0", "", "", "One, two"), ("b/c.ogg", "", "", "", "x")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"name,licence\na,b\n", "its first line must name 'file' and one of licence"),
        (b"file\na\n", "its first line must name 'file'"),
        (b"", "its first line must name 'file'"),
        (b"file,title\na,\xff\xfe\n", "is no CSV table in UTF-8"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "licences.csv"
    path.write_bytes(content)
    with pytest.raises(DamerError, match=problem) as caught:
        list(read_sidecar(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match="cannot be read"):
        list(read_sidecar(tmp_path / "none.csv"))
