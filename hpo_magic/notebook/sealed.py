"""`%%hpo_test`: evaluate the chosen model on test data, and record the evaluation.

A test set that is evaluated twice becomes a validation set. So every evaluation is an entry in a
ledger that is never changed or removed, and a further evaluation of the same rows, from any study,
cell or kernel, is reported as such.
"""

from __future__ import annotations

import ast
import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hpo_magic.core.events import Run
from hpo_magic.core.ports import Evaluated
from hpo_magic.core.records import NO_TRIAL, TestEvaluation
from hpo_magic.core.trial import Kind, Trial
from hpo_magic.errors import OptionError
from hpo_magic.frameworks import all_frameworks, load_wanted
from hpo_magic.honesty.headline import difference_from_test
from hpo_magic.honesty.measured import Measured, measured
from hpo_magic.honesty.sketch import are_same_rows, rows_of_text, sketch, text_of_rows
from hpo_magic.honesty.test_ledger import level_of_evaluation
from hpo_magic.inputs.reads import values_read
from hpo_magic.language.scores import Scored
from hpo_magic.language.trial_context import TrialContext, running
from hpo_magic.notebook.cell import Cell, from_cell
from hpo_magic.notebook.seen import numbers_seen
from hpo_magic.notebook.test_result import TestResult, TestRows
from hpo_magic.notebook.test_value import TestValue, value_of_test
from hpo_magic.notebook.trial_namespace import magics_in
from hpo_magic.source.call_names import CallNames
from hpo_magic.source.cell_text import CellText
from hpo_magic.study.models import USUAL_NAMES
from hpo_magic.study.study import Study
from hpo_magic.study.vote import Vote


@dataclass(frozen=True)
class TestRun:
    """What one run of a test cell left.

    Attributes
    ----------
    last
        The value of its last expression, or `NOTHING`.
    evaluated
        The evaluations of models that were watched, in order.
    scored
        The results of `hp.score`, in order.
    has_shown_a_number
        Whether a number was printed or displayed.
    """

    __test__ = False  # for pytest: not a test class, whatever its name

    last: Any
    evaluated: Sequence[Evaluated]
    scored: Sequence[Scored]
    has_shown_a_number: bool


