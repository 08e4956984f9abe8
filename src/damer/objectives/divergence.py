"""How far two views disagree: Jensen-Shannon divergence and the reliability drawn from it (eqs 12, 13)."""

import math

import torch
from torch import Tensor

LN2 = math.log(2.0)


def js_divergence(p: Tensor, q: Tensor) -> Tensor:
    """Jensen-Shannon divergence of two distributions over the last axis, in nats (eq 12).

    Args:
        p: probabilities [..., C]; any floating type, computed in at least float32.
        q: probabilities [..., C].

    Returns:
        Tensor [...] in [0, ln 2]: 0 where the two agree, ln 2 where they share no class. Values and gradients
        are finite also where a probability is 0.
    """
    dtype = torch.promote_types(torch.promote_types(p.dtype, q.dtype), torch.float32)
    p, q = p.to(dtype), q.to(dtype)
    mixture = 0.5 * (p + q)
    divergence = 0.5 * (_relative_entropy(p, mixture) + _relative_entropy(q, mixture))
    return divergence.clamp(0.0, LN2)


def reliability(p: Tensor, q: Tensor) -> Tensor:
    """Agreement of two views, r = exp(-JS(p, q)) (eq 13).

    Args:
        p: probabilities [..., C].
        q: probabilities [..., C].

    Returns:
        Tensor [...] in [0.5, 1]: 1 where the views agree.
    """
    return torch.exp(-js_divergence(p, q)).clamp(0.5, 1.0)


def _relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) in nats, with 0 log 0 = 0 in value and in gradient."""
    tiny = torch.finfo(p.dtype).tiny
    return (p * (p.clamp_min(tiny).log() - q.clamp_min(tiny).log())).sum(dim=-1)
