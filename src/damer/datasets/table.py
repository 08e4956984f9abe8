"""Table I of the paper from the loaders: what each corpus is said to hold, and what was found here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from damer.core.errors import DamerError
from damer.core.track import Dimension, Track
from damer.datasets.base import Corpus
from damer.datasets.splits import binary_labels

NOT_RUN = "not run"
# The seven of table I in its order, then what the project reads besides.
ORDER = ("1000songs", "amg1608", "vgmidi", "emopia", "trompa", "pmemo", "memo2496", "deam", "emotify")
COLUMNS = (
    "corpus",
    "songs (paper)",
    "labels (paper)",
    "music (paper)",
    "annotators (paper)",
    "tracks here",
    "groups",
    "with sound or MIDI",
    "labels over time",
    "high arousal",
    "positive valence",
    "terms",
)


@dataclass(frozen=True)
class Found:
    """What the loader reads in a folder.

    Attributes:
        tracks: Tracks with a label.
        groups: Artists, songs or series.
        heard: Tracks whose sound file or MIDI file is there.
        over_time: Tracks with labels over time.
        positive: Share of the tracks with a label above the corpus's threshold, by dimension; None where no
            track has one.
    """

    tracks: int
    groups: int
    heard: int
    over_time: int
    positive: dict[Dimension, float | None]


def look(corpus: Corpus, root: Path) -> Found:
    """Read a corpus and count.

    Raises:
        DamerError: it cannot be read.
    """
    tracks = corpus.tracks(root)
    return Found(
        tracks=len(tracks),
        groups=len({track.group for track in tracks}),
        heard=sum(track.audio is not None or track.midi is not None for track in tracks),
        over_time=sum(bool(track.dynamic) for track in tracks),
        positive={"arousal": _share(tracks, "arousal"), "valence": _share(tracks, "valence")},
    )


def _share(tracks: list[Track], dimension: Dimension) -> float | None:
    labelled = [track for track in tracks if track.label(dimension) is not None]
    classes = binary_labels(labelled, dimension, [track.id for track in labelled]) if labelled else {}
    return sum(classes.values()) / len(classes) if classes else None


def table_one(corpora: Mapping[str, Corpus], roots: Mapping[str, Path]) -> list[dict[str, str]]:
    """Return a row for each corpus, by column; what is said of it here is "not run" where it has no folder.

    Args:
        corpora: The corpora by name (`damer.datasets.CORPORA`).
        roots: Where those that are here lie.

    Raises:
        DamerError: a name is unknown, or a corpus cannot be read.
    """
    strange = sorted(set(roots) - set(ORDER))
    if strange:
        raise DamerError(f"{strange[0]}: is not in the table; it has {', '.join(ORDER)}")
    return [_row(corpora[name], roots.get(name)) for name in ORDER]


def _row(corpus: Corpus, root: Path | None) -> dict[str, str]:
    quoted = list(corpus.paper) if corpus.paper else [""] * 4
    if root is None:
        return dict(zip(COLUMNS, [corpus.name, *quoted, *[NOT_RUN] * 6, corpus.licence], strict=True))
    found = look(corpus, root)
    shares = ["" if share is None else f"{100 * share:.1f} %" for share in found.positive.values()]
    whole = f" of {corpus.size}" if corpus.size not in (None, found.tracks) else ""
    cells = [f"{found.tracks}{whole}", str(found.groups), str(found.heard), str(found.over_time), *shares]
    return dict(zip(COLUMNS, [corpus.name, *quoted, *cells, corpus.licence], strict=True))


def markdown(rows: list[dict[str, str]]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(row[name] for name in COLUMNS) + " |" for row in rows]
    return "\n".join(lines)
