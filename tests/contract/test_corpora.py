"""What every corpus promises, on a small copy of its layout."""

from collections.abc import Callable
from pathlib import Path

import pytest
from corpus_layouts import amg1608, deam, memo2496, pmemo, songs1000, trompa

from damer.audio.window import parse_window
from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets import ALIASES, CORPORA
from damer.datasets.arrays import LAYOUTS

COPIES: dict[str, Callable[[Path], Path]] = {
    "memo2496": memo2496,
    "1000songs": lambda root: songs1000(root, sound=False),
    "amg1608": amg1608,
    "trompa": trompa,
    "pmemo": lambda root: pmemo(root, sound=False),
    "deam": lambda root: deam(root, sound=False),
}


@pytest.mark.parametrize("name", list(CORPORA))
def test_says_what_it_is_and_where_to_get_it(name: str) -> None:
    corpus = CORPORA[name]
    assert corpus.name == name
    for text in (corpus.title, corpus.licence, corpus.source, corpus.obtain):
        assert text
        assert "\n" not in text
    parse_window(corpus.window)
    assert corpus.size is None or corpus.size > 100


@pytest.mark.parametrize("name", list(CORPORA))
def test_a_folder_without_it_is_one_sentence(name: str, tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DamerError) as caught:
            CORPORA[name].tracks(root)
        assert str(root) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert CORPORA[name].check(root)


@pytest.mark.parametrize("name", list(COPIES))
def test_tracks_of_a_copy(name: str, tmp_path: Path) -> None:
    root = COPIES[name](tmp_path / "corpus")
    tracks = CORPORA[name].tracks(root)
    assert 2 <= len(tracks) <= 3
    assert len({track.id for track in tracks}) == len(tracks)
    for track in tracks:
        assert track.id.startswith(f"{name}:")
        assert (track.corpus, track.licence, track.source) == (
            name,
            CORPORA[name].licence,
            CORPORA[name].source,
        )
        assert track.group
        assert track.valence is not None or track.arousal is not None
        assert Track.from_dict(track.to_dict()) == track  # the record holds all of it, and is checked again
        assert track.audio is None or Path(track.audio).is_file()
    assert CORPORA[name].tracks(root) == tracks
    assert len({track.group for track in tracks}) == 2


@pytest.mark.parametrize("name", list(COPIES))
def test_tables_with_windows_line_ends_and_a_mark_of_order(name: str, tmp_path: Path) -> None:
    """What a spreadsheet makes of a table when it saves it: the same labels."""
    root = COPIES[name](tmp_path / "corpus")
    before = CORPORA[name].tracks(root)
    for table in root.rglob("*.csv"):
        table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n"))
    assert CORPORA[name].tracks(root) == before


def test_names() -> None:
    assert set(ALIASES.values()) <= set(CORPORA)
    assert not set(ALIASES) & set(CORPORA)
    assert set(LAYOUTS) <= set(CORPORA)
