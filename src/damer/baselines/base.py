"""The contract of a baseline: a network, its loss, and what differs from DAMER; the loop is the same for all.

A file of this folder holds a network, perhaps a loss, and one `BASELINE = Baseline(name=…, network=…)`, which
`damer.training.loop.train_network` takes as its method.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.training.bank import Bank, IntArray
from damer.training.config import TrainingConfig
from damer.training.data import Batch, chunks, sequence_starts, standardisation
from damer.training.learner import Learner, autocast, frozen_copy, make_optimiser
from damer.training.method import Answers, Task
from damer.training.recipes import Recipe

PROVENANCES = ("re-implemented", "adapted", "reconstructed", "our own")
Terms = dict[str, Tensor]
_ROWS = 64  # seconds judged at once; more at once is slower, as their maps leave the cache


class Context(NamedTuple):
    """What a loss may know beside the batch.

    Attributes:
        progress: share of the epochs that are done, in [0, 1).
        generator: for every random draw of this step; on the CPU.
        step: number of the step, from 0.
    """

    progress: float
    generator: torch.Generator
    step: int


class TrackBatch(NamedTuple):
    """A batch of tracks for a method that reads sequences; S is the longest one's seconds.

    Attributes:
        mel: standardised float32 [B, S, 128, T], 0 in the padding.
        cochleagram: standardised float32 [B, S, 84, T].
        mask: True where there is a second, bool [B, S].
        label: class of each second, -1 in the padding, int64 [B, S].
        target: share of class 1 of each second, float32 [B, S].
        track_label: class of each track, int64 [B].
    """

    mel: Tensor
    cochleagram: Tensor
    mask: Tensor
    label: Tensor
    target: Tensor
    track_label: Tensor


class Standardised(nn.Module):
    """A network with the statistics of its training part: views go in as they are extracted.

    Args:
        network: takes standardised views.
        statistics: mean and deviation of each band, (mel [128, 1], its deviation, cochleagram [84, 1], its).
    """

    def __init__(self, network: nn.Module, statistics: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
        super().__init__()
        self.network = network
        names = ("mel_mean", "mel_std", "cochleagram_mean", "cochleagram_std")
        for name, values in zip(names, statistics, strict=True):
            self.register_buffer(name, values.clone())

    def views(self, mel: Tensor, cochleagram: Tensor) -> tuple[Tensor, Tensor]:
        """Return both views standardised, float32, of whatever batch shape."""
        first, second = (
            # In place on a copy of our own: no other memory is touched.
            view.to(torch.float32, copy=True)
            .sub_(self.get_buffer(f"{name}_mean"))
            .div_(self.get_buffer(f"{name}_std"))
            for name, view in (("mel", mel), ("cochleagram", cochleagram))
        )
        return first, second

    def forward(self, mel: Tensor, cochleagram: Tensor) -> Any:
        """Return what the network says of single seconds that are not standardised yet."""
        return self.network(*self.views(mel, cochleagram))


def cross_entropy(network: nn.Module, batch: Batch, context: Context) -> Terms:
    """The loss of a plain classifier: cross-entropy of its logits [B, 2] and the rows' soft targets."""
    count = len(batch.target)
    return {"total": soft_cross_entropy(network(batch.mel[:count], batch.cochleagram[:count]), batch.target)}


