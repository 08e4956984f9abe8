"""AT-DGNN: attention-based temporal learner and dynamic graph neural network.

Source: M. Xiao, Z. Zhu, K. Xie, B. Jiang, "MEEG and AT-DGNN: Improving EEG Emotion Recognition with Music
Introducing and Graph-based Learning", IEEE BIBM 2024, arXiv 2407.05550.

From the source: temporal convolutions at three window lengths (a half, a quarter and an eighth of a second)
with logarithmic power pooling; sliding windows of the result, each normalised, attended by several heads,
normalised again and convolved in time; a local filter that weighs each channel; channels aggregated to the
areas of the brain; three stacked dynamic graph layers whose adjacency is the normalised similarity of the
current sample's own node features, plus the identity; batch normalisation, dropout of a half, one linear
layer. Adam at 1e-3, weight decay 1e-3, batches of 64, label smoothing 0.1.

Our reading: the source's channels are electrodes; ours are the 128 Mel and 84 cochleagram bands, and its
areas are 16 groups of 8 neighbouring Mel bands and 12 groups of 7 cochleagram bands. A node stays one area
from the local filter to the graph, and the areas share one temporal learner. Windows are 32 steps long, 16
apart. The similarity goes through a softmax, because a raw one can be negative and has no square root. Widths
are smaller than the source's, in proportion to the shorter segments.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.attention import MultiHeadAttention
from damer.baselines.base import Baseline, Context, Terms
from damer.training.data import Batch

PROVENANCE = "adapted"
SOURCE = (
    "Xiao, Zhu, Xie, Jiang: MEEG and AT-DGNN: Improving EEG Emotion Recognition with Music Introducing and "
    "Graph-based Learning. IEEE BIBM 2024"
)

FILTERS = 16  # of each temporal convolution
WIDTH = 32  # of a step of the temporal learner
MEL_AREA, COCHLEA_AREA = 8, 7  # bands of an area
WINDOW, STRIDE = 32, 16  # steps
POOL, POOL_STRIDE = 8, 2  # frames
LABEL_SMOOTHING = 0.1
_QUIETEST = 1e-6  # floor of the power before its logarithm


class LocalFilter(nn.Module):
    """A weight and an offset for each band, then ReLU.

    Args:
        bands: bands of both views.
    """

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(bands, 1))
        self.bias = nn.Parameter(torch.zeros(bands, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return features [B, C, bands, L], weighed."""
        return F.relu(features * self.weight + self.bias)


class TemporalLearner(nn.Module):
    """One sliding window: norm, attention with its residual, norm, temporal convolution, mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_before = nn.LayerNorm(WIDTH)
        self.attention = MultiHeadAttention(WIDTH, heads=4)
        self.norm_after = nn.LayerNorm(WIDTH)
        self.convolution = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.norm = nn.BatchNorm1d(WIDTH)

    def forward(self, steps: Tensor) -> Tensor:
        """Return [N, 32] of windows [N, steps, 32]."""
        steps = self.norm_before(steps)
        steps = self.norm_after(steps + self.attention(steps, steps))
        convolved = F.relu(self.norm(self.convolution(steps.transpose(1, 2))))
        return convolved.mean(dim=2)


class DynamicGraphLayer(nn.Module):
    """Features of neighbours by the sample's own similarities, then a linear map and ReLU.

    Args:
        inputs: features of a node before.
        outputs: features of a node after.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, nodes: Tensor) -> Tensor:
        """Return [B, nodes, outputs] of nodes [B, nodes, inputs]."""
        return F.relu(self.linear(dynamic_adjacency(nodes) @ nodes))


