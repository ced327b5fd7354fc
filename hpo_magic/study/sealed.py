"""A test evaluation: run code once on the chosen model, and write the result into the ledger.

A test set that is evaluated twice becomes a validation set. So every evaluation is an entry in a
ledger that is never changed or removed, and a further evaluation of the same rows, from any study,
cell, script or kernel, is reported as such. What the code is, a cell of `%%hpo_test` or a function,
`TestCode` says.
"""

from __future__ import annotations

import ast
import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hpo_magic.core.events import Run
from hpo_magic.core.given_values import number
from hpo_magic.core.ports import Evaluated, Storage
from hpo_magic.core.records import StudyRecord, TestEvaluation
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Kind, Trial
from hpo_magic.frameworks import all_frameworks, load_wanted
from hpo_magic.honesty.headline import difference_from_test
from hpo_magic.honesty.measured import Measured, measured
from hpo_magic.honesty.sketch import are_same_rows, rows_of_text, sketch, text_of_rows
from hpo_magic.honesty.test_ledger import level_of_evaluation
from hpo_magic.language.row_metrics import usual_name
from hpo_magic.language.scores import Scored, behind_value
from hpo_magic.language.trial_context import TrialContext, running
from hpo_magic.source.call_names import CallNames
from hpo_magic.study.test_result import Entry, TestResult, TestRows
from hpo_magic.study.test_value import TestValue, value_of_test


class TestedStudy(Protocol):
    """The study whose choice is evaluated."""

    record: StudyRecord
    storage: Storage
    snapshot: Snapshot

    @property
    def best_trial(self) -> Trial:
        """The trial whose setting to take."""

    def best_model(self) -> Any:
        """Return the model of the best trial."""

    def refresh(self) -> Any:
        """Read the study again from disk."""


@dataclass(frozen=True)
class TestRun:
    """What one run of the test's code left.

    Attributes
    ----------
    last
        What it returned, or the value of its last expression; `NOTHING` without one.
    has_shown_a_number
        Whether a number was printed or displayed.
    error
        What it raised; None where it ended.
    """

    __test__ = False  # for pytest: not a test class, whatever its name

    last: Any
    has_shown_a_number: bool
    error: BaseException | None = None


