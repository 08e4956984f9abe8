"""Prepared corpora, open for training: the tracks and the views of all of them."""

import json
from collections.abc import Sequence
from pathlib import Path

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.features import FeatureSpec, FeatureStore, Views

TRACKS = "tracks.jsonl"


class Prepared:
    """Tracks of one or more prepared stores, under one feature spec.

    Attributes:
        tracks: All tracks, store after store, in the order of each `tracks.jsonl`.
        spec: The feature spec that all stores share.
    """

    def __init__(self, tracks: Sequence[Track], stores: dict[str, FeatureStore], spec: FeatureSpec) -> None:
        """Use `open_prepared`.

        Args:
            tracks: All tracks.
            stores: The store that holds each track id.
            spec: The spec of every store.
        """
        self.tracks = list(tracks)
        self.spec = spec
        self._stores = stores

    def views(self, track_id: str) -> Views:
        """Return a track's views: float16 memory maps, mel [S, 128, T] and cochleagram [S, 84, T].

        Raises:
            DamerError: no store holds the track.
        """
        return self._store(track_id).views(track_id)

    def seconds(self, track_id: str) -> int:
        """Return how many seconds a track has."""
        return self._store(track_id).seconds(track_id)

    def _store(self, track_id: str) -> FeatureStore:
        try:
            return self._stores[track_id]
        except KeyError:
            raise DamerError(f"no track {track_id!r} in the prepared stores") from None


def open_prepared(folders: Sequence[str | Path]) -> Prepared:
    """Open the stores that `damer dataset prepare` wrote.

    Raises:
        DamerError: a folder holds no finished preparation, two stores differ in their feature spec, or two
            tracks share an id.
    """
    if not folders:
        raise DamerError("no prepared store given; make one with `damer dataset prepare`")
    tracks: list[Track] = []
    homes: dict[str, FeatureStore] = {}
    first: FeatureStore | None = None
    for folder in map(Path, folders):
        found = read_tracks(folder)
        store = FeatureStore.open(folder)
        first = first or store
        if store.spec != first.spec:
            old, new = first.spec.to_dict(), store.spec.to_dict()
            differing = ", ".join(f"{key} {old[key]} and {new[key]}" for key in old if old[key] != new[key])
            raise DamerError(f"{first.folder} and {folder} differ in {differing}; prepare both alike")
        for track in found:
            if track.id in homes:
                where = homes[track.id].folder
                raise DamerError(
                    f"{folder}: track {track.id} is in {where} too; prepare one with another --name"
                )
            if track.id not in store:
                raise DamerError(f"{folder}: {TRACKS} names {track.id}, the store lacks it; prepare it again")
            homes[track.id] = store
        tracks += found
    assert first is not None
    return Prepared(tracks, homes, first.spec)


def read_tracks(folder: Path) -> list[Track]:
    """Return the tracks of one prepared store.

    Raises:
        DamerError: it has no readable `tracks.jsonl`.
    """
    path = folder / TRACKS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Track.from_dict(json.loads(line)) for line in lines]
    except FileNotFoundError:
        raise DamerError(
            f"{folder}: no finished preparation; run (again) `damer dataset prepare NAME ROOT --out {folder}`"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise DamerError(f"{path}: cannot be read ({error}); prepare the store again") from error


def write_tracks(folder: Path, tracks: Sequence[Track]) -> None:
    """Write `tracks.jsonl`, whole or not at all."""
    draft = folder / f"{TRACKS}.draft"
    # Escaped to ASCII: a file name may hold bytes that are no text.
    lines = [json.dumps(track.to_dict()) + "\n" for track in tracks]
    draft.write_text("".join(lines), encoding="utf-8")
    draft.replace(folder / TRACKS)
