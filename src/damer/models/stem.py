"""From views to token features: what the network's tokens are made of."""

from typing import Protocol

from torch import LongTensor, Tensor

from damer.core.errors import DamerError
from damer.models.config import DamerConfig


class Stem(Protocol):
    """Turns one track's views into the features of tokens; it has no parameters and no gradient.

    Attributes:
        mel_features: features F of a Mel token.
        cochleagram_features: features G of a cochleagram token.
    """

    mel_features: int
    cochleagram_features: int

    def summarise(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Summarise views (mel [S, 128, T], cochleagram [S, 84, T]) by second: [S, 128, f], [S, 84, g]."""
        ...

    def tokens(self, mel: Tensor, cochleagram: Tensor, centres: LongTensor) -> tuple[Tensor, Tensor]:
        """Gather the features around the seconds `centres` [B]: mel [B, 128, F], cochleagram [B, 84, G]."""
        ...


class RawStem:
    """A token's features are its frames in one second, as in the paper (eqs 1 and 2)."""

    def __init__(self, frames: int) -> None:
        self.mel_features = frames
        self.cochleagram_features = frames

    def summarise(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Return the views as they are."""
        return mel, cochleagram

    def tokens(self, mel: Tensor, cochleagram: Tensor, centres: LongTensor) -> tuple[Tensor, Tensor]:
        """Return the seconds `centres` [B] themselves."""
        return mel[centres], cochleagram[centres]


def make_stem(config: DamerConfig) -> Stem:
    """Return the stem that `config` names."""
    if config.stem == "raw":
        return RawStem(config.frames)
    raise DamerError(f"network setting stem={config.stem!r} is not known: use stem='raw'")
