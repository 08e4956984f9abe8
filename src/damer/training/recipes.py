"""Recipes: small TOML files that say what differs from the defaults, and `--set key=value` on top.

A recipe has up to three tables, `[training]` (`TrainingConfig`), `[model]` (`DamerConfig`) and `[features]`
(fields of `FeatureSpec` that the stores must have been extracted with), and a line `description`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from damer.core.errors import DamerError
from damer.features.spec import FeatureSpec
from damer.models import DamerConfig
from damer.training.config import TrainingConfig
from damer.training.toml_files import TomlFiles, nearest, value_of

T = TypeVar("T")

_FILES = TomlFiles("recipe", "recipes")
_TABLES: dict[str, type] = {"training": TrainingConfig, "model": DamerConfig, "features": FeatureSpec}


@dataclass(frozen=True)
class Recipe:
    """A named training set-up: what is trained, how, and on which features."""

    name: str
    training: TrainingConfig
    model: DamerConfig
    features: dict[str, Any] = field(default_factory=dict)
    description: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values, every setting spelt out."""
        return {
            "name": self.name,
            "description": self.description,
            "training": self.training.to_dict(),
            "model": dataclasses.asdict(self.model),
            "features": dict(self.features),
        }

    @property
    def wanted_features(self) -> dict[str, Any]:
        """Settings of the features that the recipe names or its network cannot do without."""
        wants = dict(self.features)
        if self.model.stem == "statistics":  # it reads harmony, from bands that are semitones
            wants.setdefault("cochleagram", "semitone")
        return wants

    def spec(self) -> FeatureSpec:
        """Return the specification with which a folder of audio is extracted for this recipe."""
        return FeatureSpec.from_dict(self.wanted_features)

    def check_spec(self, spec: FeatureSpec, where: str) -> None:
        """Refuse features extracted with settings other than the recipe's."""
        found = dataclasses.asdict(spec)
        wants = {key: value for key, value in self.wanted_features.items() if found[key] != value}
        if wants:
            have = ", ".join(f"{key} = {found[key]!r}" for key in wants)
            again = " ".join(f"--spec {key}={value}" for key, value in wants.items())
            instead = " ".join(f"--set features.{key}={found[key]}" for key in wants)
            raise DamerError(
                f"{where}: its features have {have}, recipe {self.name} needs "
                f"{', '.join(map(repr, wants.values()))}: "
                f"prepare the data again with {again}, or train with {instead}"
            )


def available() -> list[str]:
    """Return the names of the recipes in the package."""
    return _FILES.names()


def load_recipe(name_or_path: str, settings: Iterable[str] = ()) -> Recipe:
    """Read a packaged recipe by name or a recipe file by path, then apply `key=value` settings.

    Args:
        name_or_path: a name from `available()`, or the path of a TOML file.
        settings: texts such as "epochs=40", "model.layers=3" or "features.cochleagram=semitone". A table's
            name may be left out where only one table knows the key.

    Raises:
        DamerError: unknown recipe, key or value; the message names the nearest known one.
    """
    name, tables = _FILES.read(name_or_path)
    description = str(tables.pop("description", ""))
    for key, table in tables.items():
        if key not in _TABLES or not isinstance(table, dict):
            raise DamerError(f"{name_or_path}: unknown table or key {key!r}; {nearest(key, _TABLES)}")
    values: dict[str, dict[str, Any]] = {key: dict(tables.get(key, {})) for key in _TABLES}
    for setting in settings:
        table_name, key, value = _parse_setting(setting)
        values[table_name][key] = value
    return Recipe(
        name=name,
        training=build(TrainingConfig, values["training"], name_or_path),
        model=build(DamerConfig, values["model"], name_or_path),
        features=_converted(FeatureSpec, values["features"], name_or_path),
        description=description,
    )


def recipe_from_dict(saved: Mapping[str, Any]) -> Recipe:
    """Rebuild a recipe from `Recipe.to_dict`."""
    where = "saved recipe"
    return Recipe(
        name=saved["name"],
        training=build(TrainingConfig, saved["training"], where),
        model=build(DamerConfig, saved["model"], where),
        features=_converted(FeatureSpec, saved["features"], where),
        description=saved["description"],
    )


def build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Make a configuration dataclass from plain values, refusing unknown keys and wrong types."""
    return kind(**_converted(kind, values, where))


def _keys(kind: type) -> list[str]:
    return [item.name for item in dataclasses.fields(kind) if item.init]


def _parse_setting(setting: str) -> tuple[str, str, Any]:
    """Split "table.key=value" or "key=value"; return (table, key, value)."""
    key, equals, text = setting.partition("=")
    key, text = key.strip(), text.strip()
    if not equals or not key:
        raise DamerError(f"--set {setting!r}: write key=value, such as --set epochs=40")
    table, _, bare = key.rpartition(".")
    if table:
        if table not in _TABLES:
            raise DamerError(f"--set {setting!r}: unknown table {table!r}; {nearest(table, _TABLES)}")
    else:
        # Features are a demand on the stores, not a setting of the training: name their table.
        tables = [name for name in ("training", "model") if bare in _keys(_TABLES[name])]
        if len(tables) != 1:
            known = [*_keys(TrainingConfig), *_keys(DamerConfig)]
            problem = "write the table before it" if tables else nearest(bare, known)
            raise DamerError(f"--set {setting!r}: unknown or ambiguous key {bare!r}; {problem}")
        table = tables[0]
    return table, bare, value_of(text)


def _converted(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values with their types checked against the dataclass's annotations."""
    hints = get_type_hints(kind)
    known = _keys(kind)
    converted: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise DamerError(f"{where}: unknown setting {key!r}; {nearest(key, known)}")
        converted[key] = _as_type(value, hints[key], f"{where}: setting {key}")
    return converted


def _as_type(value: Any, hint: Any, where: str) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            choices = [str(choice) for choice in get_args(hint)]
            raise DamerError(f"{where} is {value!r}; choose from {', '.join(choices)}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type):
        if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
            raise DamerError(f"{where} is {value!r}; a value of type {hint.__name__} is needed")
        return value
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(value)
    return value
