"""Tracks with views of full size, 128 Mel and 84 cochleagram bands, whose arousal is heard in their level."""

from pathlib import Path

import numpy as np
import torch

from damer.core.track import Track
from damer.datasets.prepared import write_tracks
from damer.features import FeatureSpec, FeatureStore, Views
from damer.training.bank import Bank, resident_bank
from damer.training.data import make_parts, split_ids
from damer.training.method import Task
from damer.training.recipes import load_recipe

SECONDS = 5


def views_bank(count: int = 32, frames: int = 44, permuted: bool = False, level: float = 1.0) -> Bank:
    """Return tracks of both classes, two a group and then of one class.

    Args:
        count: number of tracks, a multiple of eight.
        frames: frames of a second.
        permuted: labels that have nothing to do with the sound: half of either kind of sound is high.
        level: how much louder a track of high arousal is, in deviations of the noise.
    """
    generator = np.random.default_rng(3)
    tracks, tokens = [], []
    for number in range(count):
        group = number // 2
        loud = group % 2
        high = (group // 2) % 2 if permuted else loud
        track = Track(
            id=f"toy:{number}",
            group=f"artist {group}",
            corpus="toy",
            arousal=0.5 if high else -0.5,
            valence=0.5 if group % 4 < 2 else -0.5,
        )
        shift = level * (loud - 0.5)
        mel = generator.standard_normal((SECONDS, 128, frames)) + shift
        cochleagram = generator.standard_normal((SECONDS, 84, frames)) + shift
        tracks.append(track)
        tokens.append((torch.from_numpy(mel).half(), torch.from_numpy(cochleagram).half()))
    return resident_bank(tracks, tokens, [SECONDS] * count)


def views_task(bank: Bank, *settings: str, seed: int = 0) -> Task:
    """Return the task of learning arousal from such a bank; a third of its groups is for the test."""
    frames = bank.gather(np.arange(1))[0].shape[-1]
    common = [
        "batch_size=20",
        "epochs=2",
        "precision=float32",
        "validation_fraction=0.2",
        f"model.frames={frames}",
    ]
    recipe = load_recipe("paper", [*common, *settings])
    test = split_ids(bank.tracks, "arousal", recipe.training).test
    parts = make_parts(bank, "arousal", recipe.training, test)
    spec = FeatureSpec(sample_rate=22050 if frames == 87 else 11025, frame_length=512)
    return Task(bank, parts, recipe, spec, seed)


def views_store(folder: Path, count: int = 16, level: float = 2.0) -> Path:
    """Write a prepared store of such tracks, 44 frames a second."""
    bank = views_bank(count, level=level)
    with FeatureStore.create(folder, FeatureSpec(sample_rate=11025, frame_length=512)) as store:
        for number, track in enumerate(bank.tracks):
            views = (view.float().numpy() for view in bank.gather(bank.rows_of(number)))
            store.append(track.id, Views(*views))
    write_tracks(folder, bank.tracks)
    return folder
