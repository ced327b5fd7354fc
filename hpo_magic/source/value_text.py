"""What the text of a cell shows of its value: that it is of training rows, or of one fold.

Only what stands in the cell itself is followed: assignments, `fit`, `score`, metric functions.
Where the text does not show it, nothing is claimed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from hpo_magic.source.last_expression import is_chore

_METRIC = re.compile(r"(?!cross_val).*(score|error|loss|accuracy|auc|mse|mae|rmse|f1|deviance)")
_PREDICTS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
_ASKS = ("Int", "Float", "Choice", "Boolean")
MOST_STEPS = 5  # from one variable to the next


@dataclass(frozen=True)
class TrainingScore:
    """The value is a score on the rows that the model was fitted on.

    Attributes
    ----------
    line
        Of the score, where the line of `%%hpo` is 1.
    text
        The score as it is written.
    """

    line: int
    text: str


@dataclass(frozen=True)
class TrainingLoss:
    """The value is the loss that the training itself minimizes.

    Attributes
    ----------
    line
        Of the call that trains with it, where the line of `%%hpo` is 1.
    text
        That call: "loss.backward()".
    """

    line: int
    text: str


@dataclass(frozen=True)
class TrainingBatch:
    """The value is what a call that trains on a batch returns.

    Attributes
    ----------
    line
        Of the call, where the line of `%%hpo` is 1.
    text
        The call as it is written.
    """

    line: int
    text: str


@dataclass(frozen=True)
class OneFold:
    """The value is that of the last pass of a loop over folds.

    Attributes
    ----------
    line
        Of the loop.
    metric
        What is set, or logged by a fit, in each pass.
    """

    line: int
    metric: str


@dataclass(frozen=True)
class AskedInFolds:
    """A call of `hp` without a name stands in a loop over folds, so each fold has its own value.

    Attributes
    ----------
    line
        Of the call.
    text
        The call as it is written.
    """

    line: int
    text: str


@dataclass(frozen=True)
class OtherWeights:
    """The value is logged by a fit, and the cell loads other weights after it.

    Attributes
    ----------
    line
        Of the call that loads them, where the line of `%%hpo` is 1.
    text
        That call as it is written.
    metric
        The value's name.
    """

    line: int
    text: str
    metric: str


Doubt = TrainingScore | TrainingLoss | TrainingBatch | OneFold | AskedInFolds | OtherWeights


def doubts_of(tree: ast.Module, metric: str | None) -> list[Doubt]:
    """Return what the text of a cell shows of its value.

    Parameters
    ----------
    tree
        The cell, with the notebook's line numbers.
    metric
        The objective's name; None where it is the end of the cell.
    """
    text = _Text(tree)
    found = [
        text.training_score(metric),
        text.training_loss(metric),
        text.training_batch(metric),
        text.one_fold(metric),
        text.asked_in_folds(),
        text.other_weights(metric),
    ]
    return [one for one in found if one is not None]


@dataclass(frozen=True)
class _Text:
    """The statements of a cell."""

    tree: ast.Module

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements of the cell itself, in the order of the text."""
        return list(_statements(self.tree.body))

    def training_score(self, metric: str | None) -> TrainingScore | None:
        """Return the score that the value is, if it is one on the rows of the model's fit."""
        for value in self._values(metric):
            scores = list(self._scores_in(value, MOST_STEPS))
            if scores:
                call = scores[0][0]
                is_of_training = all(self._is_of_training(*one) for one in scores)
                return TrainingScore(call.lineno, ast.unparse(call)) if is_of_training else None
        return None

    def training_loss(self, metric: str | None) -> TrainingLoss | None:
        """Return the call that trains with the value, if the text shows one."""
        for value in self._values(metric):
            call = self._trained_with(value, MOST_STEPS)
            if call is not None:
                return TrainingLoss(call.lineno, ast.unparse(call))
        return None

    def training_batch(self, metric: str | None) -> TrainingBatch | None:
        """Return the call that trains on a batch and returns the value, if the text shows one."""
        for value in self._values(metric):
            call = self._of_batch(value, MOST_STEPS)
            if call is not None:
                return TrainingBatch(call.lineno, ast.unparse(call))
        return None

    def one_fold(self, metric: str | None) -> OneFold | None:
        """Return the loop over folds whose last pass gives the value, if one does."""
        end = self._end
        name = end.id if isinstance(end, ast.Name) else metric
        if name is None or (end is not None and not isinstance(end, ast.Name | ast.Call)):
            return None
        bound = [one for one in self.statements if name in _bound(one)]
        for loop in self._fold_loops:
            inside = list(_statements(loop.body))
            if bound:
                is_set = bound[-1] in inside and isinstance(bound[-1], ast.Assign)
                is_own = is_set and name not in _read(bound[-1])
                if is_own and (end is None or isinstance(end, ast.Name) or _is_print(end)):
                    return OneFold(loop.lineno, name)
            elif end is None and any(_calls(one, ("fit",)) for one in inside):
                return OneFold(loop.lineno, name)
        return None

    def other_weights(self, metric: str | None) -> OtherWeights | None:
        """Return the call that loads weights after the fit that logs the value, if one does."""
        is_logged = metric is not None and metric.startswith("val_")
        if metric is None or not is_logged or any(metric in _bound(s) for s in self.statements):
            return None
        if self._end is not None and not (_is_print(self._end) or _loads([self._end])):
            return None
        fits = [one for one in self.statements if _calls(one, ("fit",))]
        after = [one for one in self.statements if fits and _place(one) > _place(fits[-1])]
        if loads := _loads(after):
            return OtherWeights(loads[0].lineno, ast.unparse(loads[0]), metric)
        return None

    def asked_in_folds(self) -> AskedInFolds | None:
        """Return the first call of `hp` without a name in a loop over folds."""
        for loop in self._fold_loops:
            for statement in _statements(loop.body):
                for call in _calls(statement, _ASKS):
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
        return [one for one in self.statements if isinstance(one, ast.For) and _is_of_folds(one)]

    def _values(self, metric: str | None) -> Iterator[ast.expr]:
        """Yield the expressions that may be the value: the end of the cell, then the variable."""
        end = self._end
        if end is not None and not _is_print(end):
            yield end
        if metric is not None and (end is None or isinstance(end, ast.Call)):
            yield ast.Name(metric, ast.Load(), lineno=self._n_lines + 1, col_offset=0)

    def _assigned(self, name: str, before: ast.AST | None = None) -> ast.expr | None:
        """Return what is assigned to a variable last, before a place in the text."""
        found = None
        for statement in self.statements:
            if before is not None and _place(statement) >= _place(before):
                break
            if name in _bound(statement):
                found = statement.value if isinstance(statement, ast.Assign) else None
        return found

    def _scores_in(self, value: ast.expr | None, steps: int) -> Iterator[tuple[ast.expr, str, str]]:
        """Yield the scores in an expression: the call, the model's text, and that of the rows."""
        if value is None or not steps:
            return
        if isinstance(value, ast.Call) and (found := self._score(value)) is not None:
            yield (value, *found)
            return
        if isinstance(value, ast.Compare) and (found := self._comparison(value)) is not None:
            yield (value, *found)
            return
        if isinstance(value, ast.Name):
            yield from self._scores_in(self._assigned(value.id, value), steps - 1)
            return
        for child in ast.iter_child_nodes(value):
            if isinstance(child, ast.expr):
                yield from self._scores_in(child, steps)

    @property
    def _n_lines(self) -> int:
        return max((one.end_lineno or one.lineno for one in self.statements), default=0)

    def _trained_with(self, value: ast.expr | None, steps: int) -> ast.Call | None:
        """Return the call that trains with what an expression is made of; None if there is none."""
        if value is None or not steps:
            return None
        for node in ast.walk(value):
            if not isinstance(node, ast.Name):
                continue
            made = [one for one in self.statements if node.id in _bound(one)]
            before = [one for one in made if _place(one) < _place(node)]
            if before and (call := self._gradient_of(node.id, before[-1])) is not None:
                return call
            for source in self._sources(node.id, before):
                if (call := self._trained_with(source, steps - 1)) is not None:
                    return call
        return None

    def _of_batch(self, value: ast.expr, steps: int) -> ast.Call | None:
        """Return the call of `train_on_batch` that an expression is made of; None: of none."""
        for node in ast.walk(value) if steps else ():
            if isinstance(node, ast.Call) and _called(node) == "train_on_batch":
                return node
            if not isinstance(node, ast.Name):
                continue
            before = [s for s in self.statements if node.id in _bound(s)]
            for source in self._sources(node.id, [s for s in before if _place(s) < _place(node)]):
                if (call := self._of_batch(source, steps - 1)) is not None:
                    return call
        return None

    def _gradient_of(self, name: str, made: ast.stmt) -> ast.Call | None:
        """Return the call that takes the gradient of what a statement assigns to a variable."""
        for statement in self.statements:
            if _place(statement) <= _place(made):
                continue
            for call in _calls(statement, ("backward", "gradient")):
                owner = call.func.value if isinstance(call.func, ast.Attribute) else None
                taken = owner if _called(call) == "backward" else next(iter(call.args), None)
                if isinstance(taken, ast.Name) and taken.id == name:
                    return call
            if name in _bound(statement):
                return None
        return None

    def _sources(self, name: str, made: Sequence[ast.stmt]) -> Iterator[ast.expr]:
        """Yield what a variable is made of: what is assigned last, added and appended to it."""
        last = made[-1] if made else None
        if isinstance(last, ast.Assign | ast.AugAssign):
            yield last.value
        for statement in self.statements:
            for call in _calls(statement, ("append",)):
                owner = call.func.value if isinstance(call.func, ast.Attribute) else None
                if isinstance(owner, ast.Name) and owner.id == name:
                    yield from call.args

    def _score(self, call: ast.Call) -> tuple[str, str] | None:
        """Return the model and the rows that a call scores, as text; None if it is no score."""
        is_method = isinstance(call.func, ast.Attribute)
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        given = call.args[1:] if owner == "hp" else call.args  # hp.score("accuracy", y, predicted)
        if is_method and owner != "hp" and _called(call) in ("score", "evaluate"):
            return (owner, _listed(given[:2])) if len(given) > 1 else ("", "")
        if len(given) < 2 or not _METRIC.fullmatch(_called(call)):
            return None
        for place in (0, 1):
            predicted = self._predicted(given[1 - place], MOST_STEPS)
            if predicted is not None:
                model, rows = predicted
                return model, f"{rows}, {ast.unparse(given[place])}"
        return "", ""

    def _comparison(self, value: ast.Compare) -> tuple[str, str] | None:
        """Return the model and the rows of `m.predict(A) == b`; None of other comparisons."""
        if len(value.ops) != 1 or not isinstance(value.ops[0], ast.Eq | ast.NotEq):
            return None
        sides = value.left, value.comparators[0]
        for place in (0, 1):
            predicted = self._predicted(sides[1 - place], MOST_STEPS)
            if predicted is not None and isinstance(sides[place], ast.Name):
                return predicted[0], f"{predicted[1]}, {ast.unparse(sides[place])}"
        return None

    def _predicted(self, value: ast.expr | None, steps: int) -> tuple[str, str] | None:
        """Return the model that an expression is the prediction of, and its rows, as text."""
        if value is None or not steps:
            return None
        for node in ast.walk(value):
            match node:
                case ast.Call(func=ast.Attribute(value=model, attr=name), args=[rows, *_]):
                    if name in _PREDICTS:
                        return ast.unparse(model), ast.unparse(rows)
                case ast.Name():
                    found = self._predicted(self._assigned(node.id, node), steps - 1)
                    if found is not None:
                        return found
        return None

    def _is_of_training(self, score: ast.expr, model: str, rows: str) -> bool:
        """Return whether a model was fitted on the rows that it scores, last and unchanged."""
        if not model or not rows:
            return False
        fitted: tuple[ast.stmt | None, str] = (None, "")
        for statement in self.statements:
            if _place(statement) > _place(score):
                break
            for fit in _calls(statement, ("fit",)):
                owner = ast.unparse(fit.func.value) if isinstance(fit.func, ast.Attribute) else ""
                is_own = model in (owner, ast.unparse(fit)) or model in _bound(statement)
                if is_own and len(fit.args) > 1:
                    fitted = statement, _listed(fit.args[:2])
        place, trained = fitted
        if place is None or trained != rows:
            return False
        names = {node.id for node in ast.walk(ast.parse(f"({rows})")) if isinstance(node, ast.Name)}
        between = [one for one in self.statements if _place(place) < _place(one) < _place(score)]
        return not any(names & set(_bound(one)) for one in between)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and those inside of loops and conditions, in the order of the text."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from _statements(handler.body)


