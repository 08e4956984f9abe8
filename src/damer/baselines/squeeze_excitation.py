"""Squeeze-and-excitation: a gate for each channel, from all channels' means (Hu et al., CVPR 2018)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SqueezeExcitation(nn.Module):
    """Scale each channel of a map by a number in (0, 1) that all channels' means decide.

    Args:
        channels: channels of the map.
        reduction: how many times narrower the hidden layer is.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def gate(self, features: Tensor) -> Tensor:
        """Return the gate [B, channels], in (0, 1), of features [B, channels, ...]."""
        means = features.flatten(2).mean(dim=2)
        return torch.sigmoid(self.excite(F.relu(self.squeeze(means))))

    def forward(self, features: Tensor) -> Tensor:
        """Return features [B, channels, ...], each channel times its gate."""
        gate = self.gate(features)
        return features * gate.view(*gate.shape, *(1,) * (features.dim() - 2))
