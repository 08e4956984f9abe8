"""Fitting the networks' companion, and asking it about rows of a bank; see `damer.models.companion`."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from damer.core.errors import DamerError
from damer.models import DamerConfig
from damer.models.companion import Companion, CompanionConfig, CompanionViews, blend
from damer.training.bank import Bank, IntArray

Floats = NDArray[np.float64]

_COST = 2.0  # of a training track on the wrong side of the margin
_STEEPNESS = 2.0  # a decision value of 1, the margin, is a probability of 0.88
_GATE_COST = 2000.0  # inverse regularisation of the reading of styles, in units of the scaled features
_COMPONENTS = 192
_BATCH = 512


def fit_companion(
    bank: Bank, rows: IntArray, classes: NDArray[np.int64], views: CompanionViews, network: DamerConfig
) -> Companion:
    """Fit a companion to the tracks that some rows belong to, renders included, one machine a corpus.

    Args:
        bank: the token features.
        rows: rows of the training part.
        classes: class of each track of the bank, -1 where unknown.
        views: what it reads.
        network: configuration of the networks whose tokens these are.

    Raises:
        DamerError: scikit-learn is missing, or a corpus has tracks of one class only.
    """
    linear_model, decomposition, svm = (_sklearn(name) for name in ("linear_model", "decomposition", "svm"))
    numbers = np.unique(bank.track_of_row[rows])
    numbers = np.array([n for n in numbers if classes[n] >= 0])
    corpora = np.array([bank.tracks[number].corpus for number in numbers])
    styles = sorted(set(corpora))
    for style in styles:
        if len(set(classes[numbers[corpora == style]])) < 2:
            raise DamerError(f"{style}: its training tracks are all of one class; train without --companion")
    components = min(_COMPONENTS, len(numbers) - 1)
    draft = Companion(CompanionConfig(views, (1,) * len(styles), components), network)
    averaged = torch.stack([_track_mean(draft, bank, int(number)) for number in numbers])
    draft.feature_mean.copy_(averaged.mean(0))
    deviation = averaged.std(0, correction=0)
    draft.feature_std.copy_(deviation.where(deviation > 0, torch.ones_like(deviation)))
    scaled = draft.standardised(averaged).double().numpy()
    reduction = decomposition.PCA(components, random_state=0).fit(scaled)
    places = reduction.transform(scaled)
    machines = [
        svm.SVC(C=_COST, gamma=1.0 / len(draft.widths)).fit(
            places[corpora == style], classes[numbers[corpora == style]]
        )
        for style in styles
    ]
    points = tuple(len(machine.support_vectors_) for machine in machines)
    fitted = Companion(CompanionConfig(views, points, components), network)
    fitted.feature_mean.copy_(draft.feature_mean)
    fitted.feature_std.copy_(draft.feature_std)
    _set(fitted.basis, reduction.components_.T)
    _set(fitted.centre, reduction.mean_ @ reduction.components_.T)
    _set(fitted.points, np.concatenate([machine.support_vectors_ for machine in machines]))
    _set(fitted.weights, np.concatenate([_STEEPNESS * machine.dual_coef_[0] for machine in machines]))
    _set(fitted.offsets, np.array([_STEEPNESS * machine.intercept_[0] for machine in machines]))
    if len(styles) > 1:
        gate = linear_model.LogisticRegression(C=_GATE_COST, max_iter=2000).fit(places, corpora)
        weights, offsets = _both_signs(gate) if len(styles) == 2 else (gate.coef_, gate.intercept_)
        _set(fitted.gate, weights.T)
        _set(fitted.gate_offsets, offsets)
    return fitted.eval()


def _sklearn(name: str) -> Any:
    try:
        return __import__(f"sklearn.{name}", fromlist=[name])
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        raise DamerError("--companion needs scikit-learn: pip install 'damer[baselines]'") from None


def _set(buffer: Tensor, values: Floats) -> None:
    buffer.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _both_signs(gate: Any) -> tuple[Floats, Floats]:
    """Two classes have one row of coefficients, for the second; the first's is zero."""
    return np.concatenate([0 * gate.coef_, gate.coef_]), np.concatenate(
        [0 * gate.intercept_, gate.intercept_]
    )


def _track_mean(companion: Companion, bank: Bank, track: int) -> Tensor:
    mel, cochleagram = bank.gather(bank.rows_of(track))
    return companion.features(mel, cochleagram).mean(0).cpu()


@torch.no_grad()
def companion_logits(companion: Companion, bank: Bank, rows: IntArray) -> Floats:
    """Return the companion's logit of class 1 for some rows, float64 [N], each from the stretch around it."""
    found = np.empty(len(rows))
    companion = companion.to(bank.device).eval()
    half = companion.config.window_s
    of_track = bank.track_of_row[rows]
    for track in np.unique(of_track):
        own = np.flatnonzero(of_track == track)
        seconds, whole = bank.second_of(rows[own]), bank.rows_of(int(track))
        for start in range(0, len(own), _BATCH):
            chosen = seconds[start : start + _BATCH]
            low, high = max(0, int(chosen.min()) - half), min(len(whole), int(chosen.max()) + half + 1)
            mel, cochleagram = bank.gather(whole[low:high])
            centres = torch.from_numpy(chosen - low).to(bank.device)
            answers = companion.around(mel, cochleagram, centres)
            found[own[start : start + _BATCH]] = answers.double().cpu().numpy()
    return found


def with_companion(probability: Floats, companion: Companion | None, bank: Bank, rows: IntArray) -> Floats:
    """Return the networks' probabilities of some rows [N], blended with a companion's if there is one."""
    if companion is None:
        return probability
    logits = torch.from_numpy(companion_logits(companion, bank, rows))
    blended: Floats = blend(torch.from_numpy(probability), logits).numpy()
    return blended