def _parts(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement without those of the statements inside of it."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt | ast.excepthandler):
            yield from ast.walk(child)


def _calls(statement: ast.stmt, wanted: Sequence[str]) -> list[ast.Call]:
    found = [node for node in _parts(statement) if isinstance(node, ast.Call)]
    return [
        call for call in found if isinstance(call.func, ast.Attribute) and _called(call) in wanted
    ]


def _loads(nodes: Sequence[ast.AST]) -> list[ast.Call]:
    """Return the calls that load the weights of a Keras model."""
    parts = [part for node in nodes for part in ast.walk(node)]
    calls = [part for part in parts if isinstance(part, ast.Call)]
    return [call for call in calls if _called(call) in ("load_weights", "load_model")]


def _bound(statement: ast.stmt) -> list[str]:
    """Return the variables that a statement binds, without the statements inside of it."""
    stored = [node for node in _parts(statement) if isinstance(node, ast.Name)]
    return [node.id for node in stored if isinstance(node.ctx, ast.Store)]


def _read(statement: ast.stmt) -> set[str]:
    names = [node for node in _parts(statement) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}


def _is_of_folds(loop: ast.For) -> bool:
    """Return whether a loop goes over what a splitter yields: `for train, test in kf.split(X)`."""
    for node in ast.walk(loop.iter):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            is_text = isinstance(first, ast.Constant) or isinstance(node.func.value, ast.Constant)
            if node.func.attr == "split" and first is not None and not is_text:
                return any(isinstance(one, ast.Tuple) for one in ast.walk(loop.target))
    return False


def _is_print(value: ast.expr) -> bool:
    """Return whether an expression is no score, whatever it returns: the value is elsewhere."""
    is_shown = isinstance(value, ast.Call) and _called(value) in ("print", "display", "show")
    return is_shown or is_chore(value)


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _listed(values: Sequence[ast.expr]) -> str:
    return ", ".join(map(ast.unparse, values))


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
