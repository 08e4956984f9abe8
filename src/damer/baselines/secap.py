"""SECapEmotion as a Q-Former bridge, the reading that follows the comparison's citation.

The comparison table cites Y. Xu, H. Chen, J. Yu, Q. Huang, Z. Wu, S.-X. Zhang, G. Li, Y. Luo, R. Gu, "SECap:
Speech Emotion Captioning with Large Language Model", AAAI-24, 38(17):19323-19331, arXiv 2312.10381; its text
calls the method "self-enhanced capsule networks". No publication named SECapEmotion was found. This file is
the first reading; the second is `damer.baselines.secap_capsule`. Every table names the reading.

From the source: a frozen speech encoder; a bridge of learned queries that attend to its frames (Q-Former);
training of the bridge by a contrastive loss towards captions and by minimising its mutual information with
the speech content (vCLUB, Cheng et al. 2020); a language model that writes the caption.

Our reading: no captions and no language model, since the task is to tell two classes apart. Tokens are the
frames of both views; two transformer layers take the place of the frozen encoder and are trained; 16 queries
go through 4 layers of self- and cross-attention; their mean is classified, pulled towards a learned anchor of
its class, and kept free of the track's mean spectrum, which stands for content and timbre. All sizes are
ours.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from damer.baselines.attention import MultiHeadAttention
from damer.baselines.base import Baseline, Context, Terms, soft_cross_entropy
from damer.training.data import Batch

PROVENANCE = "adapted"
SOURCE = (
    "Xu, Chen, Yu, Huang, Wu, Zhang, Li, Luo, Gu: SECap: Speech Emotion Captioning with Large Language Model."
    " AAAI 2024 (Q-Former reading)"
)

WIDTH, HEADS = 192, 4
QUERIES, ENCODER_LAYERS, BRIDGE_LAYERS = 16, 2, 4
CONTRASTIVE_WEIGHT, INFORMATION_WEIGHT = 0.1, 0.01
TEMPERATURE = 0.07  # of the contrastive loss


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network, each normalised before."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.attention = MultiHeadAttention(WIDTH, HEADS)
        self.feed_forward_norm = nn.LayerNorm(WIDTH)
        self.feed_forward = _feed_forward()

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Return tokens [B, N, 192] after the layer; mask [B, N] is False for tokens not to be heard."""
        normed = self.attention_norm(tokens)
        tokens = tokens + self.attention(normed, normed, mask)
        told: Tensor = tokens + self.feed_forward(self.feed_forward_norm(tokens))
        return told


