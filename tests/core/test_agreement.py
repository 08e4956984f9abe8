"""Agreement statistics against published worked examples and independent libraries."""

import warnings
from typing import Literal

import krippendorff
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from damer.core.agreement import (
    concordance,
    cronbach_alpha,
    icc,
    krippendorff_alpha,
    leave_one_out,
    pairwise,
    rmse,
)
from damer.core.errors import DamerError

with warnings.catch_warnings():  # of what it imports
    warnings.simplefilter("ignore")
    import pingouin

Table = npt.NDArray[np.float64]
Correlation = Literal["pearson", "spearman"]
NAN = np.nan

# P. E. Shrout and J. L. Fleiss, "Intraclass correlations", Psychological Bulletin 86 (1979), table 2.
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=np.float64
)
# K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section C.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T


def ratings(targets: int, raters: int, seed: int = 0, missing: float = 0.0) -> Table:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(targets, 1)) + 0.4 * rng.normal(size=(1, raters))
    table = 0.2 * (table + 0.7 * rng.normal(size=(targets, raters)))
    table[rng.random(table.shape) < missing] = NAN
    return np.asarray(table)


def planned(seed: int, targets: int = 300, raters: int = 30) -> Table:
    """Three groups of tracks, three cohorts; each group is left out by one cohort. Variances 1, .25, .64."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(targets, 1)) + 0.5 * rng.normal(size=(1, raters))
    table = table + 0.8 * rng.normal(size=table.shape)
    group, cohort = np.arange(targets) * 3 // targets, np.arange(raters) * 3 // raters
    table[group[:, None] == cohort] = NAN
    return np.asarray(table)


def oracle(table: Table) -> dict[str, tuple[float, list[float]]]:
    """Return pingouin's intraclass correlations and their intervals, which it rounds to .01, by name."""
    frame = pd.DataFrame(table).reset_index().melt(id_vars="index", var_name="rater")
    with warnings.catch_warnings():  # of pandas, at what pingouin does
        warnings.simplefilter("ignore")
        found = pingouin.intraclass_corr(frame, targets="index", raters="rater", ratings="value")
    return {row["Type"]: (float(row["ICC"]), list(row["CI95"])) for row in found.to_dict("records")}


# -- intraclass correlation ----------------------------------------------------------------------------------


def test_icc_of_shrout_and_fleiss() -> None:
    found = icc(SHROUT_FLEISS)
    # Their tables 4 and 5: ICC(2,1) .29, ICC(2,4) .62, ICC(3,1) .71, ICC(3,4) .91.
    assert [round(value, 2) for value in (found.a1, found.ak, found.c1, found.ck)] == [0.29, 0.62, 0.71, 0.91]
    assert found.design == "balanced"
    assert found.k == 4
    # ICC(2,1)'s interval on page 425.
    assert found.a1_interval == pytest.approx((0.019, 0.761), abs=0.001)


@pytest.mark.parametrize(("targets", "raters"), [(6, 4), (40, 3), (12, 25)])
def test_icc_and_intervals_against_pingouin(targets: int, raters: int) -> None:
    table = SHROUT_FLEISS if targets == 6 else ratings(targets, raters)
    expected = oracle(table)
    found = icc(table)
    for name in ("A,1", "A,k", "C,1", "C,k"):
        ours = name.lower().replace(",", "")
        assert getattr(found, ours) == pytest.approx(expected[f"ICC({name})"][0], abs=1e-9)
        interval = expected[f"ICC({name})"][1]
        np.testing.assert_allclose(getattr(found, f"{ours}_interval"), interval, atol=0.0051)


def test_incomplete_icc_is_unbiased_and_its_components_are_those_put_in() -> None:
    """A planned design of 30 raters, 20 a target; means over 60 tables of known variances."""
    found = [icc(planned(seed)) for seed in range(60)]
    assert {one.design for one in found} == {"incomplete"}
    assert found[0].k == pytest.approx(20)
    assert np.mean([one.a1 for one in found]) == pytest.approx(1 / (1 + 0.25 + 0.64), abs=0.015)
    assert np.mean([one.c1 for one in found]) == pytest.approx(1 / 1.64, abs=0.01)
    assert np.mean([one.ak for one in found]) == pytest.approx(1 / (1 + 0.89 / 20), abs=0.005)
    assert np.mean([one.ck for one in found]) == pytest.approx(1 / (1 + 0.64 / 20), abs=0.005)


def test_incomplete_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = [icc(planned(seed, targets=60)) for seed in range(200)]
    truth = 1 / (1 + 0.25 + 0.64)
    share = np.mean([one.a1_interval[0] <= truth <= one.a1_interval[1] for one in held])
    assert share == pytest.approx(0.95, abs=0.04)
    share = np.mean([one.c1_interval[0] <= 1 / 1.64 <= one.c1_interval[1] for one in held])
    assert share == pytest.approx(0.95, abs=0.04)


