"""DSTFN: two-stage learning on segments, two streams fused in time.

Source: N. He, S. Ferguson, "Music emotion recognition based on segment-level two-stage learning",
International Journal of Multimedia Information Retrieval 11(3):383-394, 2022. That is what the table cites;
the name, read as "dual-stream temporal fusion network", is not in the source, and both readings are kept.

From the source (its abstract): stage one learns codes of segments without labels, by an autoencoder whose
input is masked in frequency and in time; stage two is a bidirectional LSTM over the codes of a clip's
segments in order, which gives the clip's class.

Our reading: the shape of the autoencoder (four strided convolutions, a code of 128 numbers, four transposed
convolutions) and of the LSTM; and, for the name, one autoencoder and one LSTM for each view, fused step by
step by a gate. `streams="single"` leaves the Mel stream alone, which is the source. The encoder is frozen in
stage two.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from damer.baselines.base import Baseline, Context, Terms, TrackBatch, sequence_cross_entropy
from damer.baselines.masking import stripes

PROVENANCE = "reconstructed"
SOURCE = (
    "He, Ferguson: Music emotion recognition based on segment-level two-stage learning. International "
    "Journal of Multimedia Information Retrieval 11(3), 2022"
)

CODE = 128  # numbers that stand for a segment
CHANNELS = (1, 16, 32, 64, 64)
BAND_STRIPE, TIME_STRIPE, STRIPES = 16, 15, 2  # widest masks, and how many of each
STAGE_ONE = 30 / 80  # share of training that stage one takes


class Autoencoder(nn.Module):
    """Stage one: a segment's map to a code of 128 numbers and back.

    Args:
        bands: bands of the map.
        frames: frames of the map.
    """

    def __init__(self, bands: int, frames: int) -> None:
        super().__init__()
        self.shape = (bands, frames)
        self.corner = (CHANNELS[-1], -(-bands // 16), -(-frames // 16))
        size = self.corner[0] * self.corner[1] * self.corner[2]
        self.encoder = nn.Sequential(*(_down(inputs, outputs) for inputs, outputs in pairwise(CHANNELS)))
        self.to_code = nn.Linear(size, CODE)
        self.from_code = nn.Linear(CODE, size)
        back = CHANNELS[::-1]
        self.decoder = nn.Sequential(
            *(_up(inputs, outputs) for inputs, outputs in pairwise(back[:-1])),
            nn.ConvTranspose2d(back[-2], 1, 4, stride=2, padding=1),
        )

    def encode(self, view: Tensor) -> Tensor:
        """Return the codes [N, 128] of maps [N, bands, frames]."""
        code: Tensor = self.to_code(self.encoder(view.unsqueeze(1)).flatten(1))
        return code

    def forward(self, view: Tensor) -> Tensor:
        """Return the reconstruction [N, bands, frames] of maps [N, bands, frames]."""
        corner = self.from_code(self.encode(view)).view(-1, *self.corner)
        bands, frames = self.shape
        rebuilt: Tensor = self.decoder(corner)[:, 0, :bands, :frames]
        return rebuilt


class Stream(nn.Module):
    """One view: its autoencoder, and the bidirectional LSTM over its codes.

    Args:
        bands: bands of the view.
        frames: frames of a segment.
        finetune: whether the encoder goes on learning in stage two.
    """

    def __init__(self, bands: int, frames: int, finetune: bool = False) -> None:
        super().__init__()
        self.finetune = finetune
        self.autoencoder = Autoencoder(bands, frames)
        self.recurrence = nn.LSTM(CODE, CODE, num_layers=2, dropout=0.3, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.3)

    def reconstruct(self, view: Tensor) -> Tensor:
        """Return stage one's reconstruction of maps [N, bands, frames]."""
        self.autoencoder.train(self.training)
        rebuilt: Tensor = self.autoencoder(view)
        return rebuilt

    def codes(self, view: Tensor, mask: Tensor) -> Tensor:
        """Return the codes [B, S, 128] of maps [B, S, bands, frames]; zeros where mask [B, S] is False.

        A frozen encoder keeps the statistics of its batch normalisation, too.
        """
        self.autoencoder.train(self.training and self.finetune)
        codes = view.new_zeros(*mask.shape, CODE)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.finetune):
            found = self.autoencoder.encode(view[mask])
        codes[mask] = found.to(codes.dtype)
        return codes

    def forward(self, view: Tensor, mask: Tensor) -> Tensor:
        """Return [B, S, 256], what is heard at each second of maps [B, S, bands, frames] of mask [B, S]."""
        packed = pack_padded_sequence(
            self.codes(view, mask), mask.sum(dim=1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(
            self.recurrence(packed)[0], batch_first=True, total_length=mask.shape[1]
        )
        heard: Tensor = self.dropout(states)
        return heard


class Dstfn(nn.Module):
    """DSTFN over whole tracks.

    Args:
        frames: frames of a segment, T; 87 or 44.
        mel_bands: Mel bands.
        cochlea_bands: cochleagram bands.
        streams: "dual": both views, fused by a gate; "single": the Mel view alone, as in the source.
        finetune: whether the encoders go on learning in stage two; the source's do not.
    """

    def __init__(
        self,
        frames: int = 87,
        mel_bands: int = 128,
        cochlea_bands: int = 84,
        streams: str = "dual",
        finetune: bool = False,
    ) -> None:
        super().__init__()
        if streams not in ("dual", "single"):
            raise ValueError(f"streams={streams!r}: use 'dual' or 'single'")
        self.mel = Stream(mel_bands, frames, finetune)
        self.cochleagram = Stream(cochlea_bands, frames, finetune) if streams == "dual" else None
        self.gate = nn.Linear(4 * CODE, 2 * CODE) if streams == "dual" else None
        self.output = nn.Linear(2 * CODE, 2)

    def forward(self, mel: Tensor, cochleagram: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return logits of each second and of each track, {"segment": [B, S, 2], "track": [B, 2]}.

        Args:
            mel: [B, S, 128, T], standardised.
            cochleagram: [B, S, 84, T], standardised.
            mask: bool [B, S], True for the seconds there are; they come first.
        """
        fused = self.mel(mel, mask)
        if self.cochleagram is not None and self.gate is not None:
            other = self.cochleagram(cochleagram, mask)
            gate = torch.sigmoid(self.gate(torch.cat([fused, other], dim=2)))
            fused = gate * fused + (1 - gate) * other
        there = mask.unsqueeze(2).to(fused.dtype)
        mean = (fused * there).sum(dim=1) / there.sum(dim=1)
        return {"segment": self.output(fused), "track": self.output(mean)}

    def reconstruction_loss(
        self, mel: Tensor, cochleagram: Tensor, mask: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return stage one's loss: mean squared error of rebuilding the unmasked maps from masked ones."""
        views = [(self.mel, mel[mask])]
        if self.cochleagram is not None:
            views.append((self.cochleagram, cochleagram[mask]))
        errors = [
            F.mse_loss(stream.reconstruct(hide(view, generator)).float(), view.float())
            for stream, view in views
        ]
        return torch.stack(errors).mean()


def hide(view: Tensor, generator: torch.Generator) -> Tensor:
    """Return maps [N, bands, frames] with two stripes of bands and two of frames set to 0, the mean."""
    count, bands, frames = view.shape
    hidden = torch.zeros(view.shape, dtype=torch.bool)
    for _ in range(STRIPES):
        hidden |= stripes(count, bands, BAND_STRIPE, generator).unsqueeze(2)
        hidden |= stripes(count, frames, TIME_STRIPE, generator).unsqueeze(1)
    return view.masked_fill(hidden.to(view.device), 0.0)


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def loss(network: Dstfn, batch: TrackBatch, context: Context) -> Terms:
    """Stage one's reconstruction for the first 30 of 80 epochs, then cross-entropy of seconds and tracks."""
    if context.progress < STAGE_ONE:
        error = network.reconstruction_loss(batch.mel, batch.cochleagram, batch.mask, context.generator)
        return {"total": error, "reconstruction": error}
    return sequence_cross_entropy(network, batch, context)


BASELINE = Baseline(
    name="dstfn",
    title="DSTFN",
    provenance=PROVENANCE,
    source=SOURCE,
    network=Dstfn,
    loss=loss,
    sequences=True,
    warm_up=STAGE_ONE,
    native={"learning_rate": 1e-3, "batch_size": 256},
)
