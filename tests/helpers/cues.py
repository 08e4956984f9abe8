"""Small made-up batches in which the class can be heard, and a few steps of training on them."""

from typing import Any

import torch
from torch import Tensor, nn

from damer.baselines.base import Baseline, Context, TrackBatch
from damer.training.data import Batch

MEL, COCHLEA, FRAMES = 32, 28, 44


def segment_cue(count: int, seed: int, strength: float = 1.0) -> Batch:
    """Seconds of noise; those of class 1 are louder in the lower half of both views' bands."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(count) % 2
    mel = torch.randn(count, MEL, FRAMES, generator=generator)
    cochleagram = torch.randn(count, COCHLEA, FRAMES, generator=generator)
    mel[:, : MEL // 2] += strength * label[:, None, None]
    cochleagram[:, : COCHLEA // 2] += strength * label[:, None, None]
    none = torch.empty(0, dtype=torch.int64)
    return Batch(mel, cochleagram, label.float(), label, label * 0, none, torch.arange(count) // 4, label)


def track_cue(tracks: int, seconds: int, seed: int, strength: float = 1.0) -> TrackBatch:
    """Tracks of such seconds, all of a track in one class; every other track is two seconds shorter."""
    batch = segment_cue(2 * tracks * seconds, seed, strength)
    label = torch.arange(tracks) % 2
    order = torch.stack([2 * torch.arange(seconds) + 2 * seconds * n + int(c) for n, c in enumerate(label)])
    length = seconds - 2 * (torch.arange(tracks) // 2 % 2)
    mask = torch.arange(seconds) < length[:, None]
    return TrackBatch(
        batch.mel[order] * mask[..., None, None],
        batch.cochleagram[order] * mask[..., None, None],
        mask,
        torch.where(mask, label[:, None], -1),
        torch.where(mask, label[:, None], 0).float(),
        label,
    )


def learn(
    baseline: Baseline,
    network: nn.Module,
    batches: list[Batch] | list[TrackBatch],
    rate: float,
    progress: float = 0.9,
) -> list[float]:
    """Take a step of Adam on each batch and return the losses."""
    torch.manual_seed(0)
    whole: list[dict[str, Any]] = [{"params": network.parameters(), "scale": 1.0}]
    groups = baseline.groups(network) if baseline.groups else whole
    optimiser = torch.optim.Adam(
        [{"params": group["params"], "lr": rate * group["scale"]} for group in groups], lr=rate
    )
    network.train()
    losses = []
    for step, batch in enumerate(batches):
        context = Context(progress, torch.Generator().manual_seed(step), step)
        total = baseline.loss(network, batch, context)["total"]
        optimiser.zero_grad(set_to_none=True)
        backward(total)
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        losses.append(total.item())
    network.eval()
    return losses


def accuracy(network: nn.Module, batch: Batch) -> float:
    """Share of a batch's rows that a network puts into their class."""
    with torch.no_grad():
        found = network(batch.mel, batch.cochleagram).argmax(dim=1)
    return float((found == batch.label).float().mean())


def backward(loss: Tensor) -> None:
    """Backpropagate."""
    loss.backward()  # type: ignore[no-untyped-call]


def parameters(network: nn.Module) -> int:
    """How many numbers a network learns, or moves in another way while it trains."""
    return sum(parameter.numel() for parameter in network.parameters())


def without_gradient(network: nn.Module) -> set[str]:
    """Names of the parameters whose last gradient is missing, not finite or nothing but zeros."""
    return {
        name
        for name, value in network.named_parameters()
        if value.grad is None or not value.grad.isfinite().all() or not value.grad.any()
    }
