"""Checkpoints: exact round trip, and every damaged file refused in one line with its name."""

import hashlib
import json
import math
import os
import pickle
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from damer.core.errors import DamerError
from damer.features.spec import FeatureSpec
from damer.models import Damer, DamerConfig
from damer.models.checkpoint import Checkpoint, load, save

SPEC = FeatureSpec(n_mels=7, n_cochlea=6)
SMALL = DamerConfig(frames=SPEC.frames, mel_bands=7, cochlea_bands=6, dim=8, heads=2, fused_dim=10)


def network(config: DamerConfig = SMALL) -> Damer:
    built = Damer(config)
    shapes = (config.mel_bands, config.frames), (config.cochlea_bands, config.frames)
    built.set_standardisation(*(torch.rand(shape) + 0.1 for shape in shapes for _ in range(2)))
    return built


def example() -> Checkpoint:
    torch.manual_seed(0)
    other = replace(SMALL, layers=1, positions="none", head="mean")
    record = {"recipe": "shipped", "seed": 7, "counts": {"tracks": 12}, "metrics": {"auc": 0.8}}
    return Checkpoint("valence", [network(), network(other)], SPEC, 1.25, record, "small", "1.2")


def test_round_trip_is_exact(tmp_path: Path) -> None:
    written = example()
    digest = save(tmp_path / "a.safetensors", written)
    read = load(tmp_path / "a.safetensors")
    assert read.sha256 == digest == hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest()
    for name in ("dimension", "spec", "temperature", "record", "name", "version", "configs"):
        assert getattr(read, name) == getattr(written, name)
    for old, new in zip(written.networks, read.networks, strict=True):
        assert old.state_dict().keys() == new.state_dict().keys()
        assert all(torch.equal(old.state_dict()[name], value) for name, value in new.state_dict().items())
        assert not new.training
    views = torch.randn(3, 7, SPEC.frames), torch.randn(3, 6, SPEC.frames)
    for old, new in zip(written.networks, read.networks, strict=True):
        assert torch.equal(old.eval()(*views).fused, new(*views).fused)


def test_half_precision_halves_the_file_and_moves_probabilities_little(tmp_path: Path) -> None:
    torch.manual_seed(1)
    spec = FeatureSpec()
    full = Checkpoint("arousal", [network(DamerConfig())], spec)
    save(tmp_path / "full.safetensors", full, "float32")
    save(tmp_path / "half.safetensors", full, "float16")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.55 * sizes[0]
    views = torch.rand(20, 128, 87), torch.rand(20, 84, 87)
    half = load(tmp_path / "half.safetensors").networks[0]
    assert half.fused_head.weight.dtype == torch.float32
    assert torch.equal(half.mel_mean, full.networks[0].mel_mean)  # statistics keep their precision
    with torch.no_grad():
        first, second = (n.probability(n(*views)) for n in (full.networks[0].eval(), half))
    assert 0 < (first - second).abs().max() < 2e-3


def test_loading_leaves_the_random_state_alone(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", example())
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    load(tmp_path / "a.safetensors")
    assert torch.equal(torch.rand(3), expected)


def test_saving_replaces_the_old_file_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    save(path, example())
    assert load(path).name == "small"
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_numbers_json_cannot_hold_become_null(tmp_path: Path) -> None:
    written = example()
    written.record = {"auc": math.nan, "list": [1.0, math.inf], "path": Path("run")}
    save(tmp_path / "a.safetensors", written)
    assert load(tmp_path / "a.safetensors").record == {"auc": None, "list": [1.0, None], "path": "run"}


def refused(path: Path, message: str) -> None:
    with pytest.raises(DamerError, match=message) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text


def test_missing_empty_and_directory(tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "no such file")
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", "the file is empty")
    refused(tmp_path, "cannot be read")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save(path, example())
    path.chmod(0)
    refused(path, "cannot be read")


class Exploding:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (os.mkdir, ("exploded",))


def test_pickles_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.zeros(2), "trap": Exploding()}, tmp_path / "zip.pt")
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(Exploding()))
    refused(tmp_path / "zip.pt", "pickled")
    refused(tmp_path / "old.pkl", "pickled")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("kept", [1, 7, 8, 9, 100, 2000, -1])
