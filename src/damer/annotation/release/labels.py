"""Labels from what everybody said: the lag taken off, brought to one grid, fused, the spread kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from damer.annotation.release.gather import Material
from damer.annotation.release.lags import TakenOff
from damer.core.agreement.summary import Agreement, agreement, track_means
from damer.core.agreement.sums import against_others, mean_of_others
from damer.core.errors import DamerError
from damer.core.fusion import Fused, Method, TrackRatings, fuse, tabulate
from damer.core.track import DIMENSIONS, Dimension
from damer.core.trajectory import Trajectory

Values = npt.NDArray[np.float64]
Columns = dict[str, Any]
Weights = dict[Dimension, dict[str, float]]
Summary = dict[str, dict[str, dict[str, float | None]]]

# What the release tells of agreement; `damer dataset agreement` tells more.
_STATISTICS = {"icc_a1": "icc_a1", "icc_ak": "icc_ak", "alpha": "krippendorff_alpha"}


@dataclass(frozen=True)
class Labels:
    """The columns of the tables of labels and of annotators, how the lag was treated in words, and agreement.

    Agreement is, for each dimension and for static and dynamic ratings, ICC(A,1), ICC(A,k) and Krippendorff's
    alpha; None where the design cannot tell.
    """

    dynamic: Columns
    static: Columns
    annotators: Columns
    lag: str
    agreement: Summary


def fuse_study(
    material: Material, heard: Iterable[Trajectory], rate_hz: float, fusion: Method, lags: TakenOff
) -> Labels:
    """Make the labels of a study.

    Args:
        material: Whose tracks and annotators these are.
        heard: The released trajectories, one by one; second hearings are left out of the labels.
        rate_hz: Labels a second.
        fusion: How annotators become one label. The weights of "ewe" are a person's, over all tracks.
        lags: Seconds that each is behind the music.

    Raises:
        DamerError: the rate is not above 0, or nobody said anything.
    """
    names = [annotator.annotator for annotator in material.annotators]
    durations = {track.track_id: track.duration_s for track in material.tracks}
    said = {table.track: table for table in tabulate(heard, rate_hz, durations, lags.seconds)}
    if not said:
        raise DamerError(
            f"{material.study.folder}: its trials hold no samples, so there is nothing to release; "
            "export it again"
        )
    tables = [said.get(name) or _silence(name, rate_hz) for name in durations]
    weights = {
        dimension: ewe_weights(tables, dimension) if fusion == "ewe" else dict.fromkeys(names, 1.0)
        for dimension in DIMENSIONS
    }
    dynamic = [_fused(table, fusion, weights, over_time=True) for table in tables]
    static = [_fused(table, fusion, weights, over_time=False) for table in tables]
    return Labels(
        dynamic=_joined(tables, dynamic, known_only=True),
        static={name: column for name, column in _joined(tables, static).items() if name != "second"},
        annotators={
            "annotator": names,
            "cohort": [annotator.cohort for annotator in material.annotators],
            "tracks": [material.hearings[name] for name in names],
            "lag_s": [lags.seconds[name] for name in names],
            **{
                f"{dimension}_weight": [found.get(name, 0.0) for name in names]
                for dimension, found in weights.items()
            },
        },
        lag=lags.words,
        agreement=_summary(agreement([table for table in tables if table.annotators])),
    )


def ewe_weights(tables: Sequence[TrackRatings], dimension: Dimension) -> dict[str, float]:
    """Return each annotator's weight in [0, 1] over a study: `damer.core.fusion.ewe_weights`, track by track.

    Memory does not grow with the square of the annotators, who may be thousands that heard a few tracks each.
    """
    added: dict[str, Values] = {}
    for table in tables:
        ratings = getattr(table, dimension)
        for name, sums in zip(
            table.annotators, against_others(ratings, mean_of_others(ratings)).T, strict=True
        ):
            added[name] = added.get(name, 0.0) + sums
    weights = {}
    for name, (n, x, o, xx, oo, xo) in added.items():
        below = (n * xx - x * x) * (n * oo - o * o)
        weights[name] = float(np.clip((n * xo - x * o) / np.sqrt(below), 0.0, 1.0)) if below > 1e-12 else 0.0
    return weights


def _silence(name: str, rate_hz: float) -> TrackRatings:
    """A track that was heard to its end by people who said nothing of it."""
    return TrackRatings(name, (), rate_hz, np.empty((0, 0)), np.empty((0, 0)))


def _fused(table: TrackRatings, fusion: Method, weights: Weights, over_time: bool) -> dict[Dimension, Fused]:
    """Return the labels of one track: of its steps, or of each annotator's mean over them."""
    found = {}
    for dimension in DIMENSIONS:
        ratings = getattr(table, dimension) if over_time else track_means(getattr(table, dimension))
        if not table.annotators:
            ratings = np.full((0 if over_time else 1, 1), np.nan)
        own = [weights[dimension][name] for name in table.annotators] or [1.0]
        found[dimension] = fuse(ratings, fusion, own)
    return found


def _joined(
    tables: Sequence[TrackRatings], fused: Sequence[dict[Dimension, Fused]], known_only: bool = False
) -> Columns:
    """Put the labels of all tracks one below the other; `known_only` leaves out those of nobody."""
    counts = [found["valence"].count for found in fused]
    raters = np.concatenate(counts)
    kept = raters > 0 if known_only else np.ones(len(raters), dtype=bool)
    names = [
        np.full(len(count), table.track, dtype=object) for table, count in zip(tables, counts, strict=True)
    ]
    steps = [np.arange(len(count)) / table.rate_hz for table, count in zip(tables, counts, strict=True)]
    columns: Columns = {"track_id": np.concatenate(names)[kept], "second": np.concatenate(steps)[kept]}
    for dimension in DIMENSIONS:
        columns[dimension] = np.concatenate([found[dimension].value for found in fused])[kept]
        columns[f"{dimension}_sd"] = np.concatenate([found[dimension].spread for found in fused])[kept]
    return {**columns, "raters": raters[kept]}


def _summary(found: Agreement) -> Summary:
    return {
        dimension: {
            scope: {
                name: _rounded(found.table(scope, dimension).estimates[statistic].value)
                for name, statistic in _STATISTICS.items()
            }
            for scope in ("static", "dynamic")
        }
        for dimension in DIMENSIONS
    }


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
