"""Token features kept beside a store, so that the next run on it starts at once.

    STORE/tokens/CODE-SETTINGS/mel.f16, cochleagram.f16     float16, one row a second, in the store's order

The folder's name says which code and settings made them; those of other code are removed. A cache is only
ever an acceleration: where it cannot be written, nothing is lost but time.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import damer.models
from damer.features import FeatureStore, Views
from damer.models import DamerConfig

Tokens = tuple[Tensor, Tensor]
_CODE = ("stem.py", "tonal.py")
_DTYPE = np.dtype("<f2")
_A_DAY = 86_400.0


class TokenCache:
    """Token features of one store for one stem.

    Args:
        store: the store.
        config: the network whose stem makes them.
        shapes: shape of a row of each view, (mel [128, F], cochleagram [rows, G]).

    Attributes:
        arrays: all rows of both views, float16 memory maps; None until they have been made and kept.
    """

    def __init__(
        self, store: FeatureStore, config: DamerConfig, shapes: tuple[tuple[int, int], tuple[int, int]]
    ) -> None:
        self.store, self.shapes = store, shapes
        self.rows = len(store.arrays.mel)
        code = _code_hash()
        self.folder = store.folder / "tokens" / f"{code}-{_settings_hash(store, config)}"
        self._part = self.folder.with_name(f".{self.folder.name}.{os.getpid()}")
        self._files: list[BinaryIO] = []
        self._written = 0
        self.arrays = self._read()
        if self.arrays is None:
            shutil.rmtree(self.folder, ignore_errors=True)  # damaged, if it is there
            self._remove_outdated(code)
            self._start()

    def tokens(self, track_id: str, make: Callable[[], Tokens]) -> Tokens:
        """Return a track's token features, from the cache or by `make`, which fills it.

        Args:
            track_id: a track of the store, asked for once.
            make: computes (mel [S, 128, F], cochleagram [S, rows, G]), float16.
        """
        first, seconds = self.store.entry(track_id).offset, self.store.seconds(track_id)
        if self.arrays is not None:
            mel, cochleagram = (
                torch.from_numpy(np.array(array[first : first + seconds])) for array in self.arrays
            )
            return mel, cochleagram
        made = make()
        self._write(first, made)
        return made

    def close(self) -> None:
        """Keep the cache if every row of it has been written, else leave nothing behind."""
        files, self._files = self._files, []
        complete = bool(files) and self._written == self.rows
        for file in files:
            file.close()
        if complete:
            with contextlib.suppress(OSError):  # another process may have finished the same one
                self._part.rename(self.folder)
        shutil.rmtree(self._part, ignore_errors=True)
        if self.arrays is None:
            self.arrays = self._read()

    def _read(self) -> list[NDArray[np.float16]] | None:
        arrays = []
        for name, shape in zip(Views._fields, self.shapes, strict=True):
            path = self.folder / f"{name}.f16"
            wanted = (self.rows, *shape)
            if not path.is_file() or path.stat().st_size != int(np.prod(wanted)) * _DTYPE.itemsize:
                return None
            arrays.append(np.asarray(np.memmap(path, _DTYPE, mode="r", shape=wanted)))
        return arrays

    def _start(self) -> None:
        try:
            self._part.mkdir(parents=True, exist_ok=True)
            self._files = [(self._part / f"{name}.f16").open("wb") for name in Views._fields]
        except OSError:
            self._files = []

    def _write(self, first: int, made: Tokens) -> None:
        try:
            for file, view, shape in zip(self._files, made, self.shapes, strict=False):
                file.seek(first * int(np.prod(shape)) * _DTYPE.itemsize)
                file.write(view.numpy().astype(_DTYPE).tobytes())
        except OSError:  # a full disk, say: go on without
            self._written = -self.rows
            return
        self._written += len(made[0])

    def _remove_outdated(self, code: str) -> None:
        for path in (self.store.folder / "tokens").glob("*-*"):
            left_behind = path.name.startswith(".") and time.time() - path.stat().st_mtime > _A_DAY
            if left_behind or not path.name.startswith((code, ".")):
                shutil.rmtree(path, ignore_errors=True)


def _code_hash() -> str:
    """Return a digest of the code that makes token features: a cache of other code is not believed."""
    folder = Path(damer.models.__file__).parent
    digest = hashlib.sha256()
    for name in _CODE:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:12]


def _settings_hash(store: FeatureStore, config: DamerConfig) -> str:
    entries = [(name, store.entry(name).offset, store.entry(name).crc32) for name in store.ids]
    context = [config.context_s, config.tonal_context_s]
    text = json.dumps([config.stem, context, config.frames, store.spec.hash(), entries])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
