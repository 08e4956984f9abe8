"""Labels from what everybody said: the lag taken off, brought to one grid, fused, the spread kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from damer.annotation.release.gather import Material
from damer.core.fusion import Fused, Method, TrackRatings, fuse, tabulate
from damer.core.trajectory import Trajectory

Fusion = Method
Lag = float | Literal["none"]
Values = npt.NDArray[np.float64]
Columns = dict[str, Any]


@dataclass(frozen=True)
class Labels:
    """The columns of the tables of labels and of annotators, and how the lag was treated, in words."""

    dynamic: Columns
    static: Columns
    annotators: Columns
    lag: str


def fuse_study(
    material: Material, heard: Sequence[Trajectory], rate_hz: float, fusion: Fusion, lag: Lag
) -> Labels:
    """Make the labels of a study.

    Args:
        material: Whose tracks and annotators these are.
        heard: The released trajectories; second hearings are left out of the labels.
        rate_hz: Labels a second.
        fusion: How annotators become one label. The weights of "ewe" are a person's, over all tracks.
        lag: Seconds that each is behind the music; "none" is 0.

    Raises:
        DamerError: the rate is not above 0, or the lag is no number.
    """
    names = [annotator.annotator for annotator in material.annotators]
    lags, words = _lags(names, lag)
    durations = {track.track_id: track.duration_s for track in material.tracks}
    tables = {table.track: table for table in tabulate(heard, rate_hz, durations, lags)}
    ordered = [tables[track.track_id] for track in material.tracks if track.track_id in tables]
    owners = np.concatenate([np.full(len(table.valence), row) for row, table in enumerate(ordered)])
    steps = np.concatenate([np.arange(len(table.valence)) / rate_hz for table in ordered])
    said = {name: _stack(ordered, names, name) for name in ("valence", "arousal")}
    fused = {name: fuse(values, fusion) for name, values in said.items()}
    still = {
        name: fuse(_means(values, owners, len(ordered)), fusion, fused[name].weights)
        for name, values in said.items()
    }
    known = (fused["valence"].count > 0) & (fused["arousal"].count > 0)
    ids = np.array([table.track for table in ordered], dtype=object)
    everywhere = np.ones(len(ids), dtype=bool)
    return Labels(
        dynamic={"track_id": ids[owners[known]], "second": steps[known], **_columns(fused, known)},
        static={"track_id": ids, **_columns(still, everywhere)},
        annotators={
            "annotator": names,
            "cohort": [annotator.cohort for annotator in material.annotators],
            "tracks": [material.hearings[name] for name in names],
            "lag_s": [lags[name] for name in names],
            "valence_weight": fused["valence"].weights,
            "arousal_weight": fused["arousal"].weights,
        },
        lag=words,
    )


def _lags(names: Sequence[str], lag: Lag) -> tuple[dict[str, float], str]:
    """Return each annotator's lag, seconds, and what was done in words."""
    if lag == "none":
        return dict.fromkeys(names, 0.0), "not estimated, none taken off"
    return dict.fromkeys(names, float(lag)), f"{lag:g} s for everybody, as given"


def _stack(tables: Sequence[TrackRatings], names: Sequence[str], dimension: str) -> Values:
    """Return everybody's ratings of all tracks, one below the other, float64 [steps of all, annotators]."""
    place = {name: column for column, name in enumerate(names)}
    blocks = []
    for table in tables:
        values = getattr(table, dimension)
        block = np.full((len(values), len(names)), np.nan)
        block[:, [place[name] for name in table.annotators]] = values
        blocks.append(block)
    return np.concatenate(blocks)


def _means(ratings: Values, owners: npt.NDArray[np.intp], tracks: int) -> Values:
    """Return each annotator's mean over each track, float64 [tracks, annotators]; NaN where none is known."""
    known = ~np.isnan(ratings)
    sums, counts = np.zeros((2, tracks, ratings.shape[1]))
    np.add.at(sums, owners, np.where(known, ratings, 0.0))
    np.add.at(counts, owners, known)
    means: Values = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means


def _columns(fused: Mapping[str, Fused], rows: npt.NDArray[np.bool_]) -> Columns:
    spreads = {f"{name}_sd": found.spread[rows] for name, found in fused.items()}
    values = {name: found.value[rows] for name, found in fused.items()}
    return {**values, **spreads, "raters": fused["valence"].count[rows]}
