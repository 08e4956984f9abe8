"""The methods without a network, and the linear machine."""

import sys
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from synthetic_views import views_bank, views_task

from damer.baselines import linear, majority, plain, svm
from damer.baselines.base import Context
from damer.baselines.registry import BASELINES
from damer.baselines.statistics import band_statistics, spectral_statistics, track_vectors
from damer.core.errors import DamerError
from damer.training.data import Batch


def test_majority_answers_the_commoner_class_of_the_training_part() -> None:
    task = views_task(views_bank())
    task.parts.track_labels[:] = 0
    task.parts.labels[task.parts.train] = 1
    found = majority.fit(task).answers(task.bank, task.parts.test)
    assert set(found.track) == {0.0}
    assert set(found.segment) == {1.0}
    assert len(found.track) == len(task.parts.test)


def test_band_statistics_against_scipy() -> None:
    generator = torch.Generator().manual_seed(0)
    mel, cochleagram = (
        torch.randn(3, 128, 44, generator=generator),
        torch.rand(3, 84, 44, generator=generator),
    )
    found = band_statistics(mel, cochleagram).numpy().reshape(3, 4, 212)
    bands = torch.cat([mel, cochleagram], dim=1).numpy().astype(np.float64)
    np.testing.assert_allclose(found[:, 0], bands.mean(2), atol=1e-5)
    np.testing.assert_allclose(found[:, 1], bands.std(2), atol=1e-5)
    np.testing.assert_allclose(found[:, 2], np.abs(np.diff(bands, axis=2)).mean(2), atol=1e-5)
    np.testing.assert_allclose(found[:, 3], stats.skew(bands, axis=2), atol=1e-3)


def test_spectral_statistics_of_one_sounding_band() -> None:
    mel = torch.full((1, 128, 44), -20.0)
    mel[0, 127] = 0.0
    found = spectral_statistics(mel, torch.empty(1, 84, 44))[0]
    level, centroid, bandwidth, rolloff, _, flux = found[40:46].tolist()
    assert level == pytest.approx(-20 * 127 / 128)
    assert centroid == pytest.approx(1.0, abs=1e-4)
    assert bandwidth == pytest.approx(0.0, abs=1e-2)
    assert rolloff == pytest.approx(127 / 128)
    assert flux == pytest.approx(0.0, abs=1e-6)
    assert torch.allclose(found[46:], torch.zeros(46), atol=1e-4)  # nothing changes in time
    flat = spectral_statistics(torch.zeros(1, 128, 44), torch.empty(1, 84, 44))[0]
    assert flat[41].item() == pytest.approx(0.5, abs=1e-4)
    assert flat[44].item() == pytest.approx(-np.log(128), rel=1e-4)


def test_track_vectors_against_numpy() -> None:
    bank = views_bank(8)
    rows = np.array([0, 1, 2, 7, 8, 30])
    vectors = np.random.default_rng(0).standard_normal((len(rows), 3))
    tracks, found = track_vectors(bank, rows, vectors)
    assert tracks.tolist() == [0, 1, 6]
    np.testing.assert_allclose(found[0], np.concatenate([vectors[:3].mean(0), vectors[:3].std(0)]))
    np.testing.assert_allclose(found[2], np.concatenate([vectors[5], np.zeros(3)]), atol=1e-7)


@pytest.mark.parametrize("module", [svm.BASELINE, plain.LOGISTIC, plain.BOOSTING], ids=lambda item: item.name)
def test_a_separable_toy_is_separated(module: Any) -> None:
    task = views_task(views_bank(level=3.0))
    answers = module.fit(task).answers(task.bank, task.parts.test)
    truth = task.parts.labels[task.parts.test]
    assert ((answers.track > 0.5) == (truth == 1)).all()


def test_the_hinge_reaches_every_weight() -> None:
    """The published code takes the hinge of an arg max, and its weights never move."""
    torch.manual_seed(0)
    network = linear.LinearMachine(44)
    label = torch.tensor([0, 1, 0, 1])
    empty = torch.empty(0, dtype=torch.int64)
    batch = Batch(
        torch.randn(4, 128, 44), torch.randn(4, 84, 44), label.float(), label, label, empty, label, label
    )
    total = linear.loss(network, batch, Context(0.0, torch.Generator(), 0))["total"]
    torch.autograd.backward(total)
    assert network.output.weight.grad is not None
    assert (network.output.weight.grad != 0).all()
    scores = network(batch.mel, batch.cochleagram)
    true, other = scores.gather(1, label[:, None])[:, 0], scores.gather(1, 1 - label[:, None])[:, 0]
    assert total.item() == pytest.approx((1 - true + other).clamp_min(0).mean().item() / 2)


@pytest.mark.parametrize("name", ["svm", "plain-logistic", "plain-boosting"])
def test_without_sklearn_the_error_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = views_task(views_bank())
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for module in [item for item in sys.modules if item.startswith("sklearn.")]:
        monkeypatch.delitem(sys.modules, module)
    estimator = BASELINES[name]
    with pytest.raises(DamerError, match=r"needs scikit-learn: pip install 'damer\[baselines\]'"):
        estimator.fit(task)  # type: ignore[union-attr]
