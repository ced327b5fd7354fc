"""The sealed test: one look at data that the search never saw, written down for good.

A test set that is looked at twice is a validation set. So every look is kept in a ledger that
nothing changes or removes, and a look at rows that were seen before, from whichever study, cell or
kernel, says so.
"""

from __future__ import annotations

import ast
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpo_magic.core.events import Run
from hpo_magic.core.metrics import NOTHING, number
from hpo_magic.core.records import TestEvaluation
from hpo_magic.core.trial import Kind, Trial
from hpo_magic.errors import OptionError
from hpo_magic.honesty.headline import difference_from_test
from hpo_magic.honesty.measured import measured
from hpo_magic.honesty.sketch import are_same_rows, rows_of_text, sketch, text_of_rows
from hpo_magic.honesty.test_ledger import level_of_evaluation
from hpo_magic.language.scores import Scored
from hpo_magic.language.trial_context import TrialContext, running
from hpo_magic.notebook.cell import Cell, from_cell
from hpo_magic.notebook.fingerprint import inputs_of
from hpo_magic.notebook.test_result import TestResult, TestRows
from hpo_magic.source.call_names import CallNames
from hpo_magic.source.cell_text import CellText
from hpo_magic.study.models import USUAL_NAMES
from hpo_magic.study.study import Study
from hpo_magic.study.vote import Vote


class Sealed:
    """One run of a `%%hpo_test` cell."""

    def __init__(self, study: Study, cell: Cell, shell: Any, *, is_vote: bool = False) -> None:
        self._study, self._cell, self._shell = study, cell, shell
        self._is_vote = is_vote  # of the best models, instead of the chosen one

    def evaluation(self) -> TestResult:
        """Run the cell once on the chosen trial, write the look down, and return what it found.

        A cell that fails is a look without a value: it may have printed what it saw.

        Raises
        ------
        OptionError
            If the cell is empty, or has no model in whose place a vote could be.
        HpoError
            If the chosen model cannot be brought back.
        """
        if not self._cell.tree.body:
            raise OptionError("the cell is empty: write what measures the model on the test data.")
        trial = self._study.best_trial
        if self._is_vote and not self._cell.text.names_read & set(USUAL_NAMES):
            raise OptionError(
                "--vote puts the vote in the place of `model`, which the cell does not read. "
                'Write hp.score("accuracy", y_test, model.predict(x_test)).'
            )
        vote = self._study.vote() if self._is_vote else None
        variables = self._variables(trial, vote)
        namespace = dict(self._shell.user_ns) | variables
        used = self._study.storage.used(self._study.record.id)
        rows = TestRows.of(inputs_of(self._cell.text, namespace), used)
        earlier = [
            one for one in self._study.storage.evaluations() if self._is_same_test(one, rows)
        ]
        evaluation = self._look_at(trial, rows, len(earlier) + 1)
        if vote is not None:
            evaluation = replace(evaluation, trial=vote.numbers[0], choice=repr(vote))
        run = TrialContext(
            Run(trial.number, trial.params, Kind.ENQUEUED, trial.seed),
            lambda step, metrics, n_steps=None: None,
            self._sites(),
        )
        try:
            with running(run):
                last = self._cell.run(namespace)
        except BaseException as error:  # noqa: BLE001  (whatever the cell raises, it was a look)
            self._write(evaluation)
            raise from_cell(self._shell, self._cell, error)  # noqa: B904  (it may be itself)
        metric, value, also = _measured(last, self._study.record.metric, variables, run.scored)
        evaluation = replace(evaluation, value=value, metric=metric)
        found = None
        if value is not None:
            level = level_of_evaluation(evaluation.number)
            found = measured(value, metric or "value", run.scored, evaluation.n_rows, level)
            if found.interval is not None:
                low, high = found.interval
                evaluation = replace(evaluation, low=low, high=high)
            evaluation = replace(evaluation, n_rows=found.n_rows or evaluation.n_rows)
        self._write(evaluation)
        apart = None
        if vote is None:
            apart = difference_from_test(self._study.snapshot, evaluation, found)
        return TestResult(evaluation, earlier, found, rows, also, apart)

    def _is_same_test(self, evaluation: TestEvaluation, rows: TestRows) -> bool:
        """Return whether a look was at these rows, or may have been.

        A cell that reads its rows from a file or a `tf.data` pipeline shows none to compare: then
        every such look with this study counts.
        """
        if len(rows.prints) or evaluation.data:
            return are_same_rows(rows.prints, rows_of_text(evaluation.data))
        return evaluation.study == self._study.name

    def _variables(self, trial: Trial, vote: Vote | None) -> dict[str, Any]:
        """Return what the searched cell made, as far as the test reads it.

        A kept model is enough where the test asks for nothing else; otherwise the cell runs again.
        """
        model_store = self._study.model_store
        source = self._study.record.source
        made = CellText(source, ast.parse(self._shell.transform_cell(source))).names_bound
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


def _measured(
    last: Any, metric: str | None, variables: Mapping[str, Any], scores: Sequence[Scored]
) -> tuple[str | None, float | None, dict[str, float]]:
    """Return the metric, its value, and all numbers by name, from what the test cell ends in.

    `model.evaluate` gives a bare list; the names are asked of the model. A number that `hp.score`
    gave has its name.
    """
    wanted = (metric or "value").removeprefix("val_")
    value = number(last)
    if value is not None:
        names = [one.metric for one in scores if one.value == value]
        return (names[-1] if names else wanted), value, {}
    if isinstance(last, list | tuple) and last is not NOTHING:
        models = [m for m in variables.values() if hasattr(m, "get_metrics_result")]
        last = models[0].get_metrics_result() if models else {}
    if isinstance(last, Mapping):
        named = {str(k): v for k, v in ((k, number(v)) for k, v in last.items()) if v is not None}
        if wanted in named:
            return wanted, named[wanted], named
        if len(named) == 1:
            return next(iter(named)), next(iter(named.values())), named
        return None, None, named
    return None, None, {}
