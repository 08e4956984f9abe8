"""Fit and measure the built-in vocal screener on the clips of screening_mixes.py.

`fit` writes the weights that the package ships (a ridge-penalised logistic regression on the cues of every
window of the fit part; penalty and both thresholds by cross-validation over pieces inside that part). `measure`
writes what is then found on the test part, of which the fit has seen nothing: experiments/results/screening.json.

    python experiments/screening.py fit --clips CLIPS
    python experiments/screening.py measure --clips CLIPS
    python experiments/screening.py recordings --folder FOLDER_BY_GENRE   [--step 3]  # no labels: scores alone
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.optimize import minimize

from damer.core.metrics import auc
from damer.curation.calibration import Clip, auc_interval, calibrate, wilson
from damer.curation.screening import cues as package
from damer.curation.screening.cues import CUES, CueScreener, cues, pooled

Array = NDArray[np.float64]
WEIGHTS = Path(package.__file__).with_name("cues.json")
RESULTS = Path(__file__).parent / "results" / "screening.json"
PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
FOLDS = 5


def rows_of(clips: Path, part: str) -> list[dict[str, str]]:
    with (clips / "labels.csv").open(newline="") as table:
        return [row for row in csv.DictReader(table) if row["part"] == part]


def cues_of(path: Path) -> Array:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True, stop=48_000 * 40)
    return cues(samples if samples.shape[1] == 2 else np.repeat(samples, 2, axis=1), rate)


def all_cues(paths: Iterable[Path]) -> list[Array]:
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(cues_of, paths, chunksize=4))


def fitted(windows: list[Array], vocal: NDArray[np.int64], penalty: float) -> dict[str, Array]:
    """Return mean, deviation, weights and bias; each clip counts the same, each class counts the same."""
    stacked = np.concatenate(windows)
    mean, deviation = stacked.mean(axis=0), stacked.std(axis=0) + 1e-6
    sizes = np.array([len(found) for found in windows])
    share = np.array([1 / (vocal == label).sum() for label in vocal])
    weight = np.repeat(share / sizes, sizes) / 2
    sign = np.repeat(2.0 * vocal - 1, sizes)
    x = np.clip((stacked - mean) / deviation, -4, 4)

    def loss(parameters: Array) -> tuple[float, Array]:
        margin = sign * (x @ parameters[1:] + parameters[0])
        slope = -weight * sign / (1 + np.exp(margin))
        gradient = np.concatenate([[slope.sum()], slope @ x + 2 * penalty * parameters[1:]])
        return float(weight @ np.logaddexp(0, -margin) + penalty * parameters[1:] @ parameters[1:]), gradient

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return {"mean": mean, "deviation": deviation, "weights": found[1:], "bias": found[0]}


def scores(windows: list[Array], model: dict[str, Array]) -> Array:
    found = []
    for one in windows:
        standard = np.clip((one - model["mean"]) / model["deviation"], -4, 4)
        found.append(pooled(standard @ model["weights"] + model["bias"]) if len(one) else 0.0)
    return np.array(found)


def across_folds(windows: list[Array], vocal: NDArray[np.int64], pieces: list[str], penalty: float) -> Array:
    """Return each clip's score by weights that saw no clip of its piece."""
    names = np.random.default_rng(0).permutation(sorted(set(pieces)))
    fold = {name: number % FOLDS for number, name in enumerate(names)}
    folds = np.array([fold[piece] for piece in pieces])
    found = np.zeros(len(vocal))
    for number in range(FOLDS):
        train, held = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
        model = fitted([windows[i] for i in train], vocal[train], penalty)
        found[held] = scores([windows[i] for i in held], model)
    return found


