"""Recipes and settings: what is known, what is refused, and how."""

import dataclasses
from pathlib import Path

import pytest

from damer.core.errors import DamerError
from damer.features import FeatureSpec
from damer.models import DamerConfig
from damer.training.config import TrainingConfig
from damer.training.recipes import available, load_recipe, recipe_from_dict


def test_the_paper_recipe_is_the_defaults() -> None:
    recipe = load_recipe("paper")
    assert recipe.training == TrainingConfig()
    assert recipe.model == DamerConfig()
    recipe.check_spec(FeatureSpec(), "store")


def test_defaults_are_the_papers_numbers() -> None:
    # Sections IV and V of the paper; the batch size is the authors' sibling release's.
    config = TrainingConfig()
    assert (config.epochs, config.batch_size, config.clip_norm) == (80, 256, 5.0)
    assert (config.learning_rate, config.weight_decay, config.optimiser) == (1e-3, 1e-4, "adam")
    assert (config.tau_max, config.tau_min, config.theta_max, config.theta_min) == (1.5, 0.7, 0.65, 0.35)
    assert (config.memory_size, config.momentum, config.tau_contrast) == (512, 0.95, 0.07)
    weights = (
        config.lambda_classification, config.lambda_pseudo_label, config.lambda_consistency,
        config.lambda_contrastive,
    )  # fmt: skip
    assert weights == (1.0, 0.8, 0.2, 0.1)


@pytest.mark.parametrize("name", available())
def test_every_packaged_recipe_loads_and_survives_its_record(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.description
    assert recipe_from_dict(recipe.to_dict()) == recipe


def test_settings_on_top() -> None:
    recipe = load_recipe(
        "tiny", ["epochs=7", "model.layers=3", "learning_rate=1", "balance=class", "features.n_mels=64"]
    )
    assert recipe.training.epochs == 7
    assert recipe.model.layers == 3
    assert recipe.training.learning_rate == 1.0
    assert recipe.training.balance == "class"
    assert recipe.features == {"n_mels": 64}


def test_own_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('description = "d"\n[training]\nepochs = 2\n[features]\ncochleagram = "semitone"\n')
    recipe = load_recipe(str(path))
    assert (recipe.name, recipe.training.epochs) == ("mine", 2)
    recipe.check_spec(FeatureSpec(cochleagram="semitone"), "store")
    with pytest.raises(DamerError, match="store: its features have cochleagram = 'fft'"):
        recipe.check_spec(FeatureSpec(), "store")


def test_all_features_that_differ_are_told_at_once() -> None:
    with pytest.raises(DamerError) as told:
        load_recipe("valence").check_spec(FeatureSpec(), "store")
    assert "--spec cochleagram=semitone --spec mel_floor=1e-07 --spec cochleagram_floor=1e-09," in str(
        told.value
    )


def test_the_statistics_stem_needs_semitones() -> None:
    recipe = load_recipe("tiny", ["stem=statistics", "context_s=4"])
    recipe.check_spec(FeatureSpec(cochleagram="semitone"), "store")
    with pytest.raises(DamerError, match="--spec cochleagram=semitone"):
        recipe.check_spec(FeatureSpec(), "store")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepoch = 2\n", "unknown setting 'epoch'; did you mean 'epochs'?"),
        ("[trainning]\nepochs = 2\n", "unknown table or key 'trainning'; did you mean 'training'?"),
        ("epochs = 2\n", "unknown table or key 'epochs'"),
        ("[training\n", "not a TOML file"),
        ('[training]\nepochs = "2"\n', "epochs is '2'; a value of type int is needed"),
        ("[training]\nrenders = 1\n", "renders is 1; a value of type bool is needed"),
        ("[training]\nepochs = true\n", "epochs is True; a value of type int is needed"),
        ("[training]\nepochs = 0\n", "epochs is 0: it must be at least 1"),
        ("[training]\nlearning_rate = -1\n", "learning_rate is -1.0: it must be above 0"),
        ("[training]\nlearning_rate = nan\n", "learning_rate is nan: it must be above 0"),
        ("[training]\nlabel_fraction = 1.5\n", "label_fraction is 1.5: it must be above 0 and at most 1"),
        ('[training]\nselect = "first"\n', "select is 'first'; choose from best, last"),
        ('[model]\nheads = 3\n', "dim=128"),
    ],
)  # fmt: skip
def test_bad_recipes(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(DamerError) as caught:
        load_recipe(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("setting", ["epochs", "=3", "modle.layers=3", "layer=3"])
def test_bad_settings(setting: str) -> None:
    with pytest.raises(DamerError, match="--set"):
        load_recipe("tiny", [setting])


def test_missing_or_binary_recipe_files(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match="cannot be read as a recipe"):
        load_recipe(str(tmp_path / "none.toml"))
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamerError, match="not a text file"):
        load_recipe(str(path))


def test_no_setting_is_left_undocumented() -> None:
    text = TrainingConfig.__doc__ or ""
    for field in dataclasses.fields(TrainingConfig):
        assert field.name in text, field.name
