"""Multi-head attention by explicit products (Vaswani et al. 2017, section 3.2).

PyTorch's fused attention is slower than this in the backward pass on a CPU, where the sequences compared here
are short.
"""

from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """Queries of one sequence on the keys and values of another, or of the same.

    Args:
        dim: width of a token.
        heads: attention heads; a divisor of `dim`.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, asking: Tensor, answering: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return [B, N, dim]: tokens [B, N, dim] after asking tokens [B, M, dim].

        Args:
            asking: tokens that ask.
            answering: tokens that are asked.
            mask: bool [B, M], False where a token must not be heard; at least one a row is True.
        """
        query = self.query(asking).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(answering).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = (query * query.shape[-1] ** -0.5) @ key.mT
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None, :], float("-inf"))
        heard = scores.softmax(dim=-1).to(value.dtype) @ value
        answer: Tensor = self.output(heard.transpose(1, 2).flatten(2))
        return answer
