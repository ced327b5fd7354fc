"""`study.test(function)`: evaluate the chosen model from a script, as `%%hpo_test` does."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.records import TestEvaluation
from hpo_magic.errors import NoAttribute, OptionError
from hpo_magic.inputs.reads import values_read_by
from hpo_magic.source.call_names import CallNames
from hpo_magic.source.cell_text import CellText
from hpo_magic.study.sealed import TestedStudy, TestRun, evaluate_sealed
from hpo_magic.study.seen import numbers_seen
from hpo_magic.study.test_result import TestResult
from hpo_magic.study.test_value import TestValue


class StudyTest:
    """The first test evaluation of a study's choice; called with a function it makes one.

    It is false before an evaluation. Afterwards it has the fields of the ledger's entry: `value`,
    `low` and `high` (of the interval), `metric`, `n_rows`, `number` and others; before they are
    None.

    Parameters
    ----------
    study
        The study.
    evaluation
        The ledger's entry; None before there is one.
    """

    __test__ = False  # for pytest: not a test class, whatever its name

    def __init__(self, study: TestedStudy, evaluation: TestEvaluation | None) -> None:
        self._study, self.evaluation = study, evaluation

    def __call__(self, function: Callable[..., Any]) -> TestResult:
        """Evaluate the chosen model with a function, and write the result into the ledger.

        Parameters
        ----------
        function
            Returns the test value: a number, a dict of metrics, what `hp.score` or a model's
            `evaluate` returns. If it has a parameter, it is given the model of the best trial; `hp`
            calls inside return the chosen values.

        Returns
        -------
        TestResult
            Its `value`; printed, it says the interval, how often these rows were evaluated and
            whether the search had used them.

        Raises
        ------
        OptionError
            If `function` is none, or has several parameters without defaults.
        HpoError
            If the model cannot be brought back, or no trial is complete.

        Examples
        --------
        >>> from hpo_magic import hp, search
        >>> def loss():
        ...     return (hp.Float(0, 3, name="x") - 2) ** 2
        >>> study = search(loss, trials=5, minimize="value", recheck="0", ui="none")
        >>> bool(study.test)
        False
        >>> study.test(lambda: abs(hp.Float(0, 3, name="x") - 2)).value < 2
        True
        >>> study.test.number
        1
        """
        trial = self._study.best_trial
        code = _Function(function)
        if code.takes_model:
            code.arguments = (self._study.best_model(),)
        return evaluate_sealed(self._study, code, trial)

    def __bool__(self) -> bool:
        return self.evaluation is not None

    def __eq__(self, other: object) -> bool:
        return self.evaluation == (other.evaluation if isinstance(other, StudyTest) else other)

    def __hash__(self) -> int:
        return hash(self.evaluation)

    def __getattr__(self, name: str) -> Any:
        """Return a field of the ledger's entry; None before there is one."""
        if name not in {one.name for one in fields(TestEvaluation)}:
            raise NoAttribute(f"a study's test has no attribute {name!r}")
        return getattr(self.evaluation, name, None)

    def __repr__(self) -> str:
        return "not measured" if self.evaluation is None else str(self.evaluation)


class _Function:
    """A function as the code of a test."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.takes_model = _n_needed(function) == 1
        self.arguments: tuple[Any, ...] = ()

    @cached_property
    def source(self) -> str:
        """The function's text; its name where it has none (typed at a prompt)."""
        try:
            return textwrap.dedent(inspect.getsource(self._function))
        except (OSError, TypeError):
            return repr(getattr(self._function, "__qualname__", self._function))

    @cached_property
    def tree(self) -> ast.Module:
        """The function's statements, with what it returns as the last expression."""
        try:
            found = ast.parse(self.source).body[:1]
        except SyntaxError:  # a lambda inside a call
            found = []
        body = found[0].body if found and isinstance(found[0], ast.FunctionDef) else []
        if not body or not isinstance(body[-1], ast.Return) or body[-1].value is None:
            return ast.Module([ast.Pass()], [])
        return ast.Module([*body[:-1], ast.Expr(body[-1].value)], [])

    @property
    def searched(self) -> ast.Module:
        """No statements: the searched code is a function, too, or not here."""
        return ast.Module([], [])

    @property
    def read(self) -> Mapping[str, Any]:
        """The values that the function reads from outside."""
        return values_read_by(self._function)

    @property
    def modules(self) -> set[str]:
        """The modules that the function imports."""
        return set(CellText("", self.tree).modules_imported)

    @property
    def call_names(self) -> CallNames:
        """The names of `hp` calls, read off the program."""
        return CallNames(None, {})

    def run(self) -> TestRun:
        """Call the function once."""
        with numbers_seen() as seen:
            try:
                last = self._function(*self.arguments)
            except BaseException as error:  # noqa: BLE001  (whatever the function raises)
                return TestRun(NOTHING, seen.has_number, error)
        return TestRun(NOTHING if last is None else last, seen.has_number)

    def marked(self, evaluation: TestEvaluation, found: TestValue) -> TestEvaluation:
        """Return the evaluation as it is: where a function has its model from is not seen."""
        return evaluation


def _n_needed(function: Callable[..., Any]) -> int:
    """Return how many arguments a function needs: 0 or 1.

    Raises
    ------
    OptionError
        If it is no function, or needs more.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise OptionError(
            f"study.test: give a function that returns the test value, got {function!r}. Write "
            f"study.test(lambda model: model.score(x_test, y_test))."
        ) from None
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p for p in parameters if p.default is p.empty and p.kind not in kinds]
    if len(needed) > 1:
        raise OptionError(
            f"study.test: the function may have one parameter, which is given the model; it has "
            f"{len(needed)}: {', '.join(p.name for p in needed)}."
        )
    return len(needed)
