"""A folder of views, memory-mapped: one growing fp16 array a view, and a manifest of the tracks.

    spec.json           the FeatureSpec, its hash, the layout's version
    mel.f16             float16, little-endian, [seconds, n_mels, T], all tracks one after another
    cochleagram.f16     float16, [seconds, n_cochlea, T]
    manifest.jsonl      one line a track: id, place in the arrays, checksums, what the caller adds

A track counts once its manifest line is whole; that line is written last. So whatever moment a writer is
killed at, the store opens with the tracks finished until then, and the next writer goes on from there.
"""

import contextlib
import dataclasses
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.features.extraction import Views
from damer.features.spec import FeatureSpec

LAYOUT = 1
_DTYPE = np.dtype("<f2")
_LARGEST = float(np.finfo(_DTYPE).max)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One track of a store.

    Attributes:
        id: the track's name, unique in the store.
        offset: its first second in the arrays.
        seconds: how many seconds it has.
        source_sha256: checksum of the sound file it was made from, or "".
        crc32: checksum of each of its stored arrays, by name.
        meta: what the caller wanted kept; JSON.
    """

    id: str
    offset: int
    seconds: int
    source_sha256: str
    crc32: dict[str, int]
    meta: dict[str, Any]


class FeatureStore:
    """Views of many tracks on disk; read by many, written by one at a time."""

    def __init__(self, folder: Path, spec: FeatureSpec) -> None:
        """Use `create`, `open` or `open_or_create`."""
        self.folder = folder
        self.spec = spec
        self._entries: dict[str, Entry] = {}
        self._manifest_end = 0
        self._lock: BinaryIO | None = None
        self._arrays: Views | None = None
        self._read_manifest()

    @classmethod
    def create(cls, folder: str | Path, spec: FeatureSpec) -> Self:
        """Make an empty store.

        Raises:
            DamerError: there is a store already, or the folder cannot be made.
        """
        folder = Path(folder)
        if (folder / "spec.json").exists():
            raise DamerError(f"{folder}: is a feature store already; open it, or choose another folder")
        record = {"layout": LAYOUT, "hash": spec.hash(), "spec": spec.to_dict()}
        with replacing(folder / "spec.json", "choose another folder", parents=True) as part:
            part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return cls(folder, spec)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open a store that exists.

        Raises:
            DamerError: there is none, or its record cannot be read.
        """
        folder = Path(folder)
        try:
            record = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
            layout, spec = record["layout"], FeatureSpec.from_dict(record["spec"])
        except FileNotFoundError:
            raise DamerError(
                f"{folder}: is no feature store; make one with `damer features DIR --out STORE`"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamerError(
                f"{folder / 'spec.json'}: cannot be read ({error}); make the store again"
            ) from None
        if layout != LAYOUT:
            raise DamerError(
                f"{folder}: has layout {layout}, this damer reads {LAYOUT}; make the store again"
            )
        return cls(folder, spec)

    @classmethod
    def open_or_create(cls, folder: str | Path, spec: FeatureSpec) -> Self:
        """Open the store to go on with it, or make it.

        Raises:
            DamerError: the store there was made with another spec.
        """
        if not (Path(folder) / "spec.json").exists():
            return cls.create(folder, spec)
        store = cls.open(folder)
        if store.spec != spec:
            old, new = store.spec.to_dict(), spec.to_dict()
            differing = ", ".join(
                f"{name} {old[name]} (now {new[name]})" for name in old if old[name] != new[name]
            )
            raise DamerError(f"{folder}: was made with other settings: {differing}; choose another folder")
        return store

    @property
    def ids(self) -> list[str]:
        """The tracks' ids, in the order they were added."""
        return list(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, track_id: object) -> bool:
        return track_id in self._entries

    def entry(self, track_id: str) -> Entry:
        """Return what the manifest says of a track.

        Raises:
            DamerError: it is not in the store.
        """
        try:
            return self._entries[track_id]
        except KeyError:
            raise DamerError(f"{self.folder}: holds no track {track_id!r}; extract it first") from None

    def seconds(self, track_id: str) -> int:
        """Return how many seconds a track has."""
        return self.entry(track_id).seconds

    def views(self, track_id: str) -> Views:
        """Return the views of a track: float16 memory maps, mel [S, n_mels, T], cochleagram alike."""
        entry = self.entry(track_id)
        part = slice(entry.offset, entry.offset + entry.seconds)
        arrays = self.arrays
        return Views(arrays.mel[part], arrays.cochleagram[part])

    @property
    def arrays(self) -> Views:
        """All tracks' views, one after another, as read-only float16 memory maps [all seconds, bands, T]."""
        total = self._total
        if self._arrays is None or len(self._arrays.mel) < total:
            self._arrays = Views(*(self._map(name, total) for name in Views._fields))
        return self._arrays

    def append(
        self,
        track_id: str,
        views: Views | Iterable[Views],
        meta: dict[str, Any] | None = None,
        source_sha256: str = "",
    ) -> None:
        """Add a track; it is in the store, whole, once this returns.

        Args:
            track_id: a name not yet in the store.
            views: its views, or parts of them in order (so that hours of sound need no memory).
            meta: kept in the manifest; JSON.
            source_sha256: checksum of the file it came from.

        Raises:
            DamerError: the id is taken, the views do not fit the spec, or another process is writing.
        """
        self.lock()
        if track_id in self._entries:
            raise DamerError(f"{self.folder}: has a track {track_id!r} already; give each track its own id")
        offset = self._total
        seconds, checksums = self._write_arrays(offset, [views] if isinstance(views, Views) else views)
        entry = Entry(track_id, offset, seconds, source_sha256, checksums, meta or {})
        line = (json.dumps(dataclasses.asdict(entry), ensure_ascii=False) + "\n").encode()
        manifest = self.folder / "manifest.jsonl"
        with manifest.open("r+b" if manifest.exists() else "wb") as file:
            file.seek(self._manifest_end)
            file.truncate()
            file.write(line)
        self._manifest_end += len(line)
        self._entries[track_id] = entry

    def verify(self) -> list[str]:
        """Return the ids whose stored arrays no longer have the checksum they were written with."""
        damaged = []
        for track_id, entry in self._entries.items():
            stored = self.views(track_id)._asdict()
            if entry.crc32 != {name: zlib.crc32(array.tobytes()) for name, array in stored.items()}:
                damaged.append(track_id)
        return damaged

    def close(self) -> None:
        """Flush to disk and let others write; reading stays possible."""
        if self._lock is None:
            return
        for path in self._files:
            if path.exists():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        self._lock.close()
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _total(self) -> int:
        last = next(reversed(self._entries.values()), None)
        return last.offset + last.seconds if last else 0

    @property
    def _files(self) -> list[Path]:
        return [self.folder / name for name in ("mel.f16", "cochleagram.f16", "manifest.jsonl")]

    def _shape(self, name: str) -> tuple[int, int]:
        bands = self.spec.n_mels if name == "mel" else self.spec.n_cochlea
        return bands, self.spec.frames

    def _map(self, name: str, total: int) -> NDArray[Any]:
        shape = (total, *self._shape(name))
        if total == 0:
            return np.empty(shape, _DTYPE)
        return np.memmap(self.folder / f"{name}.f16", _DTYPE, mode="r", shape=shape)

    def _read_manifest(self) -> None:
        """Take every whole line whose arrays are there; what follows was cut off by a kill."""
        manifest = self.folder / "manifest.jsonl"
        data = manifest.read_bytes() if manifest.exists() else b""
        held = min((self._held(name) for name in Views._fields), default=0)
        self._entries, self._manifest_end = {}, 0
        for line in data.splitlines(keepends=True):
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError):
                break
            if not line.endswith(b"\n") or entry.offset + entry.seconds > held:
                break
            self._entries[entry.id] = entry
            self._manifest_end += len(line)

    def _held(self, name: str) -> int:
        """Return how many whole seconds an array file holds."""
        path = self.folder / f"{name}.f16"
        bands, frames = self._shape(name)
        return path.stat().st_size // (bands * frames * _DTYPE.itemsize) if path.exists() else 0

    def lock(self) -> None:
        """Become the one writer until `close`; the lock goes with the process, however it ends.

        Raises:
            DamerError: another process is writing.
        """
        if self._lock is not None:
            return
        lock = (self.folder / "writer.lock").open("wb")
        with contextlib.suppress(ImportError):  # no fcntl on Windows: there the user must see to it
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                raise DamerError(
                    f"{self.folder}: another process is writing to it; wait for it to end"
                ) from None
        self._lock = lock
        self._read_manifest()

    def _write_arrays(self, offset: int, parts: Iterable[Views]) -> tuple[int, dict[str, int]]:
        """Write views behind what the manifest counts; return their seconds and checksums."""
        seconds = 0
        with contextlib.ExitStack() as stack:
            files = {name: stack.enter_context(self._at(name, offset)) for name in Views._fields}
            checksums = dict.fromkeys(files, 0)
            for part in parts:
                if len(part.mel) != len(part.cochleagram):
                    raise DamerError(
                        f"views have {len(part.mel)} and {len(part.cochleagram)} seconds; they must agree"
                    )
                seconds += len(part.mel)
                for name, file in files.items():
                    data = self._packed(name, getattr(part, name))
                    file.write(data)
                    checksums[name] = zlib.crc32(data, checksums[name])
        if seconds == 0:
            raise DamerError(f"{self.folder}: a track without a second of views cannot be stored")
        return seconds, checksums

    @contextlib.contextmanager
    def _at(self, name: str, offset: int) -> Iterator[BinaryIO]:
        path = self.folder / f"{name}.f16"
        bands, frames = self._shape(name)
        with path.open("r+b" if path.exists() else "wb") as file:
            file.seek(offset * bands * frames * _DTYPE.itemsize)
            file.truncate()
            yield file

    def _packed(self, name: str, array: NDArray[Any]) -> bytes:
        if array.shape[1:] != self._shape(name):
            raise DamerError(f"{name} has shape {array.shape}; this store holds [S, {self._shape(name)}]")
        if not np.isfinite(array).all():
            raise DamerError(f"{name} holds NaN or infinity; it cannot be stored")
        packed: bytes = np.clip(array, -_LARGEST, _LARGEST).astype(_DTYPE).tobytes()
        return packed
