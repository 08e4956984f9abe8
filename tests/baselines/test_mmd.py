"""Discrepancies of samples, and UDDA and MuseFuse, which use them."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import rbf_kernel
from synthetic_views import views_bank, views_task
from torch.nn import functional as F

from damer.baselines import musefuse, udda
from damer.baselines.base import Context
from damer.baselines.mmd import MULTIPLIERS, class_discrepancy, discrepancy, kernel
from damer.training.data import Batch, Sampler


def context(progress: float = 0.5) -> Context:
    return Context(progress, torch.Generator().manual_seed(0), 0)


def samples(shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(40, 5, generator=generator) for _ in range(2))
    return first, second + shift


def test_kernel_against_sklearn() -> None:
    rows, _ = samples()
    squares = cdist(rows, rows, "sqeuclidean")
    bandwidth = squares.sum() / (40 * 39)
    expected = np.mean([rbf_kernel(rows, gamma=1 / (bandwidth * times)) for times in MULTIPLIERS], axis=0)
    np.testing.assert_allclose(kernel(rows).numpy(), expected, atol=1e-5)


def test_discrepancy_is_zero_with_itself_and_grows_with_a_shift() -> None:
    source, _ = samples()
    assert float(discrepancy(source, source)) == pytest.approx(0.0, abs=1e-6)
    found = [float(discrepancy(*samples(shift))) for shift in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert found == sorted(found)
    assert found[0] > 0
    assert found[-1] > 10 * found[0]


def test_discrepancy_by_hand() -> None:
    source, target = samples(1.0)
    between = kernel(torch.cat([source, target]))
    expected = between[:40, :40].mean() + between[40:, 40:].mean() - 2 * between[:40, 40:].mean()
    assert float(discrepancy(source, target)) == pytest.approx(float(expected), rel=1e-4)


def test_class_discrepancy_compares_like_with_like() -> None:
    source, target = samples()
    label = torch.arange(40) % 2
    source, target = source + 3 * label[:, None], target + 3 * label[:, None]
    own = F.one_hot(label, 2).float()
    right = class_discrepancy(source, target, own, own)
    crossed = class_discrepancy(source, target, own, own.flip(1))
    assert float(crossed) > 5 * float(right)


def test_a_class_that_one_side_lacks_says_nothing() -> None:
    source, target = samples(1.0)
    label = torch.arange(40) % 2
    own = F.one_hot(label, 2).float()
    zeros = torch.zeros(40)
    one_class = torch.stack([torch.ones(40), zeros], dim=1)
    found = class_discrepancy(source, target, own, one_class)
    alone = class_discrepancy(source, target, own[:, :1], one_class[:, :1])
    assert float(found) == pytest.approx(float(alone))
    nobody = class_discrepancy(source.requires_grad_(), target, own, torch.zeros(40, 2))
    assert nobody.item() == 0.0
    torch.autograd.backward(nobody)  # and it can be part of a loss


def test_the_weight_moves_from_whole_domains_to_classes() -> None:
    assert udda.dynamic_weight(0.0) == 0.0
    assert udda.dynamic_weight(1.0) == pytest.approx(1.0, abs=1e-3)
    weights = [udda.dynamic_weight(step / 10) for step in range(11)]
    assert weights == sorted(weights)


def test_only_confident_rows_count() -> None:
    logits = torch.tensor([[0.0, 3.0], [0.0, 0.1], [3.0, 0.0]])
    early, late = udda.pseudo_weights(logits, 0.0), udda.pseudo_weights(logits, 1.0)
    assert (early.sum(dim=1) > 0).tolist() == [True, False, True]
    assert (late.sum(dim=1) > 0).tolist() == [True, True, True]


def udda_batch() -> Batch:
    task = views_task(views_bank(), "label_fraction=0.6")
    sampler = Sampler(task.bank, task.parts, task.config, 0)
    batch = sampler.batch(sampler.epoch(0)[0], 0)
    assert len(batch.pool_truth) == len(batch.label)
    return batch._replace(mel=batch.mel.float(), cochleagram=batch.cochleagram.float())


def test_the_truth_of_the_target_is_never_read() -> None:
    batch = udda_batch()
    poisoned = batch._replace(pool_truth=torch.full_like(batch.pool_truth, 10**9))
    found = []
    for seen in (batch, poisoned):
        torch.manual_seed(0)
        found.append(udda.loss(udda.Udda(44), seen, context())["total"].item())
    assert found[0] == found[1]


def test_terms_of_udda_add_up() -> None:
    torch.manual_seed(0)
    batch = udda_batch()
    for progress in (0.0, 0.3):
        terms = udda.loss(udda.Udda(44), batch, context(progress))
        alpha = udda.dynamic_weight(progress)
        total = terms["classification"] + 0.3 * ((1 - alpha) * terms["global"] + alpha * terms["local"])
        assert terms["total"].item() == pytest.approx(total.item())
    count = len(batch.label)
    alone = udda.loss(
        udda.Udda(44),
        batch._replace(mel=batch.mel[:count], cochleagram=batch.cochleagram[:count]),
        context(),
    )
    assert set(alone) == {"total", "classification"}  # without a target, a plain classifier


def test_reliability_of_a_pseudo_label() -> None:
    logits = torch.tensor([[0.0, 2.0], [0.5, 0.0]], requires_grad=True)
    shares = logits.detach().softmax(dim=1).numpy().astype(float)
    entropy = -(shares * np.log(shares)).sum(axis=1)
    weights = 1 - entropy / math.log(2)
    expected = (weights * -np.log(shares.max(axis=1))).sum() / weights.sum()
    loss = musefuse.reliable_pseudo_loss(logits)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    torch.autograd.backward(loss)
    assert logits.grad is not None
    assert logits.grad[0, 1] < 0
    assert logits.grad[1, 0] < 0


def test_distillation_is_zero_where_all_agree() -> None:
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    same = dict.fromkeys(("mel", "cochleagram", "fused"), logits)
    assert float(musefuse.distillation(same)) == pytest.approx(0.0, abs=1e-6)
    other = {**same, "fused": logits.flip(1)}
    p, q = ((part / 2).softmax(dim=1).double() for part in (logits, logits.flip(1)))
    forward, back = (p * (p / q).log()).sum(1).mean(), (q * (q / p).log()).sum(1).mean()
    assert float(musefuse.distillation(other)) == pytest.approx(4 * float(forward + back) / 2, rel=1e-4)


def test_prototypes_move_to_their_class() -> None:
    features = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]])
    prototypes = torch.zeros(2, 2)
    musefuse.move_prototypes(prototypes, features, torch.tensor([0, 0, 1]))
    assert torch.allclose(prototypes, torch.tensor([[0.2, 0.0], [0.0, 0.5]]))
    musefuse.move_prototypes(prototypes, features[:2], torch.tensor([0, 0]))
    assert torch.allclose(prototypes[1], torch.tensor([0.0, 0.5]))  # nothing was seen of class 1
    near = musefuse.prototype_loss(features, torch.tensor([0, 0, 1]), prototypes)
    far = musefuse.prototype_loss(features, torch.tensor([1, 1, 0]), prototypes)
    cosine = np.array([2.0, 0.0])  # similarity 1 and 0 at temperature 0.5
    assert float(near) == pytest.approx(-np.log(np.exp(cosine[0]) / np.exp(cosine).sum()), rel=1e-4)
    assert float(far) > float(near)
