"""A small synthetic collection whose classes a network can learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from damer.core.track import Track
from damer.training.bank import Bank, resident_bank
from damer.training.recipes import Recipe, load_recipe

FRAMES, MEL, COCHLEA, SECONDS = 6, 8, 5, 6

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


@pytest.fixture
def small_recipe() -> Callable[..., Recipe]:
    """Return a function from further settings to a recipe for the synthetic collection."""

    def make(*settings: str) -> Recipe:
        return load_recipe("tiny", [*SMALL, *settings])

    return make


@pytest.fixture
def bank() -> Bank:
    """Twenty-four labelled tracks."""
    tracks = make_tracks(24)
    return resident_bank(tracks, make_tokens(tracks))
