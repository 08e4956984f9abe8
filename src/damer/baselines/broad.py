"""What the graph networks of one group share: residual convolutions over bands, and the broad concatenation.

Broad learning puts every level's features side by side before the classifier (Chen and Liu, "Broad learning
system", IEEE TNNLS 2018; Zhang et al., "GCB-Net", IEEE TAFFC 2022; Li et al., "Residual GCB-Net", IEEE TCDS
2023).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.graph import BANDS

GRAPH_WIDTH = 64  # features of a band after the graph layer
LEVELS = (32, 16, 8)  # channels after each residual block


class ResidualBlock(nn.Module):
    """Three convolutions over bands beside a fourth one: i → i → i → o, plus i → o.

    Args:
        inputs: channels i.
        outputs: channels o.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (inputs, inputs, outputs):
            layers += [nn.Conv1d(inputs, width, 7, padding=3), nn.BatchNorm1d(width), nn.ReLU()]
        self.deep = nn.Sequential(*layers[:-1])  # the last ReLU comes after the sum
        self.shortcut = nn.Conv1d(inputs, outputs, 7, padding=3)

    def forward(self, features: Tensor) -> Tensor:
        """Return [B, outputs, bands] for features [B, inputs, bands]."""
        return F.relu(self.deep(features) + self.shortcut(features))


class BroadExtractor(nn.Module):
    """Residual blocks on a graph layer's output, and all of their levels concatenated."""

    def __init__(self) -> None:
        super().__init__()
        widths = (GRAPH_WIDTH, *LEVELS)
        self.blocks = nn.ModuleList(map(ResidualBlock, widths[:-1], widths[1:]))

    @property
    def width(self) -> int:
        """Length of the broad vector, whatever the number of frames: 19 504."""
        return GRAPH_WIDTH * BANDS + sum(LEVELS) * (BANDS // 2)

    def forward(self, graph: Tensor) -> Tensor:
        """Return the broad vector [B, width] of a graph layer's output [B, bands, 64]."""
        features = graph.transpose(1, 2)
        levels = [features]
        for number, block in enumerate(self.blocks):
            features = block(features)
            if number == 0:
                features = F.max_pool1d(features, 2)
            levels.append(features)
        return torch.cat([level.flatten(1) for level in levels], dim=1)


def classifier(width: int) -> nn.Sequential:
    """Return the head on a broad vector: logits [B, 2]."""
    return nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 2))


class RidgeHead(nn.Module):
    """The head of a broad learning system: random enhancement nodes, and ridge regression in closed form.

    Args:
        width: length of the broad vector.
        enhancement: number of enhancement nodes, H = tanh(Z W), of orthonormal random weights.
        penalty: λ of the ridge.
        seed: of the random weights.
    """

    def __init__(self, width: int, enhancement: int = 1000, penalty: float = 2.0**-8, seed: int = 0) -> None:
        super().__init__()
        self.penalty = penalty
        random = torch.randn(width, enhancement, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("nodes", torch.linalg.qr(random).Q)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.register_buffer("weights", torch.zeros(width + enhancement, 1))
        self.register_buffer("intercept", torch.zeros(1))

    def expand(self, broad: Tensor) -> Tensor:
        """Return [Z | H] [B, width + enhancement] of broad vectors [B, width]."""
        features = (broad - self.get_buffer("mean")) / self.get_buffer("deviation")
        return torch.cat([features, torch.tanh(features @ self.get_buffer("nodes"))], dim=1)

    @torch.no_grad()
    def fit(self, broad: Tensor, label: Tensor) -> None:
        """Solve for the output weights.

        Args:
            broad: broad vectors of the training rows [N, width].
            label: classes [N].
        """
        self.get_buffer("mean").copy_(broad.mean(dim=0))
        self.get_buffer("deviation").copy_(broad.std(dim=0, correction=0).clamp_min(1e-6))
        weights, intercept = ridge(self.expand(broad).double(), 2.0 * label.double() - 1, self.penalty)
        self.get_buffer("weights").copy_(weights[:, None])
        self.get_buffer("intercept").copy_(intercept)

    def forward(self, broad: Tensor) -> Tensor:
        """Return logits [B, 2]: minus and plus the regressed ±1."""
        found = self.expand(broad) @ self.get_buffer("weights") + self.get_buffer("intercept")
        return torch.cat([-found, found], dim=1)


def ridge(features: Tensor, target: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Return weights [F] and intercept [] that minimise ‖Xw + b - y‖² + penalty ‖w‖².

    The normal equations are solved in the smaller of the two dimensions.

    Args:
        features: X [N, F], float64.
        target: y [N].
        penalty: above 0.
    """
    mean, middle = features.mean(dim=0), target.mean()
    centred, wanted = features - mean, target - middle
    rows, columns = centred.shape
    eye = penalty * torch.eye(min(rows, columns), dtype=centred.dtype, device=centred.device)
    if columns <= rows:
        weights = torch.linalg.solve(centred.T @ centred + eye, centred.T @ wanted)
    else:
        weights = centred.T @ torch.linalg.solve(centred @ centred.T + eye, wanted)
    return weights, middle - mean @ weights
