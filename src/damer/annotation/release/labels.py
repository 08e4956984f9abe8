"""Labels from what everybody said: the lag taken off, brought to one grid, fused, the spread kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from damer.annotation.release.gather import Material
from damer.annotation.release.lags import TakenOff
from damer.core.agreement import icc, krippendorff_alpha
from damer.core.fusion import Fused, Method, fuse, resample, steps_of
from damer.core.trajectory import Trajectory

Values = npt.NDArray[np.float64]
Columns = dict[str, Any]
Agreement = dict[str, dict[str, dict[str, float | None]]]


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
    agreement: Agreement


def fuse_study(
    material: Material, heard: Iterable[Trajectory], rate_hz: float, fusion: Method, lags: TakenOff
) -> Labels:
    """Make the labels of a study; one trajectory at a time is in memory.

    Args:
        material: Whose tracks and annotators these are.
        heard: The released trajectories; second hearings are left out of the labels.
        rate_hz: Labels a second.
        fusion: How annotators become one label. The weights of "ewe" are a person's, over all tracks.
        lags: Seconds that each is behind the music.

    Raises:
        DamerError: the rate is not above 0.
    """
    names = [annotator.annotator for annotator in material.annotators]
    counts = np.array([steps_of(track.duration_s, rate_hz) for track in material.tracks])
    owners = np.repeat(np.arange(len(counts)), counts)
    steps = np.concatenate([np.arange(count) for count in counts]) / rate_hz
    said = _ratings(material, heard, rate_hz, counts, lags.seconds)
    fused = {name: fuse(values, fusion) for name, values in said.items()}
    over_time = {name: _means(values, owners, len(counts)) for name, values in said.items()}
    still = {name: fuse(values, fusion, fused[name].weights) for name, values in over_time.items()}
    known = (fused["valence"].count > 0) & (fused["arousal"].count > 0)
    ids = np.array([track.track_id for track in material.tracks], dtype=object)
    return Labels(
        dynamic={"track_id": ids[owners[known]], "second": steps[known], **_columns(fused, known)},
        static={"track_id": ids, **_columns(still, np.ones(len(ids), dtype=bool))},
        annotators={
            "annotator": names,
            "cohort": [annotator.cohort for annotator in material.annotators],
            "tracks": [material.hearings[name] for name in names],
            "lag_s": [lags.seconds[name] for name in names],
            "valence_weight": fused["valence"].weights,
            "arousal_weight": fused["arousal"].weights,
        },
        lag=lags.words,
        agreement={
            name: {"static": _agreement(over_time[name]), "dynamic": _agreement(said[name])} for name in said
        },
    )


def _ratings(
    material: Material,
    heard: Iterable[Trajectory],
    rate_hz: float,
    counts: npt.NDArray[np.int64],
    lags: Mapping[str, float],
) -> dict[str, Values]:
    """Return everybody's ratings of all tracks, one below the other, float64 [steps of all, annotators]."""
    column = {annotator.annotator: place for place, annotator in enumerate(material.annotators)}
    row = {track.track_id: place for place, track in enumerate(material.tracks)}
    starts = np.concatenate([[0], np.cumsum(counts)])
    said = {name: np.full((int(starts[-1]), len(column)), np.nan) for name in ("valence", "arousal")}
    for one in heard:
        if one.duplicate_of:
            continue
        place = row[one.track]
        length, lag = material.tracks[place].duration_s, lags[one.annotator]
        for name, values in zip(said, resample(one, rate_hz, length, lag), strict=True):
            said[name][starts[place] : starts[place + 1], column[one.annotator]] = values
    return said


def _agreement(ratings: Values) -> dict[str, float | None]:
    found = icc(ratings)
    values = {"icc_a1": found.a1, "icc_ak": found.ak, "alpha": krippendorff_alpha(ratings)}
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in values.items()}


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
