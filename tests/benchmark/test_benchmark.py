"""The benchmark through the command line: all methods, rows that come once, kills, workers, and refusals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_views import views_store

from damer.baselines.registry import BASELINES
from damer.benchmark.recipe import METHODS, available, load_benchmark
from damer.benchmark.results import read_rows
from damer.cli import main
from damer.core import metrics
from damer.core.errors import DamerError
from damer.training.recipes import load_recipe

QUICK = ["--methods", "majority,plain-logistic,svm-linear,damer"]
SMALL = [
    "--set",
    "model.dim=8",
    "--set",
    "model.fused_dim=8",
    "--set",
    "model.heads=2",
    "--set",
    "memory_size=32",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return views_store(tmp_path_factory.mktemp("stores") / "toy")


def arguments(store: Path, out: Path, *more: str) -> list[str]:
    given = ["benchmark", "tiny", "--data", str(store), "--out", str(out), "--quiet", "--device", "cpu"]
    return [*given, *SMALL, *more]


def rows_of(out: Path) -> list[dict[str, Any]]:
    return read_rows(out / "results.jsonl")


def predictions_of(out: Path, row: dict[str, Any]) -> list[dict[str, Any]]:
    lines = (out / "runs" / row["run"] / "predictions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.e2e
def test_all_methods_in_one_go(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every method there is, two epochs each, arousal only: well under three minutes of work."""
    begun = time.process_time()  # not of waiting: the machine may be busy
    assert (
        main(arguments(store, tmp_path, "--set", 'dimensions=["arousal"]', "--set", "segments_per_track=2"))
        == 0
    )
    assert time.process_time() - begun < 180
    found = rows_of(tmp_path)
    assert [row["name"] for row in found] == list(METHODS)
    printed = capsys.readouterr().out
    for row in found:
        assert row["name"] in printed
        assert 0 <= row["metrics"]["track"]["accuracy"] <= 1
        assert row["tracks"]["test"] > 0
        assert row["time_s"]["train"] >= 0
    steps = {row["name"]: row["segment_steps"] for row in found if row["segment_steps"]}
    equal = {count for name, count in steps.items() if name not in ("udda", "dstfn", "emotionic")}
    assert len(equal) == 1  # udda gives labels away, the other two take whole tracks
    assert all(0.5 < count / max(equal) < 2 for count in steps.values())


def test_a_row_says_what_was_measured_and_how(store: Path, tmp_path: Path) -> None:
    assert main(arguments(store, tmp_path, *QUICK, "--set", "seeds=[3]")) == 0
    found = rows_of(tmp_path)
    assert len(found) == 4 * 2
    for row in found:
        predicted = predictions_of(tmp_path, row)
        truth = np.array([item["truth"] for item in predicted])
        probability = np.array([item["probability"] for item in predicted])
        for name in ("accuracy", "f1", "macro_f1", "balanced_accuracy"):
            assert row["metrics"]["track"][name] == pytest.approx(metrics.METRICS[name](truth, probability))
        assert row["majority"]["track"] == pytest.approx(metrics.majority(truth), nan_ok=True)
        assert row["tracks"]["test"] == len(predicted)
        assert row["seed"] == 3
        assert row["training"]["seed"] == 3
        assert row["spec"]
        assert row["protocol"] == "track"
    by_name = {row["name"]: row for row in found if row["dimension"] == "arousal"}
    assert by_name["majority"]["provenance"] == "our own"
    assert by_name["damer"]["provenance"] == "DAMER"
    assert by_name["majority"]["metrics"]["track"]["balanced_accuracy"] <= 0.5
    assert not list(tmp_path.glob("runs/*/state"))


