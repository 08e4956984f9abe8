from pathlib import Path

import pytest

from damer.core.errors import DamerError
from damer.datasets.base import read_table
from damer.datasets.emopia import Emopia


def test_names_give_quadrant_and_song(emopia: Path) -> None:
    tracks = {track.id: track for track in Emopia().tracks(emopia)}
    assert set(tracks) == {"emopia:Q1_a_-b_c-_0", "emopia:Q3_a_-b_c-_12", "emopia:Q2_plainSong_1"}
    happy, sad, angry = (tracks[f"emopia:{n}"] for n in ("Q1_a_-b_c-_0", "Q3_a_-b_c-_12", "Q2_plainSong_1"))
    assert (happy.valence, happy.arousal) == (1, 1)
    assert (sad.valence, sad.arousal) == (-1, -1)
    assert (angry.valence, angry.arousal) == (-1, 1)
    assert happy.group == sad.group == "a_-b_c-"
    assert angry.group == "plainSong"
    assert Emopia().check(emopia) == []


def test_calm_is_positive_and_low(emopia: Path) -> None:
    (emopia / "midis/Q2_plainSong_1.mid").rename(emopia / "midis/Q4_plainSong_1.mid")
    calm = next(track for track in Emopia().tracks(emopia) if track.group == "plainSong")
    assert (calm.valence, calm.arousal) == (1, -1)


def test_differences_are_told(emopia: Path) -> None:
    (emopia / "midis/Q2_plainSong_1.mid").unlink()
    (emopia / "midis/readme.mid").write_bytes(b"MThd")
    (emopia / "midis/Q1_x_1.mid").write_bytes(b"")
    with (emopia / "label.csv").open("a") as file:
        file.write("Q1_a_-b_c-_0,4,A\n")
    notes = "\n".join(Emopia().check(emopia))
    assert "Q2_plainSong_1.mid is missing (label.csv line 4 names it)" in notes
    assert "line 5 puts Q1_a_-b_c-_0 in Q4, its name says Q1" in notes
    assert "readme.mid: the name is not" in notes
    assert "Q1_x_1.mid is not a MIDI file" in notes
    assert notes.count("\n") == 3
    assert len(Emopia().tracks(emopia)) == 2


def test_layout_with_clips_table_and_without_any(emopia: Path) -> None:
    (emopia / "midis").rename(emopia / "midi")
    (emopia / "label.csv").unlink()
    assert "neither clips.csv nor label.csv" in Emopia().check(emopia)[0]
    (emopia / "clips.csv").write_text("clip,quadrant\nQ1_a_-b_c-_0,Q1\nQ2_gone_0,Q2\n")
    assert Emopia().check(emopia) == [
        f"{emopia / 'midi'}: Q2_gone_0.mid is missing (clips.csv line 3 names it)"
    ]
    assert len(Emopia().tracks(emopia)) == 3


def test_crawled_audio_is_found(emopia: Path) -> None:
    (emopia / "audios/seg").mkdir(parents=True)
    (emopia / "audios/seg/Q2_plainSong_1.mp3").touch()
    audio = {track.id: track.audio for track in Emopia().tracks(emopia)}
    assert audio["emopia:Q2_plainSong_1"] == str(emopia / "audios/seg/Q2_plainSong_1.mp3")
    assert audio["emopia:Q1_a_-b_c-_0"] is None


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match="looked for midis, midi"):
        Emopia().tracks(tmp_path)
    (tmp_path / "midis").mkdir()
    with pytest.raises(DamerError, match="no usable track"):
        Emopia().tracks(tmp_path)


def test_capitals_in_endings_and_hidden_files(emopia: Path) -> None:
    """As another system writes them: `.MID` for `.mid`, and hidden twins from a Mac's archive."""
    (emopia / "audios").mkdir()
    (emopia / "audios/Q2_plainSong_1.MP3").touch()
    for path in list((emopia / "midis").iterdir()):
        path.rename(path.with_suffix(".MID"))
        (emopia / "midis" / f"._{path.name}").write_bytes(b"x")
    assert Emopia().check(emopia) == []
    tracks = Emopia().tracks(emopia)
    assert [track.id.partition(":")[2] for track in tracks] == [
        "Q1_a_-b_c-_0",
        "Q2_plainSong_1",
        "Q3_a_-b_c-_12",
    ]
    assert all(Path(track.midi or "").is_file() for track in tracks)
    assert tracks[1].audio == str(emopia / "audios/Q2_plainSong_1.MP3")


@pytest.mark.data
def test_real_clips_agree_with_their_table(real: Path) -> None:
    root = real / "emopia"
    tracks = {track.id.removeprefix("emopia:"): track for track in Emopia().tracks(root)}
    assert Emopia().check(root) == []
    rows = read_table(root / "clips.csv", ["clip", "song", "arousal", "valence"])
    assert {row.cells["clip"] for row in rows} == set(tracks)
    for row in rows:
        track = tracks[row.cells["clip"]]
        assert track.group == row.cells["song"]
        # The table writes the negative side as 0 or -1.
        assert (track.valence == 1) == (float(row.cells["valence"]) > 0)
        assert (track.arousal == 1) == (float(row.cells["arousal"]) > 0)


def test_the_table_may_name_its_columns_otherwise(emopia: Path) -> None:
    (emopia / "label.csv").write_text(
        "filename,4Q,annotator\nQ1_a_-b_c-_0.mid,1,A\nQ3_a_-b_c-_12.mid,Q3,A\nQ2_plainSong_1.mid,2.0,B\n"
    )
    assert Emopia().check(emopia) == []