class TestCode(Protocol):
    """The code of a test: a cell, or a function.

    Attributes
    ----------
    source
        Its text, of which the ledger keeps a hash.
    tree
        Its statements, whose last expression names the value.
    searched
        The statements of the searched cell; none where it was a function.
    read
        The values that it reads from outside, by name.
    modules
        The modules that it or the searched code imports.
    """

    @property
    def source(self) -> str: ...  # noqa: D102  (above)
    @property
    def tree(self) -> ast.Module: ...  # noqa: D102
    @property
    def searched(self) -> ast.Module: ...  # noqa: D102
    @property
    def read(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def modules(self) -> Iterable[str]: ...  # noqa: D102
    @property
    def call_names(self) -> CallNames: ...  # noqa: D102

    def run(self) -> TestRun:
        """Run it once."""

    def marked(self, evaluation: TestEvaluation, found: TestValue) -> TestEvaluation:
        """Return the evaluation, marked where the model that was evaluated is not the study's."""


def evaluate_sealed(
    study: TestedStudy,
    code: TestCode,
    trial: Trial,
    choice: str = "",
    *,
    is_comparable: bool = True,
) -> TestResult:
    """Run the code once, record the evaluation in the ledger, and return its result.

    The evaluation is written where a number was seen: measured, or printed or displayed by the
    code, also by code that failed afterwards.

    Parameters
    ----------
    study, trial
        The chosen trial of the study, whose values `hp` calls return.
    choice
        What is evaluated in place of the trial's model, in words; "": that model.
    is_comparable
        Whether the value may be compared with the study's honest number.

    Raises
    ------
    BaseException
        Whatever the code raises.
    """
    ledger = study.storage.ledger()
    rows = TestRows.of(code.read, study.storage.used(study.record.id))
    earlier = [one for one in ledger.evaluations if _is_same_test(study, one, rows)]
    begun = replace(_begun(study, code, trial, rows, len(earlier) + 1), choice=choice)
    run, evaluated, context = _run(code, trial)
    if run.error is not None:
        if run.has_shown_a_number:
            _write(study, begun)
        raise run.error
    metric = study.record.metric
    computed = [taken[0] for taken in context.observed if len(taken) == 1]
    found = value_of_test(
        run.last,
        code.tree,
        metric,
        evaluated,
        context.scored,
        searched=code.searched,
        is_loss_of_fit=_is_of_curve(trial, metric),
        is_same_score=_is_same_score(trial, behind_value(number(run.last), computed, rows.n_rows)),
    )
    scored = [*behind_value(found.value, computed, rows.n_rows), *context.scored]
    evaluation, precision = _with_value(code.marked(begun, found), found, scored)
    is_seen = found.value is not None or bool(found.others) or run.has_shown_a_number
    entry = None
    if is_seen:
        entry = Entry(len(ledger.evaluations) + 1, _write(study, evaluation))
    difference = None
    if is_comparable and found.is_study_metric:
        difference = difference_from_test(study.snapshot, evaluation, precision)
    return TestResult(
        evaluation, earlier, precision, rows, found, entry, difference, metric, ledger.fault
    )


def _run(code: TestCode, trial: Trial) -> tuple[TestRun, list[Evaluated], TrialContext]:
    """Run the code; return what it left, the evaluations that were watched, and its `hp` calls."""
    context = TrialContext(
        Run(trial.number, trial.params, Kind.ENQUEUED, trial.seed),
        lambda step, metrics, n_steps=None: None,
        code.call_names,
    )
    load_wanted(code.modules)
    with running(context), ExitStack() as watches:
        lists = [
            watches.enter_context(framework.evaluations())
            for framework in all_frameworks()
            if framework.is_loaded()
        ]
        run = code.run()
    return run, [one for of_framework in lists for one in of_framework], context


def _is_same_test(study: TestedStudy, evaluation: TestEvaluation, rows: TestRows) -> bool:
    """Return whether an evaluation was of these rows, or may have been.

    Code that reads its rows from a file or a `tf.data` pipeline shows none to compare: then every
    such evaluation of this study counts.
    """
    if len(rows.prints) or evaluation.data:
        return are_same_rows(rows.prints, rows_of_text(evaluation.data))
    return evaluation.study == study.record.name


def _begun(
    study: TestedStudy, code: TestCode, trial: Trial, rows: TestRows, number: int
) -> TestEvaluation:
    """Return the evaluation before anything was measured."""
    return TestEvaluation(
        study=study.record.name,
        revision=study.record.revision,
        trial=trial.number,
        at=time.time(),
        cell=hashlib.blake2b(code.source.encode(), digest_size=8).hexdigest(),
        data=text_of_rows(sketch(rows.prints)),
        value=None,
        n_rows=rows.n_rows,
        number=number,
        n_leaked=rows.n_leaked,
    )


def _write(study: TestedStudy, evaluation: TestEvaluation) -> str:
    """Append to the ledger; return the entry's head."""
    head = study.storage.add_evaluation(evaluation)
    study.refresh()
    return head


def _with_value(
    evaluation: TestEvaluation, found: TestValue, scored: Sequence[Scored]
) -> tuple[TestEvaluation, Measured | None]:
    """Return the evaluation with what was measured, and how precisely; None without a value."""
    evaluation = replace(evaluation, value=found.value, metric=found.name)
    if found.value is None:
        return evaluation, None
    level = level_of_evaluation(evaluation.number)
    precision = measured(found.value, found.name or "value", scored, evaluation.n_rows, level)
    low, high = precision.interval or (None, None)
    n_rows = precision.n_rows or evaluation.n_rows
    return replace(evaluation, low=low, high=high, n_rows=n_rows), precision


def _is_of_curve(trial: Trial, metric: str | None) -> bool:
    """Return whether the trial's value is one that its training reported under that name."""
    return metric is not None and any(
        point.metrics.get(metric) == trial.value for point in trial.curve
    )


def _is_same_score(trial: Trial, behind: Sequence[Scored]) -> bool:
    """Return whether the test value is the score that the search's validation rows got."""
    known = "" if trial.row_scores is None else trial.row_scores.metric
    return any(known == usual_name(one.metric) for one in behind)
