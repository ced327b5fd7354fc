"""The headline of a result, as values: start, best seen, honest estimate, gain and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo_magic.core.records import TestEvaluation
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import best_trial
from hpo_magic.core.trial import Trial
from hpo_magic.honesty.by_row import SelectionBias, n_rows_of_shares, selection_bias_of
from hpo_magic.honesty.choice import Gain
from hpo_magic.honesty.estimate import Honest
from hpo_magic.honesty.intervals import Interval, newcombe_interval
from hpo_magic.honesty.measured import Measured
from hpo_magic.honesty.recheck_results import (
    gain_of,
    honest_by_goal,
    honest_of,
    is_of_training,
    reruns_had_new_splits,
    split_groups_of,
)


@dataclass(frozen=True)
class Headline:
    """The figures at the top of a result.

    Parameters
    ----------
    start
        The trial on the defaults; None if it has not run.
    best
        The best seen, or with several objectives the chosen point; None if no trial is complete.
    n_complete
        Complete trials, among which `best` was selected.
    bias
        By how much `best` may be biased; None where the validation rows are not known.
    honest
        The estimates for the chosen setting, by metric.
    gain
        Of the chosen setting over the start, higher is better; None if the start was not re-run.
    on_new_splits
        Whether the re-runs were scored on new splits; else on the search's validation rows.
    split_groups
        The share of the validation rows' groups that are among the training rows, too: above 0 all
        figures are too high. None if not known.
    test
        The latest test evaluation that has a value; None if there is none.
    is_of_training
        Whether the values are measured on training rows: then there is neither bias nor gain.
    """

    start: Trial | None
    best: Trial | None
    n_complete: int
    bias: SelectionBias | None
    honest: Mapping[str, Honest]
    gain: Gain | None
    on_new_splits: bool
    test: TestEvaluation | None
    split_groups: float | None = None
    is_of_training: bool = False


def headline(snapshot: Snapshot) -> Headline:
    """Return the headline of a search, running or ended."""
    several, of_training = snapshot.is_multi_objective, is_of_training(snapshot)
    measured = [one for one in snapshot.evaluations if one.value is not None]
    return Headline(
        start=snapshot.start,
        best=best_trial(snapshot),
        n_complete=len(snapshot.history.complete),
        bias=None if several or of_training else selection_bias_of(snapshot.history),
        honest=honest_by_goal(snapshot) if several else {snapshot.metric: honest_of(snapshot)},
        gain=None if of_training else gain_of(snapshot),
        on_new_splits=reruns_had_new_splits(snapshot),
        test=measured[-1] if measured else None,
        split_groups=split_groups_of(snapshot),
        is_of_training=of_training,
    )


@dataclass(frozen=True)
class Difference:
    """Honest estimate minus test value, both shares of rows, and its 95% interval."""

    value: float
    interval: Interval


def difference_from_test(
    snapshot: Snapshot, evaluation: TestEvaluation, found: Measured | None
) -> Difference | None:
    """Return how far the honest estimate is from a test; None unless both are shares of rows."""
    expected = honest_of(snapshot).value
    n_rows = n_rows_of_shares(snapshot.history.complete)
    value, n_test = evaluation.value, evaluation.n_rows
    if expected is None or value is None or n_rows is None or n_test is None:
        return None
    if found is None or not found.is_share:
        return None
    return Difference(expected - value, newcombe_interval(expected, n_rows, value, n_test))
