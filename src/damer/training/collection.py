"""Prepared music, opened for training or evaluation."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.prepared import open_prepared
from damer.features import FeatureSpec, FeatureStore, Views

Location = tuple[FeatureStore, int]


@dataclass(frozen=True)
class Collection:
    """Tracks and where their views lie.

    Attributes:
        tracks: every track, renders (variant above 0) and unlabelled ones included.
        locate: returns the store that holds a track, by its id, and its first second there.
        spec: how the features were extracted.
        names: where they came from, for messages and a run's record.
    """

    tracks: list[Track]
    locate: Callable[[str], Location]
    spec: FeatureSpec
    names: tuple[str, ...]

    def views(self, track_id: str) -> Views:
        """Return a track's views: float16 memory maps, mel [S, 128, T] and cochleagram [S, 84, T]."""
        return self.locate(track_id)[0].views(track_id)

    def sources(self) -> dict[str, str]:
        """Return the checksum of the file that each track was made from, by id, where the store knows it."""
        found = {track.id: self.locate(track.id)[0].entry(track.id).source_sha256 for track in self.tracks}
        return {name: digest for name, digest in found.items() if digest}


def open_collection(labelled: Sequence[str | Path], unlabelled: Sequence[str | Path] = ()) -> Collection:
    """Open prepared stores; the tracks of the `unlabelled` ones lose their labels.

    Raises:
        DamerError: a store cannot be opened, or they do not fit together.
    """
    folders = [Path(folder) for folder in (*labelled, *unlabelled)]
    for folder in folders:
        if not folder.is_dir():
            raise DamerError(
                f"{folder}: no such store; make one with `damer dataset prepare NAME ROOT --out {folder}`"
            )
    prepared = open_prepared(folders)
    pool = {track.id for track in open_prepared(unlabelled).tracks} if unlabelled else set()
    tracks = [_without_labels(track) if track.id in pool else track for track in prepared.tracks]
    if not tracks:
        raise DamerError(f"{', '.join(map(str, folders))}: no track in it; prepare the store again")
    homes = {name: store for folder in folders for store in [FeatureStore.open(folder)] for name in store.ids}

    def locate(track_id: str) -> Location:
        store = homes[track_id]
        return store, store.entry(track_id).offset

    return Collection(tracks, locate, prepared.spec, tuple(str(folder) for folder in folders))


def _without_labels(track: Track) -> Track:
    return dataclasses.replace(track, valence=None, arousal=None, dynamic=())
