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

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


def spearman_pairs(table: Values) -> Values:
    """Return the rank correlation of every two columns over the rows known in both, NaN on the diagonal."""
    known = ~np.isnan(table)
    columns = _alike(known)
    ranking = Ranking(table)
    found = np.full((table.shape[1],) * 2, np.nan)
    # Pairs with the same rows in common are ranked together: in most studies that is nearly all of them.
    together: dict[bytes, list[tuple[Places, Places]]] = defaultdict(list)
    rows_of: dict[bytes, Mask] = {}
    for number, first in enumerate(columns):
        for second in columns[number:]:
            rows = known[:, first[0]] & known[:, second[0]]
            key = np.packbits(rows).tobytes()
            rows_of[key] = rows
            together[key].append((first, second))
    for key, blocks in together.items():
        rows = rows_of[key]
        if rows.sum() < FEWEST_COMMON:
            continue
        needed = np.unique(np.concatenate([one for block in blocks for one in block]))
        unit = ranking.within(rows, needed)
        correlation = np.clip(unit.T @ unit, -1.0, 1.0)
        for first, second in blocks:
            left, right = np.searchsorted(needed, first), np.searchsorted(needed, second)
            block = correlation[np.ix_(left, right)]
            found[np.ix_(first, second)] = block
            found[np.ix_(second, first)] = block.T
    np.fill_diagonal(found, np.nan)
    return found


def spearman_of_others(table: Values, others: Values) -> Values:
    """Return the rank correlation of each column with the same one of `others`, where both are known."""
    known = ~(np.isnan(others) | np.isnan(table))
    own, theirs = Ranking(table), Ranking(others)
    found = np.full(table.shape[1], np.nan)
    for columns in _alike(known):
        rows = known[:, columns[0]]
        if rows.sum() >= FEWEST_COMMON:
            product = own.within(rows, columns) * theirs.within(rows, columns)
            found[columns] = np.clip(product.sum(axis=0), -1.0, 1.0)
    return found


class Ranking:
    """The order of each column of a table, unknown values last.

    Args:
        table: float64 [rows, columns], NaN where unknown.
    """

    def __init__(self, table: Values) -> None:
        self._order = np.argsort(table, axis=0)
        ordered = np.take_along_axis(table, self._order, axis=0)
        # Where the run of equal values that a place belongs to begins, and where the next one begins.
        new = np.ones((len(table) + 1, table.shape[1]), dtype=bool)
        new[1:-1] = ordered[1:] != ordered[:-1]
        place = np.arange(len(table) + 1)[:, None]
        self._low = np.maximum.accumulate(np.where(new, place, 0), axis=0)[:-1]
        self._high = np.minimum.accumulate(np.where(new, place, len(table))[::-1], axis=0)[::-1][1:]

    def within(self, rows: Mask, columns: Places) -> Values:
        """Return ranks among some rows, all known in the columns; ties share their mean rank.

        Returns:
            float64 [all rows, columns]: centred and of length 1, 0 in the other rows; NaN where a column
            never moves.
        """
        order = self._order[:, columns]
        counted = np.zeros((len(rows) + 1, len(columns)))
        np.cumsum(rows[order], axis=0, out=counted[1:])
        low, high = self._low[:, columns], self._high[:, columns]
        total = np.take_along_axis(counted, low, axis=0) + np.take_along_axis(counted, high, axis=0)
        # A run of ranks from a + 1 to b has the mean (a + b + 1) / 2, and all n have (n + 1) / 2.
        ranks = np.empty(order.shape)
        np.put_along_axis(ranks, order, (total - counted[-1]) / 2, axis=0)
        ranks *= rows[:, None]
        length = np.sqrt((ranks**2).sum(axis=0))
        unit: Values = np.divide(ranks, length, out=np.full(ranks.shape, np.nan), where=length > 0)
        return unit


def _alike(known: Mask) -> list[Places]:
    """Group the columns that are known in the same rows."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for column in range(known.shape[1]):
        groups[np.packbits(known[:, column]).tobytes()].append(column)
    return [np.array(group, dtype=np.intp) for group in groups.values()]
