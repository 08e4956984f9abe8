"""A small synthetic collection whose classes a network can learn."""

from pathlib import Path

import numpy as np
import torch

from damer.core.track import Track
from damer.datasets.prepared import write_tracks
from damer.features import FeatureSpec, FeatureStore, Views

FRAMES, MEL, COCHLEA, SECONDS = 6, 8, 5, 6

SPEC = FeatureSpec(n_mels=MEL, n_cochlea=COCHLEA, sample_rate=8000, frame_length=3200)

SMALL = [
    f"model.frames={FRAMES}",
    f"mel_bands={MEL}",
    f"cochlea_bands={COCHLEA}",
    "dim=8",
    "fused_dim=8",
    "layers=1",
    "heads=2",
    "batch_size=16",
    "memory_size=32",
    "epochs=3",
    "learning_rate=0.01",
]


def make_tracks(count: int, corpus: str = "toy", renders: int = 0, threshold: str = "zero") -> list[Track]:
    """Tracks of both classes, two a group; arousal alternates, valence every second pair."""
    tracks = []
    for number in range(count):
        arousal = 0.5 if number % 2 else -0.5
        base = Track(
            id=f"{corpus}:{number}",
            group=f"artist {number // 2}",
            corpus=corpus,
            arousal=arousal,
            valence=0.5 if number % 4 < 2 else -0.5,
            threshold="train_median" if threshold == "train_median" else "zero",
        )
        tracks += [base.as_variant(variant) for variant in range(renders + 1)]
    return tracks


def make_tokens(tracks: list[Track], noise: float = 1.0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Token features that carry arousal in their level and valence in half of the bands."""
    generator = np.random.default_rng(5)
    tokens = []
    for track in tracks:
        level = 0.0 if track.arousal is None else track.arousal
        tilt = 0.0 if track.valence is None else track.valence
        mel = noise * generator.standard_normal((SECONDS, MEL, FRAMES)) + level
        cochleagram = noise * generator.standard_normal((SECONDS, COCHLEA, FRAMES)) + level
        mel[:, : MEL // 2] += tilt
        tokens.append((torch.from_numpy(mel).half(), torch.from_numpy(cochleagram).half()))
    return tokens


def write_store(folder: Path, tracks: list[Track], spec: FeatureSpec, noise: float = 0.5) -> Path:
    """Write a prepared store whose views carry the labels as `make_tokens` does."""
    generator = np.random.default_rng(7)
    with FeatureStore.create(folder, spec) as store:
        for track in tracks:
            level = track.arousal or 0.0
            tilt = track.valence or 0.0
            mel = noise * generator.standard_normal((SECONDS, spec.n_mels, spec.frames)) + level
            mel[:, : spec.n_mels // 2] += tilt
            cochleagram = noise * generator.standard_normal((SECONDS, spec.n_cochlea, spec.frames)) + level
            store.append(track.id, Views(mel.astype(np.float32), cochleagram.astype(np.float32)))
    write_tracks(folder, tracks)
    return folder
