"""The ready-made arrays that the paper's authors publish for four corpora, brought into a store.

    mel_spec.npy      [N, 128, T]     Mel view            cochlegram.npy   [N, 84, T]      cochleagram
    label_a.npy       [N]             arousal             label_v.npy      [N]             valence

N is the same in all four. T is 87 (Memo2496, DEAM) or 44 (PMEmo, 1000songs). Nothing says which row belongs
to which track, so N must be the number of tracks (one row each) or a multiple of it (rows of one track one
after another, as many for each); with PMEmo's own table of labels over time beside the arrays, its rows are
understood, too. Anything else is refused: rows that cannot be told apart by track cannot be split by track.

The tracks have numbers for names and belong to a corpus of their own, `memo2496-arrays` and so on: they are
the songs of the corpus itself, so neither is ever judged by what was trained on the other.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.base import Corpus, existing_folder
from damer.datasets.columns import Scale, read_columns, song_number
from damer.datasets.prepare import Outcome
from damer.datasets.prepared import TRACKS, write_tracks
from damer.datasets.shared_songs import ARRAYS
from damer.features import FeatureSpec, FeatureStore, Views

FRAMES = (87, 44)
SIGNED, SHARE, NINE = (-1.0, 1.0), (0.0, 1.0), (1.0, 9.0)
_NAMES = {
    "mel": ("mel_spec.npy", "mel_spectrogram.npy", "mel.npy"),
    "cochleagram": ("cochlegram.npy", "cochleagram.npy"),
    "arousal": ("label_a.npy", "labels/label_a.npy"),
    "valence": ("label_v.npy", "labels/label_v.npy"),
}
_HALF = float(np.finfo(np.float16).max) / 2
_ROWS = 512
_ENOUGH = 50  # rows after which labels on [-1, 1] should have shown a negative one


@dataclass(frozen=True)
class Layout:
    """How one corpus's arrays are published.

    Attributes:
        tracks: How many tracks the corpus has.
        scale: Lowest and highest value that its labels can have.
        folders: Where the files lie, below the folder that a user gives.
    """

    tracks: int
    scale: Scale
    folders: tuple[str, ...]


LAYOUTS = {
    "memo2496": Layout(2496, SIGNED, (".", "memo", "data", "memo/data")),
    "1000songs": Layout(744, SIGNED, (".", "data_1000songs", "data")),
    "pmemo": Layout(767, SHARE, (".", "data_PMEmo", "data")),
    "deam": Layout(1802, SIGNED, (".", "DEAM/processed", "processed", "DEAM", "data")),
}


@dataclass(frozen=True)
class Arrays:
    """The four files, checked against one another.

    Attributes:
        folder: Where they lie.
        mel: Mel view [N, 128, T], memory-mapped.
        cochleagram: Cochleagram [N, 84, T], memory-mapped.
        tracks: The tracks, in order; their labels over time hold one row each, as if a row were a second.
        starts: First row of each track, and N.
        remarks: How the rows were taken to belong to tracks, in whole sentences.
    """

    folder: Path
    mel: npt.NDArray[Any]
    cochleagram: npt.NDArray[Any]
    tracks: list[Track]
    starts: npt.NDArray[np.int64]
    remarks: list[str]

    @property
    def spec(self) -> FeatureSpec:
        """The settings that give as many frames; the authors' own are not published."""
        return FeatureSpec() if self.mel.shape[2] == FRAMES[0] else FeatureSpec(frame_length=1024)


def find_arrays(name: str, root: str | Path) -> Path | None:
    """Return the folder that holds a corpus's arrays, None where there are none (or the corpus has none)."""
    if name not in LAYOUTS:
        return None
    folders = [Path(root) / folder for folder in LAYOUTS[name].folders]
    return next((one for one in folders if any((one / mel).is_file() for mel in _NAMES["mel"])), None)


def read_arrays(
    corpus: Corpus, root: str | Path, tracks: int | None = None, scale: Scale | None = None
) -> Arrays:
    """Open the arrays of a corpus and check them; the large ones are mapped, not read.

    Args:
        corpus: Whose arrays they are.
        root: The folder that holds them, as published.
        tracks: How many tracks they hold; None is the corpus's number.
        scale: Scale of the labels; None is the corpus's own.

    Raises:
        DamerError: a file is missing, no array, or of the wrong shape; they do not fit one another; the rows
            cannot be told apart by track; or a label is out of range.
    """
    existing_folder(root)
    if corpus.name not in LAYOUTS:
        raise DamerError(f"--arrays: none are published for {corpus.name}; they are for {', '.join(LAYOUTS)}")
    layout, folder = LAYOUTS[corpus.name], find_arrays(corpus.name, root)
    if folder is None:
        places = ", ".join(f"{place}/mel_spec.npy".removeprefix("./") for place in layout.folders)
        raise DamerError(f"{root}: mel_spec.npy is missing; looked for {places}")
    files = {key: _file(folder, key) for key in _NAMES}
    mel, cochleagram = _maps(files["mel"], 128), _maps(files["cochleagram"], 84)
    if mel.shape[2] != cochleagram.shape[2]:
        raise DamerError(
            f"{files['cochleagram']}: has {cochleagram.shape[2]} frames, {files['mel'].name} {mel.shape[2]}; "
            "they must agree"
        )
    labels = {key: _labels(files[key], layout.scale, scale) for key in ("valence", "arousal")}
    for path, rows in [(files["cochleagram"], cochleagram), *((files[key], labels[key]) for key in labels)]:
        if len(rows) != len(mel):
            raise DamerError(f"{path}: has {len(rows)} rows, {files['mel'].name} {len(mel)}; they must agree")
    starts, remarks = _starts(corpus.name, folder, Path(root), len(mel), tracks or layout.tracks)
    remarks += _order(mel, starts)
    made = [
        _track(corpus, place, labels["valence"][first:last], labels["arousal"][first:last])
        for place, (first, last) in enumerate(pairwise(starts))
    ]
    return Arrays(folder, mel, cochleagram, made, starts, remarks)


