"""Grid search on the validation part: how the paper found the weights of its loss (section IV.E).

The test part is set aside as in a run and never looked at, so a run with the settings found may still be
judged on it.
"""

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damer.core.errors import DamerError
from damer.core.track import Dimension
from damer.training.bank import Bank, load_bank
from damer.training.collection import Collection
from damer.training.data import split_ids
from damer.training.evaluate import probabilities, validation_scores
from damer.training.loop import Place, train_network
from damer.training.method import Task
from damer.training.protocols import divide
from damer.training.recipes import Recipe, load_recipe
from damer.training.run import begin, choose_device, write_json
from damer.training.summary import plain


@dataclass(frozen=True)
class Grid:
    """Settings to try.

    Attributes:
        recipe: name or path of the recipe.
        settings: "key=value" texts that hold for all.
        axes: "key=value,value,…" texts; every combination is tried.
        dimensions: arousal, valence or both.
    """

    recipe: str
    settings: tuple[str, ...]
    axes: tuple[str, ...]
    dimensions: tuple[Dimension, ...]

    def combinations(self) -> list[tuple[str, ...]]:
        """Return every combination as "key=value" texts.

        Raises:
            DamerError: an axis is not "key=value,value".
        """
        choices = []
        for axis in self.axes:
            key, equals, values = axis.partition("=")
            if not equals or not all(values.split(",")):
                raise DamerError(
                    f"--grid {axis!r}: write key=value,value, such as lambda_contrastive=0.05,0.1"
                )
            choices.append([f"{key}={value}" for value in values.split(",")])
        return list(itertools.product(*choices))

    def recipes(self) -> list[tuple[tuple[str, ...], Recipe]]:
        """Return each combination with its recipe, all checked before anything is trained."""
        found = [(each, load_recipe(self.recipe, [*self.settings, *each])) for each in self.combinations()]
        for each, recipe in found:
            if recipe.training.validation_fraction == 0:
                raise DamerError(
                    f"--grid {' '.join(each)}: needs a validation part, validation_fraction is 0"
                )
        return found


def search(
    grid: Grid, data: Collection, out: Path, resume: bool = False, device: str = "auto", quiet: bool = False
) -> list[dict[str, Any]]:
    """Train every combination and return its validation scores, best (lowest loss) first; also in grid.json.

    Args:
        grid: what to try.
        data: the music.
        out: folder of the search.
        resume: go on with the search in `out`.
        device: "auto", "cpu" or "cuda".
        quiet: no progress bars.
    """
    place = choose_device(device)
    recipes = grid.recipes()
    begin({"grid": {**vars(grid)}}, data, out, resume, place)
    banks: dict[str, Bank] = {}
    rows: list[dict[str, Any]] = []
    for dimension in grid.dimensions:
        for number, (each, recipe) in enumerate(recipes, 1):
            recipe.check_spec(data.spec, ", ".join(data.names))
            key = f"{recipe.model.stem} {recipe.model.context_s} {recipe.model.tonal_context_s}"
            if key not in banks:
                banks = {key: load_bank(data, recipe.model, recipe.training.preload, place, quiet)}
            where = out, f"{dimension}-grid{number}"
            scores = validation_scores_of(banks[key], data, recipe, dimension, where, quiet)
            rows.append({"dimension": dimension, "settings": list(each), **scores})
    rows.sort(key=lambda row: (row["dimension"], row["loss"]))
    write_json(out / "grid.json", plain(rows))
    shutil.rmtree(out / "state", ignore_errors=True)
    return rows


def validation_scores_of(
    bank: Bank,
    data: Collection,
    recipe: Recipe,
    dimension: Dimension,
    where: tuple[Path, str],
    quiet: bool = True,
) -> dict[str, float]:
    """Train a recipe's network, the test part set aside, and return its scores on the validation part.

    Args:
        bank: features of all tracks.
        data: the tracks.
        recipe: network and settings.
        dimension: arousal or valence.
        where: the folder to write in, and the training's name in it; one cut short goes on.
        quiet: no progress bar.
    """
    originals = [track for track in data.tracks if track.variant == 0]
    aside = split_ids(originals, dimension, recipe.training).test
    parts = divide(bank, dimension, recipe.training, aside)
    place = Place(*where, quiet)
    trained = train_network(Task(bank, parts, recipe, data.spec, recipe.training.seed), place)
    probability = probabilities(trained.network, trained.validation)
    return validation_scores(bank, parts.validation, probability, parts.track_labels)


def grid_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the scores as text."""
    names = ("loss", "accuracy", "balanced_accuracy", "auc")
    lines = [f"{'validation part':<17}" + "".join(f"{name:>20}" for name in names) + "  settings"]
    for row in rows:
        cells = "".join(f"{row[name]:>20.3f}" for name in names)
        lines.append(f"{row['dimension']:<17}" + cells + "  " + " ".join(row["settings"]))
    return "\n".join(lines)
