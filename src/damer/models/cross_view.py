"""One layer of Dual-Stream Attention Fusion: each view asks the other (section IV.B, eqs 3 to 8)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BYTE_VALUES = 256


def byte_dropout(values: Tensor, probability: float) -> Tensor:
    """Drop elements with a mask of random bytes: several times cheaper on a CPU than one draw an element.

    Args:
        values: any shape, any floating type.
        probability: of dropping an element, in [0, 1); rounded to the nearest 1/256, and what is kept is
            scaled by the rounded rate, so that the expectation is exactly `values`.

    Returns:
        Tensor like `values`: dropped elements 0, the others divided by the rate kept.
    """
    dropped = min(round(probability * _BYTE_VALUES), _BYTE_VALUES - 1)
    if dropped == 0:
        return values
    words = torch.empty((values.numel() + 7) // 8, dtype=torch.int64, device=values.device)
    bits = words.random_(-(2**63), None).view(torch.uint8)[: values.numel()].view(values.shape)
    return values * ((bits >= dropped).to(values.dtype) * (_BYTE_VALUES / (_BYTE_VALUES - dropped)))


class Dropout(nn.Module):
    """Dropout by a mask of bytes on a CPU, by PyTorch's own kernel elsewhere; nothing in evaluation."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, values: Tensor) -> Tensor:
        """Return `values` with elements dropped while training, unchanged otherwise."""
        if not self.training or self.probability == 0.0:
            return values
        if values.device.type == "cpu":
            return byte_dropout(values, self.probability)
        return F.dropout(values, self.probability)


class CrossAttention(nn.Module):
    """Multi-head attention of one view's tokens on the other's (eqs 3 to 5).

    Args:
        dim: width of a token, D.
        heads: attention heads, H; d_k = D / H.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, asking: Tensor, answering: Tensor) -> Tensor:
        """Return [B, N, D]: each of N asking tokens [B, N, D], answered by M tokens [B, M, D]."""
        query = self._split(self.query(asking))
        key, value = (self._split(half) for half in self.key_value(answering).chunk(2, dim=-1))
        if asking.device.type == "cpu":
            # Explicit products: the backward pass of PyTorch's fused attention is twice as slow on a CPU.
            scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
            answer = scores.softmax(dim=-1).to(value.dtype) @ value
        else:
            answer = F.scaled_dot_product_attention(query, key, value)
        heard: Tensor = self.output(answer.transpose(1, 2).flatten(2))
        return heard

    def _split(self, tokens: Tensor) -> Tensor:
        """[B, N, D] -> [B, H, N, d_k]."""
        return tokens.view(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class Direction(nn.Module):
    """One view asking the other, with its feed-forward network: eqs 6 to 8, normalised after each step."""

    def __init__(self, dim: int, heads: int, ffn_ratio: int, dropout: float) -> None:
        super().__init__()
        self.attention = CrossAttention(dim, heads)
        self.attention_norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, ffn_ratio * dim)
        self.contract = nn.Linear(ffn_ratio * dim, dim)
        self.ffn_norm = nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, asking: Tensor, answering: Tensor) -> Tensor:
        """Return the asking view's tokens [B, N, D] after hearing `answering` [B, M, D]."""
        tokens = self.attention_norm(asking + self.dropout(self.attention(asking, answering)))
        update = self.contract(F.gelu(self.expand(tokens)))
        told: Tensor = self.ffn_norm(tokens + self.dropout(update))
        return told


class CrossViewLayer(nn.Module):
    """Mel asks the cochleagram and the cochleagram asks Mel, both from one input, each by its own weights.

    Args:
        dim: width of a token, D.
        heads: attention heads, H.
        ffn_ratio: width of the feed-forward network over `dim`.
        dropout: probability of dropping an element, in [0, 1).
    """

    def __init__(self, dim: int, heads: int, ffn_ratio: int, dropout: float) -> None:
        super().__init__()
        self.mel = Direction(dim, heads, ffn_ratio, dropout)
        self.cochleagram = Direction(dim, heads, ffn_ratio, dropout)

    def forward(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next (mel [B, N, D], cochleagram [B, M, D])."""
        return self.mel(mel, cochleagram), self.cochleagram(cochleagram, mel)
