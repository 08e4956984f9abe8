from pathlib import Path

import pytest
from corpus_layouts import TROMPA_HEADER, trompa, trompa_row

from damer.cli import main
from damer.core.errors import DamerError
from damer.datasets.trompa import Trompa


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trompa(tmp_path / "vis-mtg-mer")


def test_listeners_speak_not_the_streaming_service(root: Path) -> None:
    """Every row's `quadrant` is 1 (both high); the listeners of the first said Q2 once and Q3 three times."""
    first, second, third = Trompa().tracks(root)
    assert [track.id for track in (first, second, third)] == [
        "trompa:HEX1-0001", "trompa:JK2-0001", "trompa:KX3-0007"
    ]  # fmt: skip
    assert (first.valence, first.arousal) == (-1.0, -0.5)
    assert (third.valence, third.arousal) == pytest.approx((1.0, 0.6))


def test_a_tie_is_no_label(root: Path) -> None:
    second = Trompa().tracks(root)[1]
    assert second.valence == 1.0
    assert second.arousal is None  # two listeners each way


def test_few_listeners_and_rows_twice_are_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remarks = "\n".join(Trompa().read(root).remarks)
    assert "JK2-0001 stand there twice; the first row is used" in remarks
    assert "1 tracks have fewer than 3 listeners" in remarks
    assert "divided on 1 tracks in one dimension" in remarks
    assert len(Trompa(min_raters=2).tracks(root)) == 4
    assert main(["dataset", "check", "trompa", str(root), "--min-raters", "5"]) == 1
    out = capsys.readouterr().out
    assert "1 of 1 sound files are missing: KX3-0007" in out
    assert "trompa: 1 tracks in 1 groups can be used, 0 of them with sound" in out
    with pytest.raises(DamerError, match="at least 1"):
        Trompa(min_raters=0).read(root)


def test_one_recording_on_two_albums_is_one_group(root: Path) -> None:
    groups = {track.id: track.group for track in Trompa(min_raters=1).tracks(root)}
    assert groups["trompa:JK2-0001"] == groups["trompa:KX3-0007"]
    assert groups["trompa:HEX1-0001"] == groups["trompa:HEX1-0002"] != groups["trompa:JK2-0001"]


def test_sound_and_personal_data(root: Path) -> None:
    first = Trompa().tracks(root)[0]
    assert first.audio == str(root / "audio" / "HEX1-0001.mp3")
    assert "quoted" not in str(first.to_dict())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (trompa_row("A-1", (1.5, 1.0, 1.0, 1.0)), "line 2: '1.5' is not a number of listeners"),
        (trompa_row("A-1", (-1.0, 1.0, 1.0, 1.0)), "is not a number of listeners"),
        (trompa_row("", (1.0, 1.0, 1.0, 1.0), "A"), "cdr_track_num is empty"),
    ],
)
def test_errors_are_exact(root: Path, row: str, message: str) -> None:
    (root / "data" / "summary_anno.csv").write_text(f"{TROMPA_HEADER}\n{row}\n")
    with pytest.raises(DamerError, match=message):
        Trompa().tracks(root)


def test_commas_are_not_tabs(root: Path) -> None:
    table = root / "data" / "summary_anno.csv"
    table.write_text(table.read_text().replace(",", ";").replace("\t", ","))
    with pytest.raises(DamerError, match="column cdr_track_num is missing"):
        Trompa().tracks(root)
    table.unlink()
    with pytest.raises(DamerError, match=r"looked for data/summary_anno\.csv"):
        Trompa().tracks(root)
