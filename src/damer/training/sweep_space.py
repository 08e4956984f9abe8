"""What a sweep tries: a small TOML file of settings with their choices or ranges.

description = "…"
recipe = "paper"                  # the training recipe that is varied
sampler = "tpe"                   # or "grid": every combination of lists
trials = 50                       # of tpe; a grid has as many as it has combinations
score = "loss"                    # on the validation part: loss, accuracy, balanced_accuracy, auc

[training]                        # settings that hold for all
epochs = 20

[space]
lambda_contrastive = [0.05, 0.1]                               # choices
learning_rate = { low = 1e-4, high = 1e-2, log = true }        # a range; of whole numbers where both ends are
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

from damer.core.errors import DamerError
from damer.training.recipes import Recipe, load_recipe
from damer.training.toml_files import TomlFiles, nearest, setting

SCORES = ("loss", "accuracy", "balanced_accuracy", "auc")
_FILES = TomlFiles("sweep", "training/sweeps")
_KEYS = {"description", "recipe", "sampler", "trials", "score", "training", "space"}
Choices = dict[str, list[Any] | dict[str, Any]]


@dataclass(frozen=True)
class Sweep:
    """A search over settings.

    Attributes:
        name: of the recipe.
        recipe: name or path of the training recipe that is varied.
        settings: "key=value" texts that hold for all trials.
        space: for each setting its choices (a list) or its range ({"low", "high", "log", "step"}).
        sampler: "tpe" or "grid".
        trials: how many are tried.
        score: what is best on the validation part.
        description: in a sentence.
    """

    name: str
    recipe: str
    settings: tuple[str, ...]
    space: Choices
    sampler: str
    trials: int
    score: str
    description: str = ""

    def recipe_of(self, values: dict[str, Any]) -> Recipe:
        """Return the training recipe with one trial's values."""
        return load_recipe(self.recipe, [*self.settings, *texts(values)])

    def grid(self) -> list[dict[str, Any]]:
        """Return every combination of the choices, for a grid."""
        lists = [choices for choices in self.space.values() if isinstance(choices, list)]
        return [dict(zip(self.space, values, strict=True)) for values in itertools.product(*lists)]


def texts(values: dict[str, Any]) -> list[str]:
    """Return values as "key=value" texts, as --set takes them."""
    return [setting(key, value) for key, value in values.items()]


def available() -> list[str]:
    """Return the names of the packaged sweeps."""
    return _FILES.names()


def load_sweep(name_or_path: str, settings: list[str], trials: int | None = None) -> Sweep:
    """Read a packaged sweep by name or a file that ends in .toml.

    Args:
        name_or_path: a name from `available()` or a path.
        settings: further "key=value" texts that hold for all trials.
        trials: how many are tried, in place of the recipe's number; of a grid the first ones.

    Raises:
        DamerError: unknown recipe, key or setting, or a range without an end.
    """
    name, values = _FILES.read(name_or_path)
    if unknown := values.keys() - _KEYS:
        raise DamerError(
            f"{name_or_path}: unknown key {min(unknown)!r}; {nearest(min(unknown), sorted(_KEYS))}"
        )
    sampler, score = values.get("sampler", "tpe"), values.get("score", "loss")
    if sampler not in ("tpe", "grid") or score not in SCORES:
        raise DamerError(f"{name_or_path}: sampler is tpe or grid, score one of {', '.join(SCORES)}")
    space = _space(name_or_path, values.get("space", {}), sampler)
    count = (
        math.prod(len(choices) for choices in space.values())
        if sampler == "grid"
        else values.get("trials", 50)
    )
    if trials is not None:
        count = min(trials, count) if sampler == "grid" else trials
    if not isinstance(count, int) or count < 1:
        raise DamerError(f"{name_or_path}: trials is {count!r}: at least 1 is needed")
    common = (*texts(values.get("training", {})), *settings)
    recipe = values.get("recipe", "paper")
    found = Sweep(name, recipe, common, space, sampler, count, score, values.get("description", ""))
    _check(found)
    return found


def _check(sweep: Sweep) -> None:
    """Refuse a setting that no recipe has, and a value that none takes, before anything is trained."""
    values = {
        key: each if isinstance(each, list) else [each["low"], each["high"]]
        for key, each in sweep.space.items()
    }
    first = {key: each[0] for key, each in values.items()}
    for key, each in values.items():
        for value in each:
            if sweep.recipe_of({**first, key: value}).training.validation_fraction == 0:
                raise DamerError(
                    f"{sweep.name}: a sweep judges on a validation part, and validation_fraction is 0"
                )


def _space(where: str, given: Any, sampler: str) -> Choices:
    if not isinstance(given, dict) or not given:
        raise DamerError(f"{where}: nothing to try: name settings under [space]")
    for key, choices in given.items():
        if isinstance(choices, list) and choices:
            continue
        if not isinstance(choices, dict) or not {"low", "high"} <= choices.keys() <= {
            "low",
            "high",
            "log",
            "step",
        }:
            raise DamerError(f"{where}: {key} is a list of choices, or {{ low = …, high = …, log = true }}")
        if sampler == "grid":
            raise DamerError(f"{where}: {key} is a range, and a grid needs lists: write its values")
        if not choices["low"] < choices["high"]:
            raise DamerError(f"{where}: {key}: low must be below high")
    return dict(given)
