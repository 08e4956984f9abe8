"""`damer report`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from damer.core.files import replacing

if TYPE_CHECKING:
    from damer.report.grids import Grid

Subparsers = argparse._SubParsersAction


def add_parser(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer report`."""
    parser = subparsers.add_parser(
        "report",
        help="tables and figures of benchmarks, beside the paper's numbers",
        description="Make tables and figures from the runs of `damer benchmark`, and from nothing else.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    tables = actions.add_parser(
        "tables",
        help="tables II to V with the paper's numbers, ours and the gap",
        description="Make tables II to V of the paper with the columns paper, ours and gap, and tables of "
        "other corpora and benchmarks. A cell without a run says `not run`.",
    )
    tables.set_defaults(run=run_tables)
    add = tables.add_argument
    add("results", nargs="+", type=Path, metavar="RESULTS", help="results.jsonl, or the folder that holds it")
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="write every table there as .md, .tex and .csv, not to the screen",
    )
    add("--level", choices=("track", "segment"), default="track", help="what is counted (%(default)s)")
    add(
        "--protocol",
        choices=("track", "segment", "contiguous"),
        default="track",
        help="which protocol's runs stand in tables II to V (%(default)s)",
    )
    add(
        "--compare",
        nargs="?",
        const="damer",
        metavar="METHOD",
        help="also tell how far a method (damer) is ahead of each other one, track by track",
    )
    _add_figures(actions)


def _add_figures(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    figures = actions.add_parser(
        "figures",
        help="figures 5, 6 and 7: pseudo-labels, memory, the embedding before and after",
        description="Draw figures 5 and 6 of the paper from the logs of recorded runs of DAMER, and figure 7 "
        "where they kept their embeddings (PNG, SVG).",
    )
    figures.set_defaults(run=run_figures)
    add = figures.add_argument
    add(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="results.jsonl, the folder that holds it, or a run of `damer train --embeddings`",
    )
    add("--out", type=Path, metavar="DIR", required=True, help="folder of the figures")


def run_figures(arguments: argparse.Namespace) -> int:
    """Read rows, logs and embeddings, draw."""
    from damer.report.embedding import NONE, draw_embeddings
    from damer.report.figures import draw, is_plain

    trained = [path for path in arguments.results if (path / "embeddings").is_dir()]
    runs = _runs([path for path in arguments.results if path not in trained])
    files = [item for path in trained for item in sorted((path / "embeddings").glob("*.npz"))]
    runs = [run for run in runs if is_plain(run[1])]
    kept = [folder / "runs" / str(row.get("run")) / "embeddings.npz" for folder, row in runs]
    files += [path for path in dict.fromkeys(kept) if path.exists()]  # benchmarks may share a run
    if runs or not files:
        for path in draw(runs, arguments.out):
            print(path)
        if not files:
            print(f"damer: {NONE}", file=sys.stderr)
            return 0
    written, sentences = draw_embeddings(files, arguments.out)
    for path in written:
        print(path)
    for sentence in sentences:
        print(f"damer: {sentence}", file=sys.stderr)
    return 0


def _runs(results: list[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """Return every row with the folder of its runs; a folder that is given twice counts once."""
    from damer.benchmark.results import RESULTS, read_rows

    paths = {(path / RESULTS if path.is_dir() else path).resolve(): path for path in results}
    return [
        (path if path.is_dir() else path.parent, row)
        for path in paths.values()
        for row in read_rows(path / RESULTS if path.is_dir() else path)
    ]


def run_tables(arguments: argparse.Namespace) -> int:
    """Read the rows, print or write the tables."""
    from damer.report.ahead import ahead_table
    from damer.report.tables import ablation_table, method_tables, variant_tables

    runs = _runs(arguments.results)
    rows = [row for _, row in runs]
    grids = [
        *method_tables(rows, arguments.level, arguments.protocol),
        ablation_table(rows, arguments.level, arguments.protocol),
        *variant_tables(rows, arguments.level),
    ]
    if arguments.compare is not None:
        grids.append(ahead_table(runs, arguments.protocol, arguments.compare))
    if arguments.out is None:
        for grid in grids:
            print(grid.markdown())
        return 0
    _write(grids, arguments.out)
    print(
        f"{arguments.out}: {len(grids)} tables of {len(rows)} runs as .md, .tex and .csv; tables.md has all"
    )
    return 0


def _write(grids: "list[Grid]", out: Path) -> None:
    texts = {"tables.md": "\n".join(grid.markdown() for grid in grids)}
    for grid in grids:
        texts |= {
            f"{grid.name}.md": grid.markdown(),
            f"{grid.name}.tex": grid.latex(),
            f"{grid.name}.csv": grid.csv(),
        }
    for name, text in texts.items():
        with replacing(out / name, "choose another --out", parents=True) as part:
            part.write_text(text, encoding="utf-8")
