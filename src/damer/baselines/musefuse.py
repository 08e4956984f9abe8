"""MuseFuse: prototypes, pseudo-labels by reliability and distillation among three branches.

Source: the authors of DAMER publish this sibling method with its code (MIT licence) as "MuseFuse:
Multi-View Feature Fusion for Music Emotion Recognition"; it reads the same arrays of Memo2496. Read there:
dense encoders of both flattened views, a gate that mixes them element by element, three heads; labels teach
the Mel and the fused head, the cochleagram's learns from its own pseudo-labels weighted by reliability (one
minus the entropy's share of its largest), from distillation among the three (temperature 2) and from the
discrepancy of the views; class prototypes move towards the mean fused feature (momentum 0.9) and attract
the fused features.

Our reading: the class discrepancy normalises each class's weights (theirs divides by the matrix's size),
and probabilities are the fused head's, as theirs.

The network has 9 909 254 parameters at 87 frames and 5 241 862 at 44, 512 of them the prototypes.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.base import Baseline, Context, Terms, soft_cross_entropy
from damer.baselines.mmd import class_discrepancy, discrepancy
from damer.training.data import Batch

PROVENANCE = "re-implemented"
SOURCE = "MuseFuse: Multi-View Feature Fusion for Music Emotion Recognition (code published by its authors)"

WIDTH = 256
WEIGHTS = {"domain": 0.3, "pseudo": 0.5, "consistency": 0.1, "prototype": 0.15, "distillation": 0.2}
THRESHOLD = (0.6, 0.3)
TEMPERATURE, PROTOTYPE_TEMPERATURE, MOMENTUM = 2.0, 0.5, 0.9


class MuseFuse(nn.Module):
    """Two encoders, a gate and three heads.

    Args:
        frames: frames of a segment, T.
    """

    def __init__(self, frames: int = 87) -> None:
        super().__init__()
        self.mel = _encoder(128 * frames)
        self.cochleagram = _encoder(84 * frames)
        self.gate = nn.Sequential(
            nn.Linear(2 * WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.Sigmoid()
        )
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, 2) for name in ("mel", "cochleagram", "fused")})
        self.prototypes = nn.Parameter(torch.randn(2, WIDTH))

    def features(self, mel: Tensor, cochleagram: Tensor) -> dict[str, Tensor]:
        """Return the features of the three branches [B, 256]."""
        found = {"mel": self.mel(mel.flatten(1)), "cochleagram": self.cochleagram(cochleagram.flatten(1))}
        gate = self.gate(torch.cat([found["mel"], found["cochleagram"]], dim=1))
        return {**found, "fused": gate * found["mel"] + (1 - gate) * found["cochleagram"]}

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return the fused head's logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T]."""
        logits: Tensor = self.heads["fused"](self.features(mel, cochleagram)["fused"])
        return logits


def _encoder(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 512),
        nn.BatchNorm1d(512),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(512, WIDTH),
        nn.BatchNorm1d(WIDTH),
        nn.ReLU(),
    )


def loss(network: MuseFuse, batch: Batch, context: Context) -> Terms:
    """Return the terms of MuseFuse; the prototypes move along, as in the published training."""
    count = len(batch.target)
    features = {
        name: part.float()
        for name, part in network.features(batch.mel[:count], batch.cochleagram[:count]).items()
    }
    logits = {name: network.heads[name](part).float() for name, part in features.items()}
    terms = {
        "classification": soft_cross_entropy(logits["mel"], batch.target)
        + 0.5 * soft_cross_entropy(logits["fused"], batch.target),
        "pseudo": reliable_pseudo_loss(logits["cochleagram"]),
        "domain": domain_loss(features, logits["cochleagram"], batch.label, context.progress),
        "consistency": F.mse_loss(features["mel"], features["cochleagram"]),
        "prototype": prototype_loss(features["fused"], batch.label, network.prototypes),
        "distillation": distillation(logits),
    }
    move_prototypes(network.prototypes, features["fused"].detach(), batch.label)
    parts = [terms["classification"], *(weight * terms[name] for name, weight in WEIGHTS.items())]
    return {"total": torch.stack(parts).sum(), **terms}


def reliable_pseudo_loss(logits: Tensor) -> Tensor:
    """Return the cross-entropy with a branch's own answers, each weighted by 1 - entropy / ln 2."""
    shares = logits.detach().softmax(dim=1)
    reliability = (1 - torch.special.entr(shares).sum(dim=1) / math.log(2)).clamp_min(1e-6)
    each = F.cross_entropy(logits, shares.argmax(dim=1), reduction="none")
    weights: Tensor = reliability / reliability.sum()
    return weights @ each


def domain_loss(features: dict[str, Tensor], logits: Tensor, label: Tensor, progress: float) -> Tensor:
    """Return the discrepancy of the views: of all rows, and class by class where pseudo-labels are sure."""
    whole = discrepancy(features["mel"], features["cochleagram"])
    high, low = THRESHOLD
    confidence, guess = logits.detach().softmax(dim=1).max(dim=1)
    sure = confidence * (confidence >= max(low, high * (1 - progress)))
    classes = class_discrepancy(
        features["mel"],
        features["cochleagram"],
        F.one_hot(label, 2).float(),
        F.one_hot(guess, 2).float() * sure[:, None],
    )
    ratio = classes.detach() / whole.detach().clamp_min(1e-8)
    alpha = 0.9 * torch.tanh(ratio) + 0.05
    return (1 - alpha) * whole + alpha * classes


def prototype_loss(features: Tensor, label: Tensor, prototypes: Tensor) -> Tensor:
    """Return the cross-entropy of cosine similarities to the class prototypes, at temperature 0.5."""
    similarity = F.normalize(features, dim=1) @ F.normalize(prototypes.float(), dim=1).T
    return F.cross_entropy(similarity / PROTOTYPE_TEMPERATURE, label)


@torch.no_grad()
def move_prototypes(prototypes: Tensor, features: Tensor, label: Tensor) -> None:
    """Move each class's prototype towards the mean feature of its rows, in place."""
    for number in range(len(prototypes)):
        own = features[label == number]
        if not len(own):
            continue
        mean = own.mean(dim=0)
        prototypes.data[number] = MOMENTUM * prototypes.data[number] + (1 - MOMENTUM) * mean


def distillation(logits: dict[str, Tensor]) -> Tensor:
    """Return the mean divergence between the fused head and each view's, both ways, times temperature²."""
    pairs = [("fused", "mel"), ("mel", "fused"), ("fused", "cochleagram"), ("cochleagram", "fused")]
    soft = {name: F.log_softmax(part / TEMPERATURE, dim=1) for name, part in logits.items()}
    found = [
        F.kl_div(soft[student], soft[teacher], reduction="batchmean", log_target=True)
        for student, teacher in pairs
    ]
    return torch.stack(found).mean() * TEMPERATURE**2


BASELINE = Baseline(
    "musefuse",
    "MuseFuse",
    PROVENANCE,
    SOURCE,
    MuseFuse,
    loss=loss,
    native={
        "learning_rate": 1e-3,
        "weight_decay": 1e-4,
        "batch_size": 256,
        "epochs": 80,
        "optimiser": "adamw",
    },
)
