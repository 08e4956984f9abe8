"""IIOF: intra- and inter-feature orthogonal fusion of local and global features.

Source: P.-C. Chang, Y.-S. Chen, C.-H. Lee, "IIOF: Intra- and Inter-feature orthogonal fusion of local and
global features for music emotion recognition", Pattern Recognition 148:110200, 2024.

From the source: a ResNet-18 over a three-channel image; its third layer's map, pooled to 3 × 3 positions, is
the local feature; the pooled vector of its last layer, in two halves, is the global feature. Intra-feature:
the first half is made orthogonal to the second. Inter-feature: at each position the local feature is made
orthogonal to each half, and the half is put beside it. All of it, 1 024 channels × 9 positions, goes into one
fully connected layer.

Our reading: the source makes its image from raw sound with three banks of sinc filters, which the views we
compare on do not hold; ours is (Mel, cochleagram stretched to as many bands, their mean). The backbone starts
from random weights, not ImageNet's, which would be a download. Two classes and cross-entropy take the place
of tanh and L1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.base import Baseline
from damer.baselines.resnet import ResNet18

PROVENANCE = "adapted"
SOURCE = (
    "Chang, Chen, Lee: IIOF: Intra- and Inter-feature orthogonal fusion of local and global features for "
    "music emotion recognition. Pattern Recognition 148, 2024"
)

POSITIONS = 3  # local features along each axis


class OrthogonalFusion(nn.Module):
    """Both orthogonal fusions; it has no parameters."""

    def forward(self, local: Tensor, whole: Tensor) -> Tensor:
        """Return the fused features [B, 4 · C, 3, 3].

        Args:
            local: local features [B, C, 3, 3].
            whole: global features [B, 2 · C]: h1, then h2.
        """
        first, second = whole.chunk(2, dim=1)
        first = without_projection(first, second)  # intra-feature orthogonal fusion
        parts = []
        for half in (first, second):  # inter-feature orthogonal fusion
            spread = half[:, :, None, None].expand_as(local)
            parts += [without_projection(local, spread), spread]
        return torch.cat(parts, dim=1)


class Iiof(nn.Module):
    """IIOF over a three-channel image of both views of one second.

    Args:
        frames: frames of a segment, T; 87 or 44. The network's shape does not depend on it.
        mel_bands: bands of the image.
    """

    def __init__(self, frames: int = 87, mel_bands: int = 128) -> None:
        super().__init__()
        if frames < 33:
            raise ValueError(
                f"ResNet-18 needs more frames for 3 local positions: frames={frames}, use 33 or more"
            )
        self.mel_bands = mel_bands
        self.backbone = ResNet18()
        self.fusion = OrthogonalFusion()
        self.output = nn.Linear(4 * 256 * POSITIONS**2, 2)

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T], standardised."""
        middle, last = self.backbone(three_channels(mel, cochleagram))
        local = F.adaptive_avg_pool2d(middle, POSITIONS)
        whole = last.mean(dim=(2, 3))
        logits: Tensor = self.output(self.fusion(local, whole).flatten(1))
        return logits


def three_channels(mel: Tensor, cochleagram: Tensor) -> Tensor:
    """Return [B, 3, 128, T]: mel [B, 128, T], cochleagram [B, 84, T] stretched to 128 bands, their mean."""
    stretched = F.interpolate(
        cochleagram.unsqueeze(1), size=mel.shape[1:], mode="bilinear", align_corners=False
    ).squeeze(1)
    return torch.stack([mel, stretched, (mel + stretched) / 2], dim=1)


def without_projection(vector: Tensor, direction: Tensor, eps: float = 1e-12) -> Tensor:
    """Return the part of a vector that is orthogonal to a direction, both over dimension 1.

    Args:
        vector: [B, C, ...].
        direction: the same shape.
        eps: added to the direction's squared length, so that a direction of zeros takes nothing away.
    """
    share = (vector * direction).sum(dim=1, keepdim=True) / (
        direction.square().sum(dim=1, keepdim=True) + eps
    )
    return vector - share * direction


BASELINE = Baseline(
    name="iiof",
    title="IIOF",
    provenance=PROVENANCE,
    source=SOURCE,
    network=Iiof,
    native={"learning_rate": 1e-4, "batch_size": 20, "epochs": 200},
)
