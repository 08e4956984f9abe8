"""The token features of every second of every track, as the network takes them: one row a second.

A `Bank` is built once for all folds and networks of a run. Where memory allows it holds the rows; else
it reads them from the stores as they are asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from damer.core.errors import DamerError
from damer.core.track import Dimension, Track
from damer.features import FeatureStore, Views
from damer.models import DamerConfig
from damer.models.stem import RawStem, Stem, make_stem
from damer.training.collection import Collection
from damer.training.token_cache import TokenCache

IntArray = NDArray[np.int64]
Tokens = tuple[Tensor, Tensor]


@dataclass
class Bank:
    """Rows of token features.

    Attributes:
        tracks: the tracks, in order.
        starts: first row of each track and the total, int64 [tracks + 1].
        gather: function from rows (int64 [B]) to (mel float16 [B, 128, F], cochleagram float16 [B, 84, G]).
        device: where `gather` leaves the features.
        resident_bytes: memory that the rows take; 0 where they are read from the stores.
        sources: checksum of the file that a track was made from, by the track's id, where it is known.
    """

    tracks: list[Track]
    starts: IntArray
    gather: Callable[[IntArray], Tokens]
    device: torch.device
    resident_bytes: int = 0
    sources: dict[str, str] = field(default_factory=dict)

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

    def source_of(self, track: int) -> str:
        """Return the checksum of the file that the track with this number was made from, "" if unknown."""
        return self.sources.get(self.tracks[track].id, "")

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


def resident_bank(
    tracks: list[Track],
    tokens: Iterable[Tokens],
    lengths: Sequence[int],
    device: torch.device | None = None,
) -> Bank:
    """Make a bank of features that are in memory.

    Args:
        tracks: the tracks.
        tokens: token features of each track, (mel [S, 128, F], cochleagram [S, 84, G]); taken one by one.
        lengths: seconds S of each track.
        device: where the rows are kept; the CPU by default.
    """
    if not tracks:
        raise DamerError("there is no track to train on or evaluate")
    place = device or torch.device("cpu")
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    joined: list[Tensor] = []
    for number, pair in enumerate(tokens):
        if not joined:
            joined = [torch.empty((int(starts[-1]), *view.shape[1:]), dtype=torch.float16) for view in pair]
        for whole, view in zip(joined, pair, strict=True):
            whole[starts[number] : starts[number + 1]] = view
    mel, cochleagram = (whole.to(place) for whole in joined)

    if place.type == "cpu":
        arrays = [whole.numpy() for whole in (mel, cochleagram)]

        def gather(rows: IntArray) -> Tokens:
            # numpy copies whole rows; torch's index_select is half as fast here.
            return torch.from_numpy(arrays[0][rows]), torch.from_numpy(arrays[1][rows])

    else:

        def gather(rows: IntArray) -> Tokens:
            index = torch.from_numpy(rows).to(place)
            return mel.index_select(0, index), cochleagram.index_select(0, index)

    return Bank(tracks, starts, gather, place, resident_bytes=mel.nbytes + cochleagram.nbytes)


def load_bank(
    data: Collection,
    config: DamerConfig,
    preload: str = "auto",
    device: torch.device | None = None,
    quiet: bool = False,
) -> Bank:
    """Make the bank of prepared tracks for a network.

    Args:
        data: the tracks and their stores.
        config: the network whose stem turns views to token features.
        preload: "yes" keeps all rows in memory, "no" reads them from the stores batch by batch, "auto" keeps
            them where they take under half of the free memory.
        device: where the rows are wanted.
        quiet: no progress bar.

    Raises:
        DamerError: the features are not of the shape that the network reads.
    """
    _check_shape(data, config)
    stem = make_stem(config)
    place = device or torch.device("cpu")
    lengths = [data.locate(track.id)[0].seconds(track.id) for track in data.tracks]
    row = 2 * sum(int(np.prod(shape)) for shape in _row_shapes(stem, config))
    fits = sum(lengths) * row < _free_memory(place) / 2
    if preload == "yes" or (preload == "auto" and fits):
        bank = resident_bank(data.tracks, _all_tokens(data, stem, config, quiet), lengths, place)
    else:
        bank = streaming_bank(data, config, lengths, place, quiet)
    bank.sources = data.sources()
    return bank


def _row_shapes(stem: Stem, config: DamerConfig) -> tuple[tuple[int, int], tuple[int, int]]:
    below = config.cochlea_bands + stem.tonal_rows
    return (config.mel_bands, stem.mel_features), (below, stem.cochleagram_features)


def _all_tokens(data: Collection, stem: Stem, config: DamerConfig, quiet: bool) -> Iterator[Tokens]:
    """Yield the token features of every track, from the stores' caches where they have them."""
    bar = tqdm(data.tracks, "features", unit="track", disable=True if quiet else None, leave=False)
    if isinstance(stem, RawStem):
        yield from (track_tokens(stem, data.views(item.id)) for item in bar)
        return
    caches: dict[Path, TokenCache] = {}
    try:
        for track in bar:
            store, _ = data.locate(track.id)
            if store.folder not in caches:
                caches[store.folder] = TokenCache(store, config, _row_shapes(stem, config))
            make = partial(track_tokens, stem, data.views(track.id))
            yield caches[store.folder].tokens(track.id, make)
    finally:
        for cache in caches.values():
            cache.close()


