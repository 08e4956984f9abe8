"""The metrics against hand-made numbers and scikit-learn."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from damer.core import metrics

TRUTH = np.array([1, 1, 1, 1, 0, 0])
PROBABILITY = np.array([0.9, 0.8, 0.4, 0.7, 0.6, 0.1])  # 3 hits, 1 miss, 1 false alarm, 1 correct rejection


def test_hand_numbers() -> None:
    assert metrics.accuracy(TRUTH, PROBABILITY) == pytest.approx(4 / 6)
    assert metrics.f1(TRUTH, PROBABILITY) == pytest.approx(6 / 8)
    assert metrics.macro_f1(TRUTH, PROBABILITY) == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert metrics.balanced_accuracy(TRUTH, PROBABILITY) == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert metrics.auc(TRUTH, PROBABILITY) == pytest.approx(7 / 8)
    # Bins of width 0.5: |0.5 - 1| in the lower, |3.0 - 3| in the upper.
    assert metrics.expected_calibration_error(TRUTH, PROBABILITY, bins=2) == pytest.approx(0.5 / 6)


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.integers(2, size=200)
    probability = np.round(np.clip(0.3 * truth + 0.8 * generator.random(200), 0, 1), 2)  # with ties
    predicted = probability > 0.5
    assert metrics.accuracy(truth, probability) == pytest.approx(reference.accuracy_score(truth, predicted))
    assert metrics.f1(truth, probability) == pytest.approx(reference.f1_score(truth, predicted))
    assert metrics.macro_f1(truth, probability) == pytest.approx(
        reference.f1_score(truth, predicted, average="macro")
    )
    assert metrics.balanced_accuracy(truth, probability) == pytest.approx(
        reference.balanced_accuracy_score(truth, predicted)
    )
    assert metrics.auc(truth, probability) == pytest.approx(reference.roc_auc_score(truth, probability))


@pytest.mark.parametrize("name", metrics.METRICS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_probability_that_is_none_gives_no_number(name: str, value: float) -> None:
    truth, probability = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert np.isfinite(metrics.METRICS[name](truth, probability))
    probability[1] = value
    assert np.isnan(metrics.METRICS[name](truth, probability))
    assert np.isnan(metrics.summary(truth, probability)[name])


def test_undefined_values_are_nan_and_warn_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metrics.auc([1, 1], [0.2, 0.9]))
        for name, value in metrics.summary([], []).items():
            assert np.isnan(value), name
        assert metrics.f1([0, 0], [0.1, 0.2]) == 0.0
        assert np.isnan(metrics.bootstrap_interval(metrics.auc, [1, 1], [0.2, 0.9], draws=5).low)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 items, probability 1"):
        metrics.accuracy([0, 1], [0.5])


def test_majority_row() -> None:
    row = metrics.majority([1, 1, 1, 0])
    assert row["accuracy"] == 0.75
    assert row["f1"] == pytest.approx(6 / 7)
    assert row["balanced_accuracy"] == 0.5
    assert row["auc"] == 0.5
    assert metrics.majority([1, 1, 1, 0], majority_class=0)["accuracy"] == 0.25


def test_bootstrap_covers_the_binomial_interval() -> None:
    generator = np.random.default_rng(1)
    truth = np.ones(400)
    probability = (generator.random(400) < 0.8).astype(float)
    found = metrics.bootstrap_interval(metrics.accuracy, truth, probability, draws=2000)
    p = probability.mean()
    half = 1.96 * np.sqrt(p * (1 - p) / 400)  # the normal approximation
    assert found.value == p
    assert found.low == pytest.approx(p - half, abs=0.012)
    assert found.high == pytest.approx(p + half, abs=0.012)


def test_all_intervals_at_once_are_the_single_ones() -> None:
    generator = np.random.default_rng(4)
    truth, probability = generator.integers(2, size=60), generator.random(60)
    groups = np.repeat(np.arange(15), 4)
    found = metrics.bootstrap_summary(truth, probability, groups, draws=50)
    for name, metric in metrics.METRICS.items():
        assert found[name] == metrics.bootstrap_interval(metric, truth, probability, groups, draws=50)
    assert np.isnan(metrics.bootstrap_summary([], [])["auc"].low)


def test_grouped_bootstrap_is_wider() -> None:
    # 20 groups of 20 identical items hold 20 independent observations, not 400.
    generator = np.random.default_rng(2)
    right = np.repeat(generator.random(20) < 0.7, 20).astype(float)
    groups = np.repeat(np.arange(20), 20)
    alone = metrics.bootstrap_interval(metrics.accuracy, np.ones(400), right)
    grouped = metrics.bootstrap_interval(metrics.accuracy, np.ones(400), right, groups=groups)
    ratio = (grouped.high - grouped.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(np.sqrt(20), rel=0.2)


def test_paired_bootstrap() -> None:
    generator = np.random.default_rng(3)
    truth = generator.integers(2, size=300)
    good = np.where(generator.random(300) < 0.9, truth, 1 - truth).astype(float)
    poor = np.where(generator.random(300) < 0.7, truth, 1 - truth).astype(float)
    found = metrics.paired_bootstrap(metrics.accuracy, truth, good, poor)
    assert found.difference == pytest.approx(np.mean(good == truth) - np.mean(poor == truth))
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 0.01
    same = metrics.paired_bootstrap(metrics.accuracy, truth, good, good)
    assert same == (0.0, 0.0, 0.0, 1.0)
