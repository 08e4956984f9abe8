"""Each format, from the other side."""

import csv
import io
import json

import pytest

from damer.collection import FORMATS, writer
from damer.core.result import Emotion, Failure, Model, Segment
from damer.core.text import width

MODEL = Model("m", "1", "0" * 64)
SECONDS = (Segment(15.0, 0.9, 0.2, 0.01, 0.02), Segment(16.0, 0.7, 0.4, 0.03, 0.04))
NAMES = ["song.mp3", "日本語の歌.flac", 'new\n"line", ;.ogg', "bad.mp3", "caf\udce9.mp3"]
RESULTS = [
    Failure(name, f"{name}: is empty")
    if name == "bad.mp3"
    else Emotion(name, 200.4, (15, 17), 0.8, 0.3, SECONDS, MODEL)
    for name in NAMES
]


def written(form: str, results: list[Emotion | Failure], columns: int | None = None) -> str:
    stream = io.StringIO()
    target = writer(form, stream, NAMES, columns)
    for result in results:
        target.add(result)
    target.close()
    stream.getvalue().encode()  # whatever the name, it is valid UTF-8
    return stream.getvalue()


def test_json_is_one_array() -> None:
    assert json.loads(written("json", RESULTS)) == [result.to_dict() for result in RESULTS]
    assert json.loads(written("json", [])) == []


def test_jsonl_is_an_object_a_line() -> None:
    lines = written("jsonl", RESULTS).splitlines()
    assert [json.loads(line) for line in lines] == [result.to_dict() for result in RESULTS]


def test_csv_is_a_row_a_second() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", RESULTS), newline="")))
    assert len(rows) == 8
    assert rows[0] == {
        "file": "song.mp3",
        "start_s": "15.0",
        "arousal": "0.9",
        "valence": "0.2",
        "arousal_sd": "0.01",
        "valence_sd": "0.02",
        "quadrant": "Q2",
        "term": "angry",
        "uncertainty": "0.595462",
    }
    assert [row["file"] for row in rows[::2]] == [
        "song.mp3",
        "日本語の歌.flac",
        'new\n"line", ;.ogg',
        "caf\\xe9.mp3",
    ]


@pytest.mark.parametrize("columns", [None, 80, 200])
def test_the_table_is_aligned_in_any_script(columns: int | None) -> None:
    heading, rule, *rows = written("table", RESULTS, columns).splitlines()
    assert len(rows) == len(NAMES)
    assert len({width(row) for row in rows if "could not" not in row} | {width(heading), width(rule)}) == 1
    assert columns is None or width(rule) <= columns
    edge = width(heading[: heading.index("Arousal")])
    assert all(row.endswith("0.80") for row in rows if "could not" not in row)
    for row in rows:
        if "could not" not in row:
            start = next(i for i in range(len(row)) if width(row[:i]) == edge)
            assert row[start:].split()[:6] == ["0.80", "high", "0.30", "negative", "Q2", "angry"]
    assert "3:20" in rows[0]


def test_every_format_can_be_closed_without_results() -> None:
    for form in FORMATS:
        assert written(form, []) in (
            "",
            "[]\n",
            "file,start_s,arousal,valence,arousal_sd,valence_sd,quadrant,term,uncertainty\n",
        )
