"""The whole objective against its parts."""

import ast
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

import damer.objectives
from damer.objectives import LossWeights, total_loss


def three_heads(batch: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(4)
    mel, cochleagram, fused = (torch.randn(batch, 2, requires_grad=True) for _ in range(3))
    return mel, cochleagram, fused


def test_hand_computed_total() -> None:
    # Two classes with odds 9, 1 and 4: CE = -ln .9, -ln .5, -ln .8; JS of (.9, .1) and (.5, .5) = .1017494.
    logits = tuple(torch.tensor([[0.0, math.log(odds)]]) for odds in (9.0, 1.0, 4.0))
    losses = total_loss(
        (logits[0], logits[1], logits[2]),
        torch.tensor([1]),
        tau=1.0,
        pseudo_label=torch.tensor(0.5),
        contrastive=torch.tensor(2.0),
    )
    heads = [0.1053605, 0.6931472, 0.2231436]
    values = losses.to_dict()
    assert values["classification_mel"] == pytest.approx(heads[0], abs=1e-6)
    assert values["classification_cochleagram"] == pytest.approx(heads[1], abs=1e-6)
    assert values["classification_fused"] == pytest.approx(heads[2], abs=1e-6)
    assert values["classification"] == pytest.approx(sum(heads), abs=1e-6)
    assert values["consistency"] == pytest.approx(0.1017494, abs=1e-6)
    assert values["total"] == pytest.approx(
        1.0 * sum(heads) + 0.8 * 0.5 + 0.2 * 0.1017494 + 0.1 * 2.0, abs=1e-6
    )


def test_weights_pick_the_terms() -> None:
    heads, labels = three_heads(), torch.tensor([0, 1, 1, 0, 1, 0])
    extra = {"pseudo_label": torch.tensor(3.0), "contrastive": torch.tensor(5.0)}
    for name in ("classification", "pseudo_label", "consistency", "contrastive"):
        alone = LossWeights(**{**dict.fromkeys(vars(LossWeights()), 0.0), name: 2.0})
        losses = total_loss(heads, labels, tau=1.3, weights=alone, **extra)
        assert losses.total.item() == pytest.approx(2.0 * getattr(losses, name).item())


def test_a_term_switched_off_cannot_spoil_the_total() -> None:
    heads, labels = three_heads(), torch.tensor([0, 1, 1, 0, 1, 0])
    losses = total_loss(
        heads, labels, tau=1.0, contrastive=torch.tensor(math.nan), weights=LossWeights(contrastive=0.0)
    )
    assert losses.total.isfinite()
    nothing = total_loss(heads, labels, tau=1.0, weights=LossWeights(0.0, 0.0, 0.0, 0.0))
    assert nothing.total.item() == 0.0


def test_terms_not_given_are_exactly_zero() -> None:
    losses = total_loss(three_heads(), torch.tensor([0, 1, 1, 0, 1, 0]), tau=1.0)
    assert losses.pseudo_label.item() == 0.0
    assert losses.contrastive.item() == 0.0


def test_soft_labels_are_the_mean_of_hard_ones() -> None:
    heads, ones = three_heads(), torch.ones(6, dtype=torch.int64)
    hard = [total_loss(heads, y, tau=1.0).classification.item() for y in (ones * 0, ones)]
    soft = total_loss(heads, torch.tensor([[0.25, 0.75]] * 6, dtype=torch.float64), tau=1.0)
    assert soft.classification.item() == pytest.approx(0.25 * hard[0] + 0.75 * hard[1], rel=1e-5)


def test_gradients_of_the_consistency_term_reach_the_views_alone() -> None:
    mel, cochleagram, fused = three_heads()
    total_loss((mel, cochleagram, fused), torch.zeros(6, dtype=torch.int64), tau=1.0).consistency.backward()  # type: ignore[no-untyped-call]
    assert mel.grad is not None
    assert cochleagram.grad is not None
    assert min(mel.grad.abs().sum().item(), cochleagram.grad.abs().sum().item()) > 0.0
    assert fused.grad is None


@pytest.mark.parametrize("size", [1e-3, 1.0, 3e4])
def test_bfloat16_logits_give_finite_float32_terms(size: float) -> None:
    heads = [(torch.randn(8, 2) * size).to(torch.bfloat16).requires_grad_() for _ in range(3)]
    losses = total_loss((heads[0], heads[1], heads[2]), torch.randint(0, 2, (8,)), tau=0.7)
    losses.total.backward()  # type: ignore[no-untyped-call]
    assert all(value.dtype == torch.float32 and value.isfinite() for value in vars(losses).values())
    assert all(head.grad is not None and head.grad.isfinite().all() for head in heads)


def test_objectives_import_torch_and_nothing_else_of_ours() -> None:
    folder = Path(damer.objectives.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("damer") or name.startswith("damer.objectives"), (file, name)
