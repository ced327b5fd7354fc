"""`%%hpo_test`: a cell that evaluates the chosen model on test data (`study/sealed.py`)."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.records import NO_TRIAL, TestEvaluation
from hpo_magic.core.trial import Trial
from hpo_magic.errors import OptionError
from hpo_magic.inputs.reads import values_read
from hpo_magic.notebook.cell import Cell, from_cell
from hpo_magic.notebook.trial_namespace import magics_in
from hpo_magic.source.call_names import CallNames
from hpo_magic.source.cell_text import CellText
from hpo_magic.study.models import USUAL_NAMES
from hpo_magic.study.sealed import TestRun, evaluate_sealed
from hpo_magic.study.seen import numbers_seen
from hpo_magic.study.study import Study
from hpo_magic.study.test_result import TestResult
from hpo_magic.study.test_value import TestValue
from hpo_magic.study.vote import Vote


class Sealed:
    """One run of a `%%hpo_test` cell; with `is_vote` of the best models, not of the chosen one."""

    def __init__(self, study: Study, cell: Cell, shell: Any, *, is_vote: bool = False) -> None:
        self._study, self._cell, self._shell = study, cell, shell
        self._is_vote = is_vote
        self._variables: dict[str, Any] = {}  # of the searched cell, for the test cell

    def evaluate(self) -> TestResult:
        """Run the cell once on the chosen trial, record the evaluation, and return its result.

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
        self._variables = self._brought_back(trial, vote)
        if vote is None:
            return evaluate_sealed(self._study, self, trial)
        first = replace(trial, number=vote.numbers[0])
        return evaluate_sealed(self._study, self, first, repr(vote), is_comparable=False)

    @property
    def source(self) -> str:
        """The cell's text."""
        return self._cell.source

    @property
    def tree(self) -> ast.Module:
        """The cell's statements."""
        return self._cell.tree

    @property
    def searched(self) -> ast.Module:
        """The statements of the searched cell."""
        return self._searched.tree

    @cached_property
    def namespace(self) -> dict[str, Any]:
        """The notebook's variables, with those of the searched cell."""
        return dict(self._shell.user_ns) | self._variables

    @property
    def read(self) -> Mapping[str, Any]:
        """The values that the cell reads from the notebook."""
        return values_read(self._cell.text, self.namespace)

    @property
    def modules(self) -> set[str]:
        """The modules that the two cells import."""
        return set(self._searched.modules_imported) | set(self._cell.text.modules_imported)

    @property
    def call_names(self) -> CallNames:
        """The names of `hp` calls: those in functions of other cells keep theirs."""
        elsewhere = {
            place: name
            for place, name in self._study.record.names.items()
            if not place.rpartition(":")[0].isdecimal()
        }
        return CallNames(self._cell.filename, elsewhere)

    def run(self) -> TestRun:
        """Run the cell once."""
        with (
            numbers_seen(self._shell) as seen,
            magics_in(self._shell, self.namespace),
        ):
            try:
                last = self._cell.run(self.namespace)
            except BaseException as error:  # noqa: BLE001  (whatever the cell raises)
                shown = from_cell(self._shell, self._cell, error)
                return TestRun(NOTHING, seen.has_number, shown)
        return TestRun(last, seen.has_number)

    def marked(self, evaluation: TestEvaluation, found: TestValue) -> TestEvaluation:
        """Return the evaluation, marked where the model that was evaluated is not the study's."""
        store = self._study.model_store
        model = self._model_called() if found.model is None else found.model
        if model is None or found.value is None or self._is_vote:
            return evaluation
        is_ours = any(model is value for value in self._variables.values())
        if is_ours or (store is not None and store.has_given(model)):
            return evaluation
        names = [name for name, value in self._shell.user_ns.items() if value is model]
        if not names:  # made by the test cell itself, from whatever
            return evaluation
        called = f"`{names[0]}`"
        return replace(evaluation, trial=NO_TRIAL, choice=f"{called}, no model of this study")

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

    def _brought_back(self, trial: Trial, vote: Vote | None) -> dict[str, Any]:
        """Return the variables of the searched cell that the test cell reads.

        A kept model is enough where the test asks for nothing else; otherwise the cell runs again.
        """
        model_store = self._study.model_store
        made = self._searched.names_bound
        needed = self._cell.text.names_read & made
        if vote is not None:
            names = self._cell.text.names_read & set(USUAL_NAMES)
            others = needed - names
            variables = (
                model_store.again(trial, sorted(others))[0]
                if others and model_store is not None
                else {}
            )
            found = {name: variables[name] for name in others if name in variables}
            return found | dict.fromkeys(names, vote)
        if not needed or model_store is None:
            return {}
        if needed == {"model"} and model_store.has_kept(trial):
            return {"model": model_store.model(trial)}
        variables, _ = model_store.again(trial, sorted(needed))
        return {name: variables[name] for name in made if name in variables}
