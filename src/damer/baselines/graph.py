"""Graphs over bands whose edges are learned: their Laplacian and its Chebyshev polynomials.

The 128 Mel and 84 cochleagram bands are the nodes, a band's frames its features (Defferrard et al. 2016; Song
et al., "EEG emotion recognition using dynamical graph convolutional neural networks", IEEE TAFFC 2020).
"""

import torch
from torch import Tensor, nn

BANDS = 128 + 84


def new_adjacency(nodes: int = BANDS) -> nn.Parameter:
    """Return a random adjacency [nodes, nodes] to be learned (Glorot and Bengio 2010)."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(nodes, nodes)))


def scaled_laplacian(adjacency: Tensor) -> Tensor:
    """Return L - I of a learned adjacency, where L = I - D^-1/2 A D^-1/2; its spectrum lies in [-1, 1].

    Edges are undirected, (A + Aᵀ)/2, so that the spectrum is real, and not negative.

    Args:
        adjacency: any real numbers [nodes, nodes].
    """
    weights = torch.relu((adjacency + adjacency.T) / 2).float()
    scale = weights.sum(dim=1).clamp_min(1e-6).rsqrt()
    return -scale[:, None] * weights * scale


def chebyshev(laplacian: Tensor, features: Tensor, orders: int) -> list[Tensor]:
    """Return T_0(L)x, T_1(L)x, … of the scaled Laplacian.

    Args:
        laplacian: [nodes, nodes] with its spectrum in [-1, 1].
        features: [B, nodes, F].
        orders: number of polynomials, at least 1.

    Returns:
        `orders` tensors [B, nodes, F]; the k-th has seen nodes up to k edges away.
    """
    found = [features]
    if orders > 1:
        found.append(laplacian @ features)
    while len(found) < orders:
        found.append(2 * (laplacian @ found[-1]) - found[-2])
    return found


def powers(laplacian: Tensor, features: Tensor, orders: int) -> list[Tensor]:
    """Return x, Lx, L²x, … : what `chebyshev` is a better conditioned basis of."""
    found = [features]
    while len(found) < orders:
        found.append(laplacian @ found[-1])
    return found


class GraphFilter(nn.Module):
    """A graph convolution of K orders: Σ_k T_k(L)x W_k.

    Args:
        inputs: features of a node.
        outputs: features of a node after it.
        orders: K.
        basis: "chebyshev", or "powers" of the Laplacian.
    """

    def __init__(self, inputs: int, outputs: int, orders: int = 2, basis: str = "chebyshev") -> None:
        super().__init__()
        if basis not in ("chebyshev", "powers"):
            raise ValueError(f"basis={basis!r}: use 'chebyshev' or 'powers'")
        self.basis = chebyshev if basis == "chebyshev" else powers
        self.weights = nn.Parameter(torch.empty(orders, inputs, outputs))
        for weight in self.weights:
            nn.init.xavier_uniform_(weight.data)

    def forward(self, laplacian: Tensor, features: Tensor) -> Tensor:
        """Return [B, nodes, outputs] for features [B, nodes, inputs]."""
        seen = self.basis(laplacian, features, len(self.weights))
        found: Tensor = torch.stack([part @ weight for part, weight in zip(seen, self.weights, strict=True)])
        return found.sum(dim=0)
