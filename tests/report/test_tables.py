"""Tables of recorded runs: means and gaps by hand, and no number where there was no run."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from damer.cli import main
from damer.report.grids import Grid
from damer.report.tables import ablation_table, gap, method_tables, paper, spread, variant_tables


def row(name: str, accuracy: float, **facts: Any) -> dict[str, Any]:
    metrics = {"accuracy": accuracy, "f1": 0.5, "auc": 0.75, "macro_f1": 0.4, "balanced_accuracy": 0.6}
    constant = {"accuracy": 0.55, "f1": 0.7, "auc": 0.5, "macro_f1": 0.35, "balanced_accuracy": 0.5}
    found = {
        "key": f"{name}{accuracy}{facts}", "benchmark": "tables", "name": name, "method": name,
        "title": name.upper(), "provenance": "adapted", "corpus": "pmemo", "protocol": "track",
        "dimension": "arousal", "seed": 0, "fold": 0, "folds": 0, "profile": "common", "data": "d",
        "training": {"seed": 0, "learning_rate": 0.1}, "run": "r",
        "metrics": {"track": metrics, "segment": {**metrics, "accuracy": accuracy - 0.1}},
        "majority": {"track": constant, "segment": constant},
    }  # fmt: skip
    return {**found, **facts}


def grid_of(grids: list[Grid], name: str) -> dict[str, dict[str, str]]:
    """Return a table's cells by method and column, as its CSV has them."""
    (grid,) = [item for item in grids if item.name == name]
    read = list(csv.DictReader(io.StringIO(grid.csv())))
    return {line[grid.columns[0]]: line for line in read}


def test_means_deviations_and_gaps() -> None:
    rows = [
        row("rgcb", 0.80),
        row("rgcb", 0.90, seed=1),
        row("plain", 0.7),
        row("damer", 0.86, title="DAMER"),
    ]
    cells = grid_of(method_tables(rows), "table-IV-arousal")
    assert cells["RGCB"]["Acc paper"] == "84.76"  # table IV
    assert cells["RGCB"]["Acc ours"] == "85.00 ± 7.07"
    assert cells["RGCB"]["Acc gap"] == "+0.24"
    assert cells["RGCB"]["F1 gap"] == "−40.60"
    assert cells["RGCB"]["bal. acc"] == "60.00 ± 0.00"
    assert cells["RGCB"]["runs"] == "2"
    assert cells["RGCB"]["provenance"] == "adapted (paper: official code)"
    assert cells["PLAIN"]["Acc paper"] == "–"
    assert cells["DAMER"]["Acc gap"] == "+0.02"
    assert cells["constant answer"]["Acc ours"] == "55.00 ± 0.00"
    assert next(iter(cells)) == "PLAIN"
    assert list(cells)[-2:] == ["DAMER", "constant answer"]
    of_seconds = grid_of(method_tables(rows, level="segment"), "table-IV-arousal")
    assert of_seconds["RGCB"]["Acc ours"] == "75.00 ± 7.07"


def test_where_nothing_was_run_no_number_stands() -> None:
    for grid in [*method_tables([]), ablation_table([])]:
        for line in grid.rows:
            for column, cell in zip(grid.columns, line, strict=True):
                if column.endswith("ours"):
                    assert cell == "not run"
                if column.endswith("gap"):
                    assert cell == "–"
    assert [grid.name for grid in method_tables([])] == [
        f"table-{number}-{dimension}"
        for number in ("II", "III", "IV")
        for dimension in ("arousal", "valence")
    ]


def test_other_corpora_and_protocols() -> None:
    rows = [row("svm", 0.7, corpus="emopia"), row("svm", 0.9, corpus="emopia", protocol="segment")]
    cells = grid_of(method_tables(rows), "emopia-arousal")
    assert cells["SVM"]["Acc ours"] == "70.00"
    leaky = grid_of(method_tables(rows, protocol="segment"), "emopia-arousal")
    assert leaky["SVM"]["Acc ours"] == "90.00"
    protocols = [{**each, "benchmark": "leakage"} for each in rows]
    (line,) = variant_tables(protocols)[0].rows
    assert line[:6] == ["svm", "emopia", "arousal", "70.00", "90.00", "+20.00"]


