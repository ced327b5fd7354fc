"""The number that a test cell measured: its value, what it is called, and which model it is of.

A name is claimed only where it is known: given by `hp.score`, by the model that was evaluated, or
by the user, as a key of a dict or as a variable. Any other number is called by the text of the
expression that gave it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hpo_magic.core.given_values import NOTHING, number, numbers_in
from hpo_magic.core.ports import Evaluated
from hpo_magic.language.scores import Scored

LONGEST_NAME = 60  # characters of an expression that stands for a name


class NoValue(Enum):
    """Why a test cell gave no single number."""

    NOTHING = "ends in nothing"
    NO_NUMBER = "ends in what is no number"
    SEVERAL = "ends in several numbers, none of which is the study's metric"
    UNNAMED = "ends in several numbers without names"


@dataclass(frozen=True)
class TestValue:
    """What a test cell measured.

    Attributes
    ----------
    value
        The number; None where the cell gave none, or several of which none can be chosen.
    name
        What it is called; the text of the expression where it has no name.
    is_study_metric
        Whether the name is known to be the study's metric.
    others
        All numbers that the cell ended in, by name.
    model
        The model that was evaluated, where a training library's `evaluate` gave the number.
    missing
        Why there is no value; None where there is one.
    """

    __test__ = False  # for pytest: not a test class, whatever its name

    value: float | None
    name: str | None = None
    is_study_metric: bool = False
    others: Mapping[str, float] = field(default_factory=dict)
    model: Any = field(default=None, repr=False, compare=False)
    missing: NoValue | None = None


def value_of_test(
    last: Any,
    tree: ast.Module,
    metric: str | None,
    evaluated: Sequence[Evaluated],
    scored: Sequence[Scored],
    *,
    searched: ast.Module | None = None,
    is_loss_of_fit: bool = True,
    is_same_score: bool = False,
) -> TestValue:
    """Return what a test cell measured.

    Parameters
    ----------
    last
        The value of its last expression, or `NOTHING`.
    tree
        The cell, which says what that expression is.
    metric
        The study's; None for a study of bare numbers. "val_" in front of it is left out: a test
        set has no validation metric.
    evaluated
        The evaluations that ran in the cell, in order.
    scored
        The results of `hp.score` in the cell, in order.
    searched
        The searched cell: a number that the test cell computes as the searched cell computed the
        study's metric is that metric.
    is_loss_of_fit
        Whether the study's metric is what its training library calls so. The library's "loss" is
        not the `loss` of a study that computes one itself.
    is_same_score
        Whether the value is known to be the score that the search gave the validation rows, such
        as an estimator's `score`.
    """
    wanted = (metric or "value").removeprefix("val_")
    source = next((one for one in reversed(evaluated) if one.result is last), None)
    if source is None and number(last) is not None:
        source = _only_one_with(evaluated, last)
    if source is not None:
        return _of_evaluation(source, wanted, is_loss_of_fit=is_loss_of_fit)
    value = number(last)
    if value is not None:
        computes_metric = searched is not None and _measure(tree, wanted) in _measures(
            searched, wanted
        )
        if is_same_score or (computes_metric and not scored):
            return TestValue(value, wanted, True, {wanted: value})
        name, is_named = _name_of_number(value, tree, scored, wanted)
        return TestValue(value, name, is_named and name == wanted, {name: value})
    if isinstance(last, Mapping):
        return _of_several(numbers_in(last), wanted)
    if isinstance(last, list | tuple) and any(number(item) is not None for item in last):
        return TestValue(None, missing=NoValue.UNNAMED)
    is_nothing = last is NOTHING or last is None
    return TestValue(None, missing=NoValue.NOTHING if is_nothing else NoValue.NO_NUMBER)


def _only_one_with(evaluated: Sequence[Evaluated], last: Any) -> Evaluated | None:
    """Return the evaluation that gave this number, where one alone did."""
    found = [one for one in evaluated if number(one.result) == number(last)]
    return found[-1] if len({id(one.model) for one in found}) == 1 else None


def _of_evaluation(source: Evaluated, wanted: str, *, is_loss_of_fit: bool) -> TestValue:
    """Return what a training library measured, under the names that it has for it."""
    named = dict(source.metrics)
    if not named:
        missing = NoValue.UNNAMED if isinstance(source.result, list | tuple) else None
        value = number(source.result)
        return TestValue(value, "the result of evaluate()", model=source.model, missing=missing)
    found = _of_several(named, wanted if is_loss_of_fit or wanted != "loss" else "")
    return TestValue(
        found.value, found.name, found.is_study_metric, named, source.model, found.missing
    )


def _of_several(named: Mapping[str, float], wanted: str) -> TestValue:
    """Return the one of several numbers that is the study's metric, or the only one."""
    if wanted in named:
        return TestValue(named[wanted], wanted, True, named)
    if len(named) == 1:
        ((name, value),) = named.items()
        return TestValue(value, name, False, named)
    missing = NoValue.SEVERAL if named else NoValue.NO_NUMBER
    return TestValue(None, others=named, missing=missing)


def _name_of_number(
    value: float, tree: ast.Module, scored: Sequence[Scored], wanted: str
) -> tuple[str, bool]:
    """Return the name of a number, and whether the code gave it that name."""
    names = [one.metric for one in scored if one.value == value]
    if names:
        return (wanted if wanted in names else names[-1]), True
    expression = tree.body[-1].value if isinstance(tree.body[-1], ast.Expr) else None
    if isinstance(expression, ast.Name):
        return expression.id, True
    text = "value" if expression is None else ast.unparse(expression)
    is_short = len(text) <= LONGEST_NAME
    return (text if is_short else f"{text[: LONGEST_NAME - 1]}…"), False


def _measure(tree: ast.Module, name: str) -> str | None:
    """Return how a cell computes its last expression, without the data that it computes it from.

    `model.score(x_test, y_test)` and `model.score(x_val, y_val)` are the same measure. A variable
    at the end stands for the expression that it was assigned. None where there is no call.
    """
    last = tree.body[-1] if tree.body else None
    expression = last.value if isinstance(last, ast.Expr) else None
    if isinstance(expression, ast.Name):
        assigned = _assigned(tree, expression.id)
        expression = assigned[-1] if assigned else None
    return None if expression is None else _without_data(expression)


def _measures(searched: ast.Module, metric: str) -> set[str | None]:
    """Return how the searched cell computed the study's metric: as a variable, or at its end."""
    found = {_without_data(value) for value in _assigned(searched, metric)}
    if not found:
        found = {_measure(searched, metric)}
    return found - {None} if len(found) == 1 else set()


def _assigned(tree: ast.Module, name: str) -> list[ast.expr]:
    """Return the expressions that a cell assigns to a variable, at any depth."""
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]


def _without_data(expression: ast.expr) -> str | None:
    """Return an expression's text with `_` for the names in arguments; None without a call."""
    if not any(isinstance(node, ast.Call) for node in ast.walk(expression)):
        return None
    return ast.unparse(_Masked().visit(ast.parse(ast.unparse(expression), mode="eval")))


class _Masked(ast.NodeTransformer):
    """Puts `_` in the place of what calls are given: variables, their attributes and elements."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.args = [self._masked(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self._masked(keyword.value)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            node.func.value = self.visit_Call(node.func.value)
        return node

    def _masked(self, argument: ast.expr) -> ast.expr:
        if isinstance(argument, ast.Name | ast.Attribute | ast.Subscript):
            return ast.Name("_", ast.Load())
        masked: ast.expr = self.visit(argument)
        return masked
