import json
from pathlib import Path

import pytest
from corpus_layouts import amg1608, pmemo, songs1000

from damer.cli import main
from damer.datasets import CORPORA
from damer.datasets.table import COLUMNS, NOT_RUN, ORDER, table_one


def test_absent_corpora_say_not_run(tmp_path: Path) -> None:
    rows = {row["corpus"]: row for row in table_one(CORPORA, {"pmemo": pmemo(tmp_path / "p", sound=False)})}
    assert list(rows) == list(ORDER)
    assert rows["memo2496"]["tracks here"] == NOT_RUN
    assert rows["memo2496"]["songs (paper)"] == "2496"
    assert rows["pmemo"]["tracks here"] == "3 of 767"
    assert rows["pmemo"]["groups"] == "2"
    assert rows["pmemo"]["with sound or MIDI"] == "3"
    assert rows["pmemo"]["labels over time"] == "3"
    assert rows["pmemo"]["high arousal"] == "33.3 %"  # 0.75, 0.5 and 0.1 of 0 to 1
    assert rows["pmemo"]["positive valence"] == "66.7 %"


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    songs1000(tmp_path / "all" / "1000songs", sound=False)
    amg = amg1608(tmp_path / "elsewhere", sound=())
    call = ["dataset", "table", str(tmp_path / "all"), f"amg1608={amg}", "--json", str(tmp_path / "one.json")]
    assert main(call) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| " + " | ".join(COLUMNS) + " |"
    assert len(lines) == 2 + len(ORDER)
    rows = json.loads((tmp_path / "one.json").read_text())
    assert [row["tracks here"] for row in rows[:3]] == ["3 of 744", "3 of 1608", NOT_RUN]
    assert rows[1]["with sound or MIDI"] == "0"
    assert main(["dataset", "table"]) == 0
    assert capsys.readouterr().out.count(NOT_RUN) == 6 * len(ORDER)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gtzan=x"], "gtzan: is not in the table; it has 1000songs"),
        (["nowhere"], "nowhere: no such folder; write NAME=DIR"),
        (["pmemo=nowhere"], "nowhere: no such folder"),
        (["--json", "none/one.json"], "cannot be written"),
    ],
)
def test_errors(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "table", *words]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
