"""Progressive Confidence Labelling: the schedules and the loss of PCL (section IV.C, eqs 9 to 17)."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from damer.objectives.divergence import reliability

Confidence = Literal["views", "fused_head"]
Schedule = Literal["linear", "clipped"]


class PseudoLabels(NamedTuple):
    """The loss and, without gradient, what figure 5 plots of it; U is the number of samples.

    Attributes:
        loss: scalar float32, exactly 0 when nothing is selected.
        labels: class given to each sample, int64 [U], selected or not.
        selected: whether its confidence reached the threshold, bool [U].
        confidence: c = r * max p_fuse (eq 15), float32 [U] in [0.25, 1] for two classes.
        reliability: r (eq 13), float32 [U] in [0.5, 1].
        strength: max p_fuse, the probability of the label given, float32 [U] in [0.5, 1] for two classes.
    """

    loss: Tensor
    labels: Tensor
    selected: Tensor
    confidence: Tensor
    reliability: Tensor
    strength: Tensor

    def means(self) -> dict[str, float]:
        """Mask ratio and the means of the rest, for logs; all 0 for no samples."""
        columns = {
            "mask_ratio": self.selected,
            "confidence": self.confidence,
            "reliability": self.reliability,
            "strength": self.strength,
        }
        return {
            name: values.float().mean().item() if len(values) else 0.0 for name, values in columns.items()
        }


def temperature(progress: float, start: float = 1.5, end: float = 0.7) -> float:
    """Temperature of the views' softmax, falling linearly over training (eq 9).

    Args:
        progress: rho = (t - 1) / T of Algorithm 1 for epoch t of T, in [0, 1].
        start: tau_max, at progress 0 (section IV.C).
        end: tau_min, at progress 1.
    """
    return start - (start - end) * _checked(progress)


def threshold(
    progress: float, start: float = 0.65, end: float = 0.35, schedule: Schedule = "linear"
) -> float:
    """Confidence from which a sample is labelled, falling over training.

    Args:
        progress: rho = (t - 1) / T of Algorithm 1 for epoch t of T, in [0, 1].
        start: theta_0 (section V.A; section IV.C gives 0.9 as an example).
        end: theta_min (section V.A; section IV.C gives 0.7 as an example).
        schedule: "linear" reaches theta_min at progress 1 (eq 16); "clipped" falls towards 0 and stops at
            theta_min (Algorithm 1, line 5).
    """
    if schedule == "linear":
        return start - (start - end) * _checked(progress)
    if schedule == "clipped":
        return max(end, start * (1.0 - _checked(progress)))
    raise ValueError(f"schedule={schedule!r}: use 'linear' or 'clipped'")


def fused_probabilities(mel: Tensor, cochleagram: Tensor, tau: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return p_mel, p_cochleagram and their mean p_fuse (eqs 10, 11, 14), float32 [U, C].

    Args:
        mel: logits of the Mel head [U, C].
        cochleagram: logits of the cochleagram head [U, C].
        tau: temperature, above 0.
    """
    p_mel = (mel.float() / tau).softmax(dim=-1)
    p_cochleagram = (cochleagram.float() / tau).softmax(dim=-1)
    return p_mel, p_cochleagram, 0.5 * (p_mel + p_cochleagram)


def pseudo_label_loss(
    mel: Tensor,
    cochleagram: Tensor,
    fused: Tensor,
    *,
    tau: float,
    theta: float,
    confidence: Confidence = "views",
) -> PseudoLabels:
    """Reliability-weighted cross-entropy of the fused head on labels that the views give (eqs 10 to 17).

    The gradient flows into the fused logits alone: labels, reliability and the choice are constants.

    Args:
        mel: logits of the Mel head [U, C].
        cochleagram: logits of the cochleagram head [U, C].
        fused: logits of the fused head [U, C].
        tau: temperature of the views' softmax, above 0 (see `temperature`).
        theta: confidence from which a sample counts (see `threshold`).
        confidence: whose probabilities give label and confidence: "views", the mean of the two views (eq 14);
            "fused_head", the fused head's own softmax at `tau` (one reading of Algorithm 1, line 14).
    """
    with torch.no_grad():
        p_mel, p_cochleagram, p_fuse = fused_probabilities(mel, cochleagram, tau)
        if confidence == "fused_head":
            p_fuse = (fused.float() / tau).softmax(dim=-1)
        elif confidence != "views":
            raise ValueError(f"confidence={confidence!r}: use 'views' or 'fused_head'")
        agreement = reliability(p_mel, p_cochleagram)
        strength, labels = p_fuse.max(dim=-1)
        score = agreement * strength
        selected = score >= theta
    weighted = agreement * F.cross_entropy(fused.float(), labels, reduction="none")
    # `where` and not a product: a sample left out must not spoil the sum, whatever its loss.
    chosen = torch.where(selected, weighted, torch.zeros_like(weighted))
    loss = chosen.sum() / selected.sum().clamp_min(1)
    return PseudoLabels(loss, labels, selected, score, agreement, strength)


def _checked(progress: float) -> float:
    if not 0.0 <= progress <= 1.0:
        raise ValueError(f"progress={progress!r}: use a number from 0 to 1")
    return progress
