"""Every baseline by name, in the order of the tables: simple ones, then as the paper lists them."""

from damer.baselines import (
    adff,
    atdgnn,
    dstfn,
    emotionic,
    iiof,
    linear,
    madcrnn,
    majority,
    mcgc,
    mocnn,
    musefuse,
    plain,
    rgcb,
    secap,
    secap_capsule,
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
    mocnn.BASELINE,
    atdgnn.BASELINE,
    madcrnn.BASELINE,
    dstfn.BASELINE,
    iiof.BASELINE,
    adff.BASELINE,
    emotionic.BASELINE,
    secap.BASELINE,
    secap_capsule.BASELINE,
    mcgc.BASELINE,
    musefuse.BASELINE,
)

BASELINES: dict[str, Baseline | Estimator] = {item.name: item for item in _ALL}
