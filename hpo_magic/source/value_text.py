"""What the text of a cell shows of its value: that it is of training rows, or of one fold.

Only what stands in the cell itself is followed: assignments, `fit`, `score`, metric functions.
Where the text does not show it, nothing is claimed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from hpo_magic.source.doubts import (
    Doubt,
    OfTraining,
    TrainingBatch,
    TrainingLoss,
    TrainingScore,
)
from hpo_magic.source.fold_text import FoldText
from hpo_magic.source.statements import (
    as_cell,
    bound_in,
    calls_in,
    is_print,
    name_called,
    place_of,
    read_in,
    statements_of,
)

_METRIC = re.compile(r"(?!cross_val).*(score|error|loss|accuracy|auc|mse|mae|rmse|f1|deviance)")
_PREDICTS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
_OF_MODELS = ("parameters", "named_parameters", "trainable_variables", "trainable_weights")
# Attributes of scikit-learn's models that are measured on the rows of the fit.
_OF_TRAINING = ("loss_curve_", "train_score_")
MOST_STEPS = 5  # from one variable to the next


def doubts_of(
    tree: ast.Module, metric: str | None, functions: Mapping[str, ast.FunctionDef] | None = None
) -> list[Doubt]:
    """Return what the text of a cell shows of its value.

    Parameters
    ----------
    tree
        The cell, with the notebook's line numbers.
    metric
        The objective's name; None where it is the end of the cell.
    functions
        Those of earlier cells that the cell may call, by name; its own are found.
    """
    own = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    text = _Text(tree, {**(functions or {}), **own})
    folds = FoldText(tree)
    found = [
        text.of_training(metric),
        folds.one_fold(metric),
        folds.asked_in_folds(),
        folds.other_weights(metric),
    ]
    return [one for one in found if one is not None]


@dataclass(frozen=True)
class _Text:
    """The statements of a cell, or of a function that it calls, and the functions that it knows."""

    tree: ast.Module
    functions: Mapping[str, ast.FunctionDef] = field(default_factory=dict)

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements of the cell itself, in the order of the text."""
        return list(statements_of(self.tree.body))

    def of_training(self, metric: str | None) -> OfTraining | None:
        """Return what shows that the value is one of the training, in the cell or in a function."""
        found = (
            self.training_score(metric) or self.training_loss(metric) or self.training_batch(metric)
        )
        if found is not None:
            return found
        for value in self._values(metric):
            if (call := self._function_called(value, MOST_STEPS)) is not None:
                line, function, body = call
                rest = {name: one for name, one in self.functions.items() if name != function}
                inner = _Text(body, rest).of_training(None)
                return inner and replace(inner, line=line, inside=inner.inside or function)
        return None

    def _function_called(
        self, value: ast.expr, steps: int, place: int | None = None
    ) -> tuple[int, str, ast.Module] | None:
        """Return the line and the name of a call of a known function, and its body as a cell.

        `place` is that of the value among those that it returns; None: the value is the only one.
        """
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            function = self.functions.get(value.func.id)
            body = None if function is None else as_cell(function, place)
            return None if body is None else (value.lineno, value.func.id, body)
        if not isinstance(value, ast.Name) or not steps:
            return None
        made = [
            s for s in self.statements if value.id in bound_in(s) and place_of(s) < place_of(value)
        ]
        last = made[-1] if made else None
        if not isinstance(last, ast.Assign):
            return None
        if isinstance(last.targets[0], ast.Tuple):
            names = [ast.unparse(one) for one in last.targets[0].elts]
            place = names.index(value.id) if value.id in names else None
        return self._function_called(last.value, steps - 1, place)

    def training_score(self, metric: str | None) -> TrainingScore | None:
        """Return the score that the value is, if it is one on the rows of the model's fit."""
        for value in self._values(metric):
            scores = list(self._scores_in(value, MOST_STEPS))
            if scores:
                call = scores[0][0]
                is_of_training = all(self._is_of_training(*one) for one in scores)
                return TrainingScore(call.lineno, ast.unparse(call)) if is_of_training else None
            logged = list(self._logged_in(value, MOST_STEPS))
            if logged and not any(name.startswith("val_") for _, name in logged):
                return TrainingScore(logged[0][0].lineno, ast.unparse(logged[0][0]))
        return None

    def _logged_in(self, value: ast.expr, steps: int) -> Iterator[tuple[ast.expr, str]]:
        """Yield what an expression has of a fit's own log, `h.history["loss"]`, and its name."""
        for node in ast.walk(value) if steps else ():
            match node:
                case ast.Subscript(ast.Attribute(attr="history"), ast.Constant(str() as name)):
                    yield node, name
                case ast.Attribute(attr=name) if name in _OF_TRAINING:
                    yield node, name
                case ast.Name():
                    assigned = self._assigned(node.id, node)
                    if assigned is not None:
                        yield from self._logged_in(assigned, steps - 1)

    def training_loss(self, metric: str | None) -> TrainingLoss | None:
        """Return the call that trains with the value, if the text shows one."""
        for value in self._values(metric):
            call = self._trained_with(value, MOST_STEPS)
            if call is not None:
                return TrainingLoss(call.lineno, ast.unparse(call))
        return None

    def training_batch(self, metric: str | None) -> TrainingBatch | None:
        """Return the call that trains on the batches of the value, if the text shows one."""
        for value in self._values(metric):
            call = self._of_batch(value, MOST_STEPS)
            call = call or self._trained_with(value, MOST_STEPS, outputs=True)
            if call is not None:
                return TrainingBatch(call.lineno, ast.unparse(call))
        return None

    @property
    def _end(self) -> ast.expr | None:
        last = self.tree.body[-1] if self.tree.body else None
        return last.value if isinstance(last, ast.Expr) else None

    def _values(self, metric: str | None) -> Iterator[ast.expr]:
        """Yield the expressions that may be the value: the end of the cell, then the variable."""
        end = self._end
        if end is not None and not is_print(end):
            yield end
        if metric is not None and (end is None or isinstance(end, ast.Call)):
            yield ast.Name(metric, ast.Load(), lineno=self._n_lines + 1, col_offset=0)

    def _assigned(self, name: str, before: ast.AST | None = None) -> ast.expr | None:
        """Return what is assigned to a variable last, before a place in the text."""
        found = None
        for statement in self.statements:
            if before is not None and place_of(statement) >= place_of(before):
                break
            if name in bound_in(statement):
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

    def _trained_with(
        self, value: ast.expr | None, steps: int, *, outputs: bool = False
    ) -> ast.Call | None:
        """Return the call that trains with what an expression is made of; None if there is none.

        `outputs`: with the outputs of a model, of which the loss is made, not with the loss itself.
        """
        if value is None or not steps:
            return None
        for node in ast.walk(value):
            if not isinstance(node, ast.Name):
                continue
            before = self._made(node)
            gradient = self._gradient_through if outputs else self._gradient_of
            if before and (call := gradient(node.id, before[-1])) is not None:
                return call
            for source in self._sources(node.id, before):
                if (call := self._trained_with(source, steps - 1, outputs=outputs)) is not None:
                    return call
        return None

    def _made(self, name: ast.Name) -> list[ast.stmt]:
        """Return the statements before a variable that assign it."""
        return [
            one
            for one in self.statements
            if name.id in bound_in(one) and place_of(one) < place_of(name)
        ]

    def _of_batch(self, value: ast.expr, steps: int) -> ast.Call | None:
        """Return the call of `train_on_batch` that an expression is made of; None: of none."""
        for node in ast.walk(value) if steps else ():
            if isinstance(node, ast.Call) and name_called(node) == "train_on_batch":
                return node
            if not isinstance(node, ast.Name):
                continue
            before = [s for s in self.statements if node.id in bound_in(s)]
            for source in self._sources(
                node.id, [s for s in before if place_of(s) < place_of(node)]
            ):
                if (call := self._of_batch(source, steps - 1)) is not None:
                    return call
        return None

    def _gradient_of(self, name: str, made: ast.stmt) -> ast.Call | None:
        """Return the call that takes the gradient of what a statement assigns to a variable."""
        for statement in self.statements:
            if place_of(statement) <= place_of(made):
                continue
            for call in calls_in(statement, ("backward", "gradient")):
                if statement in self._conditional:
                    continue  # if phase == "train": the value may be of the other phase
                owner = call.func.value if isinstance(call.func, ast.Attribute) else None
                taken = owner if name_called(call) == "backward" else next(iter(call.args), None)
                if isinstance(taken, ast.Name) and taken.id == name:
                    return call
            if name in bound_in(statement):
                return None
        return None

    def _gradient_through(self, name: str, made: ast.stmt) -> ast.Call | None:
        """Return the call that trains with a loss of a model's outputs, `name`, if there is one."""
        value = made.value if isinstance(made, ast.Assign) else None
        if not isinstance(value, ast.Call) or ast.unparse(value.func) not in self._trained_models:
            return None
        for statement in self.statements:
            if place_of(statement) <= place_of(made):
                continue
            if isinstance(statement, ast.Assign) and name in read_in(statement):
                for loss in bound_in(statement):
                    if (call := self._gradient_of(loss, statement)) is not None:
                        return call
            if name in bound_in(statement):
                return None
        return None

    @cached_property
    def _trained_models(self) -> set[str]:
        """What has parameters that the cell hands to an optimizer, or takes the gradient by."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)]
        return {ast.unparse(node.value) for node in nodes if node.attr in _OF_MODELS}

    @cached_property
    def _conditional(self) -> set[ast.stmt]:
        """The statements inside of conditions."""
        conditions = [one for one in self.statements if isinstance(one, ast.If)]
        return {one for c in conditions for one in statements_of([*c.body, *c.orelse])}

    def _sources(self, name: str, made: Sequence[ast.stmt]) -> Iterator[ast.expr]:
        """Yield what a variable is made of: what is assigned last, added and appended to it."""
        last = made[-1] if made else None
        if isinstance(last, ast.Assign | ast.AugAssign):
            yield last.value
        for statement in self.statements:
            for call in calls_in(statement, ("append",)):
                owner = call.func.value if isinstance(call.func, ast.Attribute) else None
                if isinstance(owner, ast.Name) and owner.id == name:
                    yield from call.args
        updates = [c for s in self.statements for c in calls_in(s, ("update_state",))]
        own = [c for c in updates if ast.unparse(c.func) == f"{name}.update_state"]
        if own:  # of a Keras metric, which may be reset between training and validation
            yield from own[-1].args

    def _score(self, call: ast.Call) -> tuple[str, str] | None:
        """Return the model and the rows that a call scores, as text; None if it is no score."""
        is_method = isinstance(call.func, ast.Attribute)
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        given = call.args[1:] if owner == "hp" else call.args  # hp.score("accuracy", y, predicted)
        if is_method and owner != "hp" and name_called(call) in ("score", "evaluate"):
            return (owner, _listed(given[:2])) if len(given) > 1 else ("", "")
        if len(given) < 2 or not _METRIC.fullmatch(name_called(call)):
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
            if place_of(statement) > place_of(score):
                break
            for fit in calls_in(statement, ("fit",)):
                owner = ast.unparse(fit.func.value) if isinstance(fit.func, ast.Attribute) else ""
                is_own = model in (owner, ast.unparse(fit)) or model in bound_in(statement)
                if is_own and len(fit.args) > 1:
                    fitted = statement, _listed(fit.args[:2])
        place, trained = fitted
        if place is None or not _is_part(rows, trained):
            return False
        names = {node.id for node in ast.walk(ast.parse(f"({rows})")) if isinstance(node, ast.Name)}
        between = [
            one for one in self.statements if place_of(place) < place_of(one) < place_of(score)
        ]
        return not any(names & set(bound_in(one)) for one in between)


def _is_part(rows: str, trained: str) -> bool:
    """Return whether rows are those of the fit, or slices of them: `X[300:], y[300:]` of `X, y`."""
    if rows == trained:
        return True
    scored, fitted = (ast.parse(f"({text},)", mode="eval").body for text in (rows, trained))
    if not isinstance(scored, ast.Tuple) or not isinstance(fitted, ast.Tuple):
        return False
    return len(scored.elts) == len(fitted.elts) and all(
        isinstance(one, ast.Subscript)
        and isinstance(one.slice, ast.Slice)
        and ast.unparse(one.value) == ast.unparse(whole)
        for one, whole in zip(scored.elts, fitted.elts, strict=True)
    )


def _listed(values: Sequence[ast.expr]) -> str:
    return ", ".join(map(ast.unparse, values))
