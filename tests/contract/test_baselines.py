"""What every baseline must do, whoever wrote it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_views import views_bank, views_task
from torch import nn

from damer.baselines.base import (
    PROVENANCES,
    Baseline,
    BaselineLearner,
    Context,
    Standardised,
    count_parameters,
    to_tracks,
)
from damer.baselines.estimator import Estimator
from damer.baselines.registry import BASELINES
from damer.core import metrics
from damer.training.bank import Bank
from damer.training.data import Sampler
from damer.training.evaluate import track_means
from damer.training.loop import Place, Trained, train_network
from damer.training.method import Answers, Task

TRAINED = [item for item in BASELINES.values() if isinstance(item, Baseline)]
FITTED = [item for item in BASELINES.values() if isinstance(item, Estimator)]
# Parameters at 87 and at 44 frames, as published for these widths.
PARAMETERS = {
    "svm-linear": (37_064, 18_746),
    "rgcb": (1_418_496, 1_412_906),
    "rgcb-bls": (1_418_496, 1_412_906),
    "udda": (9_594_818, 4_927_426),
    "mocnn": (21_322, 21_322),
    "atdgnn": (26_426, 19_706),
    "madcrnn": (568_579, 568_579),
    "dstfn": (3_167_972, 2_477_156),
    "iiof": (11_194_946, 11_194_946),
    "adff": (1_493_786, 1_494_074),
    "emotionic": (724_428, 724_428),
    "secap": (2_606_634, 2_598_378),
    "secap-capsule": (801_440, 801_440),
    "mcgc": (1_435_072, 1_433_610),
    "musefuse": (9_909_254, 5_241_862),
}
# Networks that take long for a step, or differ little from another, learn in the slow tests.
HEAVY = {"rgcb-bls", "iiof", "secap", "secap-capsule", "atdgnn", "emotionic", "madcrnn", "adff", "dstfn"}
LEARNING = {"svm-linear": ["learning_rate=0.01"]}


def trained(item: Baseline) -> object:
    return pytest.param(item, marks=pytest.mark.slow if item.name in HEAVY else (), id=item.name)


def light(item: Baseline) -> object:
    heavy = item.name not in ("svm-linear", "mocnn", "mcgc")
    return pytest.param(item, marks=pytest.mark.slow if heavy else (), id=item.name)


every_network = pytest.mark.parametrize("baseline", TRAINED, ids=lambda item: item.name)
quick_network = pytest.mark.parametrize("baseline", list(map(trained, TRAINED)))
light_network = pytest.mark.parametrize("baseline", list(map(light, TRAINED)))


@pytest.fixture(scope="module")
def bank() -> Bank:
    return views_bank()


def test_the_twelve_of_the_paper_are_there() -> None:
    twelve = [
        "svm",
        "rgcb",
        "udda",
        "mocnn",
        "atdgnn",
        "madcrnn",
        "dstfn",
        "iiof",
        "adff",
        "emotionic",
        "secap",
        "mcgc",
    ]
    assert [name for name in BASELINES if name in twelve] == twelve
    assert list(BASELINES) == [item.name for item in BASELINES.values()]


@pytest.mark.parametrize("item", BASELINES.values(), ids=lambda item: item.name)
def test_provenance_and_source_are_told(item: Baseline | Estimator) -> None:
    assert item.provenance in PROVENANCES
    assert len(item.source) > 10
    assert item.title


@every_network
def test_it_has_as_many_parameters_as_specified(baseline: Baseline) -> None:
    found = tuple(count_parameters(baseline.network(frames)) for frames in (87, 44))
    assert found == PARAMETERS[baseline.name]


@every_network
@pytest.mark.parametrize("frames", [87, 44])
def test_shapes(baseline: Baseline, frames: int) -> None:
    network = baseline.network(frames).eval()
    if baseline.sequences:
        mask = torch.tensor([[True, True, True], [True, True, False]])
        found = network(torch.randn(2, 3, 128, frames), torch.randn(2, 3, 84, frames), mask)
        assert found["segment"].shape == (2, 3, 2)
        assert found["track"].shape == (2, 2)
        assert all(part.isfinite().all() for part in found.values())
    else:
        logits = network(torch.randn(3, 128, frames), torch.randn(3, 84, frames))
        assert logits.shape == (3, 2)
        assert logits.isfinite().all()


def gradients(baseline: Baseline, task: Task) -> tuple[nn.Module, dict[str, float]]:
    """Return how large each parameter's gradient is at most, over the stages of a training."""
    learner = baseline.learner(task)
    sampler = Sampler(task.bank, task.parts, task.config, 0, baseline.sequences)
    batch = sampler.batch(sampler.epoch(0)[0], 0)
    mel, cochleagram = learner.network.views(batch.mel, batch.cochleagram)
    seen = batch._replace(mel=mel, cochleagram=cochleagram)
    inner = learner.network.network.train()
    largest: dict[str, float] = {}
    for progress in (0.0, 0.6):
        inner.zero_grad(set_to_none=True)
        context = Context(progress, torch.Generator().manual_seed(0), 0)
        terms = baseline.loss(inner, to_tracks(seen) if baseline.sequences else seen, context)
        torch.autograd.backward(terms["total"])
        for name, parameter in inner.named_parameters():
            if parameter.grad is not None:
                assert parameter.grad.isfinite().all(), name
                largest[name] = max(largest.get(name, 0.0), float(parameter.grad.abs().max()))
    return inner, largest


