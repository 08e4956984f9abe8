"""Checkpoints judged on prepared music, with a watch on what they have been trained on."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from damer.core.errors import DamerError
from damer.core.track import Dimension, Track
from damer.datasets import splits
from damer.datasets.shared_songs import ARRAYS, shared_pairs, why
from damer.models import checkpoint
from damer.models.checkpoint import Checkpoint
from damer.training.bank import Bank, load_bank
from damer.training.collection import Collection
from damer.training.companion import with_companion
from damer.training.data import classes
from damer.training.evaluate import TrackPrediction, ensemble, predictions
from damer.training.summary import file_hash, group_hash

Known = tuple[Track, tuple[int, ...]]  # a track, and the checkpoints that were not trained on it


@dataclass
class Judgement:
    """What checkpoints of one dimension say of some music.

    Attributes:
        dimension: arousal or valence.
        predictions: of each labelled track.
        notes: what a reader must know of them, in whole sentences.
    """

    dimension: Dimension
    predictions: list[TrackPrediction]
    notes: list[str] = field(default_factory=list)


def find_checkpoints(path: Path) -> list[Path]:
    """Return the checkpoints that a path means: a file, or all of a run's folder (its folds included).

    Raises:
        DamerError: there is none.
    """
    if not path.is_dir():
        return [path]
    found = sorted([*path.glob("*.safetensors"), *path.glob("fold-*/*.safetensors")])
    if not found:
        raise DamerError(
            f"{path}: no checkpoint in it; give a *.safetensors file or the --out of a finished run"
        )
    return found


def load_checkpoints(paths: Sequence[Path]) -> dict[Dimension, list[Checkpoint]]:
    """Load checkpoints by dimension."""
    found: dict[Dimension, list[Checkpoint]] = {}
    for path in paths:
        loaded = checkpoint.load(path)
        found.setdefault(loaded.dimension, []).append(loaded)
    return found


def judge(
    dimension: Dimension,
    checkpoints: Sequence[Checkpoint],
    data: Collection,
    seen: str = "refuse",
    device: torch.device | None = None,
    renders: bool = False,
) -> Judgement:
    """Judge checkpoints of one dimension on the labelled originals of a collection, or on their renders.

    Each track is judged by the checkpoints that have not been trained on its group (the mean, where there are
    several): so the checkpoints of a cross-validation judge each track by the fold it was kept out of.

    Args:
        dimension: arousal or valence.
        checkpoints: at least one.
        data: the music.
        seen: what to do with tracks whose group every checkpoint was trained on: "refuse", "skip" or "allow".
        device: where to compute.
        renders: judge the varied renderings in place of the originals.

    Raises:
        DamerError: no labelled track, other features than the networks read, or tracks that were trained on.
    """
    for item in checkpoints:
        if item.spec != data.spec:
            raise DamerError(f"{data.names[0]}: {_spec_difference(item, data)}: prepare the data with those")
    labelled = [item for item in data.tracks if item.label(dimension) is not None]
    tracks = [item for item in labelled if (item.variant > 0) == renders]
    if not tracks:
        what = "varied rendering" if renders and labelled else "track"
        hint = "; prepare the store with --variants" if renders and labelled else ""
        raise DamerError(
            f"{', '.join(data.names)}: no {what} with a label of {dimension} to evaluate on{hint}"
        )
    _refuse_other_features(checkpoints, tracks)
    sources = data.sources()
    pairs = [(track, _users(track, sources.get(track.id, ""), checkpoints)) for track in tracks]
    judgement = Judgement(dimension, [])
    if not all(allowed for _, allowed in pairs):
        pairs = _without_leaks(pairs, seen, checkpoints, judgement)
    tracks = [track for track, _ in pairs]
    borders = _borders(checkpoints, tracks, dimension, judgement)
    labels_by = checkpoints[0].record.get("recipe", {}).get("training", {}).get("labels", "second")
    for chosen in sorted({allowed for _, allowed in pairs}):
        own = [track for track, allowed in pairs if allowed == chosen]
        part = dataclasses.replace(data, tracks=own)
        judgement.predictions += _predict(
            [checkpoints[number] for number in chosen],
            part,
            dimension,
            borders,
            labels_by == "second",
            device,
        )
    judgement.predictions.sort(key=lambda item: item.id)
    return judgement


def _users(track: Track, source: str, checkpoints: Sequence[Checkpoint]) -> tuple[int, ...]:
    """Return which checkpoints were not trained on the track: its group, its file, a corpus that has it."""
    digest, file = group_hash(track), file_hash(source)
    return tuple(
        number
        for number, item in enumerate(checkpoints)
        if digest not in item.record.get("groups", {}).get(track.corpus, [])
        and file not in item.record.get("files", [])
        and not shared_pairs(item.record.get("groups", {}), [track.corpus])
    )


def _refuse_other_features(checkpoints: Sequence[Checkpoint], tracks: Sequence[Track]) -> None:
    """Refuse to judge on ready-made arrays what was trained on features of our own, and the reverse."""
    judged = {track.corpus.endswith(ARRAYS) for track in tracks}
    trained = {name.endswith(ARRAYS) for item in checkpoints for name in item.record.get("groups", {})}
    if trained and judged != trained:
        kinds = {True: "the authors' ready-made arrays", False: "features that damer took from sound"}
        raise DamerError(
            f"trained on {' and '.join(kinds[one] for one in sorted(trained))}, to be judged on "
            f"{' and '.join(kinds[one] for one in sorted(judged))}: judge on the same kind"
        )


def _without_leaks(
    pairs: list[Known], seen: str, checkpoints: Sequence[Checkpoint], judgement: Judgement
) -> list[Known]:
    """Refuse, leave out or let pass, as `seen` says, the tracks that every checkpoint was trained on."""
    leaked = [track for track, allowed in pairs if not allowed]
    groups = len({group_hash(track) for track in leaked})
    what = f"{len(leaked)} of {len(pairs)} tracks ({groups} groups, such as {leaked[0].id}) were trained on"
    trained = {name for item in checkpoints for name in item.record.get("groups", {})}
    for pair in shared_pairs(trained, {track.corpus for track in leaked}):
        what += f" ({why(*pair)})"
    if seen == "allow":
        judgement.notes.append(f"Leak: {what}; their figures say nothing of new music.")
        every = tuple(range(len(checkpoints)))
        return [(track, allowed or every) for track, allowed in pairs]
    if seen == "skip" and len(leaked) < len(pairs):
        judgement.notes.append(f"Left out: {what}.")
        return [(track, allowed) for track, allowed in pairs if allowed]
    raise DamerError(
        f"{judgement.dimension}: {what}, so the result would flatter: leave them out with --skip-seen, "
        "or evaluate all the same with --allow-leak"
    )


def _borders(
    checkpoints: Sequence[Checkpoint], tracks: list[Track], dimension: Dimension, judgement: Judgement
) -> dict[str, float]:
    """Return the value of each corpus above which a track is in class 1: the training's, if it had one."""
    trained: dict[str, list[float]] = {}
    for item in checkpoints:
        for corpus, border in item.record.get("thresholds", {}).items():
            trained.setdefault(corpus, []).append(float(border))
    own = splits.thresholds(tracks, dimension, [track.id for track in tracks])
    for corpus, border in own.items():
        if corpus not in trained and border != 0:
            judgement.notes.append(
                f"{corpus} is new to the checkpoint: its classes are divided at its own median, {border:.3f}."
            )
    return {corpus: float(np.mean(trained.get(corpus, [border]))) for corpus, border in own.items()}


