"""The networks' companion: a kernel machine that answers from a longer stretch than they look at.

What a network learns from a thousand tracks and what a support vector machine on statistics of whole tracks
learns differ: they err on different music, and the mean of both answers is better than either. The companion
reads the very features of the networks' tokens, averaged over `window_s` seconds, and costs next to nothing.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from damer.core.errors import DamerError
from damer.models.config import DamerConfig
from damer.models.stem import make_stem, window_mean

CompanionViews = Literal["mel", "all"]

WINDOW_S = 40
"""Seconds over which the tokens' features are averaged, unless said otherwise."""

_FEATURE_LIMIT = 5.0  # standardised features are kept within ± this many deviations
_LIKELY = 1e-4  # the surest answer of a style's machine: one kernel machine must not outvote all networks
_LIMITS = {"components": (1, 4096), "window_s": (1, 3600)}
_MOST_POINTS, _MOST_STYLES = 100_000, 64


@dataclass(frozen=True)
class CompanionConfig:
    """Shape of a companion.

    Attributes:
        views: what it reads: "mel", the Mel tokens alone, or "all": Mel, cochleagram and harmony, each
            weighing the same.
        points: support points of each style's machine; one number where there are no styles.
        components: principal components in which distances are measured.
        window_s: seconds over which the tokens' features are averaged.
    """

    views: CompanionViews
    points: tuple[int, ...]
    components: int
    window_s: int = WINDOW_S

    def __post_init__(self) -> None:
        """Check once, here.

        Raises:
            DamerError: a value is of the wrong kind or outside its range.
        """
        if self.views not in get_args(CompanionViews):
            raise DamerError(f"companion: views must be {' or '.join(get_args(CompanionViews))}")
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise DamerError(f"companion: {name} must be a whole number from {low} to {high}")
        good = all(type(count) is int and count >= 1 for count in self.points)
        if not (good and 1 <= len(self.points) <= _MOST_STYLES and sum(self.points) <= _MOST_POINTS):
            raise DamerError("companion: points must be a count above 0 for each style")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "points": list(self.points)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CompanionConfig":
        """Return the configuration that `to_dict` wrote.

        Raises:
            DamerError: a name is missing or unknown, or a value cannot be.
        """
        if set(values) != {field.name for field in fields(cls)} or not isinstance(values["points"], list):
            raise DamerError("companion: its description is not complete")
        return cls(**{**values, "points": tuple(values["points"])})


class Companion(nn.Module):
    """Radial basis support vector machines, one a style, on averaged token features.

    Args:
        config: its shape.
        network: configuration of the networks whose tokens it reads.

    Attributes:
        feature_mean, feature_std: standardisation of the averaged features [D].
        basis, centre: principal components [D, components] and what to subtract [components].
        points, weights: support points of all styles, one after another [P, components], and their dual
            coefficients with the class's sign [P].
        offsets: of each style's decision [styles].
        gate, gate_offsets: a linear reading of the style [components, styles], [styles].
    """

    feature_mean: Tensor
    feature_std: Tensor
    scale: Tensor
    basis: Tensor
    centre: Tensor
    points: Tensor
    weights: Tensor
    offsets: Tensor
    gate: Tensor
    gate_offsets: Tensor

    def __init__(self, config: CompanionConfig, network: DamerConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = make_stem(network)
        self.bands = network.cochlea_bands
        self.widths = self._widths(network)
        features, components, styles = sum(self.widths), config.components, len(config.points)
        shapes = {
            "feature_mean": (features,),
            "feature_std": (features,),
            "basis": (features, components),
            "centre": (components,),
            "points": (sum(config.points), components),
            "weights": (sum(config.points),),
            "offsets": (styles,),
            "gate": (components, styles),
            "gate_offsets": (styles,),
        }
        for name, shape in shapes.items():
            self.register_buffer(name, torch.ones(shape) if name == "feature_std" else torch.zeros(shape))
        scale = torch.cat([torch.full((width,), 1.0 / math.sqrt(width)) for width in self.widths])
        self.register_buffer("scale", scale, persistent=False)

    def _widths(self, network: DamerConfig) -> list[int]:
        """Features of each block: all blocks weigh the same in a distance."""
        mel = network.mel_bands * self.stem.mel_features
        if self.config.views == "mel":
            return [mel]
        width = self.stem.cochleagram_features
        harmony = self.stem.tonal_rows * width
        return [mel, self.bands * width, *([harmony] if harmony else [])]

    def features(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return what is averaged of tokens (mel [B, 128, F], cochleagram [B, 84 + R, G]): float32 [B, D]."""
        blocks = [mel] if self.config.views == "mel" else [mel, cochleagram]
        return torch.cat([block.float().flatten(1) for block in blocks], dim=1)

    def reduced(self, averaged: Tensor) -> Tensor:
        """Return the principal components [B, components] of averaged features [B, D]."""
        return self.standardised(averaged) @ self.basis - self.centre

    def standardised(self, averaged: Tensor) -> Tensor:
        """Return averaged features [B, D] standardised, limited, and scaled so that blocks weigh the same."""
        standard = (averaged - self.feature_mean) / self.feature_std
        return standard.clamp(-_FEATURE_LIMIT, _FEATURE_LIMIT) * self.scale

    def forward(self, averaged: Tensor) -> Tensor:
        """Return the logit [B] of class 1 for averaged features [B, D].

        Each style's machine gives a probability, and these are weighted by how likely each style is.
        """
        place = self.reduced(averaged)
        gamma = 1.0 / len(self.widths)
        likeness = (-gamma * torch.cdist(place, self.points).square()).exp() * self.weights
        sums = [part.sum(dim=1) for part in torch.split(likeness, list(self.config.points), dim=1)]
        probability = (torch.stack(sums, dim=1) + self.offsets).sigmoid().clamp(_LIKELY, 1 - _LIKELY)
        style = (place @ self.gate + self.gate_offsets).softmax(dim=1)
        return torch.logit((probability * style).sum(dim=1))

    def around(self, mel: Tensor, cochleagram: Tensor, centres: Tensor) -> Tensor:
        """Return the logit [B] of class 1 for the stretches around some seconds.

        Args:
            mel: tokens of S seconds on end [S, 128, F].
            cochleagram: likewise [S, 84 + R, G].
            centres: which of these seconds, int64 [B]. Stretches are cut at the edges of what is given.
        """
        mean = window_mean(centres, self.config.window_s, len(mel))
        answers: Tensor = self(mean(self.features(mel, cochleagram)))
        return answers


def blend(probability: Tensor, logit: Tensor) -> Tensor:
    """Return the mean, as logits, of the networks' answer and the companion's.

    Args:
        probability: of class 1 by the networks [B], in [0, 1].
        logit: the companion's [B].
    """
    return ((torch.logit(probability.clamp(_LIKELY, 1 - _LIKELY)) + logit) / 2).sigmoid()
