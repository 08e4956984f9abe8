"""Maximum mean discrepancy: how far two samples of features lie apart (Gretton et al., JMLR 2012).

With several Gaussian kernels at once (Long et al., ICML 2015), for whole samples and class by class (Zhu et
al., "Deep subdomain adaptation network", IEEE TNNLS 2021).
"""

import torch
from torch import Tensor

MULTIPLIERS = (0.25, 0.5, 1.0, 2.0, 4.0)


def kernel(features: Tensor) -> Tensor:
    """Return the mean of five Gaussian kernels between all rows [N, N], from features [N, D].

    The bandwidth is the mean squared distance of two different rows, times each multiplier; no gradient
    reaches it.
    """
    rows = features.float()
    squares = rows.square().sum(dim=1)
    distance = (squares[:, None] + squares - 2 * rows @ rows.T).clamp_min(0)
    count = len(rows)
    bandwidth = distance.detach().sum() / max(1, count * (count - 1))
    bandwidth = bandwidth.clamp_min(1e-12)
    return torch.stack([torch.exp(-distance / (bandwidth * times)) for times in MULTIPLIERS]).mean(dim=0)


def weighted_discrepancy(source: Tensor, target: Tensor, own: Tensor, others: Tensor) -> Tensor:
    """Return the squared discrepancy of two weighted samples, not negative.

    Args:
        source: [n, D].
        target: [m, D].
        own: weights of the source's rows, summing to 1 [n].
        others: of the target's rows [m].
    """
    weights = torch.cat([own, -others]).float()
    return weights @ kernel(torch.cat([source, target])) @ weights


def discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """Return the squared discrepancy of two samples [n, D] and [m, D] (global: GDD)."""
    own, others = (
        rows.new_full((len(rows),), 1 / len(rows), dtype=torch.float32) for rows in (source, target)
    )
    return weighted_discrepancy(source, target, own, others)


def class_discrepancy(source: Tensor, target: Tensor, own: Tensor, others: Tensor) -> Tensor:
    """Return the mean over classes of the discrepancy of each class (local: LSD).

    Args:
        source: [n, D].
        target: [m, D].
        own: how much each source row belongs to each class, not negative [n, C].
        others: the same of the target's rows [m, C].

    Returns:
        A number; a class that either side lacks says nothing, and without any class it is 0.
    """
    sums = own.sum(dim=0), others.sum(dim=0)
    found = [
        weighted_discrepancy(source, target, own[:, c] / sums[0][c], others[:, c] / sums[1][c])
        for c in range(own.shape[1])
        if sums[0][c] > 0 and sums[1][c] > 0
    ]
    return torch.stack(found).mean() if found else source.sum() * 0.0
