"""From logits to what is reported."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from damer.core import metrics
from damer.models import Damer
from damer.training.bank import Bank
from damer.training.evaluate import (
    TrackPrediction,
    calibrating_temperature,
    fit_temperature,
    logits,
    negative_log_likelihood,
    predictions,
    probabilities,
    track_means,
    validation_scores,
)
from damer.training.recipes import Recipe
from damer.training.summary import compare, comparison_table, plain, report, table

RecipeMaker = Callable[..., Recipe]


def test_logits_in_batches_are_those_of_one_pass(bank: Bank, small_recipe: RecipeMaker) -> None:
    torch.manual_seed(0)
    network = Damer(small_recipe().model)
    rows = np.arange(bank.rows)[::-1].copy()
    found = logits(network, bank, rows)
    with torch.no_grad():
        whole = network(*(part.float() for part in bank.gather(rows)))
    torch.testing.assert_close(found, torch.stack([whole.mel, whole.cochleagram, whole.fused]))
    by_hand = torch.softmax(whole.fused / 2.0, dim=1)[:, 1]
    assert probabilities(network, found, temperature=2.0) == pytest.approx(by_hand.numpy(), abs=1e-6)
    assert logits(network, bank, rows[:0]).shape == (3, 0, 2)


def test_track_means(bank: Bank) -> None:
    rows = np.concatenate([bank.rows_of(3), bank.rows_of(1)[:2]])
    tracks, means = track_means(bank, rows, np.arange(len(rows), dtype=float))
    assert tracks.tolist() == [1, 3]
    assert means.tolist() == [6.5, 2.5]


def test_temperature_undoes_overconfidence(bank: Bank, small_recipe: RecipeMaker) -> None:
    """Logits four times too large: the fit finds about what makes the likelihood largest, by brute force."""
    network = Damer(small_recipe().model)
    rows = np.arange(bank.rows)
    generator = np.random.default_rng(0)
    truth = np.array([int(track.arousal is not None and track.arousal > 0) for track in bank.tracks])
    level = (2 * truth - 1) + 1.5 * generator.standard_normal(len(truth))
    logit = 4 * level[bank.track_of_row]
    answer = torch.zeros(3, len(rows), 2)
    answer[:, :, 1] = torch.from_numpy(logit).float()
    found = fit_temperature([(network, answer, rows)], bank, truth)

    def loss(temperature: float) -> float:
        _, means = track_means(bank, rows, probabilities(network, answer, temperature))
        return negative_log_likelihood(truth, means)

    grid = np.exp(np.linspace(np.log(0.2), np.log(10), 400))
    assert found == pytest.approx(grid[np.argmin([loss(value) for value in grid])], rel=0.03)
    assert found > 2
    assert fit_temperature([(network, answer[:, :0], rows[:0])], bank, truth) == 1.0


def test_calibrating_temperature_from_predictions() -> None:
    """Probabilities drawn with a known temperature: the fit finds it again."""
    generator = np.random.default_rng(0)
    logit = 2.0 * generator.standard_normal(4000)
    truth = generator.random(4000) < 1 / (1 + np.exp(-logit))
    stated = 1 / (1 + np.exp(-3.0 * logit))  # three times as sure as right
    items = [prediction(n, "a", int(truth[n]), float(stated[n])) for n in range(4000)]
    items = [dataclasses.replace(item, segment_probability=[item.probability] * 2) for item in items]
    assert calibrating_temperature(items) == pytest.approx(3.0, rel=0.1)
    assert calibrating_temperature([]) == 1.0


def test_validation_scores_weigh_corpora_alike(bank: Bank) -> None:
    labels = np.array([n % 2 for n in range(24)])
    rows = np.arange(bank.rows)
    probability = np.where(labels[bank.track_of_row] == 1, 0.8, 0.2)
    scores = validation_scores(bank, rows, probability, labels)
    assert scores["loss"] == pytest.approx(-np.log(0.8))
    assert scores["accuracy"] == scores["auc"] == 1.0


def prediction(number: int, corpus: str, truth: int, probability: float) -> TrackPrediction:
    return TrackPrediction(
        id=f"{corpus}:{number}", group=str(number), corpus=corpus, fold=0, truth=truth,
        probability=probability, seconds=[0, 1], segment_truth=[truth, -1],
        segment_probability=[probability, 0.5],
    )  # fmt: skip


def test_report_by_corpus_and_level() -> None:
    items = [prediction(n, "a", n % 2, 0.9 if n % 2 else 0.2) for n in range(6)]
    items += [prediction(n, "b", 1, 0.3) for n in range(2)]
    found = report(items)
    assert set(found) == {"a", "b", "all"}
    assert found["a"]["track"]["accuracy"] == 1.0
    assert found["b"]["track"]["accuracy"] == 0.0
    assert np.isnan(found["b"]["track"]["auc"])
    assert found["all"]["track"]["accuracy"] == pytest.approx(6 / 8)
    assert found["a"]["segment"]["count"] == 6  # seconds without a label are not judged
    assert found["a"]["track"]["majority"] == metrics.majority([0, 1] * 3)
    text = table("arousal", found)
    assert "constant answer" in text
    assert plain(found)["b"]["track"]["auc"] is None


def test_drift_is_the_spread_over_groups() -> None:
    items = [
        TrackPrediction(
            id=f"a:{n}", group=str(n), corpus="a", fold=0, truth=1, probability=0.9, seconds=list(range(10)),
            segment_truth=[1] * 10, segment_probability=[0.9] * right + [0.1] * (10 - right),
        )
        for n, right in enumerate((10, 10, 5, 7))
    ]  # fmt: skip
    drift = report(items, intervals=False)["a"]["segment"]["drift"]
    assert drift["groups"] == 4
    assert drift["deviation"] == pytest.approx(np.std([1.0, 1.0, 0.5, 0.7]))
    assert drift["lowest_tenth"] == pytest.approx(np.quantile([1.0, 1.0, 0.5, 0.7], 0.1))


def test_comparison_of_two_systems() -> None:
    truth = [n % 2 for n in range(60)]
    good = [prediction(n, "a", truth[n], 0.9 if truth[n] == (n % 10 > 0) else 0.2) for n in range(60)]
    same = compare(good, good)
    assert all(row["difference"] == 0 and row["p_value"] == 1 for row in same)
    right = [prediction(n, "a", truth[n], 0.9 if truth[n] else 0.2) for n in range(60)]
    rows = {row["metric"]: row for row in compare(right, good)}
    expected = 1 - metrics.accuracy(truth, [item.probability for item in good])
    assert rows["accuracy"]["difference"] == pytest.approx(expected)
    assert rows["accuracy"]["low"] > 0
    assert "accuracy" in comparison_table(list(rows.values()))
    with pytest.raises(ValueError, match="no labelled track in common"):
        compare(good, [prediction(0, "b", 1, 0.5)])
    with pytest.raises(ValueError, match="disagree"):
        compare(good, [prediction(n, "a", 1 - truth[n], 0.5) for n in range(60)])


def test_predictions_keep_their_seconds(bank: Bank) -> None:
    rows = np.concatenate([bank.rows_of(2)[1:3], bank.rows_of(0)])
    labels = np.ones(bank.rows, dtype=np.int64)
    found = predictions(bank, rows, np.linspace(0, 1, len(rows)), labels, np.zeros(24, dtype=np.int64), 2)
    assert [(item.id, item.seconds, item.fold) for item in found] == [
        ("toy:0", list(range(6)), 2),
        ("toy:2", [1, 2], 2),
    ]
    assert found[1].probability == pytest.approx(np.mean([0, 1 / 7]), abs=1e-6)
    assert TrackPrediction.from_dict(found[0].to_dict()) == found[0]
