"""The whole objective, every term by name (section IV.E, eqs 21 to 23)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from damer.objectives.divergence import js_divergence
from damer.objectives.pseudo_label import fused_probabilities


@dataclass(frozen=True)
class LossWeights:
    """Weights of the four terms of eq 21 (section IV.E); 0 switches a term off.

    Attributes:
        classification: lambda_1.
        pseudo_label: lambda_2.
        consistency: lambda_3.
        contrastive: lambda_4.
    """

    classification: float = 1.0
    pseudo_label: float = 0.8
    consistency: float = 0.2
    contrastive: float = 0.1


@dataclass(frozen=True)
class Losses:
    """The total and every term of it, each a float32 scalar before its weight.

    Attributes:
        total: the weighted sum (eq 21); call `backward` on this one.
        classification: sum of the three heads' cross-entropies (eq 22).
        classification_mel: that of the Mel head.
        classification_cochleagram: that of the cochleagram head.
        classification_fused: that of the fused head.
        pseudo_label: eq 17.
        consistency: mean Jensen-Shannon divergence of the two views, in [0, ln 2] (eq 23).
        contrastive: eq 20.
    """

    total: Tensor
    classification: Tensor
    classification_mel: Tensor
    classification_cochleagram: Tensor
    classification_fused: Tensor
    pseudo_label: Tensor
    consistency: Tensor
    contrastive: Tensor

    def to_dict(self) -> dict[str, float]:
        """Return every term by name as a number, for logs."""
        return {name: float(value.detach()) for name, value in vars(self).items()}


def total_loss(
    logits: tuple[Tensor, Tensor, Tensor],
    labels: Tensor,
    *,
    tau: float,
    pseudo_label: Tensor | None = None,
    contrastive: Tensor | None = None,
    weights: LossWeights | None = None,
) -> Losses:
    """Return the whole objective of one batch.

    Args:
        logits: of the Mel, cochleagram and fused head, each [B, C].
        labels: classes, int64 [B], or probabilities of the classes, floating [B, C] (label smoothing, mixup).
        tau: temperature of the views' softmax in the consistency term (eqs 10, 11).
        pseudo_label: the loss of `pseudo_label_loss`; None counts as 0.
        contrastive: the loss of `contrastive_loss`; None counts as 0.
        weights: of the terms; the paper's by default.
    """
    weights = weights or LossWeights()
    mel, cochleagram, fused = (head.float() for head in logits)
    if labels.is_floating_point():
        labels = labels.float()
    heads = [F.cross_entropy(head, labels) for head in (mel, cochleagram, fused)]
    p_mel, p_cochleagram, _ = fused_probabilities(mel, cochleagram, tau)
    terms = {
        "classification": heads[0] + heads[1] + heads[2],
        "pseudo_label": _or_zero(pseudo_label, fused),
        "consistency": js_divergence(p_mel, p_cochleagram).mean(),
        "contrastive": _or_zero(contrastive, fused),
    }
    weighted = {name: getattr(weights, name) for name in terms}
    # A term that is switched off must not spoil the sum, whatever its value.
    parts = [weight * terms[name] for name, weight in weighted.items() if weight != 0.0]
    return Losses(
        total=torch.stack(parts).sum() if parts else fused.new_zeros(()),
        classification_mel=heads[0],
        classification_cochleagram=heads[1],
        classification_fused=heads[2],
        **terms,
    )


def _or_zero(loss: Tensor | None, like: Tensor) -> Tensor:
    return like.new_zeros(()) if loss is None else loss
