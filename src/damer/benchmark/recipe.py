"""Benchmark recipes: small TOML files that say which methods are compared, on what and how long.

description = "…"
methods = ["all"]                 # names of methods; "all" are DAMER and every baseline
dimensions = ["arousal", "valence"]
protocols = ["track"]             # track, segment, contiguous
seeds = [0, 1, 2]                 # each divides anew and starts anew
folds = 0                         # above 1: grouped folds in place of 70/30
profile = "common"                # or "native": each baseline's own settings
embeddings = false                # whether runs of DAMER keep where tested tracks lie before and after
budget = 0                        # labelled seconds learned from, the same for each method; 0: as epochs say

[training]                        # what all methods' training has in common, and
epochs = 80

[model]                           # DAMER's network, in every variant of it
fused_dim = 64

[[variant]]                       # methods with settings of their own
name = "damer without memory"
method = "damer"
recipe = "paper"
set = ["lambda_contrastive=0"]
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

from damer.baselines.base import Baseline
from damer.baselines.registry import BASELINES
from damer.core.errors import DamerError
from damer.core.track import Dimension
from damer.training.recipes import Recipe, load_recipe
from damer.training.toml_files import TomlFiles, nearest, setting, value_of

DAMER = "damer"
_FILES = TomlFiles("benchmark", "benchmark/recipes")
METHODS = (*BASELINES, DAMER)
Protocol = Literal["track", "segment", "contiguous"]
Profile = Literal["common", "native"]


@dataclass(frozen=True)
class Variant:
    """A row of a table: a method with settings.

    Attributes:
        name: in the results.
        method: one of `METHODS`.
        recipe: the training recipe it starts from.
        settings: "key=value" texts that are its own.
    """

    name: str
    method: str
    recipe: str = "paper"
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Benchmark:
    """What is compared.

    Attributes:
        name: of the recipe.
        variants: methods and their settings.
        dimensions, protocols, seeds, folds, profile, budget, embeddings: see the module.
        training: "key=value" texts of what all have in common.
        description: in a sentence.
    """

    name: str
    variants: tuple[Variant, ...]
    dimensions: tuple[Dimension, ...] = ("arousal", "valence")
    protocols: tuple[Protocol, ...] = ("track",)
    seeds: tuple[int, ...] = (0,)
    folds: int = 0
    profile: Profile = "common"
    budget: int = 0
    training: tuple[str, ...] = ()
    description: str = ""
    embeddings: bool = False

    def __post_init__(self) -> None:
        """Refuse contradictions."""
        if not self.variants:
            raise DamerError(f"{self.name}: no method; name some in methods, or all")
        names = [item.name for item in self.variants]
        for name in names:
            if names.count(name) > 1:
                raise DamerError(f"{self.name}: {name} is there twice; give variants names of their own")
        if self.folds < 0 or self.folds == 1:
            raise DamerError(f"{self.name}: folds is {self.folds}: 0, or at least 2")
        if self.folds and set(self.protocols) != {"track"}:
            raise DamerError(f"{self.name}: folds are groups of tracks: leave out the other protocols")
        if not self.seeds or min(self.seeds) < 0 or self.budget < 0:
            raise DamerError(f"{self.name}: seeds and budget are numbers from 0, and there must be a seed")

    def settings(self, variant: Variant, seed: int, protocol: Protocol, frames: int) -> Recipe:
        """Return everything that decides a training.

        What is more particular wins: the training recipe, what all share, what the method cannot do without
        or (with the profile "native") its own settings, the variant's.
        """
        baseline = BASELINES.get(variant.method)
        texts = list(self.training)
        if isinstance(baseline, Baseline):
            chosen = {**(baseline.native if self.profile == "native" else {}), **baseline.always}
            texts += [f"training.{key}={value}" for key, value in chosen.items()]
        if load_recipe(variant.recipe).model.frames != frames:
            texts.append(f"model.frames={frames}")
        texts += [*variant.settings, f"training.seed={seed}", f"training.split={protocol}"]
        return load_recipe(variant.recipe, texts)

    def only(self, names: Sequence[str]) -> "Benchmark":
        """Return the benchmark of some of its methods.

        Raises:
            DamerError: it has no such method.
        """
        known = [item.name for item in self.variants]
        for name in names:
            if name not in known:
                raise DamerError(f"{self.name}: no method {name!r} in it; {nearest(name, known)}")
        return dataclasses.replace(self, variants=tuple(v for v in self.variants if v.name in names))


def available() -> list[str]:
    """Return the names of the packaged benchmark recipes."""
    return _FILES.names()


def load_benchmark(name_or_path: str, settings: Iterable[str] = ()) -> Benchmark:
    """Read a packaged benchmark recipe by name, or a file that ends in .toml.

    Args:
        name_or_path: a name from `available()` or a path.
        settings: "key=value" texts: changes of the recipe's own keys, such as "seeds=[0]", or, with any other
            key, of what all methods' training has in common.

    Raises:
        DamerError: unknown recipe, method, key or value.
    """
    name, values = _FILES.read(name_or_path)
    training = [text for section in ("training", "model") for text in _section(name, values, section)]
    own = {field.name for field in dataclasses.fields(Benchmark)} - {"name", "variants", "training"}
    for given in settings:
        key, equals, value = given.partition("=")
        if not equals:
            raise DamerError(f"--set {given!r}: write key=value, such as --set epochs=40")
        if key.strip() in own:
            values[key.strip()] = value_of(value)
        else:
            training.append(given)
    variants = _variants(name, values.pop("methods", []), values.pop("variant", []))
    for key in values:
        if key not in own:
            raise DamerError(f"{name_or_path}: unknown key {key!r}; {nearest(key, own)}")
    found = Benchmark(name, variants, training=tuple(training), **_checked(name, values))
    for variant in found.variants:
        found.settings(variant, 0, "track", 87)  # refuses a wrong setting before anything is trained
    return found


def _section(where: str, values: dict[str, Any], section: str) -> list[str]:
    """Take a table of settings out of a recipe's values; return them as "section.key=value" texts."""
    table = values.pop(section, {})
    if not isinstance(table, dict):
        raise DamerError(f"{where}: {section} is a table: write [{section}] above its settings")
    for key, value in table.items():
        if isinstance(value, dict):
            raise DamerError(f"{where}: {section}.{key} is a table; settings of the network stand in [model]")
    return [setting(f"{section}.{key}", value) for key, value in table.items()]


