"""The network: two views in, three answers and an embedding out (section IV.B)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from damer.core.errors import DamerError
from damer.models.config import DamerConfig
from damer.models.cross_view import CrossViewLayer
from damer.models.stem import make_stem

CLASSES = 2  # low or negative, high or positive


class DamerOutput(NamedTuple):
    """What the network says of B segments.

    Attributes:
        mel: logits of the Mel head [B, 2].
        cochleagram: logits of the cochleagram head [B, 2].
        fused: logits of the fused head [B, 2].
        embedding: fused embedding z_fuse [B, fused_dim], not normalised.
        style: logits of the styles [B, styles]; [0, 1] where the network has none.
        harmony: logits of the head that hears the harmony alone [B, 2]; [0, 2] where the network has none.
    """

    mel: Tensor
    cochleagram: Tensor
    fused: Tensor
    embedding: Tensor
    style: Tensor = torch.empty(0, 1)
    harmony: Tensor = torch.empty(0, CLASSES)


def _positions(count: int, dim: int) -> nn.Parameter:
    """Return embeddings to learn [count, dim], drawn at random unless only their shape is asked for."""
    positions = torch.empty(count, dim)
    if not positions.is_meta:  # drawing on the meta device would import torch's compiler: a second
        nn.init.normal_(positions, std=0.02)
    return nn.Parameter(positions)


class ViewEmbedding(nn.Module):
    """Standardised features of one view to tokens: projection and, unless switched off, positions (eqs 1, 2).

    Args:
        bands: bands of the view.
        features: features of a band, as its stem gives them.
        patch: neighbouring bands that share a token.
        config: the network's configuration.
    """

    def __init__(self, bands: int, features: int, patch: int, config: DamerConfig) -> None:
        super().__init__()
        self.by_frame = config.tokens == "frame"
        self.count = bands // patch
        count, width = (features, bands) if self.by_frame else (self.count, patch * features)
        self.project = nn.Linear(width, config.dim)
        self.position: nn.Parameter | None = None
        if config.positions == "learned":
            self.position = _positions(count, config.dim)

    def forward(self, features: Tensor) -> Tensor:
        """Return tokens [B, N, D] of features [B, bands, F]; N is bands / patch, or F with tokens="frame"."""
        rows = features.transpose(1, 2) if self.by_frame else features.reshape(len(features), self.count, -1)
        tokens = _trainable(self.project(rows), self)
        return tokens if self.position is None else tokens + self.position.to(tokens.dtype)


class TonalEmbedding(nn.Module):
    """The features of harmony as a few tokens, each a projection of all of them.

    Args:
        features: how many features the stem gives.
        config: the network's configuration.
    """

    def __init__(self, features: int, config: DamerConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.tonal_dropout)
        self.project = nn.Linear(features, config.tonal_tokens * config.dim)
        self.position = _positions(config.tonal_tokens, config.dim)

    def forward(self, rows: Tensor) -> Tensor:
        """Return tokens [B, N, D] of standardised rows [B, R, G]."""
        tokens = _trainable(self.project(self.dropout(rows.flatten(1))), self)
        return tokens.view(-1, *self.position.shape) + self.position.to(tokens.dtype)


class HarmonyHead(nn.Module):
    """An answer from the features of harmony alone: what no spectrum can drown.

    Args:
        features: how many features the stem gives.
        config: the network's configuration.
    """

    def __init__(self, features: int, config: DamerConfig) -> None:
        super().__init__()
        width, layers = features, []
        for _ in range(2):
            layers += [nn.Linear(width, config.tonal_hidden), nn.GELU(), nn.Dropout(config.tonal_dropout)]
            width = config.tonal_hidden
        self.hidden = nn.Sequential(*layers)
        self.answer = nn.Linear(width, CLASSES)
        self.styles = StyleOffsets(width, config.styles) if config.styles > 1 else None

    def forward(self, rows: Tensor, weights: Tensor | None) -> Tensor:
        """Return logits [B, 2] of standardised rows [B, R, G]; weights of the styles [B, styles] or None."""
        hidden = self.hidden(rows.flatten(1))
        answer: Tensor = self.answer(hidden)
        if self.styles is None or weights is None:
            return answer
        mixed: Tensor = self.styles(answer, hidden, weights)
        return mixed


class StyleOffsets(nn.Module):
    """What each style adds to an answer that all share.

    Args:
        width: features of the embedding.
        styles: kinds of music told apart.
    """

    def __init__(self, width: int, styles: int) -> None:
        super().__init__()
        self.offsets = nn.Linear(width, styles * CLASSES)

    def forward(self, logits: Tensor, embedding: Tensor, weights: Tensor) -> Tensor:
        """Return the logits [B, 2] of the mixture of the styles' answers.

        Args:
            logits: the shared answer [B, 2].
            embedding: what is answered about [B, width].
            weights: probability of each style [B, styles].
        """
        offsets = self.offsets(embedding).unflatten(-1, (-1, CLASSES))
        answers: Tensor = (logits[:, None] + offsets).float().log_softmax(dim=-1)
        return (answers + weights[..., None].clamp_min(1e-12).log()).logsumexp(dim=1)


class Damer(nn.Module):
    """The DAMER network for one dimension, arousal or valence.

    Args:
        config: its shape and switches.

    Attributes:
        mel_mean, mel_std: standardisation of the Mel features, float32 [mel_bands, F]; 0 and 1 until set.
        cochleagram_mean, cochleagram_std: likewise [cochlea_bands + R, G], R the stem's tonal rows.
    """

    mel_mean: Tensor
    mel_std: Tensor
    cochleagram_mean: Tensor
    cochleagram_std: Tensor

    def __init__(self, config: DamerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DamerConfig()
        self.stem = make_stem(config)
        mel_shape = (config.mel_bands, self.stem.mel_features)
        rows = config.cochlea_bands + self.stem.tonal_rows
        cochleagram_shape = (rows, self.stem.cochleagram_features)
        for view, shape in (("mel", mel_shape), ("cochleagram", cochleagram_shape)):
            self.register_buffer(f"{view}_mean", torch.zeros(shape))
            self.register_buffer(f"{view}_std", torch.ones(shape))
        self.mel_embedding = ViewEmbedding(*mel_shape, config.mel_patch, config)
        self.cochleagram_embedding = ViewEmbedding(
            config.cochlea_bands, self.stem.cochleagram_features, config.cochleagram_patch, config
        )
        self.tonal_embedding: TonalEmbedding | None = None
        if config.tonal_tokens:
            width = self.stem.tonal_rows * self.stem.cochleagram_features
            self.tonal_embedding = TonalEmbedding(width, config)
        self.harmony_head: HarmonyHead | None = None
        if config.tonal_hidden:
            width = self.stem.tonal_rows * self.stem.cochleagram_features
            self.harmony_head = HarmonyHead(width, config)
        self.layers = nn.ModuleList(
            CrossViewLayer(config.dim, config.heads, config.ffn_ratio, config.dropout)
            for _ in range(config.layers)
        )
        self.fusion = nn.Sequential(
            nn.Linear(2 * config.dim, config.fused_dim),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.fused_dim, config.fused_dim),
        )
        self.mel_head = nn.Linear(config.dim, CLASSES)
        self.cochleagram_head = nn.Linear(config.dim, CLASSES)
        self.fused_head = nn.Linear(config.fused_dim, CLASSES)
        self.style_head: nn.Linear | None = None
        if config.styles > 1:
            self.style_head = nn.Linear(2 * config.dim, config.styles)
            self.mel_styles = StyleOffsets(config.dim, config.styles)
            self.cochleagram_styles = StyleOffsets(config.dim, config.styles)
            self.fused_styles = StyleOffsets(config.fused_dim, config.styles)

    def forward(self, mel: Tensor, cochleagram: Tensor, style: Tensor | None = None) -> DamerOutput:
        """Answer for B segments.

        Args:
            mel: token features of the Mel view [B, mel_bands, F] as the stem gives them, not standardised.
            cochleagram: those of the cochleagram [B, cochlea_bands + R, G], R the stem's tonal rows.
            style: number of the style of each segment where it is known, int64 [B], -1 where it is not; the
                network's own estimate takes its place.

        Returns:
            The logits of the three heads, the fused embedding and the logits of the styles.
        """
        mel = self._standardised(mel, self.mel_mean, self.mel_std)
        cochleagram = self._standardised(cochleagram, self.cochleagram_mean, self.cochleagram_std)
        mel_tokens = self.mel_embedding(mel)
        cochleagram_tokens = self.cochleagram_embedding(cochleagram[:, : self.config.cochlea_bands])
        if self.tonal_embedding is not None:
            tonal_tokens = self.tonal_embedding(cochleagram[:, self.config.cochlea_bands :])
            cochleagram_tokens = torch.cat([cochleagram_tokens, tonal_tokens], dim=1)
        for layer in self.layers:
            mel_tokens, cochleagram_tokens = layer(mel_tokens, cochleagram_tokens)
        mel_pooled, cochleagram_pooled = mel_tokens.mean(dim=1), self._pool_cochleagram(cochleagram_tokens)
        pooled = torch.cat([mel_pooled, cochleagram_pooled], dim=-1)
        embedding = self.fusion(pooled)
        output = DamerOutput(
            self.mel_head(mel_pooled),
            self.cochleagram_head(cochleagram_pooled),
            self.fused_head(embedding),
            embedding,
        )
        weights: Tensor | None = None
        if self.style_head is not None:
            styles = self.style_head(pooled)
            weights = _style_weights(styles, style)
            output = output._replace(
                mel=self.mel_styles(output.mel, mel_pooled, weights),
                cochleagram=self.cochleagram_styles(output.cochleagram, cochleagram_pooled, weights),
                fused=self.fused_styles(output.fused, embedding, weights),
                style=styles,
            )
        if self.harmony_head is not None:
            rows = cochleagram[:, self.config.cochlea_bands :]
            output = output._replace(harmony=self.harmony_head(rows, weights))
        return output

    def _standardised(self, features: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        limit = self.config.feature_limit
        features = (features - mean) / deviation
        return features.clamp(-limit, limit) if limit else features

    def _pool_cochleagram(self, tokens: Tensor) -> Tensor:
        """Average the tokens; those of harmony weigh as much as those of the bands."""
        count = self.config.tonal_tokens
        if not count:
            return tokens.mean(dim=1)
        return (tokens[:, :-count].mean(dim=1) + tokens[:, -count:].mean(dim=1)) / 2

    def probability(self, output: DamerOutput, temperature: float = 1.0) -> Tensor:
        """Return the probability of the positive class, float32 [B] in [0, 1], by the configured head.

        Args:
            output: what `forward` returned.
            temperature: calibration temperature, above 0; the logits are divided by it.
        """
        heads = {"mel": output.mel, "cochleagram": output.cochleagram, "fused": output.fused}
        chosen = list(heads.values()) if self.config.head == "mean" else [heads[self.config.head]]
        probabilities = [(logits.float() / temperature).softmax(dim=-1)[:, 1] for logits in chosen]
        mean = torch.stack(probabilities).mean(dim=0)
        if self.harmony_head is None or self.config.head != "mean":
            return mean
        return (mean + (output.harmony.float() / temperature).softmax(dim=-1)[:, 1]) / 2

    @torch.no_grad()
    def set_standardisation(
        self, mel_mean: Tensor, mel_std: Tensor, cochleagram_mean: Tensor, cochleagram_std: Tensor
    ) -> None:
        """Set the statistics of the training part that the network subtracts and divides by.

        Args:
            mel_mean: [mel_bands, F], or [mel_bands, 1] for one value a band.
            mel_std: likewise, at least 0; a feature that never varies (0) is divided by 1.
            cochleagram_mean: [cochlea_bands, G] or [cochlea_bands, 1].
            cochleagram_std: likewise.

        Raises:
            DamerError: a value is not finite or a deviation is negative.
        """
        for own_mean, own_std, mean, std in (
            (self.mel_mean, self.mel_std, mel_mean, mel_std),
            (self.cochleagram_mean, self.cochleagram_std, cochleagram_mean, cochleagram_std),
        ):
            if not (mean.isfinite().all() and std.isfinite().all() and (std >= 0).all()):
                raise DamerError("standardisation: mean and deviation must be finite, check the features")
            own_mean.copy_(mean.expand_as(own_mean))
            own_std.copy_(std.where(std > 0, torch.ones_like(std)).expand_as(own_std))


def _trainable(tokens: Tensor, embedding: ViewEmbedding | TonalEmbedding) -> Tensor:
    """Return tokens, while training in the weights' precision: bfloat16 loses gradients of normalisations."""
    return tokens.to(embedding.project.weight.dtype) if embedding.training else tokens


def _style_weights(logits: Tensor, style: Tensor | None) -> Tensor:
    """Return the weight of each style [B, styles]: one for a style that is known, else its probability.

    The estimate is learned from known styles alone: no gradient reaches it through the answers.
    """
    estimated = logits.detach().float().softmax(dim=-1)
    if style is None:
        return estimated
    known = nn.functional.one_hot(style.clamp_min(0), logits.shape[1]).to(estimated.dtype)
    return torch.where((style >= 0)[:, None], known, estimated)
