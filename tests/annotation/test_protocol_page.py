"""The page on the protocol names every setting, event, step, refusal and column, and its code runs."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from damer.annotation import tables
from damer.annotation.protocol import Event, StudySettings
from damer.annotation.protocol import events as events_module
from damer.annotation.protocol.rules import Code, Step

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(\w+)(?:\.\w+)?`", PAGE))


def test_every_setting_stands_there_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([^|]*)` \| ([^|]*) \|", PAGE, re.M))
    stated: dict[str, str] = {}
    for names, values in rows.items():
        stated.update(zip(re.findall(r"\w+", names), values.split(", "), strict=False))
    for field in dataclasses.fields(StudySettings):
        value = stated[field.name].strip().strip("`")
        if isinstance(field.default, bool):
            assert value == ("yes" if field.default else "no")
        elif isinstance(field.default, str):
            assert value == field.default
        else:
            assert float(value) == field.default, field.name


def test_every_event_step_and_refusal_is_explained() -> None:
    kinds = {
        name
        for name, kind in vars(events_module).items()
        if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
    }
    assert kinds - NAMED == set()
    assert set(get_args(Step)) - NAMED == set()
    assert set(get_args(Code)) - NAMED == set()


@pytest.mark.parametrize("name", ["tracks", "annotators", "trials", "samples"])
def test_every_column_is_named_beside_its_table(name: str) -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}.parquet`")]
    assert re.findall(r"`(\w+)`", line.split("|")[2]) == getattr(tables, name.upper()).names


def test_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S))
    exec(compile(code, "protocol.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "consent"
    assert printed[2] == "[('a01', 'finished'), ('a02', 'finished'), ('a03', 'paused')]"
