"""Deltas: the slope of each band over the frames around a frame (Furui 1986; HTK book, eq 5.16)."""

import torch
from torch import Tensor
from torch.nn import functional as F

_REACH = 2  # frames to either side


def deltas(views: Tensor) -> Tensor:
    """Return the least-squares slope of each band over five frames, the edge frames repeated beyond the ends.

    Args:
        views: [B, bands, T], any unit.

    Returns:
        Tensor [B, bands, T], in that unit a frame.
    """
    offsets = torch.arange(-_REACH, _REACH + 1, dtype=views.dtype, device=views.device)
    kernel = offsets / offsets.square().sum()
    series = F.pad(views.flatten(0, 1).unsqueeze(1), (_REACH, _REACH), mode="replicate")
    return F.conv1d(series, kernel.view(1, 1, -1)).view_as(views)


def static_and_deltas(views: Tensor) -> Tensor:
    """Return [B, 3, bands, T]: the views [B, bands, T], their deltas, and the deltas of those."""
    first = deltas(views)
    return torch.stack([views, first, deltas(first)], dim=1)
