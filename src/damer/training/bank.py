"""The token features of every second of every track, as the network takes them: one row a second.

A `Bank` is built once for all folds and networks of a run. Where memory allows it holds the rows; else
it reads them from the stores as they are asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from damer.core.errors import DamerError
from damer.core.track import Dimension, Track
from damer.models import DamerConfig
from damer.models.stem import RawStem, Stem, make_stem

IntArray = NDArray[np.int64]
Tokens = tuple[Tensor, Tensor]


class TrackViews(Protocol):
    """Views of one track: mel float16 [S, bands, T] and cochleagram float16 [S, bands, T]."""

    @property
    def mel(self) -> NDArray[np.float16]:
        """Mel view."""

    @property
    def cochleagram(self) -> NDArray[np.float16]:
        """Cochleagram view."""


@dataclass
class Bank:
    """Rows of token features.

    Attributes:
        tracks: the tracks, in order.
        starts: first row of each track and the total, int64 [tracks + 1].
        gather: function from rows (int64 [B]) to (mel float16 [B, 128, F], cochleagram float16 [B, 84, G]).
        device: where `gather` leaves the features.
        resident_bytes: memory that the rows take; 0 where they are read from the stores.
    """

    tracks: list[Track]
    starts: IntArray
    gather: Callable[[IntArray], Tokens]
    device: torch.device
    resident_bytes: int = 0

    def __post_init__(self) -> None:
        """Index the tracks."""
        self.place = {track.id: number for number, track in enumerate(self.tracks)}
        self.track_of_row: IntArray = np.repeat(np.arange(len(self.tracks)), np.diff(self.starts))

    @property
    def rows(self) -> int:
        """Number of seconds of all tracks."""
        return int(self.starts[-1])

    def rows_of(self, track: int) -> IntArray:
        """Return the rows of the track with this number."""
        return np.arange(self.starts[track], self.starts[track + 1])

    def second_of(self, rows: IntArray) -> IntArray:
        """Return which second of its track each row is."""
        seconds: IntArray = rows - self.starts[self.track_of_row[rows]]
        return seconds

    def values(self, dimension: Dimension, per_second: bool) -> NDArray[np.float64]:
        """Return the label of each row on [-1, 1], NaN where unlabelled."""
        found = [np.empty(0)]
        for number, track in enumerate(self.tracks):
            count = len(self.rows_of(number))
            static = track.label(dimension)
            if per_second or (static is None and track.dynamic):
                found.append(track.labels_per_second(dimension, count))
            else:
                found.append(np.full(count, np.nan if static is None else static))
        return np.concatenate(found)

    def track_values(self, dimension: Dimension) -> NDArray[np.float64]:
        """Return the static label of each track on [-1, 1], NaN where unlabelled."""
        labels = [track.label(dimension) for track in self.tracks]
        return np.array([np.nan if label is None else label for label in labels])


def resident_bank(tracks: list[Track], tokens: Sequence[Tokens], device: torch.device | None = None) -> Bank:
    """Make a bank of features that are in memory.

    Args:
        tracks: the tracks.
        tokens: for each track its token features, (mel [S, 128, F], cochleagram [S, 84, G]).
        device: where the rows are kept; the CPU by default.
    """
    place = device or torch.device("cpu")
    starts = np.concatenate([[0], np.cumsum([len(mel) for mel, _ in tokens])]).astype(np.int64)
    mel, cochleagram = (
        _joined([pair[view] for pair in tokens], int(starts[-1])).to(place) for view in (0, 1)
    )

    def gather(rows: IntArray) -> Tokens:
        index = torch.from_numpy(rows).to(place)
        return mel.index_select(0, index), cochleagram.index_select(0, index)

    size = mel.nbytes + cochleagram.nbytes
    return Bank(tracks, starts, gather, place, resident_bytes=size)


def _joined(parts: list[Tensor], rows: int) -> Tensor:
    if not parts:
        raise DamerError("there is no track to train on or evaluate")
    joined = torch.empty((rows, *parts[0].shape[1:]), dtype=torch.float16)
    first = 0
    for part in parts:
        joined[first : first + len(part)] = part
        first += len(part)
    return joined


def load_bank(
    tracks: list[Track],
    views: Callable[[str], TrackViews],
    config: DamerConfig,
    preload: str = "auto",
    device: torch.device | None = None,
    quiet: bool = False,
) -> Bank:
    """Make the bank of prepared tracks for a network.

    Args:
        tracks: the tracks.
        views: returns a track's views by its id.
        config: the network whose stem turns views to token features.
        preload: "yes" keeps all rows in memory, "no" reads them from the stores batch by batch, "auto" keeps
            them where they take under half of the free memory.
        device: where the rows are wanted.
        quiet: no progress bar.
    """
    if not tracks:
        raise DamerError("there is no track to train on or evaluate")
    stem = make_stem(config)
    place = device or torch.device("cpu")
    shapes = [views(track.id).mel.shape for track in tracks]
    lengths = [shape[0] for shape in shapes]
    if config.stem == "raw" and shapes[0][2] != config.frames:
        raise DamerError(
            f"the features have {shapes[0][2]} frames a second and the network expects {config.frames}: "
            f"set model.frames={shapes[0][2]}"
        )
    row = 2 * (config.mel_bands * stem.mel_features + config.cochlea_bands * stem.cochleagram_features)
    fits = sum(lengths) * row < _free_memory(place) / 2
    if preload == "yes" or (preload == "auto" and fits):
        bar = tqdm(tracks, desc="features", unit="track", disable=None if not quiet else True, leave=False)
        return resident_bank(tracks, [track_tokens(stem, views(track.id)) for track in bar], place)
    return streaming_bank(tracks, lengths, views, stem, place)


def streaming_bank(
    tracks: list[Track],
    lengths: Sequence[int],
    views: Callable[[str], TrackViews],
    stem: Stem,
    device: torch.device,
) -> Bank:
    """Make a bank that reads its rows from the stores, for collections larger than the memory."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def gather(rows: IntArray) -> Tokens:
        numbers = np.searchsorted(starts, rows, side="right") - 1
        order = np.argsort(rows, kind="stable")
        parts = [
            _some_tokens(stem, views(tracks[number].id), rows[chosen] - starts[number])
            for number in np.unique(numbers)
            for chosen in [order[numbers[order] == number]]
        ]
        back = torch.from_numpy(np.argsort(order, kind="stable"))
        mel, cochleagram = (torch.cat([pair[view] for pair in parts])[back].to(device) for view in (0, 1))
        return mel, cochleagram

    return Bank(tracks, starts, gather, device)


def track_tokens(stem: Stem, views: TrackViews) -> Tokens:
    """Return the token features of every second of a track, float16."""
    return _some_tokens(stem, views, np.arange(len(views.mel)))


def _some_tokens(stem: Stem, views: TrackViews, seconds: IntArray) -> Tokens:
    if isinstance(stem, RawStem):
        return torch.from_numpy(views.mel[seconds]), torch.from_numpy(views.cochleagram[seconds])
    mel, cochleagram = (torch.from_numpy(np.asarray(view)) for view in (views.mel, views.cochleagram))
    summary = stem.summarise(mel.float(), cochleagram.float())
    tokens = stem.tokens(*summary, torch.from_numpy(seconds))  # type: ignore[arg-type]
    return tokens[0].half(), tokens[1].half()


def _free_memory(device: torch.device) -> float:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return float(free)
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123 - not a file of the user's
            for line in file:
                if line.startswith("MemAvailable:"):
                    return float(line.split()[1]) * 1024
    except OSError:
        pass
    return 4e9  # a careful guess where the system does not tell
