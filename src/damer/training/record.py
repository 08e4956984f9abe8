"""What a checkpoint says of its own training, so that nobody has to guess and no leak goes unseen."""

import datetime
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import damer
from damer.core.track import Dimension
from damer.training.bank import Bank, IntArray
from damer.training.data import Parts
from damer.training.learner import resolve_precision
from damer.training.loop import Trained
from damer.training.recipes import Recipe
from damer.training.summary import file_hash, group_hash


def training_record(
    recipe: Recipe,
    dimension: Dimension,
    bank: Bank,
    parts: Sequence[Parts],
    trained: Sequence[Trained[Any]],
    fold: str,
) -> dict[str, Any]:
    """Return the record of an ensemble.

    Args:
        recipe: how it was trained.
        dimension: what it was trained on.
        bank: the features.
        parts: rows of each network.
        trained: the networks.
        fold: "2/5", "all data" or "70/30 split".

    Returns:
        JSON values: recipe, fold, seeds, chosen epochs, tracks and seconds of each corpus, thresholds,
        `groups` {corpus: digests of every group that was trained or validated on}, `files` (digests of
        their sound files, where known), sources with their terms, versions, commit and date.
    """
    seen = np.unique(np.concatenate([_seen(part) for part in parts]))
    used = [bank.tracks[int(number)] for number in np.unique(bank.track_of_row[seen])]
    corpora: dict[str, dict[str, Any]] = {}
    for track in used:
        entry = corpora.setdefault(
            track.corpus, {"tracks": set(), "groups": set(), "terms": track.licence, "source": track.source}
        )
        entry["tracks"].add(track.base_id)
        entry["groups"].add(group_hash(track))
    first = parts[0]
    return {
        "recipe": recipe.to_dict(),
        "dimension": dimension,
        "fold": fold,
        "members": [
            {
                "seed": recipe.training.seed + number,
                "epoch": item.best_epoch,
                "validation_score": item.validation_score,
            }
            for number, item in enumerate(trained)
        ],
        "corpora": {
            name: {**entry, "tracks": len(entry["tracks"]), "groups": len(entry["groups"])}
            for name, entry in corpora.items()
        },
        "seconds": {
            "trained": len(first.train),
            "unlabelled": len(first.pool),
            "validation": len(first.validation),
            "test": len(first.test),
        },
        "thresholds": first.thresholds,
        "groups": {name: sorted(entry["groups"]) for name, entry in corpora.items()},
        "files": sorted({file_hash(bank.sources.get(track.id, "")) for track in used} - {""}),
        "precision": resolve_precision(recipe.training.precision, bank.device),
        "device": str(bank.device),
        "versions": {
            "damer": damer.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }


def _seen(parts: Parts) -> IntArray:
    rows: IntArray = np.concatenate([parts.train, parts.pool, parts.validation])
    return rows


def commit() -> str:
    """Return the commit of the source this runs from, "" where it is no checkout or git is missing."""
    folder = Path(damer.__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
