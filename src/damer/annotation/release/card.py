"""The dataset card, README.md: YAML for the Hugging Face `datasets` library, then a page for people."""

import json
from collections.abc import Mapping
from typing import Any

from damer.datasets import release_tables as tables

# Licences that the Hugging Face hub knows by a name of its own; any other is "other" with its name beside.
_HUB_LICENCES = {
    "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-3.0",
    "cc-by-nc-nd-4.0", "cc-by-sa-3.0", "cc-by-nc-3.0", "odc-by", "odbl", "pddl", "apache-2.0", "mit",
}  # fmt: skip
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_PAGE = """
# {name}

{description}

* {tracks} tracks, {hours:.2f} hours, {groups} artists, albums or songs
* {annotators} annotators, {takes} trajectories; {fewest:.0f} to {most:.0f} annotators a track
* valence and arousal in [-1, 1], {rate_hz:g} a second and one a track, each with the annotators' spread
* {train} tracks to train on, {validation} to validate, {test} to test; {folds} folds
* labels: {licence}; recordings: {recordings}

![The labels in the plane, the lengths and the spread](figures/overview.png)

How it was made, what it is for and what it is not for: [DATASHEET.md](DATASHEET.md). For machines:
[croissant.json](croissant.json).

## How far the annotators agree

| | ICC(A,1) | ICC(A,k) | Krippendorff's alpha |
|---|---|---|---|
{agreement}

Static: one value a track and annotator. Dynamic: every step of every track. More, with intervals:
`damer dataset agreement FOLDER --out PAGE`.

## Load it

```python
from datasets import load_dataset

tracks = load_dataset(FOLDER)  # one row a track: {splits_there}
labels = load_dataset(FOLDER, "dynamic", split="full")  # one row a label
said = load_dataset(FOLDER, "trajectories", split="full")  # one row a recorded moment
sound = FOLDER + "/" + tracks["{first_split}"][0]["audio"]
```

or train on it:

```text
damer dataset check release FOLDER
damer dataset prepare release FOLDER --out STORE
damer train --data STORE --out RUN
```

## What is in it

{tables}

Annotators are pseudonyms; nothing else about them is in this dataset.

## Cite it

```bibtex
{citation}
```
"""


def card(description: Mapping[str, Any]) -> str:
    """Return README.md of a release.

    Args:
        description: What `dataset.json` holds.
    """
    fewest, _, most = description["raters"]
    there = [name for name in tables.SPLIT_NAMES if description["splits"][name]]
    page = _PAGE.format(
        **{**description, **description["splits"], "agreement": _agreement(description["agreement"])},
        fewest=fewest,
        most=most,
        recordings=", ".join(description["licences"]),
        splits_there=", ".join(there),
        first_split=there[0],
        tables="\n\n".join(_table(table) for table in tables.TABLES),
    )
    contact = f"\nQuestions: {description['contact']}\n" if description["contact"] else ""
    return _front_matter(description, there) + page + contact


def _front_matter(description: Mapping[str, Any], splits: list[str]) -> str:
    """Return the card's YAML; every text is written as JSON, which is YAML too."""
    licence = description["licence"].lower()
    known = licence in _HUB_LICENCES
    size = next((word for limit, word in _SIZES if description["tracks"] < limit), "1M<n<10M")
    lines = [
        f"pretty_name: {json.dumps(description['name'])}",
        f"license: {licence if known else 'other'}",
        *([] if known else [f"license_name: {json.dumps(description['licence'])}"]),
        "task_categories: [audio-classification]",
        "tags: [music, emotion, valence, arousal]",
        f"size_categories: [{size}]",
        "configs:",
    ]
    lines += ["- config_name: examples", "  default: true", "  data_files:"]
    for name in splits:
        lines += [f"  - split: {name}", f"    path: {tables.EXAMPLES.path.replace('*', name)}"]
    for table in (tables.DYNAMIC, tables.STATIC, tables.TRACKS, tables.ANNOTATORS, tables.TRAJECTORIES):
        lines += [f"- config_name: {table.name}", "  data_files:"]
        lines += ["  - split: full", f"    path: {table.path}"]
    return "\n".join(["---", *lines, "---", ""])


def _agreement(found: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> str:
    """Return the rows of the table of agreement."""
    rows = []
    for dimension, scopes in found.items():
        for scope, values in scopes.items():
            cells = ["–" if value is None else f"{value:.3f}" for value in values.values()]
            rows.append(f"| {dimension}, {scope} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _table(table: tables.Table) -> str:
    rows = [f"| `{column.name}` | {column.meaning} |" for column in table.columns]
    head = [f"### `{table.path}`", "", f"Each row is {table.rows}.", "", "| column | meaning |", "|---|---|"]
    return "\n".join([*head, *rows])
