"""SAML: the queue step by step, the loss against hand-made numbers and a plain loop."""

import math

import pytest
import torch
from torch import Tensor, nn

from damer.objectives import MemoryQueue, contrastive_loss, memory_features, momentum_update
from damer.objectives.memory import Reduction


def test_queue_fills_normalises_and_wraps() -> None:
    queue = MemoryQueue(size=4, dim=2, momentum="none")
    assert len(queue) == 0
    assert queue.features.shape == (0, 2)
    queue.push(torch.tensor([[3.0, 4.0], [0.0, 2.0], [5.0, 0.0]]), torch.tensor([0, 1, 1]))
    assert len(queue) == 3
    torch.testing.assert_close(queue.features, torch.tensor([[0.6, 0.8], [0.0, 1.0], [1.0, 0.0]]))
    queue.push(torch.tensor([[-1.0, 0.0], [0.0, -1.0]]), torch.tensor([0, 0]))
    assert (len(queue), queue.pointer) == (4, 1)
    expected = torch.tensor([[0.0, -1.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    torch.testing.assert_close(queue.features, expected)
    assert queue.labels.tolist() == [0, 1, 1, 0]


def test_queue_agrees_with_a_list_of_the_last_k() -> None:
    torch.manual_seed(0)
    queue, kept = MemoryQueue(size=7, dim=3), []
    for batch in (1, 3, 7, 2, 12, 5, 30, 4):
        features, labels = torch.randn(batch, 3), torch.randint(0, 2, (batch,))
        queue.push(features, labels)
        kept += list(zip(nn.functional.normalize(features, dim=-1).tolist(), labels.tolist(), strict=True))
        kept = kept[-7:]
        held = zip(queue.features.tolist(), queue.labels.tolist(), strict=True)
        assert sorted(held) == sorted(kept)


def test_queue_keeps_no_gradient() -> None:
    queue = MemoryQueue(size=4, dim=2)
    features = torch.randn(2, 2, requires_grad=True)
    queue.push(features, torch.tensor([0, 1]))
    assert not queue.features.requires_grad


def test_slot_momentum_blends_with_the_entry_replaced() -> None:
    queue = MemoryQueue(size=2, dim=2, momentum="slot", coefficient=0.75)
    queue.push(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([1, 0]))
    torch.testing.assert_close(queue.features[0], torch.tensor([1.0, 0.0]))  # an empty slot: nothing to blend
    queue.push(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([1, 1]))
    blended = torch.tensor([0.75, 0.25]) / math.hypot(0.75, 0.25)
    torch.testing.assert_close(queue.features[0], blended)
    torch.testing.assert_close(queue.features[1], torch.tensor([0.0, 1.0]))  # another class: replaced whole
    assert queue.labels.tolist() == [1, 1]


@pytest.mark.parametrize("momentum", ["encoder", "none"])
def test_other_momenta_store_as_is(momentum: str) -> None:
    queue = MemoryQueue(size=1, dim=2, momentum=momentum)  # type: ignore[arg-type]
    queue.push(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    queue.push(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    assert queue.features.tolist() == [[0.0, 1.0]]


def test_state_resumes_exactly() -> None:
    torch.manual_seed(1)
    first = MemoryQueue(size=5, dim=3, momentum="slot")
    first.push(torch.randn(7, 3), torch.randint(0, 2, (7,)))
    state = first.state_dict()
    second = MemoryQueue(size=5, dim=3, momentum="slot")
    batch, labels = torch.randn(4, 3), torch.randint(0, 2, (4,))
    first.push(batch, labels)
    second.load_state_dict(state)
    second.push(batch, labels)
    assert torch.equal(first.features, second.features)
    assert torch.equal(first.labels, second.labels)
    assert (first.pointer, first.count) == (second.pointer, second.count)
    with pytest.raises(ValueError, match="saved queue"):
        MemoryQueue(size=6, dim=3).load_state_dict(state)


@pytest.mark.parametrize(
    "setting", [{"size": 0}, {"dim": 0}, {"momentum": "x"}, {"coefficient": 1.0}, {"coefficient": -0.1}]
)
def test_impossible_queues_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        MemoryQueue(**setting)  # type: ignore[arg-type]


def test_statistics_by_hand() -> None:
    queue = MemoryQueue(size=8, dim=2)
    assert set(queue.statistics().values()) == {0.0}
    queue.push(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 0, 1, 0]))
    statistics = queue.statistics()
    assert statistics["coverage_0"] == 0.75
    assert statistics["coverage_1"] == 0.25
    assert statistics["label_entropy"] == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    # class 0: centroid (2/3, 1/3), distances sqrt(2)/3 (twice) and 2 sqrt(2)/3
    assert statistics["centroid_distance_0"] == pytest.approx(math.sqrt(2) / 3)
    assert statistics["centroid_distance_1"] == 0.0


def test_hand_computed_loss() -> None:
    # q = (1, 0); keys at similarity 1 (same class), 0 (same class) and -1 (other); tau = 1.
    query, label = torch.tensor([[2.0, 0.0]]), torch.tensor([1])
    keys, key_labels = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), torch.tensor([1, 1, 0])
    log_sum = math.log(math.e + 1 + 1 / math.e)
    total = (log_sum - 1) + (log_sum - 0)
    mean = contrastive_loss(query, label, keys, key_labels, temperature=1.0)
    both = contrastive_loss(query, label, keys, key_labels, temperature=1.0, reduction="sum")
    assert mean.item() == pytest.approx(total / 2, abs=1e-6)
    assert both.item() == pytest.approx(total, abs=1e-6)


def by_loop(
    queries: Tensor, labels: Tensor, keys: Tensor, key_labels: Tensor, tau: float, reduction: Reduction
) -> float:
    """Equations 19 and 20 in plain Python."""
    losses = []
    for query, label in zip(queries.tolist(), labels.tolist(), strict=True):
        length = math.sqrt(sum(value * value for value in query))
        dots = [sum(a * b for a, b in zip(query, key, strict=True)) / length / tau for key in keys.tolist()]
        denominator = sum(math.exp(dot) for dot in dots)
        terms = [
            -math.log(math.exp(dot) / denominator)
            for dot, other in zip(dots, key_labels.tolist(), strict=True)
            if other == label
        ]
        losses.append(sum(terms) / (len(terms) if reduction == "mean" else 1) if terms else 0.0)
    return sum(losses) / len(losses)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("tau", [0.07, 0.5])
@pytest.mark.parametrize("pushed", [1, 5, 20])
def test_agrees_with_a_plain_loop(reduction: Reduction, tau: float, pushed: int) -> None:
    torch.manual_seed(pushed)
    queue = MemoryQueue(size=12, dim=6)
    queue.push(torch.randn(pushed, 6), torch.randint(0, 2, (pushed,)))
    queries, labels = torch.randn(9, 6), torch.randint(0, 2, (9,))
    got = contrastive_loss(
        queries, labels, queue.features, queue.labels, temperature=tau, reduction=reduction
    )
    assert got.item() == pytest.approx(
        by_loop(queries, labels, queue.features, queue.labels, tau, reduction), rel=1e-4
    )


def test_sum_grows_with_the_queue_and_mean_does_not() -> None:
    query, label = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    keys = torch.tensor([[0.0, 1.0]])
    losses = {}
    for copies in (10, 20):
        many = (query, label, keys.repeat(copies, 1), torch.zeros(copies, dtype=torch.int64))
        losses[copies] = [contrastive_loss(*many, reduction=r).item() for r in ("mean", "sum")]
    assert losses[10] == pytest.approx([math.log(10), 10 * math.log(10)], rel=1e-5)
    assert losses[20] == pytest.approx([math.log(20), 20 * math.log(20)], rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("keys", [0, 3])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_no_positive_pair_is_exactly_zero(dtype: torch.dtype, keys: int, reduction: Reduction) -> None:
    queue = MemoryQueue(size=8, dim=4)
    queue.push(torch.randn(keys, 4), torch.zeros(keys, dtype=torch.int64))
    queries = torch.randn(5, 4).to(dtype).requires_grad_()
    ones = torch.ones(5, dtype=torch.int64)
    loss = contrastive_loss(queries, ones, queue.features, queue.labels, reduction=reduction)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0.0
    assert loss.dtype == torch.float32
    assert queries.grad is not None
    assert (queries.grad == 0).all()


def test_a_query_without_positive_adds_zero() -> None:
    queue = MemoryQueue(size=4, dim=2)
    queue.push(torch.eye(2), torch.tensor([0, 0]))
    one = contrastive_loss(torch.ones(1, 2), torch.tensor([0]), queue.features, queue.labels)
    two = contrastive_loss(torch.ones(2, 2), torch.tensor([0, 1]), queue.features, queue.labels)
    assert two.item() == pytest.approx(one.item() / 2)


def test_gradient_flows_into_queries_only() -> None:
    queries = torch.randn(4, 3, requires_grad=True)
    keys = nn.functional.normalize(torch.randn(6, 3), dim=-1).requires_grad_()
    labels = torch.tensor([0, 1, 0, 1])
    contrastive_loss(queries, labels, keys, torch.tensor([0, 1, 0, 1, 1, 0])).backward()  # type: ignore[no-untyped-call]
    assert keys.grad is None
    assert queries.grad is not None
    assert (queries.grad.abs().sum(dim=-1) > 0).all()


def test_extreme_queries_stay_finite() -> None:
    keys = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    for query in (torch.zeros(1, 2), torch.full((1, 2), 3e38), torch.tensor([[1e-30, 0.0]])):
        query.requires_grad_()
        loss = contrastive_loss(query, torch.tensor([1]), keys, torch.tensor([0, 1]), temperature=1e-3)
        loss.backward()  # type: ignore[no-untyped-call]
        assert loss.isfinite()
        assert query.grad is not None
        assert query.grad.isfinite().all()


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(ValueError, match="reduction"):
        contrastive_loss(
            torch.ones(1, 2),
            torch.tensor([0]),
            torch.eye(2),
            torch.tensor([0, 0]),
            reduction="max",  # type: ignore[arg-type]
        )
    with pytest.raises(ValueError, match="memory"):
        memory_features(torch.ones(1, 4), torch.ones(1, 2), torch.ones(1, 2), tau=1.0, memory="x")  # type: ignore[arg-type]


def test_memory_readings() -> None:
    embedding, mel, cochleagram = (
        torch.randn(3, 4),
        torch.zeros(3, 2),
        torch.tensor([[0.0, math.log(3.0)]] * 3),
    )
    assert memory_features(embedding, mel, cochleagram, tau=1.0) is embedding
    stored = memory_features(embedding, mel, cochleagram, tau=1.0, memory="probabilities")
    torch.testing.assert_close(stored, torch.tensor([[0.375, 0.625]] * 3))


def test_momentum_update_moves_parameters_and_copies_buffers() -> None:
    average, network = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    nn.init.constant_(average.weight, 2.0)
    nn.init.constant_(network.weight, 4.0)
    assert network.running_mean is not None
    network.running_mean.fill_(7.0)
    momentum_update(average, network, 0.75)
    assert average.weight.tolist() == pytest.approx([2.5] * 3)
    assert average.running_mean is not None
    assert average.running_mean.tolist() == [7.0] * 3
    assert network.weight.tolist() == [4.0] * 3