def _variants(where: str, methods: Any, tables: Any) -> tuple[Variant, ...]:
    found: list[Variant] = []
    for name in methods:
        if name == "all":
            found += [Variant(each, each) for each in METHODS]
        elif name in METHODS:
            found.append(Variant(name, name))
        else:
            raise DamerError(f"{where}: no method is called {name!r}; {nearest(str(name), METHODS)}")
    for table in tables:
        unknown = set(table) - {"name", "method", "recipe", "set"}
        if unknown or "name" not in table:
            raise DamerError(f"{where}: a variant has name, method, recipe and set; found {', '.join(table)}")
        method = table.get("method", DAMER)
        if method not in METHODS:
            raise DamerError(f"{where}: no method is called {method!r}; {nearest(str(method), METHODS)}")
        texts = tuple(map(str, table.get("set", [])))
        found.append(Variant(table["name"], method, table.get("recipe", "paper"), texts))
    return tuple(found)


def _checked(where: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with lists as tuples, each of the type that the dataclass wants."""
    hints = get_type_hints(Benchmark)
    found: dict[str, Any] = {}
    for key, value in values.items():
        hint = hints[key]
        if isinstance(value, list):
            inner = get_args(hint)[0] if get_args(hint) else str
            for item in value:
                _check(where, key, item, inner)
            found[key] = tuple(value)
        else:
            _check(where, key, value, hint)
            found[key] = value
    return found


def _check(where: str, key: str, value: Any, hint: Any) -> None:
    choices = [choice for choice in get_args(hint) if isinstance(choice, str)]
    if choices and value not in choices:
        raise DamerError(f"{where}: {key} is {value!r}; choose from {', '.join(choices)}")
    if hint is bool and not isinstance(value, bool):
        raise DamerError(f"{where}: {key} is {value!r}; write true or false")
    if isinstance(hint, type) and (
        not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)
    ):
        raise DamerError(f"{where}: {key} is {value!r}; a value of type {hint.__name__} is needed")
    if not choices and not isinstance(hint, type):
        raise DamerError(f"{where}: {key} is {value!r}; write a list, such as [{value!r}]")
