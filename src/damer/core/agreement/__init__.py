"""How far annotators agree, as the field reports it: numpy and scipy only.

Ratings are float64 [targets, raters], NaN where missing. Static: a target is a track. Dynamic: a second of
one.
"""

from damer.core.agreement.concordance import Measure, concordance, leave_one_out, pairwise
from damer.core.agreement.icc import Icc, icc
from damer.core.agreement.reliability import cronbach_alpha, krippendorff_alpha, rmse

__all__ = [
    "Icc",
    "Measure",
    "concordance",
    "cronbach_alpha",
    "icc",
    "krippendorff_alpha",
    "leave_one_out",
    "pairwise",
    "rmse",
]
