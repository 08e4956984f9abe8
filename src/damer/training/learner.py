"""What every training changes step by step: a network, its optimiser, perhaps an average of its weights."""

import contextlib
import math
from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from damer import objectives
from damer.core.errors import DamerError
from damer.training.config import TrainingConfig
from damer.training.data import Batch

N = TypeVar("N", bound=nn.Module)


class Stateful(Protocol):
    """Something whose tensors a training state keeps: a network, a queue."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return its tensors by name."""

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> Any:
        """Put them back."""


@dataclass(kw_only=True)
class Learner(ABC, Generic[N]):
    """Everything that changes while a network learns.

    Attributes:
        network: the network being trained.
        optimiser: Adam or AdamW. A parameter group with a key "scale" learns at that many times the rate.
        average: moving average of the weights, with `average` above 0.
        device: where all of it lives.
        bfloat16: whether the forward pass runs in bfloat16.
        steps: steps done.
    """

    network: N
    optimiser: torch.optim.Optimizer
    average: N | None
    device: torch.device
    bfloat16: bool
    steps: int = 0

    @abstractmethod
    def step(
        self,
        batch: Batch,
        config: TrainingConfig,
        progress: float,
        generator: torch.Generator,
        check_gradients: bool = False,
    ) -> dict[str, float]:
        """Learn from one batch and return the numbers to log, among them "loss/total".

        Args:
            batch: labelled rows, then unlabelled ones.
            config: the training's settings.
            progress: share of the epochs that are done.
            generator: for every random choice of this step.
            check_gradients: whether every parameter must have a finite gradient.
        """

    def parts(self) -> dict[str, Stateful]:
        """Return what a saved state holds beside the optimiser's moments, by name."""
        found: dict[str, Stateful] = {"network": self.network}
        if self.average is not None:
            found["average"] = self.average
        return found

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """Return the context of a forward pass in the chosen precision."""
        return autocast(self.device, self.bfloat16)

    @property
    def final(self) -> N:
        """The network to validate and keep: the weights' average where there is one."""
        return self.network if self.average is None else self.average

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next step."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)

    def update(self, loss: Tensor, config: TrainingConfig, check_gradients: bool = False) -> float:
        """Backpropagate, clip, step, and return the gradient's norm before clipping."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if check_gradients:
            require_gradients(self.network)
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), config.clip_norm))
        if not math.isfinite(norm):
            raise DamerError(
                f"training diverged: the loss is {loss.item():.4g} and its gradient {norm:.4g}: "
                "lower learning_rate, or set precision=float32"
            )
        self.optimiser.step()
        if self.average is not None:
            # A young average forgets faster, or it would stay near the random start for a while.
            decay = min(config.average, (1 + self.steps) / (10 + self.steps))
            objectives.momentum_update(self.average, self.network, decay)
        self.steps += 1
        return norm


def make_optimiser(parameters: Any, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimiser that the settings name, for parameters or groups of them."""
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)


def frozen_copy(network: N) -> N:
    """Return a copy that learns nothing by itself, such as an average of the weights."""
    return deepcopy(network).eval().requires_grad_(False)


def autocast(device: torch.device, bfloat16: bool) -> contextlib.AbstractContextManager[None]:
    """Return a context in which products run in bfloat16, or one that changes nothing."""
    if not bfloat16:
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = torch.autocast(device.type, torch.bfloat16)
    return context


def resolve_precision(precision: str, device: torch.device) -> str:
    """Return "float32" or "bfloat16"; "auto" is bfloat16 where the device computes it natively."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


def require_gradients(network: nn.Module) -> None:
    """Refuse a network of which some parameter learns nothing, or learns from a value that is not finite.

    Parameters that were frozen on purpose (`requires_grad` False) are left alone.

    Raises:
        DamerError: names the parameter.
    """
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.grad is None:
            raise DamerError(f"parameter {name} gets no gradient: the loss does not depend on it")
        if not parameter.grad.isfinite().all():
            raise DamerError(
                f"parameter {name} gets a gradient that is not finite: check the features, "
                "or lower learning_rate"
            )
