"""MOCNN: a multiscale feature-fusion octave convolutional network.

Source: J. Jin, R. Xu, I. Daly, X. Zhao, X. Wang, A. Cichocki, "MOCNN: A Multiscale Deep Convolutional Neural
Network for ERP-Based Brain-Computer Interfaces", IEEE Transactions on Cybernetics 54(9):5565-5576, 2024.

From the source (its abstract): the signal is split into components of high, medium and low frequency, each at
a resolution of its own; every component has a branch of temporal and then spatial convolutions; the branches
exchange information through octave convolutions; one fully connected layer fuses them.

Our reading, because its layer table could not be read and its signal is an electroencephalogram: the 128 Mel
and 84 cochlear bands stand where the source has electrodes, so the spatial convolution spans all 212 bands.
All widths, kernels and poolings are ours, in the proportions of EEGNet, whose temporal-then-depthwise-spatial
order it shares. An exchanged message is convolved at its sender's resolution, then pooled or repeated to its
receiver's.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.baselines.base import Baseline

PROVENANCE = "adapted"
SOURCE = (
    "Jin, Xu, Daly, Zhao, Wang, Cichocki: MOCNN: A Multiscale Deep Convolutional Neural Network for ERP-"
    "Based Brain-Computer Interfaces. IEEE Trans. Cybernetics 54(9), 2024"
)

BRANCHES = ("high", "medium", "low")
# Who listens to whom: a branch and its neighbours in resolution; high and low do not speak to each other.
NEIGHBOURS = {"high": ("medium",), "medium": ("high", "low"), "low": ("medium",)}


class OctaveConvolution(nn.Module):
    """Temporal convolutions of three branches, each with a message to its neighbours, then BN and ELU.

    Args:
        inputs: channels of each branch before.
        outputs: channels of each branch after.
        kernels: frames of the kernels of the high, medium and low branch; odd.
        exchange: whether the neighbours' messages are added.
    """

    def __init__(self, inputs: int, outputs: int, kernels: tuple[int, int, int], exchange: bool) -> None:
        super().__init__()
        self.exchange = exchange
        self.own, self.messages, self.norms = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for branch, kernel in zip(BRANCHES, kernels, strict=True):
            self.own[branch] = _temporal(inputs, outputs, kernel)
            self.norms[branch] = nn.BatchNorm2d(outputs)
            if exchange:
                for neighbour in NEIGHBOURS[branch]:
                    self.messages[f"{branch}_to_{neighbour}"] = _temporal(inputs, outputs, kernel)

    def forward(self, branches: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the branches {name: [B, outputs, bands, frames]} from {name: [B, inputs, bands, frames]}."""
        mixed = {}
        for branch, signal in branches.items():
            total = self.own[branch](signal)
            for neighbour in NEIGHBOURS[branch] if self.exchange else ():
                message = self.messages[f"{neighbour}_to_{branch}"](branches[neighbour])
                total = total + _resample(message, signal.shape[-1])
            mixed[branch] = F.elu(self.norms[branch](total))
        return mixed


class Mocnn(nn.Module):
    """MOCNN over both views of one second.

    Args:
        frames: frames of a segment, T; 87 or 44.
        mel_bands: Mel bands.
        cochlea_bands: cochleagram bands.
        exchange: False cuts the branches apart (to measure what the octave exchange brings).
    """

    def __init__(
        self, frames: int = 87, mel_bands: int = 128, cochlea_bands: int = 84, exchange: bool = True
    ) -> None:
        super().__init__()
        if frames < 8:
            raise ValueError(f"MOCNN halves the time axis three times: frames={frames} must be 8 or more")
        bands = mel_bands + cochlea_bands
        self.first = OctaveConvolution(1, 8, (15, 9, 5), exchange)
        self.spatial = nn.ModuleDict({branch: _spatial(bands) for branch in BRANCHES})
        self.second = OctaveConvolution(16, 16, (9, 5, 3), exchange)
        self.dropout = nn.Dropout(0.25)
        self.fusion = nn.Linear(3 * 16 * 4, 2)

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Tensor:
        """Return logits [B, 2] for mel [B, 128, T] and cochleagram [B, 84, T], standardised."""
        signal = torch.cat([mel, cochleagram], dim=1).unsqueeze(1)
        branches = self.first(resolutions(signal))
        branches = {branch: self.spatial[branch](signal) for branch, signal in branches.items()}
        branches = self.second(branches)
        pooled = [F.adaptive_avg_pool2d(branches[branch], (1, 4)).flatten(1) for branch in BRANCHES]
        logits: Tensor = self.fusion(self.dropout(torch.cat(pooled, dim=1)))
        return logits


def resolutions(signal: Tensor) -> dict[str, Tensor]:
    """Split a signal [..., T] into its three resolutions: all frames, means of two frames, means of four."""
    return {"high": signal, "medium": F.avg_pool2d(signal, (1, 2)), "low": F.avg_pool2d(signal, (1, 4))}


def _temporal(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, (1, kernel), padding=(0, kernel // 2), bias=False)


def _spatial(bands: int) -> nn.Sequential:
    """A depthwise convolution over all bands, two filters a channel (EEGNet's depth multiplier)."""
    return nn.Sequential(
        nn.Conv2d(8, 16, (bands, 1), groups=8, bias=False),
        nn.BatchNorm2d(16),
        nn.ELU(),
        nn.AvgPool2d((1, 2)),
        nn.Dropout(0.25),
    )


def _resample(message: Tensor, frames: int) -> Tensor:
    """Bring a message [..., t] to another branch's frames: pooled to fewer, repeated to more."""
    if message.shape[-1] > frames:
        return F.adaptive_avg_pool2d(message, (message.shape[-2], frames))
    return F.interpolate(message, size=(message.shape[-2], frames), mode="nearest")


BASELINE = Baseline(
    name="mocnn",
    title="MOCNN",
    provenance=PROVENANCE,
    source=SOURCE,
    network=Mocnn,
    native={"learning_rate": 1e-3, "batch_size": 64, "epochs": 100},
)
