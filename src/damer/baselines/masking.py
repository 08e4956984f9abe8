"""Stripes of a map that a network does not see while it trains (SpecAugment, Park et al. 2019)."""

import torch
from torch import Tensor


def stripes(rows: int, length: int, widest: int, generator: torch.Generator) -> Tensor:
    """Draw one stripe a row, 0 to `widest` neighbouring places, each width, then each start alike likely.

    Args:
        rows: number of rows, B.
        length: places of a row.
        widest: widest stripe; a stripe is never longer than the row.
        generator: decides it; on the CPU.

    Returns:
        bool [B, length], on the CPU, True in the stripe.
    """
    drawn = torch.rand(2, rows, generator=generator)
    width = (drawn[0] * (min(widest, length) + 1)).long()
    start = (drawn[1] * (length - width + 1)).long()
    place = torch.arange(length)
    return (place >= start.unsqueeze(1)) & (place < (start + width).unsqueeze(1))