@every_network
def test_every_parameter_gets_a_finite_gradient(baseline: Baseline, bank: Bank) -> None:
    task = views_task(bank, *(f"{name}={value}" for name, value in baseline.always.items()))
    network, largest = gradients(baseline, task)
    for name, _ in network.named_parameters():
        if name.startswith(baseline.without_gradient or ("-",)):
            assert largest.get(name, 0.0) == 0.0, f"{name} does get a gradient"
        else:
            assert largest.get(name, 0.0) > 0.0, name


def same(first: Trained[Standardised], second: Trained[Standardised]) -> bool:
    pairs = zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)


class InterruptError(Exception):
    """Stands for a kill."""


@light_network
def test_interrupted_and_resumed_ends_with_the_same_bits(
    baseline: Baseline, bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = views_task(bank, "save_every=1", "segments_per_track=3", "batch_size=10", "label_fraction=0.7")
    whole = train_network(task, Place(tmp_path / "whole", "arousal", quiet=True), baseline)
    original, done = BaselineLearner.step, [0]

    def interrupting(learner: BaselineLearner, *arguments: object, **options: object) -> dict[str, float]:
        if done[0] == 2:
            raise InterruptError
        done[0] += 1
        return original(learner, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(BaselineLearner, "step", interrupting)
    with pytest.raises(InterruptError):
        train_network(task, Place(tmp_path / "killed", "arousal", quiet=True), baseline)
    monkeypatch.setattr(BaselineLearner, "step", original)
    torch.manual_seed(99)
    resumed = train_network(task, Place(tmp_path / "killed", "arousal", quiet=True), baseline)
    assert same(whole, resumed)
    assert (tmp_path / "whole/log.jsonl").read_bytes() == (tmp_path / "killed/log.jsonl").read_bytes()


def track_auc(task: Task, answers: Answers) -> float:
    tracks, means = track_means(task.bank, task.parts.test, answers.track)
    return metrics.auc(task.parts.track_labels[tracks], means)


def judged(baseline: Baseline, task: Task, folder: Path) -> Answers:
    found = train_network(task, Place(folder, "arousal", quiet=True), baseline)
    if baseline.finish is not None:
        baseline.finish(found.network, task)
    return baseline.probabilities(found.network, baseline.answer(found.network, task.bank, task.parts.test))


def settings(baseline: Baseline) -> list[str]:
    always = [f"{name}={value}" for name, value in baseline.always.items()]
    return ["epochs=10", "select=last", *always, *LEARNING.get(baseline.name, [])]


@quick_network
def test_it_learns_what_can_be_heard(baseline: Baseline, bank: Bank, tmp_path: Path) -> None:
    task = views_task(bank, *settings(baseline))
    answers = judged(baseline, task, tmp_path)
    assert track_auc(task, answers) >= 0.9
    assert metrics.auc(task.parts.labels[task.parts.test], answers.segment) >= 0.8


@light_network
def test_permuted_labels_are_chance(baseline: Baseline, tmp_path: Path) -> None:
    task = views_task(views_bank(permuted=True), *settings(baseline))
    assert 0.15 <= track_auc(task, judged(baseline, task, tmp_path)) <= 0.85


@pytest.mark.parametrize("item", FITTED, ids=lambda item: item.name)
def test_estimators_learn_and_repeat_themselves(item: Estimator, bank: Bank) -> None:
    task = views_task(bank)
    answers = item.fit(task).answers(bank, task.parts.test)
    again = item.fit(task).answers(bank, task.parts.test)
    for first, second in zip(answers, again, strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.shape == task.parts.test.shape
        assert ((first >= 0) & (first <= 1)).all()
    if item.name != "majority":
        assert track_auc(task, answers) >= 0.9
        assert metrics.auc(task.parts.labels[task.parts.test], answers.segment) >= 0.8


@pytest.mark.parametrize("item", FITTED, ids=lambda item: item.name)
def test_estimators_fall_to_chance_on_permuted_labels(item: Estimator) -> None:
    task = views_task(views_bank(permuted=True))
    assert 0.15 <= track_auc(task, item.fit(task).answers(task.bank, task.parts.test)) <= 0.85
