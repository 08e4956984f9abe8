"""`damer annotate figures`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from damer.cli.annotate_extra import add_study, need_extra
from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.core.text import valid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Subparsers = argparse._SubParsersAction
_DOTS_PER_INCH = 200


def add_parser(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add `damer annotate figures`."""
    parser = actions.add_parser(
        "figures",
        help="draw who annotates (the paper's figure 1) and what annotating looks like (figure 2)",
        description="Draw two figures of a study. instruments: how many annotators play what, as in figure 1 "
        "of the paper; groups of fewer than three people are not told apart. interface: the disc with a "
        "recorded trajectory, and both dimensions over time, as in figure 2. The study may be running.",
    )
    parser.set_defaults(run=run)
    add_study(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of the figures")
    parser.add_argument("--track", metavar="ID", help="the track to show (one that most people have heard)")
    parser.add_argument(
        "--format", choices=("png", "svg", "pdf"), default="png", help="of the files (%(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Draw what can be drawn, and say what cannot."""
    need_extra()
    import asyncio

    from damer.annotation.server import figures
    from damer.annotation.server.config import find_study

    study = find_study(arguments.folder, arguments.db)
    material = asyncio.run(figures.gather(study.url, arguments.track))
    drawn: list[tuple[str, Figure]] = []
    if material.instruments.instruments:
        drawn.append(("instruments", figures.draw_instruments(material.instruments)))
    else:
        print("damer: no instruments: too few annotators have told what they play", file=sys.stderr)
    if material.track is not None:
        drawn.append(("interface", figures.draw_interface(material.track)))
    else:
        print("damer: no interface: no track has been heard to its end yet", file=sys.stderr)
    if not drawn:
        raise DamerError(
            f"{valid(str(arguments.folder))}: nothing to draw yet; see again when somebody is through"
        )
    for name, figure in drawn:
        print(valid(str(_save(figure, arguments.out, f"{name}.{arguments.format}"))))
    return 0


def _save(figure: "Figure", folder: Path, name: str) -> Path:
    target = folder / name
    with replacing(target, "choose another --out", parents=True) as part:
        figure.savefig(part, dpi=_DOTS_PER_INCH, format=target.suffix[1:])
    return target
