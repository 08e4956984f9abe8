"""From networks and features to predictions, their calibration, and what is reported of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from damer.core import metrics
from damer.models import Damer, DamerOutput
from damer.training.bank import Bank, IntArray
from damer.training.data import chunks
from damer.training.learner import autocast

Floats = NDArray[np.float64]
BATCH = 512
_DECIMALS = 6  # of reported probabilities: what is written and what is measured are the same numbers


@dataclass(frozen=True)
class TrackPrediction:
    """What the networks say of one track, and what is true.

    Attributes:
        id, group, corpus: the track's.
        fold: fold whose test part it is in, from 1; 0 without folds.
        truth: class of the track, -1 where unknown.
        probability: of class 1: the mean of its seconds.
        seconds: which seconds were judged.
        segment_truth: class of each of them, -1 where unknown.
        segment_probability: probability of class 1 of each.
    """

    id: str
    group: str
    corpus: str
    fold: int
    truth: int
    probability: float
    seconds: list[int]
    segment_truth: list[int]
    segment_probability: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as plain values."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrackPrediction":
        """Return what `to_dict` wrote; other keys are left aside."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


@torch.no_grad()
def logits(network: Damer, bank: Bank, rows: IntArray, bfloat16: bool = False) -> Tensor:
    """Return the logits of the Mel, cochleagram and fused heads for some rows, float32 [3, N, 2]."""
    network = network.to(bank.device).eval()
    found = []
    for chosen in chunks(rows, BATCH):
        mel, cochleagram = bank.gather(chosen)
        with autocast(bank.device, bfloat16):
            output = network(mel.float(), cochleagram.float())
        heads = [output.mel, output.cochleagram, output.fused]
        if network.harmony_head is not None:
            heads.append(output.harmony)
        found.append(torch.stack(heads).float().cpu())
    return torch.cat(found, dim=1) if found else torch.empty((3 + (network.harmony_head is not None), 0, 2))


def probabilities(network: Damer, answer: Tensor, temperature: float = 1.0) -> Floats:
    """Return the probability of class 1 [N] that logits [3, N, 2] mean, by the network's configured head."""
    output = DamerOutput(answer[0], answer[1], answer[2], torch.empty((answer.shape[1], 0)))
    if len(answer) > 3:
        output = output._replace(harmony=answer[3])
    return network.probability(output, temperature).double().numpy()


def track_means(bank: Bank, rows: IntArray, values: Floats) -> tuple[IntArray, Floats]:
    """Return the tracks that some rows belong to and the mean of the rows' values for each."""
    tracks, place = np.unique(bank.track_of_row[rows], return_inverse=True)
    return tracks, np.bincount(place, weights=values) / np.bincount(place)


def negative_log_likelihood(truth: NDArray[np.int64], probability: Floats) -> float:
    """Return the mean of -ln(probability of the true class), in nats."""
    likely = np.where(truth == 1, probability, 1 - probability)
    return float(-np.log(np.clip(likely, 1e-7, 1.0)).mean())


def validation_scores(
    bank: Bank, rows: IntArray, probability: Floats, track_labels: NDArray[np.int64]
) -> dict[str, float]:
    """Return loss, accuracy, balanced accuracy and AUC per track, each the mean over the corpora."""
    tracks, means = track_means(bank, rows, probability)
    truth = track_labels[tracks]
    corpora = np.array([bank.tracks[number].corpus for number in tracks])
    scores: dict[str, list[float]] = {"loss": [], "accuracy": [], "balanced_accuracy": [], "auc": []}
    for corpus in np.unique(corpora):
        own = corpora == corpus
        scores["loss"].append(negative_log_likelihood(truth[own], means[own]))
        for name in ("accuracy", "balanced_accuracy", "auc"):
            scores[name].append(metrics.METRICS[name](truth[own], means[own]))
    return {name: _mean(values) for name, values in scores.items()}


def _mean(values: list[float]) -> float:
    """Mean of the values that are defined (an AUC of one class is not); NaN where none is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else float("nan")


def fit_temperature(
    members: Sequence[tuple[Damer, Tensor, IntArray]], bank: Bank, track_labels: NDArray[np.int64]
) -> float:
    """Return the temperature at which the tracks' probabilities are most likely, between 0.2 and 10.

    Args:
        members: networks with the logits [3, N, 2] of validation rows that each has not been trained on, and
            those rows [N].
        bank: the features' bank.
        track_labels: class of each track.

    Returns:
        1.0 where there is nothing to fit on.
    """
    judged = [item for item in members if len(item[2])]
    if not judged:
        return 1.0

    def loss(temperature: float) -> float:
        total = 0.0
        for network, answer, rows in judged:
            tracks, means = track_means(bank, rows, probabilities(network, answer, temperature))
            total += negative_log_likelihood(track_labels[tracks], means)
        return total / len(judged)

    return _best_temperature(loss)


def calibrating_temperature(items: Sequence["TrackPrediction"]) -> float:
    """Return by what the temperature would have to be multiplied for these predictions to be calibrated.

    Seen from outside, a track's probability is the mean of its seconds', each sigmoid(logit / temperature);
    for an ensemble, or for the mean of the heads, this is an approximation. 1.0 where nothing is labelled.
    """
    known = [item for item in items if item.truth >= 0]
    if not known:
        return 1.0
    truth = np.array([item.truth for item in known])
    place = np.repeat(np.arange(len(known)), [len(item.seconds) for item in known])
    seconds = np.concatenate([np.array(item.segment_probability) for item in known])
    clipped = np.clip(seconds, 1e-6, 1 - 1e-6)
    logit = np.log(clipped / (1 - clipped))

    def loss(temperature: float) -> float:
        shares = 1 / (1 + np.exp(-logit / temperature))
        return negative_log_likelihood(truth, np.bincount(place, weights=shares) / np.bincount(place))

    return _best_temperature(loss)


def _best_temperature(loss: Callable[[float], float]) -> float:
    """Return the temperature between 0.2 and 10 with the smallest loss."""
    found = minimize_scalar(
        lambda log: loss(math.exp(log)), bounds=(math.log(0.2), math.log(10.0)), method="bounded"
    )
    return round(float(math.exp(found.x)), 4)


def predictions(
    bank: Bank,
    rows: IntArray,
    probability: Floats,
    labels: NDArray[np.int64],
    track_labels: NDArray[np.int64],
    fold: int = 0,
) -> list[TrackPrediction]:
    """Gather the probabilities of some rows by track.

    Args:
        bank: the features' bank.
        rows: rows judged [N].
        probability: of class 1 [N].
        labels: class of each row of the bank.
        track_labels: class of each track.
        fold: number of the fold, from 1; 0 without folds.
    """
    found = []
    of_row = bank.track_of_row[rows]
    for number in np.unique(of_row):
        own = of_row == number
        track = bank.tracks[int(number)]
        found.append(
            TrackPrediction(
                id=track.id,
                group=track.group,
                corpus=track.corpus,
                fold=fold,
                truth=int(track_labels[number]),
                probability=round(float(probability[own].mean()), _DECIMALS),
                seconds=bank.second_of(rows[own]).tolist(),
                segment_truth=labels[rows[own]].tolist(),
                segment_probability=np.round(probability[own], _DECIMALS).tolist(),
            )
        )
    return found


def ensemble(networks: Sequence[Damer], bank: Bank, rows: IntArray, temperature: float = 1.0) -> Floats:
    """Return the mean probability of class 1 of some rows over the networks, float64 [N]."""
    answers = [probabilities(network, logits(network, bank, rows), temperature) for network in networks]
    mean: Floats = np.mean(answers, axis=0)
    return mean
