"""What the one loop can train: a method says which network, which step, and how its answers are read.

DAMER's is `ALGORITHM_1`; those of other papers are in `damer.baselines`.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from damer.features.spec import FeatureSpec
from damer.models import Damer
from damer.training import algorithm1
from damer.training.augment import gain_response
from damer.training.bank import Bank, IntArray
from damer.training.config import TrainingConfig
from damer.training.data import Parts, standardisation
from damer.training.evaluate import Floats, logits, probabilities
from damer.training.learner import Learner, N, resolve_precision
from damer.training.recipes import Recipe


@dataclass(frozen=True)
class Task:
    """What one network learns from.

    Attributes:
        bank: features of all tracks.
        parts: rows to train, validate and test on.
        recipe: network and settings.
        spec: how the features were extracted.
        seed: decides every random choice.
    """

    bank: Bank
    parts: Parts
    recipe: Recipe
    spec: FeatureSpec
    seed: int

    @property
    def config(self) -> TrainingConfig:
        """The recipe's training settings."""
        return self.recipe.training

    @property
    def bfloat16(self) -> bool:
        """Whether the forward pass runs in bfloat16."""
        return resolve_precision(self.config.precision, self.bank.device) == "bfloat16"

    def settings_hash(self, network: dict[str, Any]) -> str:
        """Return a hash of what must not change between the beginning and the end of a run.

        Args:
            network: everything that decides the network.
        """
        training = {**self.config.to_dict(), "save_every": None, "members": None, "seed": self.seed}
        text = json.dumps([training, network, self.spec.to_dict()], sort_keys=True)
        digest = hashlib.sha256(text.encode())
        parts = self.parts
        for rows in (parts.train, parts.pool, parts.validation, parts.labels, parts.targets):
            digest.update(rows.tobytes())
        return digest.hexdigest()[:16]


class Answers(NamedTuple):
    """What a method says of some rows.

    Attributes:
        segment: probability of class 1 of each row, float64 [N].
        track: float64 [N]; its mean over the rows of a track is the track's probability.
    """

    segment: Floats
    track: Floats


class Method(Protocol[N]):
    """A network and the way it learns.

    Attributes:
        sequences: whether it learns from whole tracks, their seconds in order, or from single seconds.
        uses_pool: whether it learns from unlabelled rows.
        warm_up: share of the epochs before which no weights are kept as the best.
    """

    @property
    def sequences(self) -> bool: ...  # noqa: D102
    @property
    def uses_pool(self) -> bool: ...  # noqa: D102
    @property
    def warm_up(self) -> float: ...  # noqa: D102

    def settings(self, recipe: Recipe) -> dict[str, Any]:
        """Return everything that decides the network, as plain values."""

    def learner(self, task: Task) -> Learner[N]:
        """Return a network at its start, seeded by the task, with everything that trains it."""

    def answer(self, network: N, bank: Bank, rows: IntArray, bfloat16: bool = False) -> Tensor:
        """Return what the network says of some rows [N]: logits, float32 [heads, N, 2]."""

    def probabilities(self, network: N, answer: Tensor) -> Answers:
        """Return the probabilities that such logits mean."""


class Algorithm1:
    """DAMER, trained by the paper's Algorithm 1."""

    sequences = False
    uses_pool = True
    warm_up = 0.0

    def settings(self, recipe: Recipe) -> dict[str, Any]:
        """Return the network's configuration."""
        return recipe.model.to_dict()

    def learner(self, task: Task) -> algorithm1.Learner:
        """Return a network at its start."""
        torch.manual_seed(task.seed)
        network = Damer(task.recipe.model)  # line 1
        statistics = standardisation(task.bank, task.parts.train)
        network.set_standardisation(*(part.cpu() for part in statistics))
        response = gain_response(network.stem, task.spec)
        return algorithm1.make_learner(network, task.config, response, task.bank.device, task.bfloat16)

    def answer(self, network: Damer, bank: Bank, rows: IntArray, bfloat16: bool = False) -> Tensor:
        """Return the logits of the Mel, cochleagram and fused heads."""
        return logits(network, bank, rows, bfloat16)

    def probabilities(self, network: Damer, answer: Tensor) -> Answers:
        """Return the probabilities of the configured head; a track's is the mean of its seconds'."""
        found = probabilities(network, answer)
        return Answers(found, found)


ALGORITHM_1 = Algorithm1()
