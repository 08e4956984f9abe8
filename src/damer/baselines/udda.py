"""UDDA: unsupervised dynamic domain adaptation.

Source: Z. Li, E. Zhu, M. Jin, C. Fan, H. He, T. Cai, J. Li, "Dynamic Domain Adaptation for Class-Aware
Cross-Subject and Cross-Session EEG Emotion Recognition", IEEE JBHI 26(12):5964-5973, 2022; UDDA is its
variant without labels of the target domain. The text could not be read here; its terms and their form are
known from the code of a later method of the authors of DAMER (MuseFuse), which uses them.

From the source: one encoder for both domains, the discrepancy of the whole domains (GDD), that of the
classes by pseudo-labels of the target (LSD), and a weight that moves from the first to the second while it
trains. There is no discriminator.

Our reading: the source domain is the labelled rows, the target the unlabelled pool that DAMER learns from
too. Where a run has no pool, a fifth of the training groups loses its labels (`label_fraction` = 0.8):
without a target this would be a plain classifier. Pseudo-labels count above a confidence that falls from
0.6 to 0.3.

The network has 9 594 818 parameters at 87 frames and 4 927 426 at 44.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.base import Baseline, Context, Terms, soft_cross_entropy
from damer.baselines.mmd import class_discrepancy, discrepancy
from damer.training.data import Batch

PROVENANCE = "adapted"
SOURCE = "Li, Zhu, Jin, Fan, He, Cai, Li: Dynamic Domain Adaptation. IEEE JBHI 26(12), 2022"
BETA = 0.3
CONFIDENCE = (0.6, 0.3)


class Udda(nn.Module):
    """The shared encoder and its classifier.

    Args:
        frames: frames of a segment, T.
    """

    def __init__(self, frames: int = 87) -> None:
        super().__init__()
        self.mel = encoder(128 * frames)
        self.cochleagram = encoder(84 * frames)
        self.join = nn.Sequential(nn.Linear(256, 64), nn.ReLU())
        self.classifier = nn.Linear(64, 2)

    def features(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return the features that both domains share [B, 64]."""
        views = [self.mel(mel.flatten(1)), self.cochleagram(cochleagram.flatten(1))]
        found: Tensor = self.join(torch.cat(views, dim=1))
        return found

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T], standardised."""
        logits: Tensor = self.classifier(self.features(mel, cochleagram))
        return logits


def encoder(inputs: int) -> nn.Sequential:
    """Return the encoder of one flattened view: 128 features."""
    return nn.Sequential(
        nn.Linear(inputs, 512),
        nn.BatchNorm1d(512),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(512, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
    )


def dynamic_weight(progress: float) -> float:
    """Return α of the progress in [0, 1]: 0 at the start (whole domains), near 1 at the end (classes)."""
    return 2 / (1 + math.exp(-10 * progress)) - 1


def pseudo_weights(logits: Tensor, progress: float) -> Tensor:
    """Return how much each target row belongs to each class [m, 2]: its probability, 0 where unsure."""
    high, low = CONFIDENCE
    shares = logits.detach().float().softmax(dim=1)
    confident = shares.amax(dim=1, keepdim=True) >= high + (low - high) * progress
    return shares * confident


def loss(network: Udda, batch: Batch, context: Context) -> Terms:
    """Return L = CE(source) + β [(1 - α) GDD + α LSD]; the pool's truth is never read."""
    count = len(batch.target)
    features = network.features(batch.mel, batch.cochleagram)
    logits = network.classifier(features)
    classification = soft_cross_entropy(logits[:count], batch.target)
    if len(features) == count:
        return {"total": classification, "classification": classification}
    source, target = features[:count].float(), features[count:].float()
    whole = discrepancy(source, target)
    own = F.one_hot(batch.label, 2).float()
    classes = class_discrepancy(source, target, own, pseudo_weights(logits[count:], context.progress))
    alpha = dynamic_weight(context.progress)
    total = classification + BETA * ((1 - alpha) * whole + alpha * classes)
    return {"total": total, "classification": classification, "global": whole, "local": classes}


BASELINE = Baseline(
    "udda",
    "UDDA",
    PROVENANCE,
    SOURCE,
    Udda,
    loss=loss,
    uses_pool=True,
    always={"label_fraction": 0.8},
    native={"learning_rate": 1e-3, "batch_size": 128, "epochs": 80},
)
