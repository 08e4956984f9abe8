"""SECapEmotion as self-enhanced capsule networks, the reading that follows the comparison's text.

The citation is another method (see `damer.baselines.secap`); no publication of this name was found, so this
file has no single source. Its parts do: capsules, routing by agreement and the margin loss are those of S.
Sabour, N. Frosst, G. Hinton, "Dynamic Routing Between Capsules", NeurIPS 2017; the self-enhancement of
channels is squeeze-and-excitation (J. Hu, L. Shen, G. Sun, CVPR 2018).

Our reading: for each view three strided convolutions, the channel gate, and one more convolution whose
channels are 32 types of capsules of 8 numbers at each position; a transform a type votes for two classes of
16 numbers; three rounds of routing. The classical sum of some 2 700 votes saturates both classes' lengths at
1 from the start, where nothing can be learned; the mean weighed by the routing, times 4, does not.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.base import Baseline, Context, Terms
from damer.baselines.squeeze_excitation import SqueezeExcitation
from damer.training.data import Batch

PROVENANCE = "reconstructed"
SOURCE = (
    "the comparison's wording, self-enhanced capsule networks, by Sabour, Frosst, Hinton: Dynamic Routing "
    "Between Capsules. NeurIPS 2017 (capsule reading)"
)

TYPES, LENGTH = 32, 8  # primary capsules: types at each position, numbers of each
CLASSES, CLASS_LENGTH = 2, 16
ROUNDS, GAIN = 3, 4.0  # of the routing
PRESENT, ABSENT, DOWN_WEIGHT = 0.9, 0.1, 0.5  # m⁺, m⁻ and λ of the margin loss (Sabour et al., eq 4)


class PrimaryCapsules(nn.Module):
    """One view's capsules and their votes for the classes."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64), (64, 128)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride=2, padding=1),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        self.convolutions = nn.Sequential(*layers)
        self.enhancement = SqueezeExcitation(128, reduction=8)
        self.capsules = nn.Conv2d(128, TYPES * LENGTH, 3, stride=2, padding=1)
        self.transform = nn.Parameter(torch.randn(TYPES, LENGTH, CLASSES * CLASS_LENGTH))

    def forward(self, view: Tensor) -> Tensor:
        """Return the votes [B, capsules, 2 classes, 16] of maps [B, bands, T]."""
        features = self.enhancement(self.convolutions(view.unsqueeze(1)))
        # [types, B · positions, 8], so that a type's transform is one product
        batch = len(view)
        capsules = self.capsules(features).view(batch, TYPES, LENGTH, -1).permute(1, 0, 3, 2)
        votes = squash(capsules).flatten(1, 2) @ self.transform
        votes = votes.view(TYPES, batch, -1, CLASSES * CLASS_LENGTH).transpose(0, 1)
        return votes.reshape(batch, -1, CLASSES, CLASS_LENGTH)


class SecapCapsule(nn.Module):
    """The capsule reading over both views of one second.

    Args:
        frames: frames of a segment, T; 87 or 44. The network's shape does not depend on it.
    """

    def __init__(self, frames: int = 87) -> None:
        super().__init__()
        if frames < 1:
            raise ValueError(f"frames={frames}: use 1 or more")
        self.mel = PrimaryCapsules()
        self.cochleagram = PrimaryCapsules()

    def lengths(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return the lengths of the class capsules [B, 2], in [0, 1); the arguments are `forward`'s."""
        votes = torch.cat([self.mel(mel), self.cochleagram(cochleagram)], dim=1)
        lengths: Tensor = torch.linalg.vector_norm(route(votes)[0], dim=2)
        return lengths

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2], the log class lengths, for mel [B, 128, T] and cochleagram [B, 84, T]."""
        logits: Tensor = self.lengths(mel, cochleagram).clamp(min=1e-6).log()
        return logits


def squash(vector: Tensor) -> Tensor:
    """Return vectors [..., d] with their lengths brought from [0, ∞) into [0, 1) (Sabour et al., eq 1)."""
    squared = vector.float().square().sum(dim=-1, keepdim=True)
    return vector * (squared / (1 + squared) / (squared + 1e-9).sqrt())


def route(votes: Tensor) -> tuple[Tensor, Tensor]:
    """Route votes to classes by agreement (Sabour et al., procedure 1, with a mean for the sum).

    Args:
        votes: [B, capsules, classes, 16].

    Returns: The class capsules [B, classes, 16] and the last coefficients [B, capsules, classes], which sum
        to 1 over the classes. Only the last round is differentiated.
    """
    agreement = votes.new_zeros(votes.shape[:3])
    fixed = votes.detach()
    for _ in range(ROUNDS - 1):
        found = _gather(agreement.softmax(dim=2), fixed)
        agreement = agreement + torch.einsum("bnck,bck->bnc", fixed, found)
    coefficients = agreement.softmax(dim=2)
    return _gather(coefficients, votes), coefficients


def margin_loss(lengths: Tensor, target: Tensor) -> Tensor:
    """Return the margin loss (Sabour et al., eq 4), on average over rows.

    Args:
        lengths: of the class capsules [B, 2], in [0, 1).
        target: share of class 1 of each row [B], in [0, 1].
    """
    shares = torch.stack([1 - target, target], dim=1)
    too_short = F.relu(PRESENT - lengths).square()
    too_long = F.relu(lengths - ABSENT).square()
    return (shares * too_short + DOWN_WEIGHT * (1 - shares) * too_long).sum(dim=1).mean()


def _gather(coefficients: Tensor, votes: Tensor) -> Tensor:
    total = torch.einsum("bnc,bnck->bck", coefficients, votes)
    return squash(GAIN * total / coefficients.sum(dim=1).unsqueeze(2))


def loss(network: SecapCapsule, batch: Batch, context: Context) -> Terms:
    """The margin loss."""
    count = len(batch.target)
    lengths = network.lengths(batch.mel[:count], batch.cochleagram[:count])
    return {"total": margin_loss(lengths.float(), batch.target)}


BASELINE = Baseline(
    name="secap-capsule",
    title="SECapEmotion (capsules)",
    provenance=PROVENANCE,
    source=SOURCE,
    network=SecapCapsule,
    loss=loss,
    native={"learning_rate": 1e-3},
)
