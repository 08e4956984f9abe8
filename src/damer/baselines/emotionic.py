"""EmotionIC: emotional inertia and contagion in a conversation; here, between the two views of one track.

Source: Y. Liu, J. Li, X. Wang, Z. Zeng, "EmotionIC: emotional inertia and contagion-driven dependency
modeling for emotion recognition in conversation", Science China Information Sciences, 2023, arXiv 2303.11117.
(The table cites another paper under this name.) It reads the utterances of a text dialogue.

From the source: an identity masked multi-head attention (IMMHA) whose keys and values differ for turns of the
same speaker and of another; a dialogue gated recurrent unit (DiaGRU) whose hidden input mixes the speaker's
own last state (inertia) with the other's (contagion); global, local and raw features side by side, then a
linear emission; a skip-chain conditional random field (SkipCRF) with one transition matrix for the same
speaker's last turn and one for the other's. Dropout 0.3, a larger rate for the random field.

Our reading: a track is a conversation of two: second after second the Mel view speaks, then the cochleagram,
and both turns of a second carry its class. With that strict alternation the other's last turn is the one
before and one's own is two before, so the skip chain over turns is a plain chain over seconds whose state is
the pair of both turns' classes, and likelihood, marginals and best path are exact. A small convolutional
network stands for the source's language model; the network is smaller than the source's (2 layers, 4 heads,
width 128). Where a corpus gives one class a track, the random field can only learn that classes persist.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from damer.baselines.base import Baseline, Context, Terms, TrackBatch

PROVENANCE = "adapted"
SOURCE = (
    "Liu, Li, Wang, Zeng: EmotionIC: emotional inertia and contagion-driven dependency modeling for emotion "
    "recognition in conversation. Science China Information Sciences, 2023"
)

WIDTH, HEADS, LAYERS, DROPOUT = 128, 4, 2, 0.3
RATE, FIELD_RATE = 2e-4, 7e-3  # learning rates of the network and of the random field


class IdentityMaskedAttention(nn.Module):
    """One IMMHA layer: attention that hears one's own turns and the other's through different ears.

    A turn's key and value come from (Ks, Vs) where the asking turn has the same speaker, else from (Ko, Vo).
    """

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.same = nn.Linear(WIDTH, 2 * WIDTH)
        self.other = nn.Linear(WIDTH, 2 * WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.feed_forward = nn.Sequential(
            nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(2 * WIDTH, WIDTH)
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, turns: Tensor, speaker: Tensor, mask: Tensor) -> Tensor:
        """Return [B, N, 128] after the layer.

        Args:
            turns: [B, N, 128].
            speaker: who speaks each turn, int64 [N].
            mask: bool [B, N], False for turns that are not there.
        """
        same = speaker.unsqueeze(1) == speaker.unsqueeze(0)
        heard = self.output(self._attend(turns, same, mask))
        turns = self.attention_norm(turns + self.dropout(heard))
        told: Tensor = self.norm(turns + self.dropout(self.feed_forward(turns)))
        return told

    def _attend(self, turns: Tensor, same: Tensor, mask: Tensor) -> Tensor:
        shape = (*turns.shape[:2], HEADS, -1)
        query = self.query(turns).view(shape).transpose(1, 2) * (WIDTH // HEADS) ** -0.5
        own_key, own_value = self._keys_and_values(self.same(turns))
        other_key, other_value = self._keys_and_values(self.other(turns))
        scores = torch.where(same, query @ own_key.mT, query @ other_key.mT)
        weights = scores.masked_fill(~mask[:, None, None, :], float("-inf")).softmax(dim=-1)
        weights = weights.to(own_value.dtype)
        heard = weights.masked_fill(~same, 0.0) @ own_value + weights.masked_fill(same, 0.0) @ other_value
        return heard.transpose(1, 2).flatten(2)

    @staticmethod
    def _keys_and_values(projected: Tensor) -> tuple[Tensor, Tensor]:
        key, value = projected.view(*projected.shape[:2], 2, HEADS, -1).permute(2, 0, 3, 1, 4)
        return key, value


class DiaGru(nn.Module):
    """The dialogue GRU over turns that alternate between two speakers.

    γ = σ(W [own; other]), h = GRU(turn, γ · own + (1 - γ) · other): `own` is the speaker's last state
    (inertia), `other` the other speaker's (contagion).
    """

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * WIDTH, WIDTH)
        self.cell = nn.GRUCell(WIDTH, WIDTH)

    def forward(self, turns: Tensor) -> Tensor:
        """Return the states [B, N, 128] of turns [B, N, 128]; each hears the turns up to it."""
        own = other = turns.new_zeros(turns.shape[0], WIDTH)
        states = []
        for turn in turns.unbind(dim=1):  # a recurrence that no library cell has
            share = torch.sigmoid(self.gate(torch.cat([own, other], dim=1)))
            state = self.cell(turn, share * own + (1 - share) * other)
            states.append(state)
            own, other = other, state  # the speaker of the next turn is the one who was silent
        return torch.stack(states, dim=1)


class SkipCrf(nn.Module):
    """The skip-chain conditional random field over alternating turns, exact over pairs of classes.

    The score of classes y of n turns is start[y₁] + Σᵢ emission[i, yᵢ] + Σᵢ other[yᵢ₋₁, yᵢ] + Σᵢ same[yᵢ₋₂,
    yᵢ]. A second is two turns, so its state is one of 4 pairs, numbered 2 · (Mel's class) + (cochleagram's
    class).
    """

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(2))
        self.same = nn.Parameter(torch.zeros(2, 2))
        self.other = nn.Parameter(torch.zeros(2, 2))

    def negative_log_likelihood(self, emission: Tensor, label: Tensor, mask: Tensor) -> Tensor:
        """Return -log p(label) of each track, in nats.

        Args:
            emission: float [B, S, 2 turns, 2 classes].
            label: class of each turn, int64 [B, S, 2]; anything where mask is False.
            mask: bool [B, S], True for the seconds there are, which come first, one or more a track.

        Returns:
            Tensor [B], float32.
        """
        scores, moves = self._potentials(emission)
        pair = (2 * label[..., 0] + label[..., 1]).masked_fill(~mask, 0)
        of_second = scores.gather(2, pair.unsqueeze(2)).squeeze(2)
        of_move = moves[pair[:, :-1], pair[:, 1:]]
        score = (of_second * mask).sum(dim=1) + (of_move * mask[:, 1:]).sum(dim=1)
        last = self._forward_messages(scores, moves, mask)[:, -1]
        return last.logsumexp(dim=1) - score

    def log_marginals(self, emission: Tensor, mask: Tensor) -> Tensor:
        """Return log p(class) of each turn [B, S, 2 turns, 2 classes]; the arguments are as above."""
        scores, moves = self._potentials(emission)
        ahead = self._forward_messages(scores, moves, mask)
        behind = self._backward_messages(scores, moves, mask)
        pairs = (ahead + behind).log_softmax(dim=2).view(*mask.shape, 2, 2)
        return torch.stack([pairs.logsumexp(dim=3), pairs.logsumexp(dim=2)], dim=2)

    @torch.no_grad()
    def best_path(self, emission: Tensor, mask: Tensor) -> Tensor:
        """Return the likeliest classes of all turns, int64 [B, S, 2] (Viterbi); 0 where mask is False."""
        scores, moves = self._potentials(emission)
        best, origins = scores[:, 0], []
        for second in range(1, scores.shape[1]):
            value, origin = (best.unsqueeze(2) + moves).max(dim=1)
            there = mask[:, second].unsqueeze(1)
            best = torch.where(there, value + scores[:, second], best)
            origins.append(torch.where(there, origin, torch.arange(4, device=origin.device)))
        pair = best.argmax(dim=1)
        path = [pair]
        for origin in reversed(origins):
            pair = origin.gather(1, pair.unsqueeze(1)).squeeze(1)
            path.append(pair)
        pairs = torch.stack(path[::-1], dim=1).masked_fill(~mask, 0)
        return torch.stack([pairs // 2, pairs % 2], dim=2)

    def _potentials(self, emission: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of each second's pair [B, S, 4] and of moving from pair to pair [4, 4]."""
        emission = emission.float()
        within = emission[:, :, 0].unsqueeze(3) + emission[:, :, 1].unsqueeze(2) + self.other
        within = torch.cat([within[:, :1] + self.start.unsqueeze(1), within[:, 1:]], dim=1)
        moves = (  # axes: Mel's class and the cochleagram's in one second, then in the next
            self.same[:, None, :, None] + self.other[None, :, :, None] + self.same[None, :, None, :]
        )
        return within.flatten(2), moves.flatten(2).flatten(0, 1)

    @staticmethod
    def _forward_messages(scores: Tensor, moves: Tensor, mask: Tensor) -> Tensor:
        """Return the log-sum of all beginnings that end in each pair [B, S, 4]; constant in the padding."""
        message = scores[:, 0]
        messages = [message]
        for second in range(1, scores.shape[1]):
            moved = (message.unsqueeze(2) + moves).logsumexp(dim=1) + scores[:, second]
            message = torch.where(mask[:, second].unsqueeze(1), moved, message)
            messages.append(message)
        return torch.stack(messages, dim=1)

    @staticmethod
    def _backward_messages(scores: Tensor, moves: Tensor, mask: Tensor) -> Tensor:
        """Return the log-sum of all ends that begin after each pair [B, S, 4]; 0 from the last second on."""
        message = torch.zeros_like(scores[:, 0])
        messages = [message]
        for second in range(scores.shape[1] - 1, 0, -1):
            moved = (moves + (scores[:, second] + message).unsqueeze(1)).logsumexp(dim=2)
            message = torch.where(mask[:, second].unsqueeze(1), moved, message)
            messages.append(message)
        return torch.stack(messages[::-1], dim=1)


