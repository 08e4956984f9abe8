"""Spearman's correlation where ratings are missing: a column is sorted once, whatever it is compared with.

The rank of a value among some of the targets is how many of these lie before it in the order of all targets,
which a running sum tells.
"""

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from damer.core.agreement.sums import Values

FEWEST_COMMON = 3
"""Two raters are compared only where they share as many targets."""

_MOST_VALUES = 200_000
"""Groups of rows are ranked at once up to this many values: more would only leave the processor's cache."""

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


def spearman_pairs(table: Values) -> Values:
    """Return the rank correlation of every two columns over the rows known in both, NaN on the diagonal."""
    known = ~np.isnan(table)
    columns = _alike(known)
    ranking = Ranking(table)
    found = np.full((table.shape[1],) * 2, np.nan)
    # Pairs with the same rows in common are ranked together: in most studies that is nearly all of them.
    together: dict[bytes, tuple[Mask, list[tuple[Places, Places]]]] = {}
    for number, first in enumerate(columns):
        for second in columns[number:]:
            rows = known[:, first[0]] & known[:, second[0]]
            together.setdefault(np.packbits(rows).tobytes(), (rows, []))[1].append((first, second))
    groups = [(rows, blocks) for rows, blocks in together.values() if rows.sum() >= FEWEST_COMMON]
    at_once = max(1, _MOST_VALUES // max(table.size, 1))
    for start in range(0, len(groups), at_once):
        part = groups[start : start + at_once]
        needed = np.unique(np.concatenate([one for _, blocks in part for block in blocks for one in block]))
        unit = ranking.within(np.array([rows for rows, _ in part]), needed)
        correlations = np.clip(unit @ unit.transpose(0, 2, 1), -1.0, 1.0)
        for correlation, (_, blocks) in zip(correlations, part, strict=True):
            for first, second in blocks:
                left, right = np.searchsorted(needed, first), np.searchsorted(needed, second)
                block = correlation[left[:, None], right]
                found[first[:, None], second] = block
                found[second[:, None], first] = block.T
    np.fill_diagonal(found, np.nan)
    return found


def spearman_of_others(table: Values, others: Values) -> Values:
    """Return the rank correlation of each column with the same one of `others`, where both are known."""
    known = ~(np.isnan(others) | np.isnan(table))
    own, theirs = Ranking(table), Ranking(others)
    found = np.full(table.shape[1], np.nan)
    groups = [columns for columns in _alike(known) if known[:, columns[0]].sum() >= FEWEST_COMMON]
    at_once = max(1, _MOST_VALUES // max(table.size, 1))
    for start in range(0, len(groups), at_once):
        part = groups[start : start + at_once]
        needed = np.unique(np.concatenate(part))
        rows = np.array([known[:, columns[0]] for columns in part])
        products = (own.within(rows, needed) * theirs.within(rows, needed)).sum(axis=2)
        for product, columns in zip(products, part, strict=True):
            found[columns] = np.clip(product[np.searchsorted(needed, columns)], -1.0, 1.0)
    return found


class Ranking:
    """The order of each column of a table, unknown values last.

    Args:
        table: float64 [rows, columns], NaN where unknown.
    """

    def __init__(self, table: Values) -> None:
        values = np.ascontiguousarray(table.T)  # a column's values side by side
        self._order = np.argsort(values, axis=1)
        ordered = np.take_along_axis(values, self._order, axis=1)
        # Where the run of equal values that a place belongs to begins, and where the next one begins.
        new = np.ones((len(values), len(table) + 1), dtype=bool)
        new[:, 1:-1] = ordered[:, 1:] != ordered[:, :-1]
        place = np.arange(len(table) + 1)
        self._low = np.maximum.accumulate(np.where(new, place, 0), axis=1)[:, :-1]
        ends = np.where(new, place, len(table))[:, ::-1]
        self._high = np.minimum.accumulate(ends, axis=1)[:, ::-1][:, 1:]

    def within(self, rows: Mask, columns: Places) -> Values:
        """Return ranks among some rows; ties share their mean rank.

        Args:
            rows: bool [groups, all rows], each a choice of rows.
            columns: Which columns; those not known in all rows of a group mean nothing there.

        Returns:
            float64 [groups, columns, all rows]: centred and of length 1, 0 in the other rows; NaN where a
            column never moves.
        """
        order = self._order[columns]
        counted = np.zeros((len(rows), len(columns), rows.shape[1] + 1))
        np.cumsum(rows[:, order], axis=2, out=counted[:, :, 1:])
        flat = counted.reshape(len(rows), -1)
        first = (np.arange(len(columns)) * counted.shape[2])[:, None]
        # A run of ranks from a + 1 to b has the mean (a + b + 1) / 2, and all n have (n + 1) / 2.
        middle = flat[:, self._low[columns] + first]
        middle += flat[:, self._high[columns] + first]
        middle -= counted[:, :, -1:]
        ranks = np.empty(middle.shape)
        ranks.reshape(len(rows), -1)[:, order + (np.arange(len(columns)) * rows.shape[1])[:, None]] = middle
        ranks *= rows[:, None]
        length = np.sqrt(np.einsum("gcr,gcr->gc", ranks, ranks))[:, :, None]
        unit: Values = np.divide(ranks, length, out=np.full(ranks.shape, np.nan), where=length > 0)
        return unit


def _alike(known: Mask) -> list[Places]:
    """Group the columns that are known in the same rows."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for column in range(known.shape[1]):
        groups[np.packbits(known[:, column]).tobytes()].append(column)
    return [np.array(group, dtype=np.intp) for group in groups.values()]
