import json
import shutil
from collections import Counter
from pathlib import Path

import mido
import numpy as np
import pytest

from damer.core.errors import DamerError
from damer.datasets.vgmidi import Vgmidi, mean_series, modal_length, spread, trajectories


def test_reads_both_rounds(vgmidi: Path) -> None:
    castle, race = Vgmidi().tracks(vgmidi)
    assert castle.id == "vgmidi:Quest_NES_Quest II_Old Castle"
    assert castle.group == "Quest"
    assert race.group == "Space"
    assert castle.midi == str(vgmidi / "midi/Quest_NES_Quest II_Old Castle.mid")
    assert castle.audio is None
    assert castle.threshold == "zero"


def test_labels_are_the_mean_of_the_steady_raters_of_modal_length(vgmidi: Path) -> None:
    castle = Vgmidi().tracks(vgmidi)[0]
    # The third rater's valence swings between -1 and 1 and is dropped; their arousal is steady and counts.
    valence = [0.1, 0.3, 0.5, 0.7]
    arousal = [-0.2, -0.2, -0.4, -0.4]
    ends, got_valence, got_arousal = np.array(castle.dynamic).T
    np.testing.assert_allclose(ends, [2, 4, 6, 8])
    np.testing.assert_allclose(got_valence, valence)
    np.testing.assert_allclose(got_arousal, arousal)
    assert castle.valence == pytest.approx(0.4)
    assert castle.arousal == pytest.approx(-0.3)
    assert castle.label_at("valence", 1.5) == pytest.approx(0.5 * 0.1 + 0.5 * 0.3)


def test_group_by_game(vgmidi: Path) -> None:
    assert [track.group for track in Vgmidi(group="game").tracks(vgmidi)] == [
        "Quest_NES_Quest II",
        "Space_SNES_Space Race",
    ]


def test_check_tells_what_is_left_out(vgmidi: Path) -> None:
    (vgmidi / "midi" / "Stranger_PC_x_y.mid").write_bytes(b"MThd")
    (note,) = Vgmidi().check(vgmidi)
    assert "Quest_NES_Quest I_Gone.mid is missing" in note
    # These are so in the corpus as published: told, and nothing to mend.
    remarks = Vgmidi().read(vgmidi).remarks
    assert len(remarks) == 2
    assert "2 annotations belong to no piece" in remarks[0]
    assert "Stranger_PC_x_y.mid: has no annotations" in remarks[1]


def test_published_layout(vgmidi: Path) -> None:
    annotations = vgmidi / "labelled" / "annotations"
    annotations.mkdir(parents=True)
    for name in ("vgmidi_raw_1.json", "vgmidi_raw_2.json"):
        (vgmidi / name).rename(annotations / name)
    (vgmidi / "midi").rename(vgmidi / "labelled" / "midi")
    assert len(Vgmidi().tracks(vgmidi)) == len(Vgmidi().tracks(vgmidi / "labelled")) == 2


def test_nothing_about_the_raters_is_kept(vgmidi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[object] = []
    loads = json.loads

    def record(*arguments: object, **options: object) -> object:
        parsed.append(loads(*arguments, **options))  # type: ignore[arg-type]
        return parsed[-1]

    monkeypatch.setattr(json, "loads", record)
    Vgmidi().read(vgmidi)
    text = json.dumps(parsed)
    for word in ("age", "country", "gender", "musicianship", "ex1"):
        assert f'"{word}' not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [("not json", "JSON"), ("[1]", "pieces"), ('{"pieces": [], "annotations": {}}', "table of pieces")],
)
def test_malformed_table_is_named(vgmidi: Path, content: str, message: str) -> None:
    (vgmidi / "vgmidi_raw_2.json").write_text(content)
    with pytest.raises(DamerError, match=message):
        Vgmidi().tracks(vgmidi)
    assert message in Vgmidi().check(vgmidi)[0]


def test_missing_table_folder_and_broken_midi(vgmidi: Path) -> None:
    (vgmidi / "midi" / "Space_SNES_Space Race_Start.mid").write_text("text")
    assert any("is not a MIDI file" in note for note in Vgmidi().check(vgmidi))
    assert len(Vgmidi().tracks(vgmidi)) == 1
    (vgmidi / "vgmidi_raw_2.json").unlink()
    assert "vgmidi_raw_2.json is missing" in Vgmidi().check(vgmidi)[0]
    shutil.rmtree(vgmidi)
    assert "no such folder" in Vgmidi().check(vgmidi)[0]