def test_incomplete_components_against_least_squares_with_dummies() -> None:
    """The reductions in sums of squares, computed the long way with dummy variables."""
    table = planned(3, targets=12, raters=6)
    rows, columns = np.nonzero(~np.isnan(table))
    y = table[rows, columns]
    targets, raters = np.eye(12)[rows], np.eye(6)[columns]

    def left(design: Table) -> float:
        return float(((y - design @ np.linalg.lstsq(design, y)[0]) ** 2).sum())

    both = left(np.column_stack([targets, raters]))
    error = both / (len(y) - 12 - 6 + 1)
    target = (left(raters) - both - 11 * error) / (len(y) - 6)
    rater = (left(targets) - both - 5 * error) / (len(y) - 12)
    found = icc(table)
    assert found.a1 == pytest.approx(target / (target + rater + error))
    assert found.ck == pytest.approx(target / (target + error / found.k))


def test_raters_of_one_target_each_leave_only_the_one_way_model() -> None:
    table = np.full((6, 24), NAN)
    for target in range(6):
        table[target, 4 * target : 4 * target + 4] = SHROUT_FLEISS[target]
    found = icc(table)
    assert found.design == "nested"
    # Shrout and Fleiss: ICC(1,1) .17, ICC(1,4) .44.
    assert (round(found.a1, 2), round(found.ak, 2)) == (0.17, 0.44)
    assert np.isnan(found.c1)
    expected = oracle(SHROUT_FLEISS)["ICC(1,1)"][1]
    np.testing.assert_allclose(found.a1_interval, expected, atol=0.0051)


def test_a_few_lost_ratings_change_little() -> None:
    whole = ratings(400, 10, seed=4)
    lost = whole.copy()
    lost[np.random.default_rng(5).random(lost.shape) < 0.05] = NAN
    assert icc(lost).design == "incomplete"
    assert icc(lost).a1 == pytest.approx(icc(whole).a1, abs=0.02)


# -- alphas --------------------------------------------------------------------------------------------------


def test_krippendorff_of_the_worked_example() -> None:
    assert round(krippendorff_alpha(KRIPPENDORFF), 3) == 0.849  # interval data, as printed there


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.8])
def test_krippendorff_against_its_library(missing: float) -> None:
    table = np.round(ratings(40, 8, seed=6, missing=missing), 2)
    oracle = krippendorff.alpha(reliability_data=table.T, level_of_measurement="interval")
    assert krippendorff_alpha(table) == pytest.approx(oracle, abs=1e-9)


def test_krippendorff_of_many_continuous_values_needs_little_memory() -> None:
    """The library holds a table of values by values: 10 raters of 300 targets are 3000 by 3000 by 300."""
    table = ratings(3000, 10, seed=7)
    differences = [np.sum((one[:, None] - one) ** 2) / 9 for one in table]
    flat = table.ravel()
    expected = 2 * (len(flat) * (flat**2).sum() - flat.sum() ** 2) / (len(flat) * (len(flat) - 1))
    assert krippendorff_alpha(table) == pytest.approx(1 - np.sum(differences) / len(flat) / expected)


def test_cronbach_against_pingouin() -> None:
    for table in (SHROUT_FLEISS, ratings(50, 7, seed=8)):
        assert cronbach_alpha(table) == pytest.approx(pingouin.cronbach_alpha(pd.DataFrame(table))[0])
        assert cronbach_alpha(table) == pytest.approx(icc(table).ck)


def test_cronbach_of_a_planned_design_is_that_of_the_mean_of_twenty() -> None:
    found = np.mean([cronbach_alpha(planned(seed)) for seed in range(20)])
    assert found == pytest.approx(1 / (1 + 0.64 / 20), abs=0.005)


def test_cronbach_is_at_most_one_whoever_is_missing() -> None:
    """Few targets, each seen by some: a covariance and its variances must come from the same targets."""
    for seed in range(200):
        table = ratings(12, 9, seed=seed, missing=0.35) + 10 * ratings(12, 1, seed=seed)
        assert cronbach_alpha(table) <= 1 + 1e-9


# -- correlations --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_pairs_against_pandas(missing: float) -> None:
    table = np.round(ratings(60, 6, seed=9, missing=missing), 1)  # rounded: there are ties
    frame = pd.DataFrame(table)
    measures: tuple[Correlation, ...] = ("pearson", "spearman")
    for measure in measures:
        expected = np.array([[_pair(frame, i, j, measure) for j in range(6)] for i in range(6)])
        np.fill_diagonal(expected, NAN)
        np.testing.assert_allclose(pairwise(table, measure), expected, atol=1e-12)


