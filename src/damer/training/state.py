"""The state of a training run on disk, so that a run killed at any step ends where it would have ended.

One safetensors file, replaced whole: tensors of the learner, and in the header, as JSON, where the run
stands. Nothing in it is ever executed.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from damer.core.errors import DamerError
from damer.core.files import replacing
from damer.training.learner import Learner


@dataclass
class Position:
    """Where a run stands; plain numbers, all in the state's header.

    Attributes:
        epoch: epoch under way, from 0.
        batch: batches of it that are done.
        step: steps done since the start.
        sums: sums over the epoch so far of every logged number.
        counts: how often each was logged.
        best_score: best validation score so far; None before the first.
        best_epoch: its epoch; -1 before the first.
        log_bytes: length of the log when the state was saved.
        finished: whether training is over.
        settings: hash of the settings, so that a run resumes only as it began.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    best_score: float | None = None
    best_epoch: int = -1
    log_bytes: int = 0
    finished: bool = False
    settings: str = ""


def learner_tensors(learner: Learner[Any], moments: bool = True) -> dict[str, Tensor]:
    """Return every tensor that changes while training, by name.

    Args:
        learner: what learns.
        moments: whether those of the optimiser are wanted; who will make no further step needs none.
    """
    found: dict[str, Tensor] = {}
    for name, part in learner.parts().items():
        found |= _named(name, part.state_dict())
    if not moments:
        return found
    for number, own in learner.optimiser.state_dict()["state"].items():
        found |= _named(f"optimiser.{number}", own)
    return found


def restore_learner(learner: Learner[Any], tensors: dict[str, Tensor], steps: int) -> None:
    """Put the tensors of `learner_tensors` back."""
    for name, part in learner.parts().items():
        part.load_state_dict(_part(tensors, name))
    state = learner.optimiser.state_dict()
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _part(tensors, "optimiser").items():
        number, _, moment = name.partition(".")
        moments.setdefault(int(number), {})[moment] = tensor
    learner.optimiser.load_state_dict({**state, "state": moments})
    learner.steps = steps


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def save_state(path: Path, tensors: dict[str, Tensor], position: Position) -> None:
    """Write a state in place of the one before: a kill leaves the old one or the new one, never half."""
    copies = {name: tensor.detach().to("cpu").clone().contiguous() for name, tensor in tensors.items()}
    header = {"damer_state": json.dumps(asdict(position))}
    remedy = "free some space or choose another --out"
    with replacing(path, remedy, parents=True, lasting=True) as part:
        part.write_bytes(to_safetensors(copies, header))


def load_state(path: Path) -> tuple[dict[str, Tensor], Position] | None:
    """Return what `save_state` wrote, None where there is no file.

    Raises:
        DamerError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})["damer_state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        return tensors, Position(**header)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DamerError(
            f"{path}: a damaged training state ({error}): delete it to start that network anew"
        ) from None


def best_tensors(network: torch.nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's tensors under the names a state keeps the best ones by."""
    return {f"best.{name}": tensor.detach().clone() for name, tensor in network.state_dict().items()}