class AtDgnn(nn.Module):
    """AT-DGNN over both views of one second.

    Args:
        frames: frames of a segment, T; 87 or 44.
        mel_bands: Mel bands, a multiple of 8.
        cochlea_bands: cochleagram bands, a multiple of 7.
    """

    def __init__(self, frames: int = 87, mel_bands: int = 128, cochlea_bands: int = 84) -> None:
        super().__init__()
        self.mel_bands = mel_bands
        nodes = mel_bands // MEL_AREA + cochlea_bands // COCHLEA_AREA
        kernels = [frames // share for share in (2, 4, 8)]
        steps = sum((frames - kernel + 1 - POOL) // POOL_STRIDE + 1 for kernel in kernels)
        if steps < WINDOW:
            raise ValueError(
                f"frames={frames} give {steps} steps, a window needs {WINDOW}: use 40 frames or more"
            )
        self.windows = (steps - WINDOW) // STRIDE + 1
        width = self.windows * WIDTH
        self.temporal = nn.ModuleList(nn.Conv2d(1, FILTERS, (1, kernel)) for kernel in kernels)
        self.norm = nn.BatchNorm2d(FILTERS)
        self.integrator = nn.Conv2d(FILTERS, FILTERS, 1)
        self.local_filter = LocalFilter(mel_bands + cochlea_bands)
        self.widen = nn.Linear(FILTERS, WIDTH)
        self.learner = TemporalLearner()
        self.graph_norm = nn.BatchNorm1d(nodes)
        self.graph = nn.Sequential(
            DynamicGraphLayer(width, 64), DynamicGraphLayer(64, 64), DynamicGraphLayer(64, 32)
        )
        self.output_norm = nn.BatchNorm1d(nodes)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(nodes * 32, 2)

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T], standardised."""
        nodes = self.graph(self.graph_norm(self.nodes(mel, cochleagram)))
        logits: Tensor = self.output(self.dropout(self.output_norm(nodes).flatten(1)))
        return logits

    def nodes(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return the features [B, 28, windows · 32] that enter the graph, an area a node."""
        signal = torch.cat([mel, cochleagram], dim=1).unsqueeze(1)
        features = torch.cat([log_power(convolution(signal)) for convolution in self.temporal], dim=3)
        features = self.local_filter(F.leaky_relu(self.integrator(self.norm(features))))
        mel_part, cochlea_part = features[:, :, : self.mel_bands], features[:, :, self.mel_bands :]
        areas = torch.cat([areas_of(mel_part, MEL_AREA), areas_of(cochlea_part, COCHLEA_AREA)], dim=2)
        steps = self.widen(areas.permute(0, 2, 3, 1))  # [B, areas, L, 32]
        windows = steps.unfold(2, WINDOW, STRIDE).transpose(3, 4)  # [B, areas, windows, 32 steps, 32]
        learned: Tensor = self.learner(windows.flatten(0, 2))
        return learned.view(len(mel), steps.shape[1], -1)


def areas_of(features: Tensor, bands: int) -> Tensor:
    """Return features [B, C, N, L] averaged over each `bands` neighbouring bands, [B, C, N / bands, L]."""
    batch, channels, count, steps = features.shape
    return features.view(batch, channels, count // bands, bands, steps).mean(dim=3)


def log_power(signal: Tensor) -> Tensor:
    """Return the logarithm of the mean square over 8 frames, every 2 frames, of a signal [B, C, bands, T]."""
    power = F.avg_pool2d(signal.float().square(), (1, POOL), (1, POOL_STRIDE))
    return power.clamp(min=_QUIETEST).log()


def dynamic_adjacency(nodes: Tensor) -> Tensor:
    """Return Â = D^-½ (softmax(H Hᵀ / √d) + I) D^-½ [B, N, N] of node features H [B, N, d].

    Each row of the softmax sums to 1, so every degree is 2 and the normalisation is a halving.
    """
    similarity = (nodes @ nodes.mT / math.sqrt(nodes.shape[-1])).softmax(dim=-1)
    return (similarity + torch.eye(nodes.shape[1], dtype=nodes.dtype, device=nodes.device)) / 2


def smoothed_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of logits [B, 2] with shares of class 1 [B], a tenth of them spread over both classes."""
    shares = torch.stack([1 - target, target], dim=1)
    return F.cross_entropy(logits.float(), shares, label_smoothing=LABEL_SMOOTHING)


def loss(network: nn.Module, batch: Batch, context: Context) -> Terms:
    """Cross-entropy with smoothed labels."""
    count = len(batch.target)
    logits = network(batch.mel[:count], batch.cochleagram[:count])
    return {"total": smoothed_cross_entropy(logits, batch.target)}


BASELINE = Baseline(
    name="atdgnn",
    title="ATDGNN",
    provenance=PROVENANCE,
    source=SOURCE,
    network=AtDgnn,
    loss=loss,
    native={"learning_rate": 1e-3, "weight_decay": 1e-3, "batch_size": 64, "epochs": 200},
)
