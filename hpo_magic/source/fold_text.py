"""What the text of a cell shows of folds and of other weights: see `value_text`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hpo_magic.source.doubts import AskedInFolds, OneFold, OtherWeights
from hpo_magic.source.statements import (
    bound_in,
    calls_in,
    is_of_folds,
    is_print,
    name_called,
    place_of,
    read_in,
    statements_of,
)

_ASKS = ("Int", "Float", "Choice", "Boolean")


@dataclass(frozen=True)
class FoldText:
    """The statements of a cell, and its loops over folds."""

    tree: ast.Module

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements of the cell itself, in the order of the text."""
        return list(statements_of(self.tree.body))

    def one_fold(self, metric: str | None) -> OneFold | None:
        """Return the loop over folds whose last pass gives the value, if one does."""
        end = self._end
        name = end.id if isinstance(end, ast.Name) else metric
        if name is None or (end is not None and not isinstance(end, ast.Name | ast.Call)):
            return None
        bound = [one for one in self.statements if name in bound_in(one)]
        for loop in self._fold_loops:
            inside = list(statements_of(loop.body))
            if bound:
                is_set = bound[-1] in inside and isinstance(bound[-1], ast.Assign)
                is_own = is_set and name not in read_in(bound[-1])
                if is_own and (end is None or isinstance(end, ast.Name) or is_print(end)):
                    return OneFold(loop.lineno, name)
            elif end is None and any(calls_in(one, ("fit",)) for one in inside):
                return OneFold(loop.lineno, name)
        return None

    def other_weights(self, metric: str | None) -> OtherWeights | None:
        """Return the call that loads weights after the fit that logs the value, if one does."""
        is_logged = metric is not None and metric.startswith("val_")
        if metric is None or not is_logged or any(metric in bound_in(s) for s in self.statements):
            return None
        if self._end is not None and not (is_print(self._end) or _loads([self._end])):
            return None
        fits = [one for one in self.statements if calls_in(one, ("fit",))]
        after = [one for one in self.statements if fits and place_of(one) > place_of(fits[-1])]
        if loads := _loads(after):
            return OtherWeights(loads[0].lineno, ast.unparse(loads[0]), metric)
        return None

    def asked_in_folds(self) -> AskedInFolds | None:
        """Return the first call of `hp` without a name in a loop over folds."""
        for loop in self._fold_loops:
            for statement in statements_of(loop.body):
                for call in calls_in(statement, _ASKS):
                    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
                    first = call.args[0] if call.args else None
                    is_named = isinstance(first, ast.JoinedStr | ast.Constant) and not isinstance(
                        getattr(first, "value", None), int | float
                    )
                    is_named |= any(word.arg == "name" for word in call.keywords)
                    if isinstance(owner, ast.Name) and owner.id == "hp" and not is_named:
                        return AskedInFolds(call.lineno, ast.unparse(call))
        return None

    @property
    def _end(self) -> ast.expr | None:
        last = self.tree.body[-1] if self.tree.body else None
        return last.value if isinstance(last, ast.Expr) else None

    @cached_property
    def _fold_loops(self) -> list[ast.For]:
        return [one for one in self.statements if isinstance(one, ast.For) and is_of_folds(one)]


def _loads(nodes: Sequence[ast.AST]) -> list[ast.Call]:
    """Return the calls that load the weights of a Keras model."""
    parts = [part for node in nodes for part in ast.walk(node)]
    calls = [part for part in parts if isinstance(part, ast.Call)]
    return [call for call in calls if name_called(call) in ("load_weights", "load_model")]
