"""MCGC-net: multi-scale controllable graph convolution.

Source: T. Zhang, Q. Li, X. Yang, C. L. P. Chen, "MCGC-Net: Multi-Scale Controllable Graph Convolutional
Network on Music Emotion Recognition", IEEE TAFFC 2025. Neither its text nor code could be found: this is a
reconstruction from the title, from the abstract of the same group's DGC-Link (a gate on the flow of
features of different orders) and from their habit of residual convolutions with a broad head (see
`damer.baselines.rgcb`).

Our reading: four scales, the Chebyshev orders 0 to 3 of a learned graph over the bands of both views; going
from scale to scale, a gated update as in a gated recurrent unit (Cho et al. 2014) controls element by
element what of each scale is let in; the gated scales side by side, and RGCB-net's deep and broad part
after them.

The network has 1 435 072 parameters at 87 frames and 1 433 610 at 44.
"""

import torch
from torch import Tensor, nn

from damer.baselines.base import Baseline
from damer.baselines.broad import GRAPH_WIDTH, BroadExtractor, classifier
from damer.baselines.graph import chebyshev, new_adjacency, scaled_laplacian

PROVENANCE = "reconstructed"
SOURCE = "Zhang, Li, Yang, Chen: MCGC-Net. IEEE TAFFC, 2025 (title only)"
SCALES, WIDTH = 3, 32


class Gate(nn.Module):
    """One scale let in under control: h' = (1 - z) ⊙ tanh(W_n [u; r ⊙ h]) + z ⊙ h.

    Args:
        width: features of a node, of the scale u and of the state h alike.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.keep = nn.Linear(2 * width, width)
        self.reset = nn.Linear(2 * width, width)
        self.candidate = nn.Linear(2 * width, width)

    def forward(self, scale: Tensor, state: Tensor) -> Tensor:
        """Return the next state [B, nodes, width]."""
        both = torch.cat([scale, state], dim=-1)
        keep, reset = torch.sigmoid(self.keep(both)), torch.sigmoid(self.reset(both))
        candidate = torch.tanh(self.candidate(torch.cat([scale, reset * state], dim=-1)))
        return (1 - keep) * candidate + keep * state


class ControlledGraph(nn.Module):
    """The graph layer: Chebyshev scales, each passed through its own gate.

    Args:
        inputs: features of a node.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, WIDTH, bias=False)
        self.gates = nn.ModuleList(Gate() for _ in range(SCALES))
        self.mix = nn.Linear(SCALES * WIDTH, GRAPH_WIDTH)

    def states(self, laplacian: Tensor, features: Tensor) -> list[Tensor]:
        """Return h_0 (nodes alone) to h_3 (neighbours up to three edges away), [B, nodes, 32] each."""
        scales = [self.project(part) for part in chebyshev(laplacian, features, SCALES + 1)]
        found = [scales[0]]
        for scale, gate in zip(scales[1:], self.gates, strict=True):
            found.append(gate(scale, found[-1]))
        return found

    def forward(self, laplacian: Tensor, features: Tensor) -> Tensor:
        """Return [B, nodes, 64] for features [B, nodes, inputs]."""
        states = self.states(laplacian, features)
        return torch.relu(self.mix(torch.cat(states[1:], dim=-1)))


class Mcgc(nn.Module):
    """MCGC-net over both views of one second.

    Args:
        frames: frames of a segment, T.
    """

    def __init__(self, frames: int = 87) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(frames, eps=0.01)
        self.adjacency = new_adjacency()
        self.graph = ControlledGraph(frames)
        self.extractor = BroadExtractor()
        self.head = classifier(self.extractor.width)

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T], standardised."""
        bands = torch.cat([mel, cochleagram], dim=1)
        bands = self.normalise(bands.transpose(1, 2)).transpose(1, 2)
        logits: Tensor = self.head(self.extractor(self.graph(scaled_laplacian(self.adjacency), bands)))
        return logits


BASELINE = Baseline(
    "mcgc",
    "MCGC-net",
    PROVENANCE,
    SOURCE,
    Mcgc,
    native={"learning_rate": 1e-3, "epochs": 50, "batch_size": 256},
)
