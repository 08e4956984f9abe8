"""Style-Anchored Memory Learning: the queue and the contrastive loss of SAML (section IV.D, eqs 18 to 20)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from damer.objectives.pseudo_label import fused_probabilities

Memory = Literal["features", "probabilities"]
Momentum = Literal["encoder", "slot", "none"]
Reduction = Literal["mean", "sum"]


class MemoryQueue:
    """A circular queue of the last K normalised features and their labels (eq 18).

    Args:
        size: K, entries kept (section V.A: 512).
        dim: width of an entry: `fused_dim` with memory="features", classes with memory="probabilities".
        momentum: what the coefficient 0.95, which the paper names and never defines, acts on. "encoder": on
            the network that encodes what enters (He et al. 2020): keep an average with `momentum_update` and
            push its output, the queue itself stores as is; "slot": on the entry replaced, of which the new
            one keeps `coefficient` if it is of the same class (another class's feature is replaced whole:
            blended, it would stand under the wrong label); "none": on nothing.
        coefficient: momentum in [0, 1).
        device: where the entries live.
    """

    def __init__(
        self,
        size: int = 512,
        dim: int = 256,
        momentum: Momentum = "encoder",
        coefficient: float = 0.95,
        device: torch.device | str = "cpu",
    ) -> None:
        if size < 1 or dim < 1:
            raise ValueError(f"size={size!r}, dim={dim!r}: use whole numbers from 1")
        if momentum not in ("encoder", "slot", "none"):
            raise ValueError(f"momentum={momentum!r}: use 'encoder', 'slot' or 'none'")
        if not 0.0 <= coefficient < 1.0:
            raise ValueError(f"coefficient={coefficient!r}: use a number from 0 to below 1")
        self.momentum = momentum
        self.coefficient = coefficient
        self.pointer = 0
        self.count = 0
        self._features = torch.zeros(size, dim, device=device)
        self._labels = torch.zeros(size, dtype=torch.int64, device=device)

    def __len__(self) -> int:
        """Entries held, at most K."""
        return self.count

    @property
    def features(self) -> Tensor:
        """The entries held, float32 [len, dim], each of length 1; empty slots are never among them."""
        return self._features[: self.count]

    @property
    def labels(self) -> Tensor:
        """Their classes, int64 [len]."""
        return self._labels[: self.count]

    @torch.no_grad()
    def push(self, features: Tensor, labels: Tensor) -> None:
        """Store a batch, in place of the oldest entries; of a batch larger than the queue, its last K.

        Args:
            features: [B, dim], normalised here; no gradient is kept.
            labels: their classes, int64 [B].
        """
        size = len(self._features)
        new = F.normalize(features.detach().float(), dim=-1)[-size:]
        classes = labels[-size:]
        slots = (self.pointer + torch.arange(len(new), device=new.device)) % size
        if self.momentum == "slot":
            blend = (slots < self.count) & (self._labels[slots] == classes)
            kept = self.coefficient * self._features[slots] + (1.0 - self.coefficient) * new
            new = torch.where(blend[:, None], F.normalize(kept, dim=-1), new)
        self._features[slots] = new
        self._labels[slots] = classes
        self.pointer = (self.pointer + len(new)) % size
        self.count = min(self.count + len(new), size)

    def statistics(self) -> dict[str, float]:
        """Return what figure 6 plots: health of the queue after an update; all 0 for an empty queue.

        Returns:
            `label_entropy` in nats (ln 2 for two balanced classes), `coverage_0` and `coverage_1`, the shares
            of the two classes, and `centroid_distance_0` and `_1`, the median L2 distance of a class's
            entries to their mean (0 for a class that is absent).
        """
        shares = torch.bincount(self.labels, minlength=2)[:2] / max(self.count, 1)
        statistics = {"label_entropy": -torch.special.xlogy(shares, shares).sum().item() + 0.0}
        for label in range(2):
            own = self.features[self.labels == label]
            distance = torch.linalg.vector_norm(own - own.mean(dim=0), dim=-1).median() if len(own) else 0.0
            statistics[f"coverage_{label}"] = shares[label].item()
            statistics[f"centroid_distance_{label}"] = float(distance)
        return statistics

    def state_dict(self) -> dict[str, Tensor]:
        """Return everything an exact resume needs; tensors are copies."""
        position = torch.tensor([self.pointer, self.count])
        return {"features": self._features.clone(), "labels": self._labels.clone(), "position": position}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            ValueError: it is of a queue of another size.
        """
        if state["features"].shape != self._features.shape:
            found, own = tuple(state["features"].shape), tuple(self._features.shape)
            raise ValueError(f"the saved queue has shape {found}, this one {own}")
        self._features.copy_(state["features"])
        self._labels.copy_(state["labels"])
        self.pointer, self.count = (int(number) for number in state["position"])


