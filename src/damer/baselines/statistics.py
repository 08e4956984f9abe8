"""Vectors that say in a few hundred numbers how a second or a track sounds, for methods without a network."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from torch import Tensor

from damer.training.bank import Bank, IntArray
from damer.training.data import chunks

Floats = NDArray[np.float64]
Vector = Callable[[Tensor, Tensor], Tensor]
_ROWS = 1024
_CEPSTRUM = 20


def band_statistics(mel: Tensor, cochleagram: Tensor) -> Tensor:
    """Return mean, deviation, mean absolute change and skewness of each band over the frames.

    Args:
        mel: [B, 128, T].
        cochleagram: [B, 84, T].

    Returns:
        float32 [B, 4 · 212].
    """
    bands = torch.cat([mel, cochleagram], dim=1).float()
    mean = bands.mean(dim=2)
    centred = bands - mean[..., None]
    deviation = centred.square().mean(dim=2).sqrt()
    skewness = centred.pow(3).mean(dim=2) / deviation.clamp_min(1e-4).pow(3)
    change = bands.diff(dim=2).abs().mean(dim=2)
    return torch.cat([mean, deviation, change, skewness.clamp(-10, 10)], dim=1)


def spectral_statistics(mel: Tensor, cochleagram: Tensor) -> Tensor:
    """Return mean and deviation over the frames of MFCCs, their change, and the shape of the Mel spectrum.

    The shape: level, centroid, bandwidth, the band below which 85 % of the energy lies, flatness and flux,
    on the scale of Mel bands. MFCCs are the cosine transform of the log-Mel bands (Davis and Mermelstein
    1980), the first 20.

    Args:
        mel: natural-log Mel energies [B, 128, T].
        cochleagram: not read.

    Returns:
        float32 [B, 2 · (20 + 20 + 6)].
    """
    log = mel.float()
    cepstrum = torch.from_numpy(dct(log.numpy(), axis=1, norm="ortho")[:, :_CEPSTRUM])
    change = cepstrum.diff(dim=2, prepend=cepstrum[..., :1])
    energy = (log - log.amax(dim=(1, 2), keepdim=True)).exp()
    share = energy / energy.sum(dim=1, keepdim=True).clamp_min(1e-12)
    place = torch.linspace(0, 1, log.shape[1])[:, None]
    centroid = (share * place).sum(dim=1)
    bandwidth = (share * (place - centroid[:, None]).square()).sum(dim=1).sqrt()
    rolloff = (share.cumsum(dim=1) < 0.85).float().mean(dim=1)
    flatness = log.mean(dim=1) - log.logsumexp(dim=1)
    flux = share.diff(dim=2, prepend=share[..., :1]).square().sum(dim=1).sqrt()
    shape = torch.stack([log.mean(dim=1), centroid, bandwidth, rolloff, flatness, flux], dim=1)
    series = torch.cat([cepstrum, change, shape], dim=1)
    return torch.cat([series.mean(dim=2), series.std(dim=2, correction=0)], dim=1)


def segment_vectors(bank: Bank, rows: IntArray, vector: Vector) -> Floats:
    """Return the vector of each row [N, F]."""
    found = []
    for chosen in chunks(rows, _ROWS):
        mel, cochleagram = bank.gather(chosen)
        found.append(vector(mel.cpu(), cochleagram.cpu()).numpy().astype(np.float64))
    return np.concatenate(found)


def track_vectors(bank: Bank, rows: IntArray, vectors: Floats) -> tuple[IntArray, Floats]:
    """Return the tracks of some rows, ascending, and mean and deviation of their vectors [tracks, 2 F]."""
    tracks, place, counts = np.unique(bank.track_of_row[rows], return_inverse=True, return_counts=True)
    order = np.argsort(place, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    sums = [np.add.reduceat(power[order], starts, axis=0) for power in (vectors, vectors**2)]
    mean, square = (total / counts[:, None] for total in sums)
    return tracks, np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))], axis=1)