def test_runs_of_another_setting_are_not_averaged_in() -> None:
    rows = [row("svm", 0.5), row("svm", 0.9, training={"seed": 0, "learning_rate": 0.2})]
    (grid,) = [item for item in method_tables(rows) if item.name == "table-IV-arousal"]
    assert grid_of([grid], grid.name)["SVM"]["Acc ours"] == "90.00"
    assert any("several settings" in note for note in grid.notes)
    of_seeds = [row("svm", 0.5), row("svm", 0.9, seed=1, training={"seed": 1, "learning_rate": 0.1})]
    assert grid_of(method_tables(of_seeds), "table-IV-arousal")["SVM"]["runs"] == "2"


def test_longer_runs_are_not_averaged_in() -> None:
    """A budget gives each fold epochs of its own; twice the seconds are another setting."""
    folds = [row("svm", 0.5, fold=1, folds=3, segment_steps=5916)]
    folds.append(row("svm", 0.7, fold=2, folds=3, segment_steps=6180))
    cells = grid_of(method_tables(folds), "table-IV-arousal")
    assert (cells["SVM"]["Acc ours"], cells["SVM"]["runs"]) == ("60.00 ± 14.14", "2")
    longer = [row("svm", 0.9, fold=1, folds=3, segment_steps=12000)]
    (grid,) = [item for item in method_tables([*folds, *longer]) if item.name == "table-IV-arousal"]
    assert grid_of([grid], grid.name)["SVM"]["Acc ours"] == "90.00"
    assert any("several settings" in note for note in grid.notes)


def test_rows_of_other_benchmarks_do_not_stand_in_for_those_of_the_tables() -> None:
    folds = [row("svm", share, fold=fold, benchmark="tables-cpu") for fold, share in ((1, 0.6), (2, 0.8))]
    other = [row("svm", 0.9, benchmark="leakage")]
    cells = grid_of(method_tables([*folds, *other]), "table-IV-arousal")
    assert (cells["SVM"]["Acc ours"], cells["SVM"]["runs"]) == ("70.00 ± 14.14", "2")
    (grid,) = [item for item in method_tables(other) if item.name == "table-IV-arousal"]
    assert grid_of([grid], grid.name)["SVM"]["Acc ours"] == "90.00"
    assert "Runs of the benchmark leakage." in grid.notes
    whole = row("svm", 0.5)
    assert grid_of(method_tables([whole, *folds, *other]), "table-IV-arousal")["SVM"]["Acc ours"] == "50.00"


def test_methods_that_were_not_run_have_the_papers_names() -> None:
    names = list(grid_of(method_tables([]), "table-II-arousal"))
    assert names == [
        "SVM", "RGCB-net", "UDDA", "MOCNN", "ATDGNN", "mADCRNN", "DSTFN", "IIOF", "ADFF", "EmotionIC",
        "SECapEmotion", "MCGC-net", "DAMER", "constant answer",
    ]  # fmt: skip


def test_ablation() -> None:
    rows = [row("DSAF + SAML", 0.8, benchmark="ablation", method="damer")]
    cells = grid_of([ablation_table(rows)], "table-V")
    assert next(iter(cells)) == "DSAF"
    assert len(cells) == 7
    assert cells["DSAF + SAML"]["PMEmo arousal paper"] == "84.23"
    assert cells["DSAF + SAML"]["PMEmo arousal gap"] == "−4.23"
    assert cells["DSAF + PCL + SAML"]["1000songs valence paper"] == "70.93"  # 70.74 in table III
    assert cells["PCL"]["Memo2496 arousal ours"] == "not run"


def test_variants_against_the_first() -> None:
    rows = [row("default", 0.7, benchmark="switches"), row("tokens = frame", 0.65, benchmark="switches")]
    (grid,) = variant_tables(rows)
    lines = {line[0]: line for line in grid.rows if line[2] == "arousal"}
    assert lines["tokens = frame"][4:6] == ["65.00", "−5.00"]
    assert lines["default"][4:6] == ["70.00", "+0.00"]


