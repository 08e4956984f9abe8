"""Names, numbers and sentences of agreement, the same on the page, in the terminal and in the JSON file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from damer.core.agreement import Repeat
from damer.core.agreement.bootstrap import mean_of
from damer.core.agreement.summary import STATISTICS, Agreement, Estimate, Scope
from damer.core.fusion import TrackRatings
from damer.core.lag import Lags
from damer.core.text import one_line

NAMES = {
    "icc_a1": "ICC(A,1)",
    "icc_ak": "ICC(A,k)",
    "icc_ck": "ICC(C,k)",
    "icc_c1": "ICC(C,1)",
    "krippendorff_alpha": "Krippendorff's alpha",
    "cronbach_alpha": "Cronbach's alpha",
    "pairwise_ccc": "pairs, CCC",
    "pairwise_pearson": "pairs, Pearson",
    "pairwise_spearman": "pairs, Spearman",
    "leave_one_out_ccc": "one and the others, CCC",
    "leave_one_out_pearson": "one and the others, Pearson",
    "leave_one_out_spearman": "one and the others, Spearman",
    "rmse": "one and the others, RMSE",
}
SCOPES: dict[Scope, tuple[str, str]] = {
    "static": ("Static", "one value a track and annotator: the mean over the track"),
    "dynamic": ("Dynamic", "every step of every track"),
    "within": ("Within tracks", "the steps of each track by themselves, then the mean over tracks"),
}


@dataclass(frozen=True)
class Found:
    """What is reported of one study.

    Attributes:
        name: What the study is called.
        agreement: The statistics.
        tracks: The ratings that they are of.
        lags: What was estimated; None where nothing was to be.
        lag: What was done about lag, a sentence.
        repeats: Second hearings.
        bootstrap: Number of draws behind the intervals.
    """

    name: str
    agreement: Agreement
    tracks: Sequence[TrackRatings]
    lags: Lags | None
    lag: str
    repeats: Sequence[Repeat]
    bootstrap: int


def size(found: Found) -> str:
    """Return how many tracks and annotators there are, a sentence."""
    names = {name for track in found.tracks for name in track.annotators}
    raters = found.agreement.raters
    each = f"{min(raters)}" if min(raters) == max(raters) else f"{min(raters)} to {max(raters)}"
    rate = found.tracks[0].rate_hz
    people = f"{len(names)} annotators" if found.agreement.crossed else f"{len(names)} trajectories"
    return f"{len(raters)} tracks, {people}, {each} a track; {rate:g} a second"


def design(found: Found) -> str:
    """Return what the design cannot tell, a sentence; empty where it can tell everything."""
    if found.agreement.crossed:
        return ""
    return (
        "Annotators cannot be compared over tracks here: nearly everybody rated a track or two, or "
        "nobody knows "
        "who rated what. Over tracks there is then no consistency, no Cronbach's alpha and no "
        "correlation, and the "
        "ICCs are those of the one-way model."
    )


def lags(found: Found) -> str:
    """Return the lag of every annotator whose own could be told, with its standard error; else nothing."""
    if found.lags is None or not found.lags.error:
        return ""
    seconds, error = found.lags.seconds, found.lags.error
    return ", ".join(f"{one_line(name)} {seconds[name]:.2f} ± {error[name]:.2f} s" for name in sorted(error))


def number(value: float) -> str:
    """Return a statistic with three places and no leading zero, a dash where it is unknown."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def interval(estimate: Estimate) -> str:
    """Return the interval of a statistic in brackets, nothing where it is unknown."""
    low, high = estimate.interval
    return f"[{number(low)}, {number(high)}]" if math.isfinite(low) and math.isfinite(high) else ""


def repeated(repeats: Sequence[Repeat]) -> str:
    """Return how far annotators agree with themselves, a sentence; empty where nobody heard a track twice."""
    if not repeats:
        return ""
    distance, valence, arousal = means(repeats)
    people = len({one.annotator for one in repeats})
    return (
        f"{len(repeats)} tracks heard twice by {people} annotators: mean distance {number(distance)}, "
        f"CCC {number(arousal)} (arousal), {number(valence)} (valence)"
    )


def means(repeats: Sequence[Repeat]) -> tuple[float, float, float]:
    """Return the means over second hearings of distance, valence CCC and arousal CCC."""
    import numpy as np

    table = np.array([(one.distance, one.valence_ccc, one.arousal_ccc) for one in repeats]).reshape(-1, 3)
    distance, valence, arousal = (mean_of(column) for column in table.T)
    return distance, valence, arousal


def to_dict(found: Found) -> dict[str, Any]:
    """Return everything as JSON takes it; what is unknown is null."""
    agreement = found.agreement
    return {
        "format": "damer-agreement-v1",
        "name": found.name,
        "rate_hz": found.tracks[0].rate_hz,
        "tracks": len(agreement.tracks),
        "raters_per_track": agreement.raters,
        "crossed": agreement.crossed,
        "bootstrap": found.bootstrap,
        "lag": {
            "done": found.lag,
            "common_s": None if found.lags is None else found.lags.common,
            "common_error_s": None if found.lags is None else _known(found.lags.common_error),
            "annotators": _lags(found.lags),
        },
        "tables": [
            {
                "scope": table.scope,
                "dimension": table.dimension,
                "design": table.design,
                "k": _known(table.k),
                "targets": table.targets,
                "ratings": table.ratings,
                "statistics": {
                    name: {"value": _known(one.value), "interval": _interval(one)}
                    for name, one in table.estimates.items()
                },
            }
            for table in agreement.tables
        ],
        "flat_share": {name: _known(value) for name, value in agreement.flat.items()},
        "per_annotator": {
            name: {key: _known(value) for key, value in row.items()}
            for name, row in agreement.per_annotator.items()
        },
        "per_track": {
            track: {
                dimension: {name: _known(float(values[name][place])) for name in STATISTICS}
                for dimension, values in agreement.per_track.items()
            }
            for place, track in enumerate(agreement.tracks)
        },
        "repeats": [
            {key: _known(value) if isinstance(value, float) else value for key, value in asdict(one).items()}
            for one in found.repeats
        ],
    }


def _lags(lags: Lags | None) -> Mapping[str, Any]:
    if lags is None:
        return {}
    return {
        name: {
            "lag_s": lags.seconds[name],
            "error_s": lags.error[name],
            "correlation": lags.correlation[name],
        }
        for name in lags.error
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(estimate: Estimate) -> list[float | None]:
    return [_known(one) for one in estimate.interval]
