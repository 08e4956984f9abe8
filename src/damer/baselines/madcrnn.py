"""mADCRNN: attention-based dilated convolutional-recurrent network with hybrid data augmentation.

Source: N. T. Pham, D. N. M. Dang, N. D. Nguyen, T. T. Nguyen, H. Nguyen, B. Manavalan, C. P. Lim, S. D.
Nguyen, "Hybrid data augmentation and deep attention-based dilated convolutional-recurrent neural networks for
speech emotion recognition", Expert Systems with Applications 230:120608, 2023 (ADCRNN in the preprint, arXiv
2109.09026; nothing that could be read explains the "m").

From the source (its abstract): three-dimensional log-Mel features, that is static, delta and delta-delta;
dilated convolutions for a larger field of view; dilated recurrent layers for long dependencies; attention;
the softmax loss plus a centre-based loss; hybrid augmentation, traditional transforms and a generative
adversarial network, for small and imbalanced corpora.

Our reading, because its layer sizes could not be read: four convolutions dilated 1, 2, 4, 8 along time, three
bidirectional LSTM layers dilated 1, 2, 4 (the dilation of Chang et al. 2017: a layer's step hears the step d
before it), attention over time by one learned vector, and the centre loss and centre update of Wen et al.
2016. The augmentation is the traditional part, on the spectrogram, with the minority class drawn more often;
the adversarial part is not done.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from damer.baselines.base import Baseline, Context, Terms, soft_cross_entropy
from damer.baselines.deltas import static_and_deltas
from damer.baselines.masking import stripes
from damer.training.data import Batch

PROVENANCE = "adapted"
SOURCE = (
    "Pham, Dang, Nguyen, Nguyen, Nguyen, Manavalan, Lim, Nguyen: Hybrid data augmentation and deep "
    "attention-based dilated convolutional-recurrent neural networks for speech emotion recognition. Expert "
    "Systems with Applications 230, 2023"
)

CENTER_WEIGHT = 0.01  # λ of the centre loss
CENTER_RATE = 0.5  # α of the centres' own update (Wen et al. 2016, section 3.2)


class DilatedLstm(nn.Module):
    """An LSTM whose step hears the step `dilation` before it (and after it, if bidirectional).

    The sequence is dealt into `dilation` interleaved ones, each goes through the same LSTM, and they are put
    back.

    Args:
        inputs: features of a step before.
        hidden: units of each direction.
        dilation: steps between a step and the one it hears.
        bidirectional: whether a second LSTM runs backwards.
    """

    def __init__(self, inputs: int, hidden: int, dilation: int, bidirectional: bool = True) -> None:
        super().__init__()
        self.dilation = dilation
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=bidirectional)

    def forward(self, steps: Tensor) -> Tensor:
        """Return [B, L, directions · hidden] of steps [B, L, inputs]; L is `dilation` or more."""
        batch, length, _ = steps.shape
        apart = self.dilation
        if apart == 1:
            whole: Tensor = self.lstm(steps)[0]
            return whole
        padded = F.pad(steps, (0, 0, 0, -length % apart))
        dealt = padded.view(batch, -1, apart, padded.shape[2]).permute(2, 0, 1, 3).flatten(0, 1)
        lengths = torch.tensor([(length - first + apart - 1) // apart for first in range(apart)])
        packed = pack_padded_sequence(dealt, lengths.repeat_interleave(batch), batch_first=True)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        together = states.view(apart, batch, -1, states.shape[2]).permute(1, 2, 0, 3).flatten(1, 2)
        return together[:, :length]


class Madcrnn(nn.Module):
    """mADCRNN over the Mel view of one second.

    Args:
        frames: frames of a segment, T; 87 or 44. The network's shape does not depend on it.
        mel_bands: Mel bands, a multiple of 16.
        augmentation: "traditional": the hybrid augmentation's transforms, while training; "none".
    """

    def __init__(self, frames: int = 87, mel_bands: int = 128, augmentation: str = "traditional") -> None:
        super().__init__()
        if frames < 8:
            raise ValueError(f"frames={frames}: the recurrence dilated by 4 needs 8 frames or more")
        if augmentation not in ("traditional", "none"):
            raise ValueError(f"augmentation={augmentation!r}: use 'traditional' or 'none'")
        self.augmentation = augmentation
        self.convolutions = nn.Sequential(
            _block(3, 32, dilation=1, pool=(2, 2)),
            _block(32, 64, dilation=2, pool=(2, 1)),
            _block(64, 64, dilation=4, pool=(2, 1)),
            _block(64, 128, dilation=8, pool=(2, 1)),
        )
        self.step = nn.Linear(128 * (mel_bands // 16), 128)
        self.recurrence = nn.Sequential(*(DilatedLstm(128, 64, dilation) for dilation in (1, 2, 4)))
        self.attention = nn.Linear(128, 1)
        self.embed = nn.Linear(128, 64)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(64, 2)
        self.centers = nn.Parameter(torch.zeros(2, 64), requires_grad=False)

    def embedding(self, mel: Tensor) -> Tensor:
        """Return e [B, 64] of mel [B, 128, T], standardised: what the centre loss pulls together."""
        maps = self.convolutions(static_and_deltas(mel))
        states = self.recurrence(self.step(maps.flatten(1, 2).transpose(1, 2)))
        weights = self.attention(states).softmax(dim=1)
        pooled = (weights * states).sum(dim=1)
        embedded: Tensor = self.dropout(F.relu(self.embed(pooled)))
        return embedded

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T], standardised; the cochleagram is not read."""
        logits: Tensor = self.output(self.embedding(mel))
        return logits


