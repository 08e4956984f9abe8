"""Every baseline by name."""

from damer.baselines import (
    linear,
    majority,
    mcgc,
    musefuse,
    plain,
    rgcb,
    svm,
    udda,
)
from damer.baselines.base import Baseline
from damer.baselines.estimator import Estimator

_ALL: tuple[Baseline | Estimator, ...] = (
    majority.BASELINE,
    plain.LOGISTIC,
    plain.BOOSTING,
    svm.BASELINE,
    linear.BASELINE,
    rgcb.BASELINE,
    rgcb.BROAD,
    udda.BASELINE,
    mcgc.BASELINE,
    musefuse.BASELINE,
)

BASELINES: dict[str, Baseline | Estimator] = {item.name: item for item in _ALL}