class EmotionIc(nn.Module):
    """EmotionIC over whole tracks.

    Args:
        frames: frames of a segment, T; 87 or 44. The network's shape does not depend on it.
        seconds: most segments a track may have, S.
    """

    def __init__(self, frames: int = 87, seconds: int = 60) -> None:
        super().__init__()
        if frames < 16:
            raise ValueError(
                f"the encoder halves the time axis four times: frames={frames} must be 16 or more"
            )
        self.encoders = nn.ModuleList([_encoder(), _encoder()])
        self.speaker = nn.Embedding(2, WIDTH)
        self.position = nn.Embedding(2 * seconds, WIDTH)
        self.dropout = nn.Dropout(DROPOUT)
        self.context = nn.ModuleList(IdentityMaskedAttention() for _ in range(LAYERS))
        self.recurrence = DiaGru()
        self.raw = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH))
        self.emission = nn.Linear(3 * WIDTH, 2)
        self.field = SkipCrf()
        for embedding in (self.speaker, self.position):
            nn.init.normal_(embedding.weight, std=0.1)

    def emissions(self, mel: Tensor, cochleagram: Tensor, mask: Tensor) -> Tensor:
        """Return what each turn alone says of its class [B, S, 2 turns, 2]; the arguments are `forward`'s."""
        batch, seconds = mask.shape
        spoken = torch.stack(
            [self._speak(view, mask, place) for place, view in enumerate((mel, cochleagram))], dim=2
        ).flatten(1, 2)
        speaker = torch.arange(2 * seconds, device=mask.device) % 2
        there = mask.repeat_interleave(2, dim=1)
        turns = self.dropout(spoken + self.speaker(speaker) + self.position.weight[: 2 * seconds])
        whole = turns
        for layer in self.context:
            whole = layer(whole, speaker, there)
        features = torch.cat([whole, self.recurrence(turns), self.raw(spoken)], dim=2)
        said: Tensor = self.emission(self.dropout(features)).view(batch, seconds, 2, 2)
        return said

    def forward(self, mel: Tensor, cochleagram: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return log-probabilities of each second and track, {"segment": [B, S, 2], "track": [B, 2]}.

        A second's probability is the mean of its two turns' marginals, a track's the mean of its seconds'.

        Args:
            mel: [B, S, 128, T], standardised; S is at most `seconds`.
            cochleagram: [B, S, 84, T], standardised.
            mask: bool [B, S], True for the seconds there are; they come first.
        """
        marginals = self.field.log_marginals(self.emissions(mel, cochleagram, mask), mask).exp()
        segment = marginals.mean(dim=2)
        there = mask.unsqueeze(2)
        track = (segment * there).sum(dim=1) / there.sum(dim=1)
        return {"segment": _log(segment), "track": _log(track)}

    def _speak(self, view: Tensor, mask: Tensor, place: int) -> Tensor:
        """Return the turns [B, S, 128] of one view [B, S, bands, T]; padding is not encoded and stays 0."""
        spoken = view.new_zeros(*mask.shape, WIDTH)
        code = self.encoders[place](view[mask].unsqueeze(1))
        return spoken.to(code.dtype).index_put((mask,), code)


def _encoder() -> nn.Sequential:
    """Four 3 × 3 convolutions with pooling, the mean over the map, a linear layer: 128 numbers a segment."""
    layers: list[nn.Module] = []
    channels = (1, 16, 32, 64, 128)
    for inputs, outputs in pairwise(channels):
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, WIDTH))


def _log(probability: Tensor) -> Tensor:
    return probability.clamp(min=torch.finfo(probability.dtype).tiny).log()


def loss(network: EmotionIc, batch: TrackBatch, context: Context) -> Terms:
    """Negative log-likelihood of the random field, in nats a turn."""
    emission = network.emissions(batch.mel, batch.cochleagram, batch.mask)
    label = batch.label.unsqueeze(2).expand(-1, -1, 2)
    field = network.field.negative_log_likelihood(emission, label, batch.mask)
    return {"total": field.sum() / (2 * batch.mask.sum())}


def groups(network: EmotionIc) -> list[dict[str, Any]]:
    """Return the parameters with the random field's learned 35 times as fast."""
    field = list(network.field.parameters())
    rest = [value for name, value in network.named_parameters() if not name.startswith("field.")]
    return [{"params": rest, "scale": 1.0}, {"params": field, "scale": FIELD_RATE / RATE}]


BASELINE = Baseline(
    name="emotionic",
    title="EmotionIC",
    provenance=PROVENANCE,
    source=SOURCE,
    network=EmotionIc,
    loss=loss,
    sequences=True,
    groups=groups,
    native={"learning_rate": RATE, "batch_size": 16 * 60},
)
