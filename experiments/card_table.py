r"""The model card's table from a run in folds and the floor measured on the same folds.

    python experiments/card_table.py --dimension arousal --summary RUN/summary.json --floor FLOOR.json \
        --out X --command "damer train ..." --text "..."

RUN is a folder of `damer train --folds 5`, FLOOR what `experiments/simple_methods.py --json` wrote. Then
`make pages`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

_FLOOR = (
    "The best simple method is chosen among eleven in hindsight, cell by cell; "
    "the one chosen beforehand did best inside each fold's training part."
)
NAMES = {"emopia": "EMOPIA", "vgmidi": "VGMIDI", "emotify": "Emotify"}


def rows(summary: dict[str, Any], floor: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each corpus: what was measured, and simple methods by accuracy and by AUC."""
    table = []
    chosen = floor.pop("chosen")
    for corpus, name in NAMES.items():
        own = summary[corpus]["track"]
        best = {key: max(floor, key=lambda method: floor[method][corpus][key]) for key in ("accuracy", "auc")}
        table.append(
            {
                "corpus": name,
                "tracks": own["count"],
                "groups": own["groups"],
                "accuracy": own["accuracy"],
                "95 % interval": own["intervals"]["accuracy"],
                "macro-F1": own["macro_f1"],
                "AUC": own["auc"],
                "ECE": own["ece"],
                "constant answer": own["majority"]["accuracy"],
                "best simple method, accuracy": _named(floor, corpus, "accuracy", best["accuracy"]),
                "best simple method, AUC": _named(floor, corpus, "auc", best["auc"]),
                "simple method chosen beforehand, accuracy": chosen[corpus]["accuracy"],
                "simple method chosen beforehand, AUC": chosen[corpus]["auc"],
            }
        )
    return table


def _named(floor: dict[str, Any], corpus: str, key: str, method: str) -> str:
    return f"{floor[method][corpus][key]:.3f} ({method})"


def main() -> None:
    """Read, tabulate, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--summary", type=Path, required=True)
    parser.add_argument("--floor", type=Path, required=True)
    parser.add_argument("--dimension", choices=("arousal", "valence"), required=True)
    parser.add_argument("--command", required=True, help="how the run was made")
    parser.add_argument("--text", required=True, help="what was measured, in a sentence")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    dimension = arguments.dimension
    summary = json.loads(arguments.summary.read_text())
    result = {
        "title": f"{dimension.capitalize()}, grouped 5-fold",
        "text": f"{arguments.text} {_FLOOR}",
        "command": arguments.command,
        "rows": rows(summary[dimension], json.loads(arguments.floor.read_text())),
    }
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
