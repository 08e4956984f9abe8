"""Fit and measure the built-in vocal screener on the clips of screening_mixes.py.

`fit` writes the weights that the package ships: a ridge-penalised logistic regression on the cues of every
window of the fit part; penalty and thresholds by cross-validation over pieces inside that part. `measure`
writes what is then found on the test part, of which the fit has seen nothing: screening_results.json.
`recordings` tells the verdicts on folders of recordings of which nobody knows the truth.

    python experiments/screening.py fit --clips CLIPS
    python experiments/screening.py measure --clips CLIPS --plot docs/images/screening_roc.png
    python experiments/screening.py recordings --folder FOLDER_BY_GENRE
"""

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.optimize import minimize

from damer.core.metrics import auc
from damer.curation.calibration import Clip, auc_interval, calibrate, wilson
from damer.curation.screening import cues as package
from damer.curation.screening.cues import CUES, CueScreener, cues, pooled
from damer.report.calibration import draw_calibration, write_picture

Array = NDArray[np.float64]
WEIGHTS = Path(package.__file__).with_name("cues.json")
RESULTS = Path(__file__).with_name("screening_results.json")
PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
FOLDS = 5
# General MIDI: violin, choir, voice, synthesized voice, flute, recorder, pan flute, whistle, ocarina.
HARD = (40, 52, 53, 54, 72, 73, 74, 75, 78, 79, 85)


def rows_of(clips: Path, part: str) -> list[dict[str, str]]:
    """Return the lines of the table of one part."""
    with (clips / "labels.csv").open(newline="") as table:
        return [row for row in csv.DictReader(table) if row["part"] == part]


def cues_of(path: Path) -> Array:
    """Return the cues of a file, kept beside it: delete these files when the cues change."""
    kept = path.with_name(f"{path.name}.cues.npy")
    if kept.exists():
        return np.asarray(np.load(kept), dtype=np.float64)
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True, stop=48_000 * 40)
    found = cues(samples if samples.shape[1] == 2 else np.repeat(samples, 2, axis=1), rate)
    np.save(kept, found)
    return found


def all_cues(paths: Iterable[Path]) -> list[Array]:
    """Return the cues of each file, computed in parallel."""
    with ProcessPoolExecutor() as pool:
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
    """Return the score of each clip from its windows, as the screener does it."""
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
    """Choose the penalty and both thresholds, fit, write the weights."""
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
    limits = calibrate(judged, false_reject=0.01, missed=0.01).thresholds
    plain = {name: np.round(value, 5).tolist() for name, value in model.items()}
    rounded = {"review": round(limits.review, 3), "likely": round(limits.likely, 3)}
    about = {"version": package.VERSION, **rounded, "penalty": penalty, "clips": len(rows)}
    content = {**about, "cues": list(CUES), **plain}
    WEIGHTS.write_text(json.dumps(content, indent=1) + "\n")
    order = np.argsort(-np.abs(model["weights"]))
    for place in order[:15]:
        print(f"  {model['weights'][place]:+.2f} {CUES[place]}")
    print(f"wrote {WEIGHTS}: thresholds {limits}")


def group_of(row: dict[str, str]) -> list[str]:
    """Return the names of the groups that a test clip belongs to."""
    names = {
        "sung": "a voice sings",
        "spoken": "a voice speaks",
        "lead": "an instrument leads",
        "plain": "no lead",
    }
    found = ["all", names[row["kind"]]]
    if row["kind"] in ("sung", "spoken"):
        level = float(row["level_db"])
        found.append(f"voice at {'−12 to −6' if level < -6 else '−6 to 0' if level < 0 else '0 to +6'} dB")
    if row["kind"] == "lead" and int(row["program"]) in HARD:
        found.append("lead: choir, voice synthesizer, violin, flute kin")
    return found


def packaged() -> tuple[CueScreener, dict[str, Array]]:
    """Return the shipped screener and its weights as arrays."""
    screener = CueScreener()
    return screener, {
        name: np.array(screener._model[name]) for name in ("mean", "deviation", "weights", "bias")
    }


def measure(clips: Path, plot: Path | None) -> None:
    """Judge the test part and write the table."""
    rows = rows_of(clips, "test")
    screener, model = packaged()
    found = scores(all_cues(clips / row["file"] for row in rows), model)
    vocal = np.array([int(row["vocal"]) for row in rows])
    groups: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        for name in group_of(row):
            groups[name].append(place)
    none, limits, table = np.flatnonzero(vocal == 0), screener.thresholds, []
    bounds = {"likely-vocal": (limits.likely, 2.0), "review": (limits.review, limits.likely),
              "no-evidence": (-1.0, limits.review)}  # fmt: skip
    for name, places in sorted(groups.items()):
        line: dict[str, object] = {"clips": name, "number": len(places)}
        voices = [place for place in places if vocal[place]]
        if voices:
            area = auc(np.r_[vocal[voices], vocal[none]], np.r_[found[voices], found[none]])
            line["AUC against all without voice"] = [area, *auc_interval(area, len(voices), len(none))]
        for verdict, (low, high) in bounds.items():
            rate = wilson(int(((found[places] >= low) & (found[places] < high)).sum()), len(places))
            line[verdict] = [rate.value, rate.low, rate.high]
        table.append(line)
        told = {
            key: np.round(value, 3).tolist() for key, value in line.items() if key not in ("clips", "number")
        }
        print(f"{name} ({len(places)}): {told}")
    RESULTS.write_text(json.dumps({"thresholds": asdict(limits), "test": table}, indent=1) + "\n")
    if plot is not None:
        judged = [Clip(row["file"], bool(v), float(s)) for row, v, s in zip(rows, vocal, found, strict=True)]
        voices, others = found[vocal == 1], found[vocal == 0]
        shares = {
            "false_rejections": others >= limits.likely,
            "caught": voices >= limits.likely,
            "misses": voices < limits.review,
            "cleared": others < limits.review,
        }
        rates = {name: wilson(int(hits.sum()), len(hits)) for name, hits in shares.items()}
        measured = replace(calibrate(judged), thresholds=limits, **rates)
        write_picture(plot, draw_calibration(judged, measured, "cues"))


def recordings(folder: Path, step: int) -> None:
    """Print the verdicts on one file in so many of each folder."""
    screener, model = packaged()
    for genre in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(path for path in genre.iterdir() if path.suffix != ".npy")[::step]
        found = scores(all_cues(paths), model)
        verdicts = [screener.verdict(score) for score in found]
        counts = {word: verdicts.count(word) for word in ("likely-vocal", "review", "no-evidence")}
        print(genre.name, len(paths), counts, "deciles", np.round(np.quantile(found, [0.1, 0.5, 0.9]), 3))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fit").add_argument("--clips", type=Path, required=True)
    judge = commands.add_parser("measure")
    judge.add_argument("--clips", type=Path, required=True)
    judge.add_argument("--plot", type=Path, help="also draw the ROC curve and the scores")
    real = commands.add_parser("recordings")
    real.add_argument("--folder", type=Path, required=True)
    real.add_argument("--step", type=int, default=1, help="hear one file in so many")
    arguments = parser.parse_args()
    if arguments.command == "recordings":
        recordings(arguments.folder, arguments.step)
    elif arguments.command == "measure":
        measure(arguments.clips, arguments.plot)
    else:
        fit(arguments.clips)


if __name__ == "__main__":
    main()
