"""Jensen-Shannon divergence and reliability against hand-made numbers, scipy and the closed form."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from damer.objectives import js_divergence, reliability

LN2 = math.log(2.0)


def test_hand_computed_number() -> None:
    # m = (.7, .3); JS = .5 [.9 ln(.9/.7) + .1 ln(.1/.3)] + .5 [.5 ln(.5/.7) + .5 ln(.5/.3)]
    by_hand = 0.5 * (0.9 * 0.2513144 + 0.1 * -1.0986123) + 0.5 * (0.5 * -0.3364722 + 0.5 * 0.5108256)
    got = js_divergence(torch.tensor([0.9, 0.1]), torch.tensor([0.5, 0.5]))
    assert got.item() == pytest.approx(by_hand, abs=1e-6)
    assert by_hand == pytest.approx(0.1017494, abs=1e-6)


@pytest.mark.parametrize("classes", [2, 5])
def test_agrees_with_scipy(classes: int) -> None:
    generator = np.random.default_rng(3)
    p, q = generator.dirichlet(np.full(classes, 0.4), size=(2, 200))
    got = js_divergence(torch.from_numpy(p), torch.from_numpy(q))
    np.testing.assert_allclose(got.numpy(), jensenshannon(p, q, axis=-1) ** 2, atol=1e-12)


def test_bounds_are_reached_and_kept() -> None:
    certain, opposite, even = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    assert js_divergence(certain, certain).item() == 0.0
    assert js_divergence(even, even).item() == 0.0
    assert js_divergence(certain, opposite).item() == pytest.approx(LN2, abs=1e-7)
    p, q = torch.rand(2, 10_000, 2).pow(8).unbind()
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    divergence, agreement = js_divergence(p, q), reliability(p, q)
    assert 0.0 <= divergence.min() <= divergence.max() <= LN2
    assert 0.5 <= agreement.min() <= agreement.max() <= 1.0


def test_symmetric() -> None:
    p, q = torch.rand(2, 50, 2).softmax(-1).unbind()
    torch.testing.assert_close(js_divergence(p, q), js_divergence(q, p))


def test_reliability_is_the_exponential() -> None:
    certain, opposite = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert reliability(certain, opposite).item() == pytest.approx(0.5, abs=1e-6)
    assert reliability(certain, certain).item() == 1.0
    p, q = torch.tensor([0.9, 0.1]), torch.tensor([0.5, 0.5])
    assert reliability(p, q).item() == pytest.approx(math.exp(-0.1017494), abs=1e-6)


def test_gradient_against_finite_differences() -> None:
    logits = torch.randn(2, 6, 2, dtype=torch.float64, requires_grad=True)

    def divergence(values: Tensor) -> Tensor:
        p, q = values.softmax(-1).unbind()
        return js_divergence(p, q)

    assert torch.autograd.gradcheck(divergence, logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_saturated_logits_give_no_nan(dtype: torch.dtype) -> None:
    logits = torch.tensor([[[3e4, -3e4]], [[-3e4, 3e4]]], dtype=dtype, requires_grad=True)
    p, q = logits.softmax(-1).unbind()
    divergence = js_divergence(p, q)
    divergence.sum().backward()  # type: ignore[no-untyped-call]
    assert divergence.dtype == torch.float32
    assert divergence.item() == pytest.approx(LN2, abs=1e-6)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
