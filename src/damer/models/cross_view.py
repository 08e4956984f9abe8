"""One layer of Dual-Stream Attention Fusion: each view asks the other (section IV.B, eqs 3 to 8)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.models.kernels import add_dropped, attend


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
        batch, count, dim = asking.shape
        shape = (batch, -1, self.heads, dim // self.heads)
        key, value = self.key_value(answering).unflatten(-1, (2, -1)).unbind(dim=2)
        key, value = (part.reshape(shape).transpose(1, 2) for part in (key, value))
        if asking.device.type == "cpu" and (torch.is_grad_enabled() or key.dtype != torch.float32):
            # PyTorch's own is quicker on a CPU only in float32, and where nothing is learned.
            # The scale 1 / sqrt(d_k) goes into the weights: they are fewer than the scores.
            scale = shape[-1] ** -0.5
            query = F.linear(asking, self.query.weight * scale, self.query.bias * scale)
            parts = (query.view(shape).transpose(1, 2), key, value)
            answer = attend(*(part.reshape(-1, *part.shape[2:]) for part in parts))
            answer = answer.view(batch, self.heads, count, -1)
        else:
            query = self.query(asking).view(shape).transpose(1, 2)
            answer = F.scaled_dot_product_attention(query, key, value)
        heard: Tensor = self.output(answer.transpose(1, 2).reshape(batch, count, dim))
        return heard


class Direction(nn.Module):
    """One view asking the other, with its feed-forward network: eqs 6 to 8, normalised after each step."""

    def __init__(self, dim: int, heads: int, ffn_ratio: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = CrossAttention(dim, heads)
        self.attention_norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, ffn_ratio * dim)
        self.contract = nn.Linear(ffn_ratio * dim, dim)
        self.ffn_norm = nn.LayerNorm(dim)

    def forward(self, asking: Tensor, answering: Tensor) -> Tensor:
        """Return the asking view's tokens [B, N, D] after hearing `answering` [B, M, D]."""
        tokens = self.attention_norm(self._add(asking, self.attention(asking, answering)))
        update = self.contract(F.gelu(self.expand(tokens)))
        told: Tensor = self.ffn_norm(self._add(tokens, update))
        return told

    def _add(self, residual: Tensor, update: Tensor) -> Tensor:
        """Residual + dropout(update)."""
        if not self.training or self.dropout == 0.0:
            return residual + update
        if update.device.type == "cpu":
            return add_dropped(residual, update, self.dropout)
        return residual + F.dropout(update, self.dropout)


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
