"""Figure 7: what is drawn is what a run kept, seeded, and nothing is drawn of nothing."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from damer.cli import main
from damer.core.errors import DamerError
from damer.report.embedding import draw_embeddings, layout, read_embedding, silhouette


def keep(path: Path, count: int = 24, corpora: tuple[str, ...] = ("toy",), seed: int = 0) -> Path:
    """Write what a run keeps: classes mixed before, far apart after."""
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    start = generator.standard_normal((count, 16)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        id=np.array([f"t{number}" for number in range(count)]),
        corpus=np.array([corpora[number // 2 % len(corpora)] for number in range(count)]),
        truth=truth,
        start=start,
        end=start + 20 * truth[:, None].astype(np.float32),
        dimension=np.array("arousal"),
        seed=np.array(seed),
    )
    return path


def test_the_layout_keeps_neighbours_together_and_is_the_same_again(tmp_path: Path) -> None:
    item = read_embedding(keep(tmp_path / "a.npz"))
    laid = layout(item.end)
    np.testing.assert_array_equal(laid, layout(item.end))
    distance = np.square(laid[:, None] - laid[None]).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (item.truth[distance.argmin(axis=1)] == item.truth).all()


def test_silhouette_is_that_of_its_definition(tmp_path: Path) -> None:
    item = read_embedding(keep(tmp_path / "a.npz", 10))
    distance = np.sqrt(np.square(item.start[:, None] - item.start[None]).sum(axis=2))
    values = []
    for number, kind in enumerate(item.truth):
        own = distance[number][(item.truth == kind) & (np.arange(10) != number)].mean()
        other = distance[number][item.truth != kind].mean()
        values.append((other - own) / max(own, other))
    assert silhouette(item.start, item.truth) == pytest.approx(np.mean(values))
    assert silhouette(item.end, item.truth) > 0.7
    assert np.isnan(silhouette(item.start, np.zeros(10)))


def test_a_figure_for_one_corpus_and_one_for_corpora_learned_together(tmp_path: Path) -> None:
    files = [keep(tmp_path / f"{seed}.npz", seed=seed) for seed in range(4)]
    files += [keep(tmp_path / "both.npz", corpora=("folk", "toy")), keep(tmp_path / "few.npz", 4, ("few",))]
    written, sentences = draw_embeddings(files, tmp_path / "out")
    names = [path.name for path in written]
    assert names == [f"figure-7-{n}-arousal.{end}" for n in ("toy", "folk+toy") for end in ("png", "svg")]
    assert [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []
    alone, both = (path.read_text() for path in written[1::2])
    assert "3 of 4 runs" in alone
    assert "by corpus" not in alone
    assert "before, by class" in both
    assert "after, by corpus" in both
    assert "folk<" in both
    assert sentences == ["figure 7, few-arousal: fewer than 6 tracks were tested, too few to lay out"]


def test_tracks_without_a_class_are_left_out(tmp_path: Path) -> None:
    path = keep(tmp_path / "a.npz")
    values = dict(np.load(path))
    values["truth"][:3] = -1
    np.savez(path, **values)
    item = read_embedding(path)
    assert len(item.start) == len(item.end) == len(item.corpus) == 21
    np.testing.assert_array_equal(item.start, values["start"][3:])


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = keep(tmp_path / "a.npz")
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DamerError, match=r"a\.npz: not the embeddings of a run"):
            read_embedding(path)
    np.savez(path, truth=np.array([{}], dtype=object))
    with pytest.raises(DamerError, match="not the embeddings"):
        read_embedding(path)
    values = dict(np.load(keep(path)))
    values["end"] = values["end"] * np.nan
    np.savez(path, **values)
    with pytest.raises(DamerError, match="not every number in it is finite"):
        read_embedding(path)


def test_command_on_a_run_of_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path / "run" / "embeddings" / "arousal.npz")
    assert main(["report", "figures", str(tmp_path / "run"), "--out", str(tmp_path / "out")]) == 0
    assert [Path(line).name for line in capsys.readouterr().out.split()] == [
        "figure-7-toy-arousal.png",
        "figure-7-toy-arousal.svg",
    ]


def test_without_scikit_learn_one_line_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "run" / "embeddings" / "arousal.npz")
    for module in [item for item in sys.modules if item.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main(["report", "figures", str(tmp_path / "run"), "--out", str(tmp_path / "out")]) == 1
    errors = capsys.readouterr().err
    assert "pip install 'damer[baselines]'" in errors
    assert errors.count("\n") == 1


def test_results_under_another_name_and_given_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "key": "1", "benchmark": "tables", "name": "svm", "method": "svm", "title": "SVM",
        "provenance": "adapted", "settings": [], "corpus": "toy", "protocol": "track",
        "dimension": "arousal", "seed": 0, "fold": 0, "folds": 0, "profile": "common", "data": "",
        "training": {}, "run": "r",
        "metrics": {"track": {"accuracy": 0.5}, "segment": {}},
        "majority": {"track": {"accuracy": 0.6}, "segment": {}},
    }  # fmt: skip
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(row) + "\n")
    assert main(["report", "tables", str(path), str(path)]) == 0
    line = next(text for text in capsys.readouterr().out.splitlines() if text.startswith("| SVM | adapted |"))
    assert line.endswith("| 1 |")
    assert main(["report", "figures", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "nothing to draw" in capsys.readouterr().err
    damages: list[dict[str, object]] = [{"majority": {}}, {"metrics": 3}, {"metrics": {"track": {}}}]
    for damage in damages:
        path.write_text(json.dumps({**row, **damage}) + "\n")
        assert main(["report", "tables", str(path)]) == 1
        assert "mine.jsonl, line 1: not a row of `damer benchmark`" in capsys.readouterr().err
    del row["provenance"]
    path.write_text(json.dumps(row) + "\n")
    assert main(["report", "tables", str(path)]) == 1
    assert "mine.jsonl, line 1: not a row" in capsys.readouterr().err
