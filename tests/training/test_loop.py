"""The loop on arrays in memory: it learns, repeats itself, and resumes exactly."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from synthetic_music import SECONDS, make_tokens, make_tracks

from damer.core.errors import DamerError
from damer.features.spec import FeatureSpec
from damer.models import Damer
from damer.training import state
from damer.training.bank import Bank, resident_bank
from damer.training.data import make_parts, split_ids
from damer.training.loop import Place, Trained, learning_rate, train_network
from damer.training.method import Task
from damer.training.recipes import Recipe

RecipeMaker = Callable[..., Recipe]
SPEC = FeatureSpec(n_mels=8, n_cochlea=5, sample_rate=8000, frame_length=3200)


def train(bank: Bank, recipe: Recipe, folder: Path, seed: int = 0) -> Trained[Damer]:
    split = split_ids(bank.tracks, "arousal", recipe.training)
    parts = make_parts(bank, "arousal", recipe.training, split.test)
    return train_network(Task(bank, parts, recipe, SPEC, seed), Place(folder, "arousal", quiet=True))


def same(first: Trained[Damer], second: Trained[Damer]) -> bool:
    pairs = zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)


def test_spec_of_the_synthetic_features() -> None:
    assert SPEC.frames == 6


def test_it_learns(bank: Bank, small_recipe: RecipeMaker, tmp_path: Path) -> None:
    recipe = small_recipe("epochs=15", "select_by=accuracy")
    trained = train(bank, recipe, tmp_path)
    assert trained.validation_score >= 0.75
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    assert len(epochs) == 15
    assert epochs[-1]["loss/classification"] < 0.6 * epochs[0]["loss/classification"]
    assert list((tmp_path / "tensorboard" / "arousal").glob("events*"))


def test_log_names_every_term_and_dynamic(bank: Bank, small_recipe: RecipeMaker, tmp_path: Path) -> None:
    train(bank, small_recipe("epochs=2"), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    wanted = {
        "loss/total", "loss/classification", "loss/classification_mel", "loss/classification_cochleagram",
        "loss/classification_fused", "loss/pseudo_label", "loss/consistency", "loss/contrastive",
        "pcl/mask_ratio", "pcl/confidence", "pcl/reliability", "pcl/strength", "pcl/tau", "pcl/theta",
        "saml/label_entropy", "saml/coverage_0", "saml/coverage_1", "saml/centroid_distance_0",
        "saml/centroid_distance_1", "learning_rate", "gradient_norm",
    }  # fmt: skip
    for line in lines:
        assert wanted <= line.keys()
        assert line["pcl/mask_ratio"] == 0 or 0 <= line["pcl/accuracy"] <= 1
    first, second = (line for line in lines if line["kind"] == "epoch")
    assert first["pcl/tau"] == pytest.approx(1.5)
    assert second["pcl/tau"] == pytest.approx(1.5 - 0.8 * 0.5)  # progress is (t - 1) / T, line 3
    assert second["pcl/theta"] == pytest.approx(0.65 - 0.3 * 0.5)
    total = (
        first["loss/classification"] + 0.8 * first["loss/pseudo_label"]
        + 0.2 * first["loss/consistency"] + 0.1 * first["loss/contrastive"]
    )  # fmt: skip
    assert first["loss/total"] == pytest.approx(total, rel=1e-5)


def test_same_seed_same_weights(bank: Bank, small_recipe: RecipeMaker, tmp_path: Path) -> None:
    recipe = small_recipe("mixup=0.3", "band_mask=0.2", "gain_jitter=3", "noise=0.1", "average=0.9")
    first = train(bank, recipe, tmp_path / "a", seed=3)
    torch.manual_seed(99)
    torch.rand(10)
    again = train(bank, recipe, tmp_path / "b", seed=3)
    other = train(bank, recipe, tmp_path / "c", seed=4)
    assert same(first, again)
    assert not same(first, other)


class InterruptError(Exception):
    """Stands for a kill in one process."""


@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_interrupted_and_resumed(
    steps: int, bank: Bank, small_recipe: RecipeMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from damer.training import algorithm1

    recipe = small_recipe("save_every=2", "average=0.9", "mixup=0.3", "label_fraction=0.5")
    whole = train(bank, recipe, tmp_path / "whole")
    original, done = algorithm1.step, [0]

    def interrupting(*arguments: object, **options: object) -> dict[str, float]:
        if done[0] == steps:
            raise InterruptError
        done[0] += 1
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(algorithm1, "step", interrupting)
    with pytest.raises(InterruptError):
        train(bank, recipe, tmp_path / "killed")
    monkeypatch.setattr(algorithm1, "step", original)
    resumed = train(bank, recipe, tmp_path / "killed")
    assert same(whole, resumed)
    assert torch.equal(whole.validation, resumed.validation)
    assert (tmp_path / "whole/log.jsonl").read_bytes() == (tmp_path / "killed/log.jsonl").read_bytes()


def test_a_finished_state_holds_no_moments_and_answers_the_same(
    bank: Bank, small_recipe: RecipeMaker, tmp_path: Path
) -> None:
    first = train(bank, small_recipe("epochs=2"), tmp_path)
    found = state.load_state(tmp_path / "state" / "arousal.safetensors")
    assert found is not None
    tensors, position = found
    assert position.finished
    assert {name.partition(".")[0] for name in tensors} == {"network", "encoder", "queue", "best"}
    assert same(first, train(bank, small_recipe("epochs=2"), tmp_path))


def test_a_run_resumes_only_as_it_began(bank: Bank, small_recipe: RecipeMaker, tmp_path: Path) -> None:
    train(bank, small_recipe(), tmp_path)
    with pytest.raises(DamerError, match="began with other settings"):
        train(bank, small_recipe("learning_rate=0.5"), tmp_path)


def test_a_damaged_state_is_named(bank: Bank, small_recipe: RecipeMaker, tmp_path: Path) -> None:
    train(bank, small_recipe(), tmp_path)
    path = tmp_path / "state" / "arousal.safetensors"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DamerError, match=r"arousal\.safetensors: a damaged training state"):
        train(bank, small_recipe(), tmp_path)


def test_learning_rate_schedule(small_recipe: RecipeMaker) -> None:
    config = small_recipe("learning_rate=0.1", "warmup_steps=4").training
    assert learning_rate(config, 0.0, 0) == pytest.approx(0.025)
    assert learning_rate(config, 0.0, 4) == pytest.approx(0.1)
    assert learning_rate(config, 0.5, 50) == pytest.approx(0.05)  # half way down the cosine
    assert learning_rate(config, 1.0, 100) == pytest.approx(0.0)
    constant = small_recipe("learning_rate=0.1", "schedule=constant").training
    assert learning_rate(constant, 0.9, 50) == 0.1


@pytest.mark.gpu
def test_on_a_gpu(small_recipe: RecipeMaker, tmp_path: Path) -> None:
    tracks = make_tracks(24)
    device = torch.device("cuda")
    bank = resident_bank(tracks, make_tokens(tracks), [SECONDS] * len(tracks), device)
    recipe = small_recipe("epochs=15", "select_by=accuracy", "mixup=0.3", "band_mask=0.2", "gain_jitter=2")
    first = train(bank, recipe, tmp_path / "a")
    assert first.validation_score >= 0.75
    assert first.network.mel_mean.device.type == "cpu"
    position = tmp_path / "a" / "state" / "arousal.safetensors"
    assert position.exists()
