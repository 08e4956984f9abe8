from pathlib import Path

import pytest
import soundfile

from damer.core.errors import DamerError
from damer.datasets.base import read_table
from damer.datasets.emotify import AROUSAL_DIVISOR, INDICES, VALENCE_DIVISOR, Emotify


def test_reads_indices_artists_and_files(emotify: Path) -> None:
    one, two, three = Emotify().tracks(emotify)
    assert one.id == "emotify:rock/1"
    assert one.audio == str(emotify / "audio/rock/1.opus")
    assert two.audio == str(emotify / "audio/rock/2.mp3")
    assert (one.group, two.group, three.group) == ("Band, The", "Band, The", "Singer")
    assert one.arousal == pytest.approx(-0.5)
    assert one.valence == pytest.approx(0.2)
    assert two.valence == pytest.approx(-0.5)
    assert three.valence == 1.0
    assert {track.threshold for track in (one, two, three)} == {"train_median"}
    assert Emotify().check(emotify) == []


def test_divisors_are_the_largest_sizes_of_the_indices() -> None:
    for index, divisor in (("arousal_index", AROUSAL_DIVISOR), ("valence_index", VALENCE_DIVISOR)):
        weights = INDICES[index].values()
        assert divisor == max(sum(w for w in weights if w > 0), -sum(w for w in weights if w < 0))


SHARES = "amazement,solemnity,tenderness,nostalgia,calmness,power,joyful_activation,tension,sadness"


def test_indices_are_computed_from_the_feelings(emotify: Path) -> None:
    (emotify / "tracks.csv").write_text(
        f"path,artist,{SHARES}\n"
        "rock/1.mp3,Band,0.2,0.9,0.1,0.3,0.05,0.6,0.4,0.25,0.15\n"
        "rock/2.mp3,Band,0,0,1,1,1,0,0,0,1\n"
    )
    one, two = Emotify().tracks(emotify)
    assert one.arousal == pytest.approx((0.6 + 0.4 + 0.25 - 0.1 - 0.3 - 0.05 - 0.15) / 4)
    assert one.valence == pytest.approx((0.4 + 0.1 + 0.05 + 0.1 - 0.25 - 0.15) / 3.5)
    assert two.arousal == -1.0
    assert two.valence == pytest.approx(1 / 3.5)


def test_published_layout(emotify: Path) -> None:
    (emotify / "audio").rename(emotify / "emotifymusic")
    (emotify / "emotifymusic/rock/1.opus").rename(emotify / "emotifymusic/rock/1.mp3")
    assert [track.id for track in Emotify().tracks(emotify)] == ["emotify:rock/1", "emotify:rock/2"]


def test_bad_rows_are_told_and_left_out(emotify: Path) -> None:
    with (emotify / "tracks.csv").open("a") as file:
        file.write(
            "4,pop,data/emotifymusic/pop/1.mp3,Singer,Again,0.5,0.5\n"
            "5,pop,data/emotifymusic/pop/9.mp3,Singer,Gone,0.5,0.5\n"
            "6,rock,data/emotifymusic/rock/2.mp3,Singer,Odd,high,0.5\n"
            "7,rock,data/emotifymusic/rock/2.mp3,Singer,Loud,4.5,0.5\n"
        )
    notes = Emotify().check(emotify)
    assert len(notes) == 4
    assert "line 5: emotify:pop/1 is there twice" in notes[0]
    assert "line 6: pop/9.opus or .mp3 is missing" in notes[1]
    assert "line 7: arousal_index 'high' is not a number" in notes[2]
    assert "not in [-1, 1]" in notes[3]
    assert len(Emotify().tracks(emotify)) == 3


def test_missing_column_is_named(emotify: Path) -> None:
    (emotify / "tracks.csv").write_text("path,singer\n")
    with pytest.raises(DamerError, match="artist is missing; found path, singer"):
        Emotify().tracks(emotify)
    (emotify / "tracks.csv").write_text("path,artist,power,arousal_index,sadness\nrock/1.mp3,Band,0,0,0\n")
    with pytest.raises(
        DamerError, match="valence_index is missing, and joyful_activation, tenderness, calmness"
    ):
        Emotify().tracks(emotify)


def test_capitals_in_endings(emotify: Path) -> None:
    for path in list((emotify / "audio").rglob("*.*")):
        path.rename(path.with_suffix(path.suffix.upper()))
    assert Emotify().check(emotify) == []
    assert [Path(track.audio or "").name for track in Emotify().tracks(emotify)][:2] == ["1.OPUS", "2.MP3"]


@pytest.mark.data
def test_real_indices_are_the_sums_of_the_feelings(real: Path) -> None:
    root = real / "emotify"
    tracks = {track.id: track for track in Emotify().tracks(root)}
    assert Emotify().check(root) == []
    feelings = ["power", "joyful_activation", "tension", "tenderness", "nostalgia", "calmness", "sadness"]
    for row in read_table(root / "tracks.csv", [*feelings, "amazement"]):
        share = {name: float(row.cells[name]) for name in [*feelings, "amazement"]}
        power, joy, tension, tenderness, nostalgia, calmness, sadness = (share[name] for name in feelings)
        track = tracks[f"emotify:{row.cells['genre']}/{Path(row.cells['path']).stem}"]
        arousal = (power + joy + tension - tenderness - nostalgia - calmness - sadness) / 4
        valence = (joy + tenderness + calmness + share["amazement"] / 2 - tension - sadness) / 3.5
        assert track.arousal == pytest.approx(arousal, abs=1e-3)
        assert track.valence == pytest.approx(valence, abs=1e-3)
        assert track.audio is not None
        assert soundfile.info(track.audio).duration == pytest.approx(float(row.cells["duration_s"]), abs=0.1)