class BridgeLayer(nn.Module):
    """One layer of the Q-Former: the queries attend to each other, then to the tokens, then feed-forward."""

    def __init__(self) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(WIDTH)
        self.self_attention = MultiHeadAttention(WIDTH, HEADS)
        self.cross_norm = nn.LayerNorm(WIDTH)
        self.cross_attention = MultiHeadAttention(WIDTH, HEADS)
        self.feed_forward_norm = nn.LayerNorm(WIDTH)
        self.feed_forward = _feed_forward()

    def forward(self, queries: Tensor, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Return queries [B, 16, 192] after hearing tokens [B, N, 192] where mask [B, N] is True."""
        normed = self.self_norm(queries)
        queries = queries + self.self_attention(normed, normed)
        queries = queries + self.cross_attention(self.cross_norm(queries), tokens, mask)
        told: Tensor = queries + self.feed_forward(self.feed_forward_norm(queries))
        return told


class Vclub(nn.Module):
    """The variational network of vCLUB: a Gaussian q(content | query), its mean and log-variance.

    Args:
        given: width of the query.
        told: width of the content.
    """

    def __init__(self, given: int, told: int) -> None:
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(given, given), nn.ReLU(), nn.Linear(given, told))
        self.log_variance = nn.Sequential(
            nn.Linear(given, given), nn.ReLU(), nn.Linear(given, told), nn.Tanh()
        )

    def forward(self, query: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance [B, told], the latter in (-1, 1), of queries [B, given]."""
        return self.mean(query), self.log_variance(query)


class SecapQformer(nn.Module):
    """The Q-Former reading over both views of one second.

    Args:
        frames: frames of a segment, T; 87 or 44.
        mel_bands: Mel bands.
        cochlea_bands: cochleagram bands.
    """

    def __init__(self, frames: int = 87, mel_bands: int = 128, cochlea_bands: int = 84) -> None:
        super().__init__()
        self.mel = nn.Linear(mel_bands, WIDTH)
        self.cochleagram = nn.Linear(cochlea_bands, WIDTH)
        self.view = nn.Parameter(0.02 * torch.randn(2, WIDTH))
        self.position = nn.Parameter(0.02 * torch.randn(frames, WIDTH))
        self.encoder = nn.ModuleList(EncoderLayer() for _ in range(ENCODER_LAYERS))
        self.queries = nn.Parameter(0.02 * torch.randn(QUERIES, WIDTH))
        self.bridge = nn.ModuleList(BridgeLayer() for _ in range(BRIDGE_LAYERS))
        self.output = nn.Linear(WIDTH, 2)
        self.projection = nn.Linear(WIDTH, 64)
        self.anchors = nn.Parameter(torch.randn(2, 64))
        self.variational = Vclub(WIDTH, mel_bands + cochlea_bands)

    def answered(self, mel: Tensor, cochleagram: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the queries [B, 16, 192] after the bridge.

        Args:
            mel: [B, 128, T], standardised.
            cochleagram: [B, 84, T], standardised.
            mask: bool [B, 2 T], False for tokens (Mel frames, then cochleagram frames) not to be heard.
        """
        tokens = torch.cat(
            [
                self.mel(mel.mT) + self.view[0] + self.position,
                self.cochleagram(cochleagram.mT) + self.view[1] + self.position,
            ],
            dim=1,
        )
        for layer in self.encoder:
            tokens = layer(tokens, mask)
        queries = self.queries.expand(len(mel), -1, -1)
        for layer in self.bridge:
            queries = layer(queries, tokens, mask)
        return queries

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T], standardised."""
        logits: Tensor = self.output(self.answered(mel, cochleagram).mean(dim=1))
        return logits


def contrastive_loss(projected: Tensor, anchors: Tensor, label: Tensor) -> Tensor:
    """InfoNCE of projected queries [B, 64] against the classes' anchors [2, 64], by cosine; label [B]."""
    cosine = F.normalize(projected.float(), dim=1) @ F.normalize(anchors.float(), dim=1).mT
    return F.cross_entropy(cosine / TEMPERATURE, label)


def information_bound(mean: Tensor, log_variance: Tensor, content: Tensor) -> Tensor:
    """Return vCLUB: how much likelier a row's own content is than any row's, in nats (Cheng et al. 2020).

    Args:
        mean: of q(content | query), [B, C].
        log_variance: of the same, [B, C].
        content: [B, C].

    Returns:
        Scalar: an upper bound of the mutual information in expectation, where q is the true conditional.
    """
    precision = (-log_variance).exp()
    own = (content - mean).square()
    # The mean over all rows j of (content_j - mean_i)², without a B × B table.
    other = content.var(dim=0, correction=0) + (content.mean(dim=0) - mean).square()
    return 0.5 * (precision * (other - own)).sum(dim=1).mean()


def likelihood_loss(mean: Tensor, log_variance: Tensor, content: Tensor) -> Tensor:
    """Mean negative log-likelihood of a number of content [B, C] under the Gaussian, up to a constant."""
    return 0.5 * ((content - mean).square() * (-log_variance).exp() + log_variance).mean()


def track_spectrum(mel: Tensor, cochleagram: Tensor, track: Tensor) -> Tensor:
    """Return the content [B, 212] of each row: its track's mean spectrum, over the track's rows in the batch.

    Args:
        mel: [B, 128, T].
        cochleagram: [B, 84, T].
        track: number of each row's track, int64 [B].
    """
    spectrum = torch.cat([mel.mean(dim=2), cochleagram.mean(dim=2)], dim=1).float()
    same = (track.unsqueeze(1) == track.unsqueeze(0)).to(spectrum.dtype)
    return same @ spectrum / same.sum(dim=1, keepdim=True)


def _feed_forward() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))


def loss(network: SecapQformer, batch: Batch, context: Context) -> Terms:
    """Cross-entropy + 0.1 contrastive + 0.01 vCLUB, and the likelihood by which vCLUB's own network learns.

    The bound sees that network's weights as constants, and the likelihood sees the queries as constants, so
    neither network learns from the other's objective: the source's two optimiser steps in one.
    """
    count = len(batch.target)
    mel, cochleagram = batch.mel[:count], batch.cochleagram[:count]
    query = network.answered(mel, cochleagram).mean(dim=1)
    content = track_spectrum(mel, cochleagram, batch.track)
    constant = {name: value.detach() for name, value in network.variational.named_parameters()}
    bound = information_bound(*_floats(functional_call(network.variational, constant, (query,))), content)
    likelihood = likelihood_loss(*_floats(network.variational(query.detach())), content)
    classification = soft_cross_entropy(network.output(query), batch.target)
    contrastive = contrastive_loss(network.projection(query), network.anchors, batch.label)
    total = classification + CONTRASTIVE_WEIGHT * contrastive + INFORMATION_WEIGHT * bound + likelihood
    return {
        "total": total,
        "classification": classification,
        "contrastive": contrastive,
        "information": bound,
        "likelihood": likelihood,
    }


def _floats(gaussian: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return gaussian[0].float(), gaussian[1].float()


BASELINE = Baseline(
    name="secap",
    title="SECapEmotion (Q-Former)",
    provenance=PROVENANCE,
    source=SOURCE,
    network=SecapQformer,
    loss=loss,
    native={"optimiser": "adamw", "learning_rate": 3e-4},
)
