"""The honest estimate of a search: what the chosen setting is expected to score on new data.

Values only: `views/words/honest.py` writes the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from hpo_magic.core.trial import Direction
from hpo_magic.honesty.bbc import Bbc
from hpo_magic.honesty.choice import Rechecked, oriented
from hpo_magic.honesty.no_interval import NoInterval


class Method(Enum):
    """How an estimate was made."""

    NEW_SPLITS = "new splits"  # the best settings were re-run on new validation splits
    BOOTSTRAP = "bootstrap"  # the selection was repeated on bootstrap samples of validation rows
    NEW_TRAINING_SEEDS = "new training seeds"  # re-run on the validation rows of the search
    OTHER_SETTINGS = "other settings"  # not re-run; corrected by how much others changed


class WhyNot(Enum):
    """Why there is no estimate."""

    NOT_YET = "not yet"  # no re-run has ended, and the search goes on
    NO_RERUN = "no re-run"  # the search ended without re-runs
    TRAINING_ROWS = "training rows"  # the value is measured on them
    SAME_SCORES = "same scores"  # the re-runs repeat the search's scores exactly


@dataclass(frozen=True)
class Honest:
    """What the chosen setting is expected to score on data that the search never used.

    Parameters
    ----------
    value
        In the metric's unit; None where it was not estimated.
    half_width
        Of the 95% interval, in the metric's unit; None where there is none.
    no_interval
        Why a value has no interval; None where it has one.
    method
        How it was estimated; None where it was not.
    why_not
        Why it was not estimated; None where it was.
    n_settings
        Settings that were re-run, or that the selection was repeated among.
    knows_rows
        Whether the estimate is made of validation rows. Made of the scores of re-runs alone, some
        of the selection bias may remain: the new splits share rows with the search.
    n_reruns
        Re-runs of each setting; 0 where none was used.
    n_rows
        Validation rows of one run; None where they are not known.
    n_older
        Trials of older studies that guided the search by the same validation rows.
    n_older_unknown
        Those of which that is not known.
    n_alike
        Over how many neighbouring rows the scores agree, if that is why there is no interval.
    split_groups
        The share of the validation rows' groups that are among the training rows, too, as far as it
        is known: above 0 every number of the search is too high. None if not known.
    least, most
        The least and the greatest value that is possible; None where that is not known.
    are_groups_unsure
        Whether groups were told, and it is not known whether the split has cut through them.
    change
        Mean difference between re-run and search over the settings that were re-run, in the
        metric's unit; None unless `method` is `OTHER_SETTINGS`.
    """

    value: float | None = None
    half_width: float | None = None
    method: Method | None = None
    why_not: WhyNot | None = None
    n_settings: int = 0
    n_reruns: int = 0
    n_rows: int | None = None
    change: float | None = None
    knows_rows: bool = True
    n_older: int = 0
    n_older_unknown: int = 0
    no_interval: NoInterval | None = None
    n_alike: float | None = None
    split_groups: float | None = None
    are_groups_unsure: bool = False
    least: float | None = None
    most: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval, in the metric's unit, within what is possible; None without one."""
        if self.value is None or self.half_width is None:
            return None
        low, high = self.value - self.half_width, self.value + self.half_width
        least = low if self.least is None else self.least
        most = high if self.most is None else self.most
        return max(low, least), min(high, most)

    @property
    def is_cut(self) -> bool:
        """Whether value plus or minus half-width has values that are not possible."""
        if self.value is None or self.half_width is None:
            return False
        return self.interval != (self.value - self.half_width, self.value + self.half_width)


def honest(
    direction: Direction,
    recheck: Rechecked | None = None,
    bbc: Bbc | None = None,
    *,
    on_new_splits: bool = True,
    cross_validated: bool = False,
    why_not: WhyNot = WhyNot.NO_RERUN,
) -> Honest:
    """Return the best estimate that the results allow.

    Re-runs on new splits come first, then the bootstrap of validation rows, then re-runs with new
    training seeds: these have the selection bias of the validation rows, and so no interval.

    Parameters
    ----------
    direction
        Turns the scores, higher is better, into the metric's unit.
    recheck, bbc
        The results; None where there is none.
    on_new_splits
        Whether the re-runs were scored on other validation rows than the search.
    cross_validated
        Whether the search's scores are cross-validated. New folds deal the same rows again, so the
        bootstrap of rows comes first then.
    why_not
        The reason to give where there is no result.
    """
    if recheck is not None and on_new_splits and not (cross_validated and bbc):
        return _of_reruns(recheck, direction, Method.NEW_SPLITS)
    if bbc is not None:
        value = in_metric_unit(bbc.value, direction)
        return Honest(
            value,
            bbc.half_width,
            Method.BOOTSTRAP,
            n_settings=bbc.n_settings,
            n_rows=bbc.n_rows,
            n_older=bbc.n_older,
            no_interval=bbc.no_interval,
            n_alike=bbc.n_alike,
        )
    if recheck is not None:
        biased = replace(recheck, half_width=None, no_interval=NoInterval.SAME_ROWS)
        return _of_reruns(biased, direction, Method.NEW_TRAINING_SEEDS)
    return Honest(why_not=why_not)


def in_metric_unit(score: float, direction: Direction) -> float:
    """Return a score, higher is better, as a value of the metric."""
    return float(oriented(score, direction))


def on_split_groups(found: Honest, share: float | None) -> Honest:
    """Return the estimate with what is known of its groups; if they are split, without interval.

    Resampling rows that are too good in all draws does not show how much too good they are.
    """
    if not share or found.value is None:
        return replace(found, split_groups=share)
    why = NoInterval.SPLIT_GROUPS
    return replace(found, half_width=None, no_interval=why, n_alike=None, split_groups=share)


def _of_reruns(recheck: Rechecked, direction: Direction, method: Method) -> Honest:
    value = in_metric_unit(recheck.value, direction)
    return Honest(
        value,
        recheck.half_width,
        method,
        n_settings=recheck.n_settings,
        n_reruns=recheck.n_reruns,
        knows_rows=recheck.knows_rows,
        n_rows=recheck.n_rows,
        no_interval=recheck.no_interval,
        n_alike=recheck.n_alike,
    )