def sequence_cross_entropy(network: nn.Module, batch: TrackBatch, context: Context) -> Terms:
    """The loss of a plain sequence classifier: over the seconds and over the tracks, equally."""
    logits = network(batch.mel, batch.cochleagram, batch.mask)
    segment = soft_cross_entropy(logits["segment"][batch.mask], batch.target[batch.mask])
    track = F.cross_entropy(logits["track"].float(), batch.track_label, ignore_index=-1)
    return {"total": segment + track, "segment": segment, "track": track}


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy of logits [B, 2] and the share of class 1 [B]."""
    return F.cross_entropy(logits.float(), torch.stack([1 - target, target], dim=1))


@dataclass(frozen=True)
class Baseline:
    """A method of another paper that is trained by gradients; it is a `damer.training.method.Method`.

    Attributes:
        name: on the command line and in results.
        title: in tables.
        provenance: how near it is to its source: "re-implemented" (same data, same task), "adapted" (made for
            other data or another task), "reconstructed" (the source could not be read) or "our own".
        source: the publication.
        network: makes the network for a number of frames T. With `sequences` it takes tracks.
        loss: from the network, a batch of standardised views and a context to named terms; "total" is
            minimised. A `TrackBatch` with `sequences`.
        sequences: whether it reads whole tracks.
        uses_pool: whether it learns from unlabelled rows; they follow the labelled ones in a batch.
        always: settings without which it would be another method; they hold in every profile.
        native: the source's own training settings (fields of `TrainingConfig`), for the profile "native".
        groups: parameter groups of the network, where rates differ: a group's "scale" multiplies the rate.
        warm_up: share of the epochs before which no weights are kept, for training in stages.
        without_gradient: beginnings of parameter names that no gradient reaches, and rightly so.
        finish: what is left to do once the network is trained, such as a head solved in closed form.
    """

    name: str
    title: str
    provenance: str
    source: str
    network: Callable[[int], nn.Module]
    loss: Callable[..., Terms] = cross_entropy
    sequences: bool = False
    uses_pool: bool = False
    always: Mapping[str, Any] = field(default_factory=dict)
    native: Mapping[str, Any] = field(default_factory=dict)
    groups: Callable[[Any], list[dict[str, Any]]] | None = None
    warm_up: float = 0.0
    without_gradient: tuple[str, ...] = ()
    finish: Callable[[Standardised, Task], None] | None = None

    def __post_init__(self) -> None:
        """Refuse a provenance that tables could not explain."""
        if self.provenance not in PROVENANCES:
            raise ValueError(f"{self.name}: provenance {self.provenance!r}: use {', '.join(PROVENANCES)}")

    def settings(self, recipe: Recipe) -> dict[str, Any]:
        """Return what decides the network: its name and the frames."""
        return {"baseline": self.name, "frames": recipe.model.frames}

    def learner(self, task: Task) -> "BaselineLearner":
        """Return the network at its start, seeded by the task."""
        torch.manual_seed(task.seed)
        network = Standardised(self.network(task.recipe.model.frames), band_statistics(task))
        # Channels last is how the CPU's and the GPU's convolutions want their maps in bfloat16.
        network = network.to(task.bank.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a gap in torch's stubs
        groups: Iterable[Any] = network.parameters() if self.groups is None else self.groups(network.network)
        return BaselineLearner(
            network=network,
            optimiser=make_optimiser(groups, task.config),
            average=frozen_copy(network) if task.config.average > 0 else None,
            device=task.bank.device,
            bfloat16=task.bfloat16,
            baseline=self,
        )

    @torch.no_grad()
    def answer(self, network: Standardised, bank: Bank, rows: IntArray, bfloat16: bool = False) -> Tensor:
        """Return the logits of some rows: float32 [1, N, 2], or [2, N, 2] of seconds and their tracks."""
        network = network.to(bank.device).eval()
        if self.sequences:
            return _sequence_answer(network, bank, rows, bfloat16)
        found = []
        for chosen in chunks(rows, _ROWS):
            with autocast(bank.device, bfloat16):
                found.append(network(*bank.gather(chosen)).float().cpu())
        return torch.cat(found)[None] if found else torch.empty((1, 0, 2))

    def probabilities(self, network: Standardised, answer: Tensor) -> Answers:
        """Return the probability of class 1; the last head speaks for the track."""
        shares = answer.softmax(dim=-1)[..., 1].double().numpy()
        return Answers(shares[0], shares[-1])


@dataclass(kw_only=True)
class BaselineLearner(Learner[Standardised]):
    """A baseline's network while it learns.

    Attributes:
        baseline: whose it is.
    """

    baseline: Baseline

    def step(
        self,
        batch: Batch,
        config: TrainingConfig,
        progress: float,
        generator: torch.Generator,
        check_gradients: bool = False,
    ) -> dict[str, float]:
        """Do one step. Gradients are not checked: stages of a training leave parameters alone."""
        self.network.train()
        mel, cochleagram = self.network.views(batch.mel, batch.cochleagram)
        seen: Batch | TrackBatch = batch._replace(mel=mel, cochleagram=cochleagram)
        if self.baseline.sequences:
            seen = to_tracks(batch._replace(mel=mel, cochleagram=cochleagram))
        with self.autocast():
            terms = self.baseline.loss(self.network.network, seen, Context(progress, generator, self.steps))
        norm = self.update(terms["total"], config)
        return {**{f"loss/{name}": value.item() for name, value in terms.items()}, "gradient_norm": norm}


def band_statistics(task: Task) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return mean and deviation of each band over the frames of the training part, [bands, 1] each."""
    found = []
    statistics = standardisation(task.bank, task.parts.train)
    for mean, deviation in (statistics[:2], statistics[2:]):
        middle = mean.mean(dim=1, keepdim=True)
        # The variance over all frames: the mean of each frame's, and how the frames' means differ.
        variance = deviation.square().mean(dim=1, keepdim=True) + mean.var(dim=1, correction=0, keepdim=True)
        found += [middle, variance.sqrt()]
    return found[0], found[1], found[2], found[3]


