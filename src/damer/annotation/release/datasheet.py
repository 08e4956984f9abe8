"""The datasheet: what follows from the study is answered, the rest is left to the makers, openly.

T. Gebru et al., "Datasheets for Datasets", Communications of the ACM 64(12), 2021.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

OPEN = "*Open: only the makers of the dataset can answer this.*"


@dataclass(frozen=True)
class Question:
    """One question: the name under which makers answer it, its section, its words, and the study's answer."""

    name: str
    section: str
    text: str
    answer: str


@cache
def questions() -> tuple[Question, ...]:
    """Return every question in order; `answer` is a template of the facts, "" where the study cannot tell."""
    text = resources.files("damer.annotation.release").joinpath("datasheet.toml").read_text(encoding="utf-8")
    return tuple(
        Question(name, section, entry["question"], entry.get("answer", ""))
        for section, entries in tomllib.loads(text).items()
        for name, entry in entries.items()
    )


def answers(description: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return the answer to each question by its name, "" where it is open.

    Args:
        description: What `dataset.json` holds.
        given: The makers' own answers; they come before what the study tells.
    """
    facts = _facts(description)
    return {one.name: given.get(one.name) or one.answer.format(**facts).strip() for one in questions()}


def datasheet(description: Mapping[str, Any], given: Mapping[str, str]) -> str:
    """Return DATASHEET.md; arguments as those of `answers`."""
    found = answers(description, given)
    lines = [
        f"# Datasheet: {description['name']}",
        "",
        'After T. Gebru et al., "Datasheets for Datasets", Communications of the ACM 64(12), 2021. Answers',
        "about numbers and methods come from the program that made the release, the others from its makers.",
    ]
    section = ""
    for question in questions():
        if question.section != section:
            section = question.section
            lines += ["", f"## {section}"]
        lines += ["", f"**{question.text}**", "", found[question.name] or OPEN]
    return "\n".join(lines) + "\n"


def open_questions(description: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Return the names of the questions that stay open."""
    return [name for name, answer in answers(description, given).items() if not answer]


def _facts(d: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that an answer may speak of."""
    shortest, usual_length, longest = d["duration_s"]
    fewest, usual_raters, most = d["raters"]
    with_audio = d["audio"] == "copy"
    return {
        **d,
        **d["splits"],
        "shortest": shortest, "usual_length": usual_length, "longest": longest,
        "fewest": fewest, "usual_raters": usual_raters, "most": most,
        "sound": "its sound file, " if with_audio else "",
        "outside": "No." if with_audio else "Yes: the sound files; `tracks.parquet` has their SHA-256.",
        "recordings": ", ".join(f"{name} ({count})" for name, count in d["licences"].items()),
        "left_out": _left_out(d),
    }  # fmt: skip


def _left_out(d: Mapping[str, Any]) -> str:
    parts = []
    if d["annotators_left_out"]:
        parts.append(f"Annotators left out, for want of a passed calibration: {d['annotators_left_out']}.")
    if d["tracks_left_out"]:
        parts.append(f"Tracks left out, only practised on or finished by nobody: {d['tracks_left_out']}.")
    if d["audio"] == "none":
        parts.append("The sound files are not distributed.")
    return " ".join(parts) or "No track and no annotator of the study is left out."
