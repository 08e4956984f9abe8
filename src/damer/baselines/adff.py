"""ADFF: attention-based deep feature fusion from the log-Mel spectrogram.

Source: Z. Huang, S. Ji, Z. Hu, C. Cai, J. Luo, X. Yang, "ADFF: Attention Based Deep Feature Fusion Approach
for Music Emotion Recognition", Interspeech 2022:4152-4156, arXiv 2204.05649.

From the source (its abstract): the input is a log-Mel spectrogram alone, cut along time into several channels
to save computation; an adapted VGG is the spatial feature learning module, and features of several of its
levels are kept; each level goes through a temporal feature learning module with squeeze-and-excitation
attention; the levels' spatial-temporal features are fused.

Our reading, because the exact widths and the kind of recurrence could not be read: three cuts of 29 of the 87
frames (four of 11 where a segment has 44; the rest is dropped), four VGG blocks of 32 to 256 channels of
which the last three are kept, squeeze-and-excitation with reduction 8, a bidirectional GRU of 64 units a
direction, and cross-entropy on two classes where the source regresses valence and arousal.

The network has 1 493 786 parameters at 87 frames; at 44 the fourth cut gives the first convolution one more
input channel, 288 weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.base import Baseline
from damer.baselines.squeeze_excitation import SqueezeExcitation

PROVENANCE = "re-implemented"
SOURCE = (
    "Huang, Ji, Hu, Cai, Luo, Yang: ADFF: Attention Based Deep Feature Fusion Approach for Music Emotion "
    "Recognition. Interspeech 2022"
)

LEVELS = (64, 128, 256)  # channels of the VGG blocks whose features are kept
HIDDEN = 64  # units of the GRU in each direction


class TemporalModule(nn.Module):
    """The temporal feature learning module of one level: channel attention, then a recurrence over time.

    Args:
        channels: channels of the level.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = SqueezeExcitation(channels, reduction=8)
        self.recurrence = nn.GRU(channels, HIDDEN, batch_first=True, bidirectional=True)

    def forward(self, level: Tensor) -> Tensor:
        """Return [B, 2 · 64] from a level's features [B, channels, frequency, time]."""
        steps = self.attention(level).mean(dim=2).transpose(1, 2)
        states, _ = self.recurrence(steps)
        summary: Tensor = states.mean(dim=1)
        return summary


class Adff(nn.Module):
    """ADFF over the Mel view of one second.

    Args:
        frames: frames of a segment, T; 87 or 44.
        cuts: channels that a segment is cut into along time; 0 takes 3 at 87 frames and 4 at 44.
    """

    def __init__(self, frames: int = 87, cuts: int = 0) -> None:
        super().__init__()
        self.cuts = cuts or (4 if frames % 4 == 0 else 3)
        if frames // self.cuts < 4:
            raise ValueError(f"frames={frames} in {self.cuts} cuts: each cut needs 4 frames or more")
        self.blocks = nn.ModuleList(
            [
                _vgg_block(self.cuts, 32, pool=(2, 2)),
                _vgg_block(32, 64, pool=(2, 2)),
                _vgg_block(64, 128, pool=(2, 1)),
                _vgg_block(128, 256, pool=(2, 1)),
            ]
        )
        self.temporal = nn.ModuleList(TemporalModule(channels) for channels in LEVELS)
        self.fusion = nn.Linear(len(LEVELS) * 2 * HIDDEN, 128)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(128, 2)

    def levels(self, mel: Tensor) -> list[Tensor]:
        """Return what the last three VGG blocks see in mel [B, 128, T]: three maps [B, channels, F', T']."""
        features = cut(mel, self.cuts)
        found = []
        for block in self.blocks:
            features = block(features)
            found.append(features)
        return found[1:]

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T], standardised; the cochleagram is not read."""
        summaries = [temporal(level) for temporal, level in zip(self.temporal, self.levels(mel), strict=True)]
        fused = self.dropout(F.relu(self.fusion(torch.cat(summaries, dim=1))))
        logits: Tensor = self.output(fused)
        return logits


def cut(mel: Tensor, cuts: int) -> Tensor:
    """Cut a one-channel map into several channels along time.

    Args:
        mel: [B, bands, T].
        cuts: number of channels.

    Returns:
        [B, cuts, bands, T // cuts]: channel c holds frames c · (T // cuts) and on; a remainder is dropped.
    """
    length = mel.shape[-1] // cuts
    return mel[..., : cuts * length].reshape(*mel.shape[:2], cuts, length).transpose(1, 2)


def _vgg_block(inputs: int, outputs: int, pool: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(pool),
    )


BASELINE = Baseline(
    name="adff",
    title="ADFF",
    provenance=PROVENANCE,
    source=SOURCE,
    network=Adff,
    native={"learning_rate": 1e-3, "batch_size": 64},
)