def fit(clips: Path) -> None:
    rows = rows_of(clips, "fit")
    windows = all_cues(clips / row["file"] for row in rows)
    vocal, pieces = np.array([int(row["vocal"]) for row in rows]), [row["piece"] for row in rows]
    held = {penalty: across_folds(windows, vocal, pieces, penalty) for penalty in PENALTIES}
    for penalty, found in held.items():
        print(f"penalty {penalty:g}: AUC {auc(vocal, found):.3f}")
    penalty = max(held, key=lambda one: auc(vocal, held[one]))
    model = fitted(windows, vocal, penalty)
    judged = [
        Clip(row["file"], bool(v), float(s)) for row, v, s in zip(rows, vocal, held[penalty], strict=True)
    ]
    limits = calibrate(judged, false_reject=0.05, missed=0.10).thresholds
    plain = {name: np.round(value, 5).tolist() for name, value in model.items()}
    content = {"version": package.VERSION, "review": round(limits.review, 3), "likely": round(limits.likely, 3),
               "penalty": penalty, "clips": len(rows), "cues": list(CUES), **plain}  # fmt: skip
    WEIGHTS.write_text(json.dumps(content, indent=1) + "\n")
    order = np.argsort(-np.abs(model["weights"]))
    for place in order[:15]:
        print(f"  {model['weights'][place]:+.2f} {CUES[place]}")
    print(f"wrote {WEIGHTS}: thresholds {limits}")


def share(scored: list[tuple[float, bool]], limit: float) -> list[float]:
    rate = wilson(sum(score >= limit for score, _ in scored), len(scored))
    return [rate.low, rate.value, rate.high]


def measure(clips: Path) -> None:
    rows = rows_of(clips, "test")
    screener = CueScreener()
    model = {name: np.array(screener._model[name]) for name in ("mean", "deviation", "weights", "bias")}
    found = scores(all_cues(clips / row["file"] for row in rows), model)
    vocal = np.array([int(row["vocal"]) for row in rows])
    groups: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[row["kind"]].append(place)
        if row["kind"] in ("sung", "spoken"):
            level = float(row["level_db"])
            groups[
                f"voice at {'-12 to -6' if level < -6 else '-6 to 0' if level < 0 else '0 to +6'} dB"
            ].append(place)
        if row["kind"] == "lead" and 52 <= int(row["program"]) <= 54 or row.get("program") == "85":
            groups["lead: choir or synthesized voice"].append(place)
    table = []
    limits = screener.thresholds
    none = np.flatnonzero(vocal == 0)
    for name, places in {"all": list(range(len(rows))), **dict(sorted(groups.items()))}.items():
        row: dict[str, object] = {"clips": name, "number": len(places)}
        if name == "all" or vocal[places].all():
            voices = [place for place in places if vocal[place]]
            area = auc(np.r_[vocal[voices], vocal[none]], np.r_[found[voices], found[none]])
            row["AUC against all without voice"] = [area, *auc_interval(area, len(voices), len(none))]
        for verdict, low, high in (("likely-vocal", limits.likely, 2.0), ("review", limits.review, limits.likely),
                                   ("no-evidence", -1.0, limits.review)):  # fmt: skip
            rate = wilson(int(((found[places] >= low) & (found[places] < high)).sum()), len(places))
            row[verdict] = [rate.value, rate.low, rate.high]
        table.append(row)
        print(json.dumps(row))
    RESULTS.with_name("screening.json").write_text(json.dumps(table, indent=1) + "\n")
    with (clips / "test_scores.csv").open("w", newline="") as file:
        csv.writer(file).writerows([(r["file"], r["vocal"], s) for r, s in zip(rows, found, strict=True)])


def recordings(folder: Path, step: int) -> None:
    screener = CueScreener()
    for genre in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(path for path in genre.iterdir() if path.is_file())[::step]
        model = {name: np.array(screener._model[name]) for name in ("mean", "deviation", "weights", "bias")}
        found = scores(all_cues(paths), model)
        verdicts = [screener.verdict(score) for score in found]
        print(genre.name, len(paths), {word: verdicts.count(word) for word in ("likely-vocal", "review", "no-evidence")},
              np.round(np.quantile(found, [0.1, 0.5, 0.9]), 3))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (fit, measure):
        commands.add_parser(command.__name__).add_argument("--clips", type=Path, required=True)
    real = commands.add_parser("recordings")
    real.add_argument("--folder", type=Path, required=True)
    real.add_argument("--step", type=int, default=1, help="hear one file in so many")
    arguments = parser.parse_args()
    if arguments.command == "recordings":
        recordings(arguments.folder, arguments.step)
    else:
        {"fit": fit, "measure": measure}[arguments.command](arguments.clips)


if __name__ == "__main__":
    main()
