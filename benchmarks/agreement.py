"""All agreement statistics of a study of the paper's size: time and peak memory on one thread.

    python benchmarks/agreement.py [--tracks 2496] [--annotators 30] [--seconds 60] [--bootstrap 0]

Annotators in three cohorts, each track by two of them (20 of 30), each with a level and noise of their own;
the first second or two of a track is unknown to some, as in a real study. `--samples` times, besides, the way
from raw samples at 20 Hz to the grid, and the estimate of everybody's lag.
"""

# ruff: noqa: E402 (these come before any of the libraries is loaded)
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import platform
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from damer.core.agreement.summary import SCOPES, agreement
from damer.core.fusion import TrackRatings, tabulate
from damer.core.lag import estimate_lag
from damer.core.trajectory import Trajectory

COHORTS = 3
RATE_HZ = 20


def study(tracks: int, annotators: int, seconds: int) -> list[TrackRatings]:
    """Return ratings a second, as `tabulate` would: values in [-1, 1], NaN where unknown."""
    rng = np.random.default_rng(0)
    names = np.array([f"a{number:03}" for number in range(annotators)])
    level = 0.1 * rng.normal(size=(2, annotators))
    found = []
    for track in range(tracks):
        there = np.arange(annotators) * COHORTS // annotators != track * COHORTS // tracks
        truth = 0.3 * rng.normal(size=(2, 1)) + 0.05 * np.cumsum(rng.normal(size=(2, seconds)), axis=1)
        noise = 0.2 * rng.normal(size=(2, seconds, int(there.sum())))
        both = np.clip(truth[:, :, None] + level[:, None, there] + noise, -1, 1)
        both[:, 0, rng.random(both.shape[2]) < 0.5] = np.nan
        both[:, :2, rng.random(both.shape[2]) < 0.1] = np.nan
        found.append(TrackRatings(f"t{track:05}", tuple(names[there]), 1.0, both[0], both[1]))
    return found


def raw(tracks: list[TrackRatings]) -> Iterator[Trajectory]:
    """Yield what the annotators' pointers would have sent, one trajectory at a time."""
    for track in tracks:
        seconds = len(track.valence)
        times = np.arange(seconds * RATE_HZ) / RATE_HZ + 0.01
        for column, name in enumerate(track.annotators):
            both = (np.repeat(part[:, column], RATE_HZ) for part in (track.valence, track.arousal))
            yield Trajectory(track.track, name, times, *both, end_s=float(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=2496)
    parser.add_argument("--annotators", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--bootstrap", type=int, default=0)
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ratings = study(options.tracks, options.annotators, options.seconds)
    result: dict[str, object] = vars(options) | {"json": None, "python": platform.python_version()}

    def timed(name: str, begun: tuple[float, float]) -> None:
        wall, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        result[name] = {"wall_s": wall, "cpu_s": cpu, "peak_bytes": peak}
        print(f"{name:24} {wall:7.1f} s  ({cpu:.1f} s CPU)  peak {peak / 1e9:.2f} GB")

    begun = (time.perf_counter(), time.process_time())
    found = agreement(ratings, options.bootstrap)
    timed("all statistics", begun)
    for scope in SCOPES:
        table = found.table(scope, "arousal")
        print(f"  {scope:8} {table.ratings:9} ratings, ICC(A,k) {table.estimates['icc_ak'].value:.3f}")
    if options.samples:
        begun = (time.perf_counter(), time.process_time())
        tabulate(raw(ratings))
        timed("samples to the grid", begun)
        begun = (time.perf_counter(), time.process_time())
        estimate_lag(raw(ratings))
        timed("everybody's lag", begun)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
