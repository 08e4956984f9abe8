"""RGCB-net: residual graph convolutional broad network.

Source: Q. Li, T. Zhang, C. L. P. Chen, K. Yi, L. Chen, "Residual GCB-Net: Residual Graph Convolutional
Broad Network on Emotion Recognition", IEEE TCDS 15(4):1673-1685, 2023; there on EEG, electrodes as nodes.

From the source: a graph convolution whose adjacency is learned, residual convolution blocks on its output
where its parent GCB-Net has plain ones, and the concatenation of every level's features before the
classifier. From the authors' own use on music: bands are the nodes, frames their features, both views
together.

Our reading: K = 2 Chebyshev orders (the number is not given), undirected edges so that the Laplacian's
spectrum is real, and a fully connected head. `rgcb-bls` has the head of a broad learning system in its
place: enhancement nodes and ridge regression, solved once the extractor is trained.

The network has 1 418 496 parameters at 87 frames and 1 412 906 at 44.
"""

import torch
from torch import Tensor, nn

from damer.baselines.base import Baseline, Standardised
from damer.baselines.broad import BroadExtractor, RidgeHead, classifier
from damer.baselines.graph import GraphFilter, new_adjacency, scaled_laplacian
from damer.training.method import Task

PROVENANCE = "adapted"
SOURCE = "Li, Zhang, Chen, Yi, Chen: Residual GCB-Net. IEEE TCDS 15(4), 2023"
_ROWS, _MOST_ROWS = 512, 2048


class Rgcb(nn.Module):
    """RGCB-net over both views of one second.

    Args:
        frames: frames of a segment, T.
        basis: polynomials of the graph filter, "chebyshev" or "powers".

    Attributes:
        ridge: answers in place of the head, where it has been fitted.
    """

    def __init__(self, frames: int = 87, basis: str = "chebyshev") -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(frames, eps=0.01)
        self.adjacency = new_adjacency()
        self.graph = GraphFilter(frames, 64, orders=2, basis=basis)
        self.extractor = BroadExtractor()
        self.head = classifier(self.extractor.width)
        self.ridge: RidgeHead | None = None

    def broad(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return the broad vector [B, 19 504] of both views."""
        bands = torch.cat([mel, cochleagram], dim=1)
        bands = self.normalise(bands.transpose(1, 2)).transpose(1, 2)
        graph = torch.relu(self.graph(scaled_laplacian(self.adjacency), bands))
        found: Tensor = self.extractor(graph)
        return found

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T], standardised."""
        broad = self.broad(mel, cochleagram)
        logits: Tensor = self.head(broad) if self.ridge is None else self.ridge(broad.float())
        return logits


@torch.no_grad()
def fit_broad_head(network: Standardised, task: Task) -> None:
    """Fit the ridge head on at most 2 048 training rows, the extractor as it was trained."""
    inner = network.network
    assert isinstance(inner, Rgcb)
    rows = task.parts.train
    rows = rows[:: -(-len(rows) // _MOST_ROWS)]
    device = task.bank.device
    network.to(device).eval()
    found = [
        inner.broad(*network.views(*task.bank.gather(rows[first : first + _ROWS])))
        for first in range(0, len(rows), _ROWS)
    ]
    head = RidgeHead(inner.extractor.width, seed=task.seed).to(device)
    head.fit(torch.cat(found), torch.from_numpy(task.parts.labels[rows]).to(device))
    inner.ridge = head


NATIVE = {"learning_rate": 1e-3, "epochs": 50, "batch_size": 256}

BASELINE = Baseline("rgcb", "RGCB-net", PROVENANCE, SOURCE, Rgcb, native=NATIVE)
BROAD = Baseline(
    "rgcb-bls",
    "RGCB-net (BLS)",
    PROVENANCE,
    SOURCE,
    Rgcb,
    native=NATIVE,
    finish=fit_broad_head,
)