def test_what_has_a_row_is_not_done_again(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--methods", "majority,svm-linear", "--set", 'dimensions=["arousal"]']
    assert main(arguments(store, tmp_path, *more)) == 0
    first = (tmp_path / "results.jsonl").read_bytes()
    assert "2 new" in capsys.readouterr().out
    assert main(arguments(store, tmp_path, *more)) == 0
    assert "2 rows of this benchmark, 0 new" in capsys.readouterr().out
    assert (tmp_path / "results.jsonl").read_bytes() == first
    # Another seed is another row; half a line that a kill left is cut off first.
    (tmp_path / "results.jsonl").write_bytes(first + b'{"key": "cut sho')
    assert main(arguments(store, tmp_path, *more, "--set", "seeds=[0,1]")) == 0
    assert "4 rows of this benchmark, 2 new" in capsys.readouterr().out
    assert (tmp_path / "results.jsonl").read_bytes().startswith(first)
    assert len(rows_of(tmp_path)) == 4


def test_workers_write_the_same_rows(store: Path, tmp_path: Path) -> None:
    more = ["--methods", "majority,svm-linear", "--set", 'dimensions=["arousal"]', "--threads", "1"]
    assert main(arguments(store, tmp_path / "one", *more)) == 0
    assert main(arguments(store, tmp_path / "two", *more, "--workers", "2")) == 0
    one, two = ({row["key"]: row["metrics"] for row in rows_of(tmp_path / name)} for name in ("one", "two"))
    assert one == two


@pytest.mark.e2e
def test_killed_and_begun_again_it_ends_with_the_same_rows(store: Path, tmp_path: Path) -> None:
    more = ["--methods", "majority,svm-linear,rgcb", "--set", 'dimensions=["arousal"]', "--threads", "1"]
    more += ["--set", "epochs=6", "--set", "save_every=1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "damer", *arguments(store, tmp_path / "killed", *more)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        while process.poll() is None and not list(tmp_path.glob("killed/runs/rgcb*/state/*.safetensors")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert len(rows_of(tmp_path / "killed")) == 2
    for name in ("killed", "whole"):
        assert main(arguments(store, tmp_path / name, *more)) == 0
    killed, whole = (rows_of(tmp_path / name) for name in ("killed", "whole"))
    assert [row["key"] for row in killed] == [row["key"] for row in whole]
    assert [row["metrics"] for row in killed] == [row["metrics"] for row in whole]


def test_permuted_labels(store: Path, tmp_path: Path) -> None:
    more = ["--methods", "plain-logistic", "--set", 'dimensions=["arousal"]', "--set", "seeds=[0,1,2,3]"]
    assert main(arguments(store, tmp_path, *more, "--permute-labels")) == 0
    found = [row["metrics"]["track"]["balanced_accuracy"] for row in rows_of(tmp_path)]
    assert 0.2 < sum(found) / 4 < 0.8
    assert main(arguments(store, tmp_path, *more)) == 0  # other data, so other rows
    assert len(rows_of(tmp_path)) == 8


def test_folds_and_protocols(store: Path, tmp_path: Path) -> None:
    more = ["--methods", "majority", "--set", 'dimensions=["arousal"]']
    assert main(arguments(store, tmp_path / "folds", *more, "--set", "folds=4")) == 0
    tested = [
        item["id"] for row in rows_of(tmp_path / "folds") for item in predictions_of(tmp_path / "folds", row)
    ]
    assert sorted(tested) == sorted({f"toy:{number}" for number in range(16)})
    every = 'protocols=["track","segment","contiguous"]'
    assert main(arguments(store, tmp_path / "all", *more, "--set", every)) == 0
    assert [row["protocol"] for row in rows_of(tmp_path / "all")] == ["track", "segment", "contiguous"]


def test_a_job_that_fails_leaves_the_others_alone(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for module in [item for item in sys.modules if item.startswith("sklearn.")]:
        monkeypatch.delitem(sys.modules, module)
    more = ["--methods", "plain-logistic,majority", "--set", 'dimensions=["arousal"]']
    assert main(arguments(store, tmp_path, *more)) == 1
    caught = capsys.readouterr()
    assert "pip install 'damer[baselines]'" in caught.err
    assert [row["name"] for row in rows_of(tmp_path)] == ["majority"]


def test_a_method_that_breaks_costs_its_own_row_only(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from damer.benchmark import job

    original = job._fit

    def broken(item: Any, *rest: Any) -> Any:
        if item is BASELINES["majority"]:
            raise RuntimeError("it broke\nand says so at length")
        return original(item, *rest)

    monkeypatch.setattr(job, "_fit", broken)
    more = ["--methods", "majority,plain-logistic", "--set", 'dimensions=["arousal"]']
    assert main(arguments(store, tmp_path, *more)) == 1
    assert "majority_toy_track_arousal_seed0: RuntimeError: it broke\n" in capsys.readouterr().err
    assert [row["name"] for row in rows_of(tmp_path)] == ["plain-logistic"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--methods", "svn"], "did you mean 'svm'"),
        (["--set", "epoch=3"], "did you mean 'epochs'"),
        (["--set", "seeds=3"], "write a list, such as [3]"),
        (["--set", 'protocols=["tracks"]'], "choose from track, segment, contiguous"),
        (["--set", "folds=1"], "0, or at least 2"),
    ],
)
def test_errors_say_what_to_do(
    more: list[str], message: str, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(store, tmp_path, *more)) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_damaged_results_are_named(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.jsonl").write_text("nonsense\n")
    assert main(arguments(store, tmp_path, "--methods", "majority")) == 1
    assert "results.jsonl, line 1: not JSON" in capsys.readouterr().err
    assert main(["benchmark", "tinny", "--data", str(store), "--out", str(tmp_path)]) == 1
    assert "did you mean 'tiny'" in capsys.readouterr().err


def test_the_list_names_every_method_and_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "--list"]) == 0
    printed = capsys.readouterr().out
    for name in (*METHODS, *available()):
        assert f"  {name} " in printed


@pytest.mark.parametrize("name", available())
def test_packaged_recipes_are_sound(name: str) -> None:
    benchmark = load_benchmark(name)
    for variant in benchmark.variants:
        recipe = benchmark.settings(variant, 1, "track", 44)
        assert recipe.training.seed == 1
        assert recipe.model.frames == 44


def test_the_ablation_has_every_combination() -> None:
    benchmark = load_benchmark("ablation")
    found = set()
    for variant in benchmark.variants:
        recipe = benchmark.settings(variant, 0, "track", 87)
        parts = (recipe.model.layers > 0, recipe.training.lambda_pseudo_label > 0)
        combination = (*parts, recipe.training.lambda_contrastive > 0)
        assert variant.name.split(" + ") == [
            word for word, there in zip(("DSAF", "PCL", "SAML"), combination, strict=True) if there
        ]
        found.add(combination)
    assert len(found) == 7


def test_what_is_more_particular_wins() -> None:
    benchmark = load_benchmark("tables", ["profile=native", "learning_rate=0.5"])
    by_name = {item.name: item for item in benchmark.variants}
    settings = benchmark.settings(by_name["iiof"], 0, "track", 87).training
    assert (settings.learning_rate, settings.batch_size) == (1e-4, 20)
    assert benchmark.settings(by_name["damer"], 0, "track", 87).training.learning_rate == 0.5
    assert load_benchmark("tables").settings(by_name["udda"], 0, "track", 87).training.label_fraction == 0.8
    paper = load_recipe("paper").training
    common = load_benchmark("tables").settings(by_name["iiof"], 0, "track", 87).training
    assert common.learning_rate == paper.learning_rate
    with pytest.raises(DamerError, match="no method 'x' in it"):
        benchmark.only(["x"])


def test_embeddings_are_kept_and_asked_for_later(store: Path, tmp_path: Path) -> None:
    more = ["--methods", "majority,damer", "--set", 'dimensions=["arousal"]']
    assert main(arguments(store, tmp_path, *more)) == 0
    before = {row["name"]: row for row in rows_of(tmp_path)}
    assert not list(tmp_path.glob("runs/*/embeddings.npz"))
    more += ["--set", "embeddings=true"]
    for _ in range(2):  # the second time nothing is left to do
        assert main(arguments(store, tmp_path, *more)) == 0
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 3  # DAMER's once more
    after = {row["name"]: row for row in rows_of(tmp_path)}
    assert after.keys() == before.keys()
    assert after["damer"]["metrics"] == before["damer"]["metrics"]
    folder = tmp_path / "runs" / after["damer"]["run"]
    logged = [json.loads(line)["kind"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert logged.count("epoch") == 2  # the log of the run that is there, not of both
    kept = dict(np.load(folder / "embeddings.npz"))
    predicted = {item["id"]: item for item in predictions_of(tmp_path, after["damer"])}
    assert sorted(kept["id"]) == sorted(predicted)
    assert [predicted[str(name)]["truth"] for name in kept["id"]] == kept["truth"].tolist()
    assert kept["start"].shape == kept["end"].shape == (len(predicted), 8)
    assert not np.array_equal(kept["start"], kept["end"])
    out = tmp_path / "figures"
    assert main(["report", "figures", str(tmp_path), "--out", str(out)]) == 0
    assert (out / "figure-7-toy-arousal.svg").exists() == (len(predicted) >= 6)


def test_embeddings_are_yes_or_no(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(store, tmp_path, "--set", "embeddings=3")) == 1
    assert "embeddings is 3; write true or false" in capsys.readouterr().err


def test_a_recipe_of_ones_own_sets_the_network(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text('methods = ["damer", "rgcb"]\n[training]\nepochs = 3\n[model]\ndim = 8\n')
    benchmark = load_benchmark(str(path), ["model.heads=2"])
    model = benchmark.settings(benchmark.variants[0], 0, "track", 44).model
    assert (model.dim, model.heads) == (8, 2)
    for text, message in (
        ("[training]\nmodel.dim = 8\n", "settings of the network stand in [model]"),
        ("training = 3\n", "write [training] above"),
        ("[model]\ndims = 8\n", "dims"),
    ):
        path.write_text('methods = ["damer"]\n' + text)
        assert main(["benchmark", str(path), "--data", str(store), "--out", str(tmp_path / "out")]) == 1
        errors = capsys.readouterr().err
        assert message in errors
        assert errors.count("\n") == 1


def test_a_reason_is_told_once(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--methods", "majority, svm-linear", "--set", 'dimensions=["arousal"]', "--set", "folds=99"]
    assert main(arguments(store, tmp_path, *more)) == 1
    errors = capsys.readouterr().err
    assert "majority_toy_track_arousal_seed0_fold1 and 197 more: " in errors
    assert errors.count("\n") == 1


def test_two_benchmarks_that_share_a_job_do_it_once_and_each_has_its_row(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    more = ["--set", 'dimensions=["arousal"]']
    assert main(arguments(store, out, *more, "--methods", "majority,svm-linear")) == 0
    twin = tmp_path / "twin.toml"
    shared = "epochs = 2\nbatch_size = 32\nsegments_per_track = 8\nvalidation_fraction = 0.25\n"
    twin.write_text(
        'methods = ["majority", "svm"]\nprotocols = ["track", "segment"]\n[training]\n'
        + shared
        + 'precision = "float32"\n'
    )
    given = arguments(store, out, *more)
    given[1] = str(twin)
    capsys.readouterr()
    for expected in ("4 rows of this benchmark, 3 new", "4 rows of this benchmark, 0 new"):
        assert main(given) == 0
        assert expected in capsys.readouterr().out
    found = [(row["benchmark"], row["name"], row["protocol"]) for row in rows_of(out)]
    assert len(found) == len(set(found)) == 6
    assert ("twin", "majority", "track") in found
    assert ("tiny", "majority", "track") in found
    one, two = (row for row in rows_of(out) if (row["name"], row["protocol"]) == ("majority", "track"))
    assert {**two, "benchmark": "tiny"} == one
