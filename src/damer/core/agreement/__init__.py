"""How far annotators agree, as the field reports it: numpy and scipy only.

Ratings are float64 [targets, raters], NaN where missing. Static: a target is a track. Dynamic: a second of
one.
"""

from damer.core.agreement.bootstrap import bootstrap_tracks
from damer.core.agreement.concordance import Measure, concordance, leave_one_out, pairwise
from damer.core.agreement.icc import Icc, icc
from damer.core.agreement.intra import Repeat, intra_annotator
from damer.core.agreement.reliability import cronbach_alpha, krippendorff_alpha, rmse

__all__ = [
    "Icc",
    "Measure",
    "Repeat",
    "bootstrap_tracks",
    "concordance",
    "cronbach_alpha",
    "icc",
    "intra_annotator",
    "krippendorff_alpha",
    "leave_one_out",
    "pairwise",
    "rmse",
]