def test_variants_stand_against_the_one_without_settings_in_the_recipes_order() -> None:
    """Jobs side by side end in any order: what was recorded first is not what the others are measured by."""
    rows = [
        row("reduction = sum", 0.6, benchmark="switches", settings=["reduction=sum"]),
        row("tokens = frame", 0.65, benchmark="switches", settings=["tokens=frame"]),
        row("default", 0.7, benchmark="switches", settings=[]),
    ]
    (grid,) = variant_tables(rows)
    assert grid.title == "switches: variants against default"
    assert [line[0] for line in grid.rows] == ["default", "tokens = frame", "reduction = sum"]
    assert [line[5] for line in grid.rows] == ["+0.00", "−5.00", "−10.00"]
    assert len(set(grid.columns)) == len(grid.columns)  # so that a CSV's columns have names of their own
    assert grid.columns[5] == "accuracy against default"
    (own,) = variant_tables([{**each, "benchmark": "mine"} for each in rows])
    assert [line[0] for line in own.rows] == ["reduction = sum", "tokens = frame", "default"]
    assert own.title == "mine: variants against default"


def test_the_papers_numbers_are_whole_and_in_percent() -> None:
    tables = paper()["tables"]
    assert [len(tables[number]["rows"]) for number in ("II", "III", "IV", "V")] == [13, 13, 13, 7]
    for number in ("II", "III", "IV"):
        for name, numbers in tables[number]["rows"].items():
            for dimension in ("arousal", "valence"):
                assert len(numbers[dimension]) == 3, name
                assert all(40 < value < 100 for value in numbers[dimension])
    # Claims of the paper's text (section V.B): gains over MCGC-net on Memo2496 arousal.
    two = tables["II"]["rows"]
    ahead = [
        ours - theirs for ours, theirs in zip(two["damer"]["arousal"], two["mcgc"]["arousal"], strict=True)
    ]
    assert ahead[:2] == pytest.approx([3.43, 8.26])
    assert two["damer"]["arousal"][2] - two["madcrnn"]["arousal"][2] == pytest.approx(3.96)
    assert tables["III"]["rows"]["damer"]["arousal"] == [81.28, 82.32, 89.15]
    assert tables["IV"]["rows"]["damer"]["valence"] == [77.61, 85.54, 79.71]


def test_texts() -> None:
    assert spread([]) == "not run"
    assert spread([1.0, 3.0]) == "2.00 ± 1.41"
    assert gap([2.0], 2.5) == "−0.50"
    grid = Grid("x", "A & B", ["a_b", "c", "d"], [["1 %", "2 ± 1", "−3"]], ["so it is"])
    assert r"A \& B" in grid.latex()
    assert r"1 \% & 2 $\pm$ 1 & $-$3 \\" in grid.latex()
    assert "| 1 % | 2 ± 1 | −3 |" in grid.markdown()
    assert grid.csv() == "a_b,c,d\n1 %,2 ± 1,−3\n"
    special = Grid("x", "t", ["c", "d"], [["50 $ {a}~b^c", "k\\n <1>"]]).latex()
    assert r"50 \$ \{a\}\textasciitilde{}b\textasciicircum{}c & k\textbackslash{}n $<$1$>$ \\" in special


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps(row("svm", 0.8)), json.dumps(row("rgcb", 0.7))]
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + "\n")
    assert main(["report", "tables", str(tmp_path)]) == 0
    assert "PMEmo, arousal (table IV)" in capsys.readouterr().out
    out = tmp_path / "tables"
    assert main(["report", "tables", str(tmp_path / "results.jsonl"), "--out", str(out)]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"tables.md", "table-II-arousal.md", "table-V.tex", "table-IV-valence.csv"} <= names
    assert "80.00" in (out / "table-IV-arousal.tex").read_text()
    assert main(["report", "tables", str(tmp_path / "none.jsonl")]) == 1
    assert "damer benchmark RECIPE --out DIR" in capsys.readouterr().err
    (tmp_path / "results.jsonl").write_text('{"key": 1}\n')
    assert main(["report", "tables", str(tmp_path)]) == 1
    assert "line 1: not a row of `damer benchmark`" in capsys.readouterr().err
