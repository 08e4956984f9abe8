"""The documentation tells the truth: commands, options, settings, links and code in it exist and work."""

import argparse
import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from damer.cli import build_parser
from damer.core.plane import TERMS
from damer.examples import QUADRANTS
from damer.features import FeatureSpec

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# The changelog speaks of versions that were; every other page speaks of this one.
CURRENT = [page for page in PAGES if page.name.lower() != "changelog.md"]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """Yield the fenced code blocks of a page in some languages."""
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        if language in languages:
            yield body


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from commands(child)


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


ALL_OPTIONS = set().union(*map(options, commands(build_parser())))


# -- commands and options ------------------------------------------------------------------------------------


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generated_docs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("parser", list(commands(build_parser())), ids=lambda parser: parser.prog)
def test_every_option_is_documented_and_explained(parser: argparse.ArgumentParser) -> None:
    reference = text_of("docs/commands.md")
    if parser.prog == "damer":
        section = reference
    else:
        assert f"## {parser.prog}\n" in reference
        section = reference.split(f"## {parser.prog}\n", 1)[1].split("\n## ", 1)[0]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        assert action.help, f"{parser.prog}: {action.dest} has no help text"
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        for option in action.option_strings:
            assert f"`{option}" in section, f"{parser.prog} {option} is not documented"


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_every_documented_option_exists(page: Path) -> None:
    """An option in the text of a page, `--like this`, is one of ours or of a tool named with it."""
    foreign = {"--strict"}  # mypy's and mkdocs's
    text = re.sub(r"^```(?!sh).*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines = [
        line for line in text.splitlines() if not re.search(r"\b(pip|pytest|git|fluidsynth|apt-get)\b", line)
    ]
    found = set(re.findall(r"(?<![\w<!-])--[a-z][a-z-]+", "\n".join(lines)))
    assert found <= ALL_OPTIONS | foreign, f"{name_of(page)}: {sorted(found - ALL_OPTIONS - foreign)}"


def shell_lines() -> list[tuple[str, str]]:
    return [
        (name_of(page), line.split("  #")[0].strip())
        for page in CURRENT
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]


@pytest.mark.parametrize(("page", "line"), shell_lines())
def test_commands_in_the_text_are_understood(page: str, line: str) -> None:
    words = shlex.split(line.split(" > ")[0])
    if words[0] == "damer":
        build_parser().parse_args(words[1:])  # exits with status 2 on a wrong command
    elif words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M)
        assert set(words[1:]) <= set(targets), page
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file(), f"{page}: {words[1]} does not exist"
    elif words[0] == "pip":
        extras = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
        assert set(re.findall(r"\[(\w+)\]", line)) <= set(extras), page
    else:
        assert words[0].startswith(".venv/bin/"), f"{page}: is {words[0]} ours?"


# -- settings ------------------------------------------------------------------------------------------------


def test_every_feature_setting_is_documented() -> None:
    page = text_of("docs/features.md")
    assert [field.name for field in dataclasses.fields(FeatureSpec) if f"`{field.name}`" not in page] == []


