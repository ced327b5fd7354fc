"""The validation rows of a search and its re-runs, as far as one estimate can be made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.row_scores import RowOrder, RowScores
from hpo_magic.core.trial import Direction
from hpo_magic.honesty.dependence import design_effect
from hpo_magic.honesty.intervals import LEVEL
from hpo_magic.honesty.no_interval import n_alike, worst_possible
from hpo_magic.honesty.quantiles import z_half
from hpo_magic.honesty.resampled_choice import Run, best_of_recheck
from hpo_magic.honesty.resampling import (
    BLOCK_IF_ORDER_IS_KEPT,
    BLOCK_OF_TIME,
    ROWS_FOR_LONG_BLOCKS,
    Units,
    units_of_blocks,
    units_of_groups,
)
from hpo_magic.honesty.resplit_intervals import VALIDATION_SHARE, effective_rows
from hpo_magic.honesty.weighted_scores import Means


@dataclass(frozen=True)
class RecheckRows:
    """The rows of a re-check without holes.

    Parameters
    ----------
    search : length n_settings
        The rows of all settings of the search, the same rows for all; () where some are missing.
    again : length k
        Which of these were run again; places in `search`, or in `scores` where that is empty.
    scores : length k
        What the settings that were run again scored in the search; higher is better.
    reruns : length m, length k each
        The rows of their re-runs: in one re-run the same rows for all settings.
    direction
        Turns the rows' scores so that higher is better.
    """

    search: tuple[RowScores, ...]
    again: tuple[int, ...]
    scores: tuple[float, ...]
    reruns: tuple[tuple[RowScores, ...], ...]
    direction: Direction

    @property
    def is_share(self) -> bool:
        """Whether the scores are shares of rows."""
        return self.reruns[0][0].is_share

    @property
    def n_rows(self) -> float:
        """Validation rows of a run, on average."""
        return float(np.mean([run[0].n_rows for run in self.reruns]))

    @property
    def validation_share(self) -> float:
        """The validation rows as a share of the rows that were split; .25 where not known."""
        known = [run[0] for run in self.reruns if run[0].n_trained]
        shares = [one.n_rows / (one.n_rows + (one.n_trained or 0.0)) for one in known]
        return float(np.mean(shares)) if shares else VALIDATION_SHARE

    @property
    def own(self) -> list[FloatArray]:
        """The rows of the settings that were run again, shape (k, n_rows) for each run."""
        if not self.search:  # then `again` has places in `scores`
            return self._again
        return [_oriented([self.search[k] for k in self.again], self.direction), *self._again]

    @property
    def deff(self) -> float:
        """How many rows of a group are worth one row; 1 without groups."""
        found = []
        for rows, run in zip(self.own, self._runs, strict=True):
            units = units_of(run[0])
            found.append(1.0 if units is None else design_effect(rows, units))
        return float(np.mean(found))

    @property
    def n_alike(self) -> float | None:
        """Over how many neighbours the scores agree, if that is too many for an interval."""
        found = [
            n_alike(rows, run[0].order) for rows, run in zip(self.own, self._runs, strict=True)
        ]
        return max((one for one in found if one is not None), default=None)

    def half_width_if_worst(self, value: float) -> float:
        """Return the half-width that one more row with the worst score possible would give.

        0 if that score is not known, or if a row had it. `value` is what to expect, oriented.
        """
        own = [self.search[k] for k in self.again] if self.search else []
        found = worst_possible([*own, *(one for run in self.reruns for one in run)])
        worst = None if found is None else -self.direction.sign * found
        if worst is None or worst >= min(float(rows.min()) for rows in self.own):
            return 0.0
        n_seen = sum(rows.shape[1] for rows in self.own)
        n = effective_rows(self.n_rows, len(self.own), self.validation_share)
        return z_half(LEVEL) * abs(worst - value) / math.sqrt(n * (n_seen + 1))

    @property
    def expected(self) -> float:
        """What to expect of the re-check's choice; higher is better."""
        return _expected(self)

    @property
    def _runs(self) -> list[tuple[RowScores, ...]]:
        return [*([self.search] if self.search else []), *self.reruns]

    @property
    def _again(self) -> list[FloatArray]:
        return [_oriented(run, self.direction) for run in self.reruns]

    def part(self, settings: Sequence[int], seeds: Sequence[int]) -> RecheckRows:
        """Return the rows of some of the settings and some of the re-runs."""
        return RecheckRows(
            self.search,
            tuple(self.again[k] for k in settings),
            tuple(self.scores[k] for k in settings),
            tuple(tuple(self.reruns[j][k] for k in settings) for j in seeds),
            self.direction,
        )


def units_of(rows: RowScores) -> Units | None:
    """Return which rows are drawn together: groups, or blocks of ordered rows; None: none are."""
    if rows.groups is not None:
        return units_of_groups(rows.groups)
    match rows.order:
        case RowOrder.TIME:
            return blocks_of_time(rows.n_rows)
        case RowOrder.KEPT:
            return units_of_blocks(rows.n_rows, BLOCK_IF_ORDER_IS_KEPT)
    return None


def blocks_of_time(n_rows: int) -> Units:
    """Return the blocks in which rows in the order of time are drawn; shape (n_rows,)."""
    are_many = n_rows >= ROWS_FOR_LONG_BLOCKS
    return units_of_blocks(n_rows, BLOCK_OF_TIME if are_many else BLOCK_IF_ORDER_IS_KEPT)


def are_shared(rows: Sequence[RowScores | None]) -> bool:
    """Return whether all of these are known and of the same validation rows."""
    kinds = {None if one is None else (one.rows, one.dtype, one.n_rows) for one in rows}
    return len(kinds) == 1 and None not in kinds


# A view asks several times; with many rows and trials the answer takes a second.
@lru_cache(maxsize=8)
def _expected(rows: RecheckRows) -> float:
    search = None
    if rows.search:
        search = Run(Means(_oriented(rows.search, rows.direction)), units_of(rows.search[0]))
    reruns = [
        Run(Means(table), units_of(run[0]))
        for table, run in zip(rows._again, rows.reruns, strict=True)
    ]
    return best_of_recheck(search, rows.again, np.array(rows.scores), reruns).value


def _oriented(rows: Sequence[RowScores], direction: Direction) -> FloatArray:
    values = np.stack([one.values for one in rows]).astype(np.float64)
    return np.asarray(-direction.sign * values)