def _predict(
    checkpoints: Sequence[Checkpoint],
    data: Collection,
    dimension: Dimension,
    borders: dict[str, float],
    per_second: bool,
    device: torch.device | None,
) -> list[TrackPrediction]:
    banks: dict[Any, Bank] = {}
    answers: list[NDArray[np.float64]] = []
    for item in checkpoints:
        config = item.configs[0]
        key = (config.stem, config.context_s, config.tonal_context_s)
        if key not in banks:
            banks[key] = load_bank(data, config, device=device, quiet=True)
        bank = banks[key]
        rows = np.arange(bank.rows)
        networks = ensemble(item.networks, bank, rows, item.temperature)
        answers.append(with_companion(networks, item.companion, bank, rows))
    border = np.array([borders[track.corpus] for track in bank.tracks])
    labels, _ = classes(bank.values(dimension, per_second), border[bank.track_of_row], 0.0)
    track_labels, _ = classes(bank.track_values(dimension), border, 0.0)
    return predictions(bank, rows, np.mean(answers, axis=0), labels, track_labels)


def _spec_difference(item: Checkpoint, data: Collection) -> str:
    wanted, found = item.spec.to_dict(), data.spec.to_dict()
    differing = [
        f"{key} {found[key]} (the checkpoint: {wanted[key]})" for key in found if found[key] != wanted[key]
    ]
    return f"its features differ from the checkpoint's in {', '.join(differing)}"