def _file(folder: Path, key: str) -> Path:
    places = [folder / name for name in _NAMES[key]]
    if key in ("arousal", "valence") and folder.name in ("processed", "data"):
        places += [folder.parent / name for name in _NAMES[key]]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise DamerError(f"{places[0]}: is missing; all four arrays are needed")
    return found


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DamerError(f"{path}: is not a whole .npy array of numbers ({error})") from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
        raise DamerError(f"{path}: does not hold numbers")
    return found


def _maps(path: Path, bands: int) -> npt.NDArray[Any]:
    """Return a view's maps as [N, bands, T], whatever axes of length 1 or joined axes they came with."""
    found = _load(path)
    shape = tuple(size for place, size in enumerate(found.shape) if place == 0 or size != 1)
    if len(shape) == 2 and shape[1] % bands == 0:  # bands and frames joined
        shape = (shape[0], bands, shape[1] // bands)
    if len(shape) != 3 or shape[1] != bands or shape[2] not in FRAMES or not shape[0]:
        raise DamerError(
            f"{path}: has shape {found.shape}; rows × {bands} bands × {' or '.join(map(str, FRAMES))} "
            f"frames are "
            "needed"
        )
    return found.reshape(shape)


def _labels(path: Path, own: Scale, given: Scale | None) -> npt.NDArray[np.float64]:
    """Return labels brought to [−1, 1]; classes 0 and 1 become −1 and 1."""
    found = _load(path)
    values = np.asarray(found, dtype=np.float64).reshape(len(found), -1) if found.ndim else np.empty((0, 0))
    if values.shape[1:] != (1,):
        raise DamerError(f"{path}: has shape {found.shape}; one label a row is needed")
    values = values[:, 0]
    if not np.isfinite(values).all():
        raise DamerError(f"{path}: row {int(np.argmin(np.isfinite(values)))} holds no number")
    low, high = float(values.min()), float(values.max())
    scale = given or own
    if not given and set(np.unique(values)) <= {0.0, 1.0}:
        scale = SHARE
    elif not given and low < 0:
        scale = SIGNED  # PMEmo's, already brought there
    elif not given and high > 1 and low >= 1:
        scale = NINE
    if low < scale[0] or high > scale[1]:
        raise DamerError(
            f"{path}: labels go from {low:g} to {high:g}, expected {scale[0]:g} to {scale[1]:g}; say "
            f"which scale "
            "they are on with --scale"
        )
    if scale == SIGNED and not given and low >= 0 and len(values) >= _ENOUGH:
        raise DamerError(
            f"{path}: labels go from {low:g} to {high:g} and none is negative; if they are on another "
            f"scale, say "
            "which with --scale, such as --scale 0:1"
        )
    return np.clip((2 * values - (scale[0] + scale[1])) / (scale[1] - scale[0]), -1, 1)


def _starts(
    name: str, folder: Path, root: Path, rows: int, tracks: int
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the first row of each track and the number of rows, and what was assumed to find them."""
    if tracks < 1:
        raise DamerError(f"--tracks {tracks}: at least 1 is needed")
    if rows % tracks == 0:
        each = rows // tracks
        said = f"{rows} rows of {tracks} tracks: " + (
            "one each" if each == 1 else f"{each} each, taken to stand one track after another"
        )
        return np.arange(0, rows + 1, each, dtype=np.int64), [said]
    table = _rows_by_table(name, folder, root)
    if sum(table.values()) == rows:
        counts = list(table.values())
        said = f"{rows} rows of {len(counts)} tracks, as many of each as dynamic_annotations.csv has"
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), [said]
    raise DamerError(
        f"{folder}: {rows} rows; {name} has {tracks} tracks, so {tracks} rows or a multiple of it are "
        f"expected: "
        "rows cannot be told apart by track. If the arrays hold another number of tracks, say it with "
        "--tracks"
    )


def _rows_by_table(name: str, folder: Path, root: Path) -> dict[str, int]:
    """Return how many rows PMEmo's table of labels over time has for each song, in its order."""
    places = [place / sub for place in (folder, root) for sub in ("", "annotations")]
    path = next((one for place in places if (one := place / "dynamic_annotations.csv").is_file()), None)
    if name != "pmemo" or path is None:
        return {}
    return Counter(song_number(row.cells["song"]) for row in read_columns(path, {"song": ("musicId",)}))


def _order(mel: npt.NDArray[Any], starts: npt.NDArray[np.int64]) -> list[str]:
    """Warn where neighbouring rows of a track are no more alike than rows of two tracks."""
    if len(starts) - 1 == len(mel) or len(starts) < 12:
        return []
    borders = starts[1:-1][:200]
    inner = np.setdiff1d(starts[:-1][:200] + 1, starts)

    def distance(rows: npt.NDArray[np.int64]) -> float:
        pairs = (np.asarray(mel[int(row) - 1 : int(row) + 1], dtype=np.float64).mean(axis=2) for row in rows)
        return float(np.mean([np.abs(pair[1] - pair[0]).mean() for pair in pairs]))

    within, across = distance(inner), distance(borders)
    if within < 0.95 * across:
        return []
    return [
        "neighbouring rows of a track are no more alike than rows of two tracks, so rows may not stand "
        "one track "
        "after another; then a split by track leaks"
    ]


def _track(
    corpus: Corpus, place: int, valence: npt.NDArray[np.float64], arousal: npt.NDArray[np.float64]
) -> Track:
    several = len(valence) > 1
    steps = zip(valence.tolist(), arousal.tolist(), strict=True)
    return Track(
        id=f"{corpus.name}{ARRAYS}:{place}",
        group=str(place),
        corpus=f"{corpus.name}{ARRAYS}",
        clip_end=float(len(valence)),
        valence=float(valence.mean()),
        arousal=float(arousal.mean()),
        dynamic=tuple((float(end), v, a) for end, (v, a) in enumerate(steps, 1)) if several else (),
        licence=corpus.licence,
        source=f"{corpus.source}; ready-made arrays",
    )


def import_arrays(arrays: Arrays, out: str | Path, limit: int | None = None) -> Outcome:
    """Write arrays into a store that `damer train --data` opens, going on where an earlier run stopped.

    Values are kept as they are, in half precision; views whose values are too large or too small for that are
    multiplied by one number, which no network notices, for each standardises its input.

    Args:
        arrays: What `read_arrays` returned.
        out: Folder of the store.
        limit: Only the first so many tracks.

    Raises:
        DamerError: the store was made from something else, cannot be written, or a value is no number.
    """
    folder = Path(out)
    chosen = arrays.tracks[:limit]
    factors = [_factor(view) for view in (arrays.mel, arrays.cochleagram)]
    settings = {"arrays": [list(arrays.mel.shape), list(arrays.cochleagram.shape)], "factors": factors}
    outcome = Outcome()
    with FeatureStore.open_or_create(folder, arrays.spec) as store:
        store.lock()
        (folder / TRACKS).unlink(missing_ok=True)
        for place, track in enumerate(chosen):
            rows = range(int(arrays.starts[place]), int(arrays.starts[place + 1]))
            if track.id not in store:
                try:
                    store.append(track.id, _views(arrays, rows, factors), {"settings": settings})
                except OSError as error:
                    raise DamerError(
                        f"{folder}: cannot be written ({error.strerror}); run it again"
                    ) from None
                except DamerError as error:
                    raise DamerError(f"{arrays.folder}: rows {rows[0]} to {rows[-1]}: {error}") from None
                outcome.added.append(track.id)
            elif store.entry(track.id).meta.get("settings") != settings:
                raise DamerError(f"{folder}: {track.id} was made from other arrays; choose another folder")
        outcome.tracks = chosen
        write_tracks(folder, chosen)
    return outcome


def _views(arrays: Arrays, rows: range, factors: list[float]) -> Iterator[Views]:
    """Yield a track's views, a few hundred rows at a time."""
    for first in range(rows.start, rows.stop, _ROWS):
        part = slice(first, min(first + _ROWS, rows.stop))
        pair = zip((arrays.mel, arrays.cochleagram), factors, strict=True)
        yield Views(*(np.asarray(view[part], dtype=np.float32) * np.float32(factor) for view, factor in pair))


def _factor(view: npt.NDArray[Any]) -> float:
    """Return what a view is to be multiplied by so that half precision holds it well; mostly 1."""
    rows = np.linspace(0, len(view) - 1, min(len(view), 200)).astype(np.int64)
    size = np.abs(np.asarray(view[rows], dtype=np.float64))
    largest, deviation = float(np.nanmax(size)), float(np.nanstd(size))
    if not np.isfinite(largest) or largest == 0:
        return 1.0
    if largest <= _HALF and (deviation >= 1e-2 or deviation == 0):
        return 1.0
    return float(2.0 ** -np.floor(np.log2(largest / 64)))