def _check_shape(data: Collection, config: DamerConfig) -> None:
    spec = data.spec
    for key, gives in (
        ("frames", spec.frames),
        ("mel_bands", spec.n_mels),
        ("cochlea_bands", spec.n_cochlea),
    ):
        expects = getattr(config, key)
        if gives != expects:
            raise DamerError(
                f"{data.names[0]}: its features have {gives} {key.replace('_', ' ')}, the network expects "
                f"{expects}: train with --set model.{key}={gives}"
            )


def streaming_bank(
    data: Collection, config: DamerConfig, lengths: Sequence[int], device: torch.device, quiet: bool = False
) -> Bank:
    """Make a bank that reads its rows from the stores, for collections larger than the memory."""
    stem = make_stem(config)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    stores = list({id(store): store for store, _ in (data.locate(item.id) for item in data.tracks)}.values())
    arrays: list[Sequence[NDArray[Any]] | None] = [store.arrays for store in stores]
    if not isinstance(stem, RawStem):
        for _ in _all_tokens(data, stem, config, quiet):
            pass  # fills the stores' caches
        caches = [TokenCache(store, config, _row_shapes(stem, config)) for store in stores]
        arrays = [cache.arrays for cache in caches]
        for cache in caches:
            cache.close()
    found = [views for views in arrays if views is not None]
    if len(found) == len(stores):
        return Bank(data.tracks, starts, _reader(data, starts, stores, found, device), device)

    def gather(rows: IntArray) -> Tokens:
        order = np.argsort(rows, kind="stable")
        numbers = np.searchsorted(starts, rows[order], side="right") - 1
        parts = [
            _some_tokens(
                stem, data.views(data.tracks[number].id), rows[order[numbers == number]] - starts[number]
            )
            for number in np.unique(numbers)
        ]
        back = torch.from_numpy(np.argsort(order, kind="stable"))
        mel, cochleagram = (torch.cat([pair[view] for pair in parts])[back].to(device) for view in (0, 1))
        return mel, cochleagram

    return Bank(data.tracks, starts, gather, device)


def _reader(
    data: Collection,
    starts: IntArray,
    stores: Sequence[FeatureStore],
    views: Sequence[Sequence[NDArray[Any]]],
    device: torch.device,
) -> Callable[[IntArray], Tokens]:
    """Return a reader of rows on disk: one indexed copy a view and store, whatever the number of tracks."""
    numbers = {id(store): number for number, store in enumerate(stores)}
    located = [data.locate(track.id) for track in data.tracks]
    store_of = np.array([numbers[id(store)] for store, _ in located])
    shift = np.array([offset for _, offset in located]) - starts[:-1]
    # Plain arrays over the same mapped memory: indexing a memmap costs several times as much.
    arrays = [[np.asarray(view) for view in pair] for pair in views]

    def gather(rows: IntArray) -> Tokens:
        tracks = np.searchsorted(starts, rows, side="right") - 1
        seconds, homes = rows + shift[tracks], store_of[tracks]
        taken: list[Tensor] = []
        for view in (0, 1):
            if len(stores) == 1:
                found = arrays[0][view][seconds]
            else:
                found = np.empty((len(rows), *arrays[0][view].shape[1:]), dtype=np.float16)
                for number in np.unique(homes):
                    own = np.flatnonzero(homes == number)
                    found[own] = arrays[number][view][seconds[own]]
            taken.append(torch.from_numpy(found).to(device))
        return taken[0], taken[1]

    return gather


def track_tokens(stem: Stem, views: Views) -> Tokens:
    """Return the token features of every second of a track, float16."""
    return _some_tokens(stem, views, np.arange(len(views.mel)))


def _some_tokens(stem: Stem, views: Views, seconds: IntArray) -> Tokens:
    if isinstance(stem, RawStem):
        return torch.from_numpy(views.mel[seconds]), torch.from_numpy(views.cochleagram[seconds])
    mel, cochleagram = (torch.from_numpy(np.array(view, dtype=np.float32)) for view in views)
    tokens = stem.tokens(*stem.summarise(mel, cochleagram), torch.from_numpy(seconds))
    return tokens[0].half(), tokens[1].half()


def _free_memory(device: torch.device) -> float:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return float(free)
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 4e9  # a careful guess where the system does not tell
    available = [float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return available[0] if available else 4e9