def center_loss(embedding: Tensor, label: Tensor, centers: Tensor) -> Tensor:
    """Half the squared distance of embeddings [B, 64] to their classes' [B] centres [2, 64], on average."""
    return 0.5 * (embedding - centers[label]).square().sum(dim=1).mean()


@torch.no_grad()
def move_centers(centers: Tensor, embedding: Tensor, label: Tensor, rate: float = CENTER_RATE) -> None:
    """Move each centre towards the mean of its class in the batch (Wen et al. 2016, eq 4), in place.

    Args:
        centers: [2, 64].
        embedding: [B, 64].
        label: class of each row [B].
        rate: share of the way; the 1 in the denominator keeps a class of few rows from jumping.
    """
    members = F.one_hot(label, len(centers)).to(centers.dtype)
    counts = members.sum(dim=0).unsqueeze(1)
    pull = counts * centers - members.T @ embedding.to(centers.dtype)
    centers -= rate * pull / (1 + counts)


def augment(mel: Tensor, generator: torch.Generator, gain: float = 0.2) -> Tensor:
    """Return mel [B, 128, T], standardised, transformed as the traditional part of the augmentation does.

    A shift in time by at most a tenth of the segment (it wraps around); a gain, which is a constant in a
    logarithmic map; noise; one stripe of at most 8 bands and one of at most 10 frames set to 0, the mean
    (Park et al. 2019).

    Args:
        mel: standardised Mel view.
        generator: decides all of it; on the CPU.
        gain: largest gain, in standard deviations of a band: 3 dB are 0.69 in natural-log power, and a band's
            deviation over music is about 3.5 of those.
    """
    batch, bands, frames = mel.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator).to(mel.device)

    reach = frames // 10
    shift = (draw(batch, 1) * (2 * reach + 1)).long() - reach
    order = (torch.arange(frames, device=mel.device) - shift) % frames
    shifted = mel.gather(2, order.unsqueeze(1).expand_as(mel))
    louder = shifted + gain * (2 * draw(batch, 1, 1) - 1)
    noise = torch.randn(mel.shape, generator=generator).to(mel.device, mel.dtype)
    noisy = louder + 0.05 * noise
    hidden = stripes(batch, bands, 8, generator).unsqueeze(2) | stripes(
        batch, frames, 10, generator
    ).unsqueeze(1)
    return noisy.masked_fill(hidden.to(mel.device), 0.0)


def balanced(label: Tensor, generator: torch.Generator) -> Tensor:
    """Draw as many rows as there are, of both classes alike likely: the minority class more often.

    Args:
        label: class of each row [B].
        generator: decides it; on the CPU.

    Returns:
        Numbers of rows, int64 [B], on the label's device.
    """
    counts = torch.bincount(label, minlength=2).clamp(min=1).float()
    weights = (1 / counts)[label].cpu()
    drawn = torch.multinomial(weights, len(label), replacement=True, generator=generator)
    return drawn.to(label.device)


def _block(inputs: int, outputs: int, dilation: int, pool: tuple[int, int]) -> nn.Sequential:
    """A 3 × 3 convolution dilated along time that keeps the frames, BN, LeakyReLU, pooling."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=(1, dilation), dilation=(1, dilation)),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.01),
        nn.MaxPool2d(pool),
    )


def loss(network: Madcrnn, batch: Batch, context: Context) -> Terms:
    """Cross-entropy plus λ times the centre loss, on augmented rows; moves the centres."""
    count = len(batch.target)
    mel, label, target = batch.mel[:count], batch.label, batch.target
    if network.augmentation == "traditional":
        chosen = balanced(label, context.generator)
        mel, label, target = augment(mel[chosen], context.generator), label[chosen], target[chosen]
    embedding = network.embedding(mel)
    classification = soft_cross_entropy(network.output(embedding), target)
    center = center_loss(embedding.float(), label, network.centers)
    move_centers(network.centers, embedding.detach(), label)
    return {
        "total": classification + CENTER_WEIGHT * center,
        "classification": classification,
        "center": center,
    }


BASELINE = Baseline(
    name="madcrnn",
    title="mADCRNN",
    provenance=PROVENANCE,
    source=SOURCE,
    network=Madcrnn,
    loss=loss,
    without_gradient=("centers",),  # they have an update of their own
    native={"learning_rate": 5e-4, "batch_size": 64},
)
