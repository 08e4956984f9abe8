from pathlib import Path

import numpy as np
import pytest

from damer.core.errors import DamerError
from damer.datasets.columns import minutes_seconds, plain, read_columns, rescale, scale_of, song_number
from damer.datasets.continuous import crossed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.48", 48),
        ("1.33", 93),
        ("0.2", 20),
        ("1.1", 70),
        ("1.05", 65),
        ("2", 120),
        ("10.5", 650),
        ("1:05", 65),
    ],
)
def test_minutes_and_seconds_are_no_decimal(text: str, seconds: float) -> None:
    assert minutes_seconds(text) == seconds


@pytest.mark.parametrize("text", ["0.75", "1.005", "", "a", "-1.2", "1.60"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(DamerError, match=r"minutes\.seconds"):
        minutes_seconds(text)


def test_song_numbers() -> None:
    assert [song_number(text) for text in ("7", "007", "7.0", "HEX1-0001", "7b")] == [
        "7",
        "7",
        "7",
        "HEX1-0001",
        "7b",
    ]


def test_column_names_may_vary(tmp_path: Path) -> None:
    assert plain(" Arousal(mean)") == plain("arousal_mean")
    table = tmp_path / "t.csv"
    table.write_text("Song ID, valence_mean ,other\n1,3,x\n")
    (row,) = read_columns(
        table, {"song": ("song_id",), "valence": ("mean_valence", "valence_mean")}, {"no": ("z",)}
    )
    assert row.cells == {"song": "1", "valence": "3"}
    with pytest.raises(
        DamerError, match="column mean_arousal is missing; found Song ID, valence_mean, other"
    ):
        read_columns(table, {"arousal": ("mean_arousal", "arousal_mean")})
    table.write_text("song_id\n")
    with pytest.raises(DamerError, match="no row below the header"):
        read_columns(table, {"song": ("song_id",)})


def test_scales() -> None:
    assert [rescale(value, (1, 9)) for value in (1, 5, 9, 7)] == [-1, 0, 1, 0.5]
    assert scale_of(Path("t"), [0.2, 1.0], ((0, 1), (1, 9))) == (0, 1)
    assert scale_of(Path("t"), [1.0, 8.4], ((0, 1), (1, 9))) == (1, 9)
    with pytest.raises(DamerError, match=r"t: a label is 8\.4; all should lie in 0 to 1 or 1 to 9"):
        scale_of(Path("t"), [0.2, 8.4], ((0, 1), (1, 9)))


def test_crossed_columns_are_noticed_and_chance_is_not() -> None:
    generator = np.random.default_rng(0)
    dynamic = {str(n): (float(v), float(a)) for n, (v, a) in enumerate(generator.uniform(-0.8, 0.8, (40, 2)))}
    near = {n: (v + 0.05, a - 0.05) for n, (v, a) in dynamic.items()}
    exchanged = {n: (a, v) for n, (v, a) in near.items()}
    other = {
        n: (float(v), float(a)) for n, (v, a) in zip(dynamic, generator.uniform(-1, 1, (40, 2)), strict=True)
    }
    assert crossed(exchanged, dynamic)
    assert not crossed(near, dynamic)
    assert not crossed(other, dynamic)
    few = dict(list(exchanged.items())[:2])
    assert not crossed(few, dynamic)
    handful = dict.fromkeys("abc", (0.5, -0.5))
    assert crossed(dict.fromkeys("abc", (-0.5, 0.5)), handful)
    assert not crossed(dict.fromkeys("abc", (0.4, -0.6)), handful)


def test_the_separator_and_the_coding_are_named(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("song_id;valence\n1;3\n")
    with pytest.raises(DamerError, match=r"song_id is missing; found song_id;valence; separate .* by commas"):
        read_columns(table, {"song": ("song_id",)})
    table.write_text("song_id,valence\n1,3\n")
    with pytest.raises(DamerError, match="found song_id,valence; separate the columns by tabs"):
        read_columns(table, {"song": ("song_id",)}, delimiter="\t")
    table.write_bytes("song_id,artist\n1,Björk\n".encode("latin-1"))
    with pytest.raises(DamerError, match=r"not a comma-separated UTF-8 table .*; save it as one"):
        read_columns(table, {"song": ("song_id",)})
    with pytest.raises(DamerError, match="not a tab-separated UTF-8 table"):
        read_columns(table, {"song": ("song_id",)}, delimiter="\t")