def memory_features(
    embedding: Tensor, mel: Tensor, cochleagram: Tensor, *, tau: float, memory: Memory = "features"
) -> Tensor:
    """Return what is compared with the queue and stored in it, [B, dim].

    Args:
        embedding: fused embedding z_fuse [B, D_f].
        mel: logits of the Mel head [B, C].
        cochleagram: logits of the cochleagram head [B, C].
        tau: temperature of the views' softmax; read with memory="probabilities" only.
        memory: "features": z_fuse (Algorithm 1, line 18), dim = D_f; "probabilities": p_fuse, as in eq 18,
            dim = C.
    """
    if memory == "features":
        return embedding
    if memory == "probabilities":
        return fused_probabilities(mel, cochleagram, tau)[2]
    raise ValueError(f"memory={memory!r}: use 'features' or 'probabilities'")


def contrastive_loss(
    queries: Tensor,
    labels: Tensor,
    keys: Tensor,
    key_labels: Tensor,
    *,
    temperature: float = 0.07,
    reduction: Reduction = "mean",
) -> Tensor:
    """Supervised InfoNCE of a batch against the queue (eqs 19, 20).

    Args:
        queries: [B, D], normalised here; the gradient flows into them alone.
        labels: their classes, int64 [B].
        keys: the queue's features [M, D], each of length 1; M may be 0.
        key_labels: their classes, int64 [M].
        temperature: tau_cont (section IV.D: 0.07), above 0.
        reduction: over a query's positives: "mean" (Khosla et al. 2020, eq 2) or "sum" (eq 19 as printed,
            whose size grows with the queue).

    Returns:
        Scalar float32: the mean over all B queries; a query without a positive adds 0, and with none the loss
        is exactly 0.
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction={reduction!r}: use 'mean' or 'sum'")
    queries = F.normalize(queries.float(), dim=-1)
    if len(keys) == 0 or len(queries) == 0:
        return queries[:0].sum()
    log_share = (queries @ keys.detach().float().T / temperature).log_softmax(dim=-1)
    positive = labels[:, None] == key_labels[None, :]
    # `where` and not a product: the share of a key far away may underflow to log 0.
    per_query = -torch.where(positive, log_share, torch.zeros_like(log_share)).sum(dim=-1)
    if reduction == "mean":
        per_query = per_query / positive.sum(dim=-1).clamp_min(1)
    return per_query.mean()


@torch.no_grad()
def momentum_update(average: nn.Module, network: nn.Module, coefficient: float = 0.95) -> None:
    """Move `average` towards `network`: average = coefficient * average + (1 - coefficient) * network.

    Args:
        average: a copy of the network that no optimiser touches (He et al. 2020, eq 2); changed in place.
        network: the network that is trained. Buffers are copied as they are.
        coefficient: momentum in [0, 1] (section V.A: 0.95).
    """
    for kept, new in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(new, 1.0 - coefficient)
    for copied, buffer in zip(average.buffers(), network.buffers(), strict=True):
        copied.copy_(buffer)
