"""Figure 7 of the paper: t-SNE of DAMER's embedding before and after training, from recorded runs."""

import importlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damer.core.errors import DamerError

ROWS = 3  # runs in one figure
FEWEST = 6  # tracks that can be laid out at all
_CLASSES = {"arousal": ("low", "high"), "valence": ("negative", "positive")}
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKS = "o^sDvP*"
NONE = (
    "figure 7 is not drawn, no run kept embeddings: make them with `damer benchmark … --set embeddings=true`"
    " or `damer train … --embeddings`"
)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Embedding:
    """Where the tested tracks of one run lie.

    Attributes:
        corpus: of each track [T].
        truth: class of each, 0 or 1, int64 [T].
        start, end: mean embedding of each before and after training, float64 [T, D].
        dimension: arousal or valence.
        seed: of the run.
    """

    corpus: NDArray[np.str_]
    truth: NDArray[np.int64]
    start: Floats
    end: Floats
    dimension: str
    seed: int

    @property
    def corpora(self) -> list[str]:
        """The corpora that the tracks come from, in alphabetical order."""
        return sorted(set(self.corpus.tolist()))


def read_embedding(path: Path) -> Embedding:
    """Read what a run kept; tracks without a class are left out.

    Raises:
        DamerError: it is damaged, or not such a file.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as found:
            known = found["truth"] >= 0
            start, end = (found[name].astype(np.float64) for name in ("start", "end"))
            if not (start.shape == end.shape == (len(known), *start.shape[1:])) or start.ndim != 2:
                raise ValueError("its parts differ in length")
            if not (np.isfinite(start).all() and np.isfinite(end).all()):
                raise ValueError("not every number in it is finite")
            corpus, truth = found["corpus"][known], found["truth"][known]
            dimension = str(found["dimension"])
            if dimension not in _CLASSES or truth.max(initial=0) > 1:
                raise ValueError("not of arousal or valence")
            return Embedding(corpus, truth, start[known], end[known], dimension, int(found["seed"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, IndexError, zipfile.BadZipFile) as error:
        raise DamerError(
            f"{path}: not the embeddings of a run ({error}): remove it and make the run again"
        ) from None


def layout(points: Floats) -> Floats:
    """Return t-SNE of points, float64 [T, 2], the same for the same points.

    Args:
        points: [T, D], at least `FEWEST` of them. The perplexity is 30, at most a third of T - 1.
    """
    perplexity = min(30.0, (len(points) - 1) / 3)
    centred = points - points.mean(axis=0)
    scale = np.sqrt(np.square(centred).sum(axis=1).mean()) or 1.0  # the picture is the same at any scale
    made = _sklearn("manifold").TSNE(perplexity=perplexity, init="pca", random_state=0)
    found: Floats = made.fit_transform(centred / scale).astype(np.float64)
    return found


def silhouette(points: Floats, kind: NDArray[Any]) -> float:
    """Return how far apart kinds of points lie, in all dimensions: 1 apart, 0 mixed; NaN for one kind."""
    if not 1 < len(np.unique(kind)) < len(kind):
        return float("nan")
    return float(_sklearn("metrics").silhouette_score(points, kind))


def draw_embeddings(files: Sequence[Path], out: Path) -> tuple[list[Path], list[str]]:
    """Draw figure 7 for every dimension and corpus (or corpora learned together), up to `ROWS` runs in each.

    Args:
        files: what runs kept.
        out: folder of the figures.

    Returns:
        The files written, and a sentence for each figure that there are too few tracks for.

    Raises:
        DamerError: nothing was kept, a file is damaged, scikit-learn is missing, or the folder is unwritable.
    """
    if not files:
        raise DamerError(NONE)
    runs: dict[str, list[Embedding]] = {}
    for path in files:
        item = read_embedding(path)
        runs.setdefault(f"{'+'.join(item.corpora)}-{item.dimension}", []).append(item)
    written, sentences = [], []
    for name, items in runs.items():
        enough = [item for item in items if len(item.truth) >= FEWEST]
        if enough:
            written += _draw_one(enough[:ROWS], len(enough), out / f"figure-7-{name}")
        else:
            sentences.append(f"figure 7, {name}: fewer than {FEWEST} tracks were tested, too few to lay out")
    return written, sentences


def _draw_one(items: Sequence[Embedding], recorded: int, path: Path) -> list[Path]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from damer.report.figures import save

    first = items[0]
    columns = 2 if len(first.corpora) == 1 else 4
    title = f"t-SNE of the embedding of tested tracks: {', '.join(first.corpora)}, {first.dimension}"
    title += f", {len(first.truth)} tracks" if len(items) == 1 else ""
    title += f", {len(items)} of {recorded} runs" if recorded > len(items) else ""
    with mpl.rc_context({"font.size": 9, "svg.hashsalt": "damer", "svg.fonttype": "none"}):
        canvas = Figure(figsize=(3.6 * columns, 3.3 * len(items) + 0.4), layout="constrained")
        axes = canvas.subplots(len(items), columns, squeeze=False)
        canvas.suptitle(title)
        for row, item in zip(axes, items, strict=True):
            classes = np.array(_CLASSES[item.dimension])[item.truth]
            for place, (when, points) in enumerate((("before", item.start), ("after", item.end))):
                laid = layout(points)
                _scatter(row[place], laid, points, classes, f"seed {item.seed}, {when}, by class")
                if columns == 4:
                    heading = f"seed {item.seed}, {when}, by corpus"
                    _scatter(row[2 + place], laid, points, item.corpus, heading)
        return save(canvas, path)


def _scatter(axis: Any, laid: Floats, points: Floats, kind: NDArray[Any], heading: str) -> None:
    """Draw points, each kind in a colour and a mark of its own; how far they are apart stands above."""
    for number, name in enumerate(sorted(set(kind.tolist()), key=lambda name: (name == "high", name))):
        own = laid[kind == name]
        look = {"color": _COLOURS[number % len(_COLOURS)], "marker": _MARKS[number % len(_MARKS)]}
        axis.scatter(own[:, 0], own[:, 1], s=14, alpha=0.75, linewidths=0, label=name, **look)
    apart = silhouette(points, kind)
    told = "–" if np.isnan(apart) else f"{round(apart, 2) + 0.0:.2f}".replace("-", "−")
    axis.set(title=f"{heading}\nsilhouette {told}", xticks=[], yticks=[])
    axis.legend(frameon=False, fontsize=7)


def _sklearn(name: str) -> Any:
    try:
        return importlib.import_module(f"sklearn.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        raise DamerError("figure 7 needs scikit-learn: pip install 'damer[baselines]'") from None