def _pair(frame: pd.DataFrame, first: int, second: int, measure: Correlation) -> float:
    both = frame[[first, second]].dropna() if first != second else frame[[first]].dropna()
    return float(both.iloc[:, 0].corr(both.iloc[:, -1], method=measure))


def test_concordance_by_its_definition_and_a_published_value() -> None:
    table = ratings(60, 4, seed=10, missing=0.2)
    x, y = table[:, 0], table[:, 1]
    both = ~np.isnan(x + y)
    a, b = x[both], y[both]
    expected = 2 * np.cov(a, b, ddof=0)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    assert pairwise(table, "ccc")[0, 1] == pytest.approx(expected)
    assert concordance(x, y) == pytest.approx(expected)
    # A shift leaves Pearson alone and costs concordance: var 1.25, shift 1: 2.5 / (2.5 + 1).
    assert concordance([1, 2, 3, 4], [2, 3, 4, 5]) == pytest.approx(2.5 / 3.5)


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_leave_one_out_the_long_way(missing: float) -> None:
    table = ratings(50, 5, seed=11, missing=missing)
    errors = []
    for rater in range(5):
        own = table[:, rater]
        rest = np.delete(table, rater, axis=1)
        rated = ~np.isnan(own) & (~np.isnan(rest)).any(axis=1)
        a, b = own[rated], np.nanmean(rest[rated], axis=1)
        errors += list((a - b) ** 2)
        assert leave_one_out(table, "pearson")[rater] == pytest.approx(stats.pearsonr(a, b)[0])
        assert leave_one_out(table, "spearman")[rater] == pytest.approx(stats.spearmanr(a, b)[0])
        assert leave_one_out(table, "ccc")[rater] == pytest.approx(concordance(a, b))
    assert rmse(table) == pytest.approx(np.sqrt(np.mean(errors)))


# -- borders -------------------------------------------------------------------------------------------------


def test_a_rater_who_never_moves_has_no_correlation_and_no_concordance() -> None:
    table = ratings(30, 3, seed=12)
    table[:, 0] = 0.1 + 0.2  # a sum that is not 0.3: rounding must not make it move
    assert np.isnan(pairwise(table, "pearson")[0, 1])
    assert np.isnan(pairwise(table, "spearman")[0, 1])
    assert pairwise(table, "ccc")[0, 1] == 0.0
    assert leave_one_out(table, "ccc")[0] == 0.0


@pytest.mark.parametrize(
    "table", [np.full((5, 3), NAN), np.zeros((5, 3)), np.array([[0.1, NAN], [NAN, 0.2]]), np.zeros((0, 3))]
)
def test_what_cannot_be_told_is_nan_and_says_nothing(table: Table) -> None:
    found = icc(table)
    assert np.isnan([found.a1, found.ak, found.c1, found.ck]).all()
    assert np.isnan(krippendorff_alpha(table)) or table.shape[1] == 2
    assert np.isnan(cronbach_alpha(table))
    assert np.isnan(pairwise(table, "ccc")).all()
    assert np.isnan(leave_one_out(table, "spearman")).all()


def test_perfect_agreement_is_one() -> None:
    table = np.repeat(np.linspace(-1, 1, 9)[:, None], 4, axis=1)
    found = icc(table)
    assert [found.a1, found.ak, found.c1, found.ck] == pytest.approx([1.0] * 4)
    assert krippendorff_alpha(table) == pytest.approx(1.0)
    assert rmse(table) == 0.0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), missing=st.floats(0, 0.6), shift=st.floats(-5, 5), scale=st.floats(0.1, 9)
)
def test_nothing_depends_on_origin_unit_or_order(
    seed: int, missing: float, shift: float, scale: float
) -> None:
    table = ratings(25, 5, seed=seed, missing=missing)
    rng = np.random.default_rng(seed)
    other = (shift + scale * table)[rng.permutation(25)][:, rng.permutation(5)]
    before, after = icc(table), icc(other)
    assert before.design == after.design
    np.testing.assert_allclose(
        [after.a1, after.ak, after.c1, krippendorff_alpha(other), cronbach_alpha(other)],
        [before.a1, before.ak, before.c1, krippendorff_alpha(table), cronbach_alpha(table)],
        rtol=1e-6, atol=1e-8,
    )  # fmt: skip
    assert np.nanmean(pairwise(other, "spearman")) == pytest.approx(np.nanmean(pairwise(table, "spearman")))


def test_tables_that_are_none_are_named() -> None:
    with pytest.raises(DamerError, match="table"):
        icc(np.zeros(4))
    with pytest.raises(DamerError, match="infinite"):
        krippendorff_alpha([[np.inf, 0.0]])