def test_truncated_anywhere(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.safetensors"
    save(path, example())
    path.write_bytes(path.read_bytes()[:kept])
    refused(path, "not a readable safetensors file")


@pytest.mark.parametrize("content", [b"hello, this is text\n" * 9, b"\xff" * 64, b"ID3\x04" + bytes(200)])
def test_other_kinds_of_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    refused(path, "not a readable safetensors file")


def parts(tmp_path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and description of a good file, to be damaged."""
    from safetensors import safe_open

    save(tmp_path / "good.safetensors", example())
    with safe_open(tmp_path / "good.safetensors", framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["damer"])


def test_a_safetensors_file_of_someone_else(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "a.safetensors")
    refused(tmp_path / "a.safetensors", "without damer's description")
    save_file({"weight": torch.zeros(2)}, tmp_path / "b.safetensors", {"format": "pt"})
    refused(tmp_path / "b.safetensors", "without damer's description")


@pytest.mark.parametrize("description", ["{", "[]", "3", "[" * 100_000, ""])
def test_descriptions_that_are_no_json_object(tmp_path: Path, description: str) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "a.safetensors", {"damer": description})
    refused(tmp_path / "a.safetensors", "its description is not")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "1"),
        ("format", 0),
        ("format", True),
        ("name", 3),
        ("version", None),
        ("dimension", "dominance"),
        ("dimension", ["arousal"]),
        ("temperature", 0),
        ("temperature", -1.0),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("temperature", "1"),
        ("temperature", True),
        ("spec", []),
        ("networks", []),
        ("networks", {}),
        ("networks", [3]),
        ("networks", [{}] * 65),
        ("record", "none"),
    ],
)
def test_impossible_fields_are_named(tmp_path: Path, field: str, value: Any) -> None:
    tensors, description = parts(tmp_path)
    for damaged in (description | {field: value}, {k: v for k, v in description.items() if k != field}):
        save_file(tensors, tmp_path / "a.safetensors", {"damer": json.dumps(damaged)})
        refused(tmp_path / "a.safetensors", f"impossible {field}")


def test_a_newer_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    tensors, description = parts(tmp_path)
    save_file(tensors, tmp_path / "a.safetensors", {"damer": json.dumps(description | {"format": 3})})
    refused(tmp_path / "a.safetensors", "newer than this damer reads: upgrade")


@pytest.mark.parametrize(
    ("field", "settings", "message"),
    [
        ("spec", {"colour": "red"}, "colour"),
        ("spec", {"sample_rate": "fast"}, "sample_rate"),
        ("spec", {"n_mels": 9}, "network reads"),
        ("networks", {"colour": "red"}, "colour"),
        ("networks", {"dim": -8}, "dim"),
        ("networks", {"dim": 10**12}, "dim"),
        ("networks", {"mel_bands": 9}, "network reads"),
        ("networks", {"dim": 16}, "has shape"),
        ("networks", {"layers": 3}, "is missing"),
        ("networks", {"layers": 1}, "belongs to no network"),
        ("networks", {"dim": 4096, "layers": 64, "ffn_ratio": 64}, "is missing"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, field: str, settings: dict[str, Any], message: str) -> None:
    tensors, description = parts(tmp_path)
    if field == "spec":
        description["spec"] |= settings
    else:
        description["networks"][0] |= settings
    save_file(tensors, tmp_path / "a.safetensors", {"damer": json.dumps(description)})
    refused(tmp_path / "a.safetensors", message)


def first(tensors: dict[str, Tensor]) -> str:
    return next(name for name in sorted(tensors) if name.endswith("expand.weight"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t.pop(first(t)), "expand.weight is missing"),
        (lambda t: t.update(extra=torch.zeros(1)), "extra belongs to no network"),
        (lambda t: t.update({first(t): t[first(t)][:-1].clone()}), "has shape"),
        (lambda t: t.update({first(t): t[first(t)].int()}), "torch.int32, not float32 or float16"),
        (lambda t: t.update({first(t): t[first(t)] * math.nan}), "not finite"),
        (lambda t: t.update({"networks.0.mel_std": t["networks.0.mel_std"] * 0}), "not above 0"),
    ],
)
def test_damaged_tensors(tmp_path: Path, damage: Callable[[dict[str, Tensor]], None], message: str) -> None:
    tensors, description = parts(tmp_path)
    damage(tensors)
    save_file(tensors, tmp_path / "a.safetensors", {"damer": json.dumps(description)})
    refused(tmp_path / "a.safetensors", message)


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    good = example()
    for broken, message in (
        (replace(good, networks=[]), "impossible networks"),
        (replace(good, temperature=0.0), "impossible temperature"),
        (replace(good, spec=FeatureSpec()), "network reads"),
    ):
        with pytest.raises(DamerError, match=message):
            save(path, broken)
    with torch.no_grad():
        good.networks[0].fused_head.bias.fill_(1e5)
    save(path, good)
    with pytest.raises(DamerError, match=r"not finite in torch.float16.*store in float32"):
        save(path, good, "float16")
    with pytest.raises(DamerError, match="cannot be written"):
        save(tmp_path / "no" / "folder.safetensors", good)