def test_settings_named_in_the_method_exist() -> None:
    """All settings stand on a generated page; the one that explains the paper is written by hand."""
    from damer.models import DamerConfig
    from damer.training.config import TrainingConfig

    page = text_of("docs/method.md")
    known = {
        field.name
        for kind in (DamerConfig, TrainingConfig, FeatureSpec)
        for field in dataclasses.fields(kind)
    }
    tables = [row for row in re.findall(r"^\| (`.*?) \|", page, re.M) if row != "switch"]
    named = {name for row in tables for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 30
    assert named <= known, f"documented and unknown: {sorted(named - known)}"


# fmt: off
SWITCHES = [
    "tokens", "positions", "head", "confidence", "theta_schedule", "pseudo_labels", "memory", "reduction",
    "momentum_of", "split", "labels", "select", "cochleagram",
]
# fmt: on


@pytest.mark.parametrize("switch", SWITCHES)
def test_both_readings_of_the_paper_are_explained(switch: str) -> None:
    """Each switch that settles the paper is on the page of the method with every one of its choices."""
    from typing import get_args, get_type_hints

    from damer.models import DamerConfig
    from damer.training.config import TrainingConfig

    hints = get_type_hints(TrainingConfig) | get_type_hints(DamerConfig) | get_type_hints(FeatureSpec)
    page = text_of("docs/method.md") + text_of("docs/features.md")
    row = "\n".join(line for line in page.splitlines() if f"`{switch}`" in line)
    missing = [choice for choice in get_args(hints[switch]) if f"`{choice}`" not in row]
    assert not missing, f"{switch}: {missing}"


def test_every_corpus_is_documented() -> None:
    from damer.datasets import CORPORA

    page = text_of("docs/datasets.md")
    assert [name for name in CORPORA if f"`{name}`" not in page] == []


def test_terms_are_those_of_the_plane() -> None:
    cells = re.findall(r"([a-z]+) (\d+)°", text_of("docs/predict.md"))
    assert dict(cells) == {term.name: str(term.degrees) for term in TERMS}


def test_fields_of_a_result_are_documented() -> None:
    from damer.core.result import Emotion, Model, Segment

    result = Emotion(
        "a", 1.0, (0.0, 1.0), 0.5, 0.5, (Segment(0.0, 0.5, 0.5),), Model("m", "1", "0")
    ).to_dict()
    page = text_of("docs/predict.md")
    named = set(re.findall(r"`(\w+)(?:\.\w+)?`", page.split("## The twelve terms")[0]))
    assert set(result) <= named
    inner = set(re.findall(r"`segments\[\]\.(\w+)`", page))
    assert inner == set(result["segments"][0])
    assert set(result["model"]) <= named


def test_dependencies_page_names_exactly_what_is_asked_for() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    asked = {re.split(r"[>=<\[; ]", line)[0] for line in [*project["dependencies"], *extras]} - {"damer"}
    listed = set(re.findall(r"^\| ([\w-]+) \|", text_of("docs/dependencies.md"), re.M)) - {"package"}
    assert listed == asked


# -- links and pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, ROOT / "src/damer/examples/README.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path = unquote(target.split("#")[0])
        assert not path or (page.parent / path).exists(), f"{name_of(page)}: {target}"


def test_the_trees_in_the_text_are_the_tree() -> None:
    """What README and the page on architecture list exists, and no part of the package is left out."""
    package = ROOT / "src" / "damer"
    parts = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    parts |= {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    for name in ("README.md", "docs/architecture.md"):
        tree = next(body for body in blocks(ROOT / name, "text") if body.startswith("src/damer/"))
        inside = [line for line in tree.splitlines() if line.startswith("  ")]
        listed = set(re.findall(r"(?:^|\s{2,})([a-z]+(?:/|\.py))(?=\s{2,})", "\n".join(inside), re.M))
        assert {part.rstrip("/") for part in listed} == parts, name
        outside = re.findall(r"^([a-z]+)/\s", tree, re.M)
        assert [folder for folder in outside if not (ROOT / folder).is_dir()] == []


@pytest.mark.e2e
def test_documentation_builds_strictly(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "What it answers" in page
    fetched = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://([^/"]+)', page)
    assert not fetched, f"a page asks {fetched} for something"


# -- code ----------------------------------------------------------------------------------------------------


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["README.md", "docs/python.md"])
def test_python_in_the_text_runs(name: str, tmp_path: Path) -> None:
    """The blocks of a page run one after another, as a reader would paste them."""
    code = "\n".join(blocks(ROOT / name, "python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "joyful.png").stat().st_size > 10_000


def test_examples_are_named_in_their_note() -> None:
    note = text_of("src/damer/examples/README.md")
    assert [
        f"`{name}` ({quadrant})"
        for name, quadrant in QUADRANTS.items()
        if f"`{name}` ({quadrant})" not in note
    ] == []
