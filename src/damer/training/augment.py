"""What may be done to a batch so that the network learns music and not its recordings; all off by default."""

import math

import torch
from torch import Tensor, nn

from damer.features.spec import FeatureSpec
from damer.models import Damer
from damer.models.stem import Stem
from damer.training.config import TrainingConfig
from damer.training.data import Batch

Response = tuple[Tensor, Tensor]


def gain_response(stem: Stem, spec: FeatureSpec) -> Response:
    """Return by how much each token feature moves when the sound becomes 1 dB louder.

    A gain adds the same amount to every value of a logarithmic view (floors aside); what that does to a
    stem's features is measured by doing it, so any stem will do: a frame or a mean moves along, a deviation
    or a key profile stays.

    Args:
        stem: the network's stem.
        spec: how the views were extracted; the cochleagram is compressed before its logarithm.

    Returns:
        (mel [128, F], cochleagram [84, G]), change per decibel.
    """
    generator = torch.Generator().manual_seed(0)
    seconds = 8
    mel = torch.randn((seconds, spec.n_mels, spec.frames), generator=generator)
    cochleagram = 0.1 * torch.randn((seconds, spec.n_cochlea, spec.frames), generator=generator)
    decibels = 6.0
    mel_step = decibels * math.log(10) / 10
    cochleagram_step = decibels * spec.compression / 10
    centres = torch.arange(seconds)
    quiet = stem.tokens(*stem.summarise(mel, cochleagram), centres)
    louder = stem.summarise(mel + mel_step, cochleagram + cochleagram_step)
    loud = stem.tokens(*louder, centres)
    changes = [(after - before).mean(0) / decibels for before, after in zip(quiet, loud, strict=True)]
    return changes[0], changes[1]


class Augment:
    """Changes a batch at random: gain, noise, masked bands, mixed pairs.

    Args:
        config: gain_jitter, noise, band_mask, mixup, label_smoothing.
        network: its standardisation says what "the mean" and "one deviation" of a feature are.
        response: change of each feature per decibel, from `gain_response`.
    """

    def __init__(self, config: TrainingConfig, network: Damer, response: Response) -> None:
        self.config = config
        self.statistics = (
            (network.mel_mean, network.mel_std),
            (network.cochleagram_mean, network.cochleagram_std),
        )
        shape = network.config
        self.bands = (shape.mel_bands, shape.cochlea_bands)  # rows of harmony after them are not masked
        self.groups = tuple(
            config.band_mask_group * patch for patch in (shape.mel_patch, shape.cochleagram_patch)
        )
        self.response = tuple(part.to(network.mel_mean.device) for part in response)

    def features(self, mel: Tensor, cochleagram: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the views [B, bands, F] with gain, noise and masked bands."""
        views = [mel, cochleagram]
        config = self.config
        if config.gain_jitter:
            gain = config.gain_jitter * torch.randn(len(mel), 1, 1, generator=generator).to(mel.device)
            views = [view + gain * moves for view, moves in zip(views, self.response, strict=True)]
        for place, (mean, deviation) in enumerate(self.statistics):
            if config.noise:
                draw = torch.randn(views[place].shape, generator=generator).to(mel.device)
                views[place] = views[place] + config.noise * deviation * draw
            if config.band_mask:
                shape = (len(mel), self.bands[place])
                masked = _bands(shape, config.band_mask, self.groups[place], generator).to(mel.device)
                rest = views[place].shape[1] - shape[1]
                masked = nn.functional.pad(masked, (0, rest))
                views[place] = torch.where(masked[:, :, None], mean, views[place])
        return views[0], views[1]

    def mix(
        self, mel: Tensor, cochleagram: Tensor, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return labelled views and targets, each sample blended with another (Zhang et al. 2018).

        The larger share is always the sample's own, so its class stays what the contrastive term is told.

        Args:
            mel: labelled rows [B, 128, F].
            cochleagram: labelled rows [B, 84, G].
            batch: their targets and corpora.
            generator: of the draws.
        """
        target = batch.target
        alpha = self.config.mixup
        if alpha:
            pair = self._partners(batch.corpus, generator).to(mel.device)
            gammas = torch._standard_gamma(torch.full((2, len(mel)), alpha), generator=generator)
            share = gammas[0] / gammas.sum(0).clamp_min(1e-12)
            own = torch.maximum(share, 1 - share).to(mel.device)
            mel = own[:, None, None] * mel + (1 - own)[:, None, None] * mel[pair]
            cochleagram = own[:, None, None] * cochleagram + (1 - own)[:, None, None] * cochleagram[pair]
            target = own * target + (1 - own) * target[pair]
        smoothing = self.config.label_smoothing
        return mel, cochleagram, (1 - smoothing) * target + smoothing / 2

    def _partners(self, corpus: Tensor, generator: torch.Generator) -> Tensor:
        """Return for each sample another one's number, of any corpus or of its own."""
        shuffled = torch.randperm(len(corpus), generator=generator)
        if self.config.mixup_pairs == "any":
            return shuffled
        own = corpus.cpu()
        pair = torch.empty_like(shuffled)
        for number in set(own.tolist()):
            pair[own == number] = shuffled[own[shuffled] == number]
        return pair


def _bands(shape: tuple[int, int], share: float, group: int, generator: torch.Generator) -> Tensor:
    """Return bool [B, bands]: in each sample a run of up to share * bands neighbours, or groups at random."""
    batch, bands = shape
    if group:
        groups = torch.rand(batch, -(-bands // group), generator=generator) < share
        return groups.repeat_interleave(group, dim=1)[:, :bands]
    width = torch.rand(batch, 1, generator=generator) * share * bands
    start = torch.rand(batch, 1, generator=generator) * (bands - width)
    place = torch.arange(bands)
    return (place >= start) & (place < (start + width).floor())