class Sealed:
    """One run of a `%%hpo_test` cell."""

    def __init__(self, study: Study, cell: Cell, shell: Any, *, is_vote: bool = False) -> None:
        self._study, self._cell, self._shell = study, cell, shell
        self._is_vote = is_vote  # of the best models, instead of the chosen one

    def evaluate(self) -> TestResult:
        """Run the cell once on the chosen trial, record the evaluation, and return its result.

        The evaluation is written to the ledger where a number was seen: measured, or printed or
        displayed by the cell, also by one that failed afterwards.

        Raises
        ------
        OptionError
            If the cell is empty, or has no model in whose place a vote could be.
        HpoError
            If the chosen model cannot be brought back.
        """
        self._check()
        trial = self._study.best_trial
        vote = self._study.vote() if self._is_vote else None
        variables = self._variables(trial, vote)
        namespace = dict(self._shell.user_ns) | variables
        used = self._study.storage.used(self._study.record.id)
        rows = TestRows.of(values_read(self._cell.text, namespace), used)
        earlier = [
            one for one in self._study.storage.evaluations() if self._is_same_test(one, rows)
        ]
        begun = self._look_at(trial, rows, len(earlier) + 1)
        if vote is not None:
            begun = replace(begun, trial=vote.numbers[0], choice=repr(vote))
        run = self._run(trial, namespace, begun)
        metric = self._study.record.metric
        found = value_of_test(
            run.last,
            self._cell.tree,
            metric,
            run.evaluated,
            run.scored,
            searched=self._searched.tree,
            is_loss_of_fit=_is_of_curve(trial, metric),
        )
        marked = self._of_model(begun, found, variables, vote)
        evaluation, precision = _with_value(marked, found, run.scored)
        is_seen = found.value is not None or bool(found.others) or run.has_shown_a_number
        if is_seen:
            self._write(evaluation)
        is_compared = vote is None and found.is_study_metric
        difference = None
        if is_compared:
            difference = difference_from_test(self._study.snapshot, evaluation, precision)
        return TestResult(evaluation, earlier, precision, rows, found, is_seen, difference, metric)

    def _check(self) -> None:
        """Check that the cell can be a test.

        Raises
        ------
        OptionError
            If it is empty, or has no model in whose place a vote could be.
        """
        if not self._cell.tree.body:
            raise OptionError("the cell is empty: write what measures the model on the test data.")
        if self._is_vote and not self._cell.text.names_read & set(USUAL_NAMES):
            raise OptionError(
                "--vote puts the vote in the place of `model`, which the cell does not read. "
                'Write hp.score("accuracy", y_test, model.predict(x_test)).'
            )

    def _run(self, trial: Trial, namespace: dict[str, Any], begun: TestEvaluation) -> TestRun:
        """Run the cell; where it fails after it showed a number, `begun` goes into the ledger."""
        context = TrialContext(
            Run(trial.number, trial.params, Kind.ENQUEUED, trial.seed),
            lambda step, metrics, n_steps=None: None,
            self._sites(),
        )
        load_wanted(self._searched.modules_imported | self._cell.text.modules_imported)
        with ExitStack() as watches:
            seen = watches.enter_context(numbers_seen(self._shell))
            lists = [
                watches.enter_context(framework.evaluations())
                for framework in all_frameworks()
                if framework.is_loaded()
            ]
            watches.enter_context(magics_in(self._shell, namespace))
            try:
                with running(context):
                    last = self._cell.run(namespace)
            except BaseException as error:  # noqa: BLE001  (whatever the cell raises)
                if seen.has_number:
                    self._write(begun)
                raise from_cell(self._shell, self._cell, error)  # noqa: B904  (it may be itself)
        evaluated = [one for of_framework in lists for one in of_framework]
        return TestRun(last, evaluated, context.scored, seen.has_number)

    def _of_model(
        self,
        evaluation: TestEvaluation,
        found: TestValue,
        variables: Mapping[str, Any],
        vote: Vote | None,
    ) -> TestEvaluation:
        """Return the evaluation, marked where the model that was evaluated is not the study's."""
        store = self._study.model_store
        model = self._model_called() if found.model is None else found.model
        if model is None or found.value is None or vote is not None:
            return evaluation
        is_ours = any(model is value for value in variables.values())
        if is_ours or (store is not None and store.has_given(model)):
            return evaluation
        names = [name for name, value in self._shell.user_ns.items() if value is model]
        if not names:  # made by the test cell itself, from whatever
            return evaluation
        called = f"`{names[0]}`"
        return replace(evaluation, trial=NO_TRIAL, choice=f"{called}, no model of this study")

    def _model_called(self) -> Any:
        """Return the notebook's model whose method is the end of the cell; None without one."""
        match self._cell.tree.body[-1]:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name)))):
                model = self._shell.user_ns.get(name)
                return model if hasattr(model, "predict") else None
        return None

    @cached_property
    def _searched(self) -> CellText:
        """What the text of the searched cell says; nothing where the study has no text."""
        source = self._study.record.source or ""
        return CellText(source, ast.parse(self._shell.transform_cell(source)))

    def _is_same_test(self, evaluation: TestEvaluation, rows: TestRows) -> bool:
        """Return whether a look was at these rows, or may have been.

        A cell that reads its rows from a file or a `tf.data` pipeline shows none to compare: then
        every such look with this study counts.
        """
        if len(rows.prints) or evaluation.data:
            return are_same_rows(rows.prints, rows_of_text(evaluation.data))
        return evaluation.study == self._study.name

    def _variables(self, trial: Trial, vote: Vote | None) -> dict[str, Any]:
        """Return the variables of the searched cell that the test cell reads.

        A kept model is enough where the test asks for nothing else; otherwise the cell runs again.
        """
        model_store = self._study.model_store
        made = self._searched.names_bound
        needed = self._cell.text.names_read & made
        if vote is not None:
            names = self._cell.text.names_read & set(USUAL_NAMES)
            others = needed - names
            variables = model_store.again(trial)[0] if others and model_store is not None else {}
            found = {name: variables[name] for name in others if name in variables}
            return found | dict.fromkeys(names, vote)
        if not needed or model_store is None:
            return {}
        if needed == {"model"} and model_store.has_kept(trial):
            return {"model": model_store.model(trial)}
        variables, _ = model_store.again(trial)
        return {name: variables[name] for name in made if name in variables}

    def _sites(self) -> CallNames:
        """Return the names of `hp` calls: those in functions of other cells keep theirs."""
        elsewhere = {
            place: name
            for place, name in self._study.record.names.items()
            if not place.rpartition(":")[0].isdecimal()
        }
        return CallNames(self._cell.filename, elsewhere)

    def _look_at(self, trial: Trial, rows: TestRows, number: int) -> TestEvaluation:
        """Return the look before anything was measured."""
        record = self._study.record
        return TestEvaluation(
            study=record.name,
            revision=record.revision,
            trial=trial.number,
            at=time.time(),
            cell=hashlib.blake2b(self._cell.source.encode(), digest_size=8).hexdigest(),
            data=text_of_rows(sketch(rows.prints)),
            value=None,
            n_rows=rows.n_rows,
            number=number,
            n_leaked=rows.n_leaked,
        )

    def _write(self, evaluation: TestEvaluation) -> None:
        self._study.storage.add_evaluation(evaluation)
        self._study.refresh()


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
