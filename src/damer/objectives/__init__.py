"""The objectives as plain functions on tensors; they import torch and nothing else of ours."""

from damer.objectives.divergence import js_divergence, reliability
from damer.objectives.memory import MemoryQueue, contrastive_loss, memory_features, momentum_update
from damer.objectives.pseudo_label import (
    PseudoLabels,
    fused_probabilities,
    pseudo_label_loss,
    temperature,
    threshold,
)
from damer.objectives.total import Losses, LossWeights, total_loss

__all__ = [
    "LossWeights",
    "Losses",
    "MemoryQueue",
    "PseudoLabels",
    "contrastive_loss",
    "fused_probabilities",
    "js_divergence",
    "memory_features",
    "momentum_update",
    "pseudo_label_loss",
    "reliability",
    "temperature",
    "threshold",
    "total_loss",
]
