"""Where a trial's outcomes come from: the cell's scores, else the fits that gave the value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hpo_magic.core.events import Completed, Run
from hpo_magic.core.metrics import Score
from hpo_magic.core.ports import Fit
from hpo_magic.core.row_scores import RowScores, of_rows
from hpo_magic.core.trial import Direction, Goal, Kind
from hpo_magic.executors.row_scores import row_scores_of
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.language.first_order import rows_to_first_order
from hpo_magic.language.hp import hp
from hpo_magic.testing.fakes import FakeClock, FakeObjective

TRUTH = np.array([0, 1, 1, 0, 1])
RIGHT = of_rows(np.array([True, True, False, True]), np.arange(4))
LEFT = of_rows(np.array([False, True]), np.arange(2))


def score(value: float, metric: str = "val_accuracy") -> Score:
    """Return a trial's score."""
    return Score(value, Goal(metric, Direction.MAXIMIZE), {})


def a_fit(row_scores: RowScores | None, **logged: float) -> Fit:
    """Return a fit whose model gets these on its validation rows, for val_accuracy."""
    found = {"val_accuracy": row_scores}
    return Fit([logged], 0, row_scores=found.get)


def outcomes_after(train: Any, metric: str = "value") -> RowScores | None:
    """Return the outcomes of an attempt."""
    execution = TrialExecution(
        FakeObjective(train), goals=(Goal(metric, Direction.MAXIMIZE),), clock=FakeClock()
    )
    run = Run(0, {}, Kind.START, 0)
    ended = execution(run, lambda step, metrics, n_steps=None: None, lambda: None).event
    assert isinstance(ended, Completed)
    return ended.outcome.row_scores


def test_the_rows_of_the_cells_score_are_kept() -> None:
    """Those that the value is the mean of."""
    found = outcomes_after(lambda: hp.score("accuracy", TRUTH, [0, 1, 1, 1, 0]))
    assert found is not None
    assert found.values.tolist() == [True, True, True, False, False]


def test_a_cross_validation_is_all_its_folds() -> None:
    """In their order."""

    def folds() -> float:
        return float(np.mean([hp.score("accuracy", TRUTH[i : i + 2], [0, 1]) for i in (0, 2)]))

    found = outcomes_after(folds)
    assert found is not None
    assert found.values.tolist() == [True, True, False, False]


def test_of_several_metrics_that_of_the_value_is_kept() -> None:
    """The others say nothing about it."""

    def train() -> float:
        value = hp.score("accuracy", TRUTH, TRUTH * 0)
        hp.score("mae", TRUTH, TRUTH + 0.3)
        return value

    found = outcomes_after(train)
    assert found is not None
    assert found.mean == 0.4


@pytest.mark.parametrize("change", [lambda value: 1 - value, lambda value: value - 0.01])
def test_a_value_that_is_not_the_score_has_none(change: Any) -> None:
    """A penalty, or another number altogether."""
    assert outcomes_after(lambda: change(hp.score("accuracy", TRUTH, TRUTH * 0))) is None


def test_a_score_that_is_no_mean_over_rows_has_none() -> None:
    """There is nothing to keep."""
    assert outcomes_after(lambda: hp.score(lambda t, p: float(t.max()), TRUTH, TRUTH)) is None


def test_of_a_thousand_scores_of_a_metric_only_the_rows_of_the_value_are_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To first order: that takes up to half a millisecond for each."""
    computed = []
    monkeypatch.setattr(
        "hpo_magic.language.scores.rows_to_first_order",
        lambda *given: computed.append(given) or rows_to_first_order(*given),
    )

    def train() -> float:
        draw = np.random.default_rng(0)
        for _ in range(1000):
            last = hp.score(roc_auc_score, TRUTH, draw.random(5) + TRUTH / 2)
        return last

    found = outcomes_after(train)
    assert found is not None
    assert found.metric == "roc_auc_score"
    assert len(computed) == 1


def test_the_last_fit_gave_the_value() -> None:
    """Its validation rows are those."""
    fits = [a_fit(LEFT, val_accuracy=0.5), a_fit(RIGHT, val_accuracy=0.75)]
    assert row_scores_of(score(0.75), [], fits) == RIGHT


def test_fits_of_folds_are_joined() -> None:
    """Where the cell ends in the mean of what they logged, under a name of its own."""
    fits = [a_fit(RIGHT, val_accuracy=0.75), a_fit(LEFT, val_accuracy=0.5, val_auc=0.9)]
    found = row_scores_of(score(0.625, "value"), [], fits)
    assert found is not None
    assert found.values.tolist() == [True, True, False, True, False, True]


def test_a_fit_without_outcomes_leaves_none() -> None:
    """A part of the folds is not the value's."""
    fits = [a_fit(RIGHT, val_accuracy=0.75), a_fit(None, val_accuracy=0.5)]
    assert row_scores_of(score(0.625), [], fits) is None
    assert row_scores_of(score(0.9), [], fits) is None
    assert row_scores_of(score(0.9), [], []) is None