def test_malformed_annotations_are_counted(vgmidi: Path) -> None:
    table = json.loads((vgmidi / "vgmidi_raw_2.json").read_text())
    table["annotations"] |= {
        "piece0_4": {"valence": [0.1], "arousal": [0.1, 0.2]},
        "piece0_5": {"valence": [0.1, "x"], "arousal": [0.1, 0.2]},
        "piece0_6": {"valence": [0.1, 1.5], "arousal": [0.1, 0.2]},
        "piece0_7": ["nothing"],
    }
    (vgmidi / "vgmidi_raw_2.json").write_text(json.dumps(table))
    assert any("4 malformed annotations of piece0" in note for note in Vgmidi().check(vgmidi))
    assert Vgmidi().tracks(vgmidi)[1].valence == pytest.approx(-0.6)


def test_modal_length_prefers_the_longer_of_a_tie() -> None:
    assert [len(v) for v, _ in modal_length([([0.0], [0.0]), ([0.0, 0.1], [0.0, 0.1])])] == [2]


def test_no_steady_rater_gives_none() -> None:
    assert mean_series([[-1.0, 1.0]]) is None
    assert mean_series([]) is None


def test_spread_is_even() -> None:
    steps = spread(np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6]), 60.0)
    assert steps == ((20.0, 0.1, 0.4), (40.0, 0.2, 0.5), (60.0, 0.3, 0.6))


def test_trajectories_of_every_rater_of_modal_length(vgmidi: Path) -> None:
    said = trajectories(vgmidi)
    castle = [one for one in said if one.track == "Quest_NES_Quest II_Old Castle"]
    assert len(castle) == 3  # with the unsteady one, without the one of another length
    np.testing.assert_allclose(castle[0].times_s, [0, 2, 4, 6])
    assert castle[0].end_s == 8
    np.testing.assert_allclose(castle[2].valence, [-1, 1, -1, 1])
    np.testing.assert_allclose(castle[1].arousal, [0.0, 0.0, -0.2, -0.2])
    # A pseudonym never says that two ratings of two pieces are of one person.
    assert len({one.annotator for one in said}) == len(said) == 5
    assert {one.track for one in said if one.annotator.startswith("2-")} == {"Space_SNES_Space Race_Start"}


def test_capitals_in_endings(vgmidi: Path) -> None:
    for path in list((vgmidi / "midi").iterdir()):
        path.rename(path.with_suffix(".MID"))
    castle, race = Vgmidi().tracks(vgmidi)
    assert (castle.id, race.group) == ("vgmidi:Quest_NES_Quest II_Old Castle", "Space")
    assert all(Path(track.midi or "").is_file() for track in (castle, race))
    assert len(Vgmidi().check(vgmidi)) == 1  # the piece without a file, as before


@pytest.mark.data
def test_real_trajectories(real: Path) -> None:
    said = trajectories(real / "vgmidi")
    assert len({one.track for one in said}) > 100
    assert 28 < len(said) / len({one.track for one in said}) < 33


@pytest.mark.data
def test_real_labels(real: Path) -> None:
    tracks = Vgmidi().tracks(real / "vgmidi")
    assert Vgmidi().check(real / "vgmidi") == []
    assert len({track.id for track in tracks}) == len(tracks) > 100
    for track in tracks:
        assert track.midi is not None
        # Labels are spread over the length of the music.
        assert track.dynamic[-1][0] == pytest.approx(mido.MidiFile(track.midi).length, rel=0.07)
    # The published table of +-1 labels has 76 ++, 62 (+, -), 39 (-, +), 27 (-, -) of 204 (valence, arousal).
    signs = Counter(((track.valence or 0) > 0, (track.arousal or 0) > 0) for track in tracks)
    for cell, published in (((1, 1), 76), ((1, 0), 62), ((0, 1), 39), ((0, 0), 27)):
        assert signs[bool(cell[0]), bool(cell[1])] / len(tracks) == pytest.approx(published / 204, abs=0.03)
