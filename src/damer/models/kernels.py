"""The two steps of a cross-view layer that PyTorch does slowly on a CPU, written for it.

Both hold for any floating type and device; the layer uses them on a CPU and PyTorch's own on a GPU, and
on a CPU for attention in float32 from which nothing is learned.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_BYTE_VALUES = 256
# Row sums of exponentials inside this range lose nothing, in float32 and in bfloat16 alike.
_SMALLEST_SUM, _LARGEST_SUM = 1e-30, 1e30


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention softmax(query key^T) value by explicit products (eq 5; the scale is already in the query).

    On a CPU the backward pass of PyTorch's fused attention takes twice as long.

    Args:
        query: [G, N, d], G heads of all segments.
        key: [G, M, d].
        value: [G, M, d].

    Returns:
        Tensor [G, N, d].
    """
    if torch.compiler.is_compiling() or query.device.type != "cpu":
        return (query @ key.mT).softmax(dim=-1).to(value.dtype) @ value
    answer: Tensor = _Attend.apply(query, key, value)  # type: ignore[no-untyped-call]
    return answer


class _Attend(torch.autograd.Function):
    """Softmax without a pass for the maximum, divided by its sum only after the product with the values."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        powers = torch.bmm(query, key.mT).exp_()
        sums = powers.sum(dim=-1, keepdim=True)
        if not ((sums > _SMALLEST_SUM) & (sums < _LARGEST_SUM)).all():
            # Scores beyond about 69 in size, or NaN: the stable way.
            powers = torch.bmm(query, key.mT).softmax(dim=-1)
            sums = powers.new_ones(sums.shape)
        answer = torch.bmm(powers, value).div_(sums)
        ctx.save_for_backward(query, key, value, powers, sums, answer)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value, powers, sums, answer = ctx.saved_tensors
        shared = gradient / sums
        of_value = torch.bmm(powers.mT, shared)
        common = (shared * answer).sum(dim=-1, keepdim=True)
        of_scores = torch.bmm(shared, value.mT).sub_(common).mul_(powers)
        return torch.bmm(of_scores, key), torch.bmm(of_scores.mT, query), of_value


def add_dropped(residual: Tensor, update: Tensor, probability: float) -> Tensor:
    """Return residual + dropout(update), by a mask of random bytes: a tenth of a draw's cost an element.

    Args:
        residual: any shape, any floating type, which is the result's.
        update: of the same shape; may be of a lower precision.
        probability: of dropping an element of `update`, in [0, 1), rounded to the nearest 1/256; what is kept
            is scaled by the rounded rate, so that the expectation is exactly residual + update.
    """
    dropped = min(round(probability * _BYTE_VALUES), _BYTE_VALUES - 1)
    if dropped == 0:
        return residual + update
    total: Tensor = _AddKept.apply(residual, update, random_bytes(update), dropped)  # type: ignore[no-untyped-call]
    return total


def random_bytes(like: Tensor) -> Tensor:
    """Return independent bytes, uint8, of the shape and on the device of `like`; eight come from one draw."""
    words = torch.empty((like.numel() + 7) // 8, dtype=torch.int64, device=like.device)
    return words.random_(-(2**63), None).view(torch.uint8)[: like.numel()].view(like.shape)


class _AddKept(torch.autograd.Function):
    """residual + scale * kept * update, in the residual's precision; only the bytes are remembered."""

    @staticmethod
    def forward(ctx: Any, residual: Tensor, update: Tensor, drawn: Tensor, dropped: int) -> Tensor:
        ctx.save_for_backward(drawn)
        ctx.dropped, ctx.dtype = dropped, update.dtype
        kept, scale = _kept(drawn, dropped, residual)
        return torch.addcmul(residual, update.to(residual.dtype), kept, value=scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (drawn,) = ctx.saved_tensors
        kept, scale = _kept(drawn, ctx.dropped, gradient)
        return gradient, kept.mul_(gradient).mul_(scale).to(ctx.dtype), None, None


def _kept(drawn: Tensor, dropped: int, like: Tensor) -> tuple[Tensor, float]:
    """Ones where an element is kept, in the precision of `like`, and what makes up for the zeros."""
    kept = torch.ge(drawn, dropped, out=like.new_empty(drawn.shape))
    return kept, _BYTE_VALUES / (_BYTE_VALUES - dropped)
