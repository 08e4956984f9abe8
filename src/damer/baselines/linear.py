"""svm-linear: a linear layer with a hinge loss on the flattened views.

Source: the classification code published with Memo2496 is a batch normalisation and one linear layer. Its
hinge loss is taken of the arg max of the logits, so no gradient reaches the weights; that is not repeated
here: the hinge is of the logits themselves, with an L2 penalty (weight decay), which is a linear support
vector machine.

37 064 parameters at 87 frames and 18 746 at 44.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.base import Baseline, Context, Terms
from damer.training.data import Batch

PROVENANCE = "re-implemented"
SOURCE = "the classification code published with Memo2496, its loss repaired"


class LinearMachine(nn.Module):
    """Batch normalisation over frames and one linear layer on every value of both views.

    Args:
        frames: frames of a segment, T.
    """

    def __init__(self, frames: int = 87) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(frames, eps=0.01)
        self.output = nn.Linear((128 + 84) * frames, 2)

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return the scores of both classes [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T]."""
        bands = torch.cat([mel, cochleagram], dim=1).transpose(1, 2)
        scores: Tensor = self.output(self.normalise(bands).transpose(1, 2).flatten(1))
        return scores


def loss(network: LinearMachine, batch: Batch, context: Context) -> Terms:
    """Return the hinge: how far the true class's score falls short of the other's plus 1, halved."""
    count = len(batch.label)
    scores = network(batch.mel[:count], batch.cochleagram[:count]).float()
    return {"total": F.multi_margin_loss(scores, batch.label)}


BASELINE = Baseline(
    "svm-linear",
    "SVM (linear, on views)",
    PROVENANCE,
    SOURCE,
    LinearMachine,
    loss=loss,
    native={"learning_rate": 1e-4, "batch_size": 4096, "epochs": 10},
)