def to_tracks(batch: Batch) -> TrackBatch:
    """Return a batch of rows, track after track, as padded tracks."""
    starts = sequence_starts(batch.track.cpu().numpy())
    target, label = pad(batch.target, starts), pad(batch.label + 1, starts) - 1
    return TrackBatch(
        pad(batch.mel, starts),
        pad(batch.cochleagram, starts),
        padding_mask(starts).to(batch.mel.device),
        label,
        target,
        batch.track_label[torch.from_numpy(starts[:-1]).to(batch.mel.device)],
    )


def pad(values: Tensor, starts: IntArray) -> Tensor:
    """Return rows [N, …] as sequences [B, S, …], zeros behind the shorter ones; `starts` int64 [B + 1]."""
    parts = torch.tensor_split(values, starts[1:-1].tolist())
    return nn.utils.rnn.pad_sequence(list(parts), batch_first=True)


def padding_mask(starts: IntArray) -> Tensor:
    """Return bool [B, S], True where a sequence has a second."""
    lengths = torch.from_numpy(np.diff(starts))
    return torch.arange(int(lengths.max())) < lengths[:, None]


def _sequence_answer(network: Standardised, bank: Bank, rows: IntArray, bfloat16: bool) -> Tensor:
    """Return the logits of seconds and of their tracks [2, N, 2]; a track longer than a sequence is cut."""
    if not len(rows):
        return torch.empty((2, 0, 2))
    starts = sequence_starts(bank.track_of_row[rows])
    at_once = max(1, _ROWS // int(np.diff(starts).max()))
    found = []
    for first in range(0, len(starts) - 1, at_once):
        own = starts[first : first + at_once + 1]
        seen = network.views(*bank.gather(rows[own[0] : own[-1]]))
        views = [pad(view, own - own[0]) for view in seen]
        mask = padding_mask(own).to(bank.device)
        with autocast(bank.device, bfloat16):
            logits = network.network(*views, mask)
        tracks = logits["track"][:, None].expand_as(logits["segment"])
        found.append(torch.stack([logits["segment"][mask], tracks[mask]]).float().cpu())
    return torch.cat(found, dim=1)


def count_parameters(network: nn.Module) -> int:
    """Return how many numbers a network learns."""
    return sum(math.prod(parameter.shape) for parameter in network.parameters())
