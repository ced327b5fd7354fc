"""Which variables of a cell are trained on, scored on, or split: by the calls that get them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hpo_magic.source.flow import names

_HELD_OUT = ("validation_data", "eval_set", "evals")
_SCORED = ("score", "evaluate", "predict", "predict_proba", "decision_function")


@dataclass(frozen=True)
class Pair:
    """The variables with the features and with the target; "" where one is none."""

    features: str
    target: str = ""


@dataclass(frozen=True)
class Roles:
    """What a cell does with its variables.

    Attributes
    ----------
    trees
        The cell's statements, and those of the functions that it calls.
    """

    trees: tuple[ast.AST, ...]

    @cached_property
    def fitted(self) -> list[Pair]:
        """What it fits on."""
        return [_pair(call, 0) for call in self._calls("fit")]

    @cached_property
    def scored(self) -> list[Pair]:
        """What it scores or validates on."""
        found = [_pair(call, 0) for name in _SCORED for call in self._calls(name)]
        given = [
            word.value
            for call in self._calls("fit")
            for word in call.keywords
            if word.arg in _HELD_OUT
        ]
        for value in given:
            pairs = value.elts if isinstance(value, ast.List) else [value]
            found += [
                Pair(_name(pair.elts[0]), _name(pair.elts[1]))
                for pair in pairs
                if isinstance(pair, ast.Tuple | ast.List) and len(pair.elts) > 1
            ]
        return found

    @cached_property
    def split(self) -> list[Pair]:
        """What it splits, or cross-validates on."""
        found = [_pair(call, 0) for call in self._calls("train_test_split")]
        found += [_pair(call, 0) for call in self._calls("split")]
        found += [_pair(call, 1) for name in names.CROSS_VALIDATIONS for call in self._calls(name)]
        return found

    def _calls(self, name: str) -> Iterator[ast.Call]:
        for node in self._nodes:
            if isinstance(node, ast.Call) and _called(node) == name:
                yield node

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        """All nodes but those in functions whose own variables have the names of the notebook's."""
        calls = [node for node in ast.walk(self.trees[0]) if isinstance(node, ast.Call)]
        found: list[ast.AST] = []
        waiting: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset()) for tree in self.trees]
        while waiting:
            node, own = waiting.pop(0)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                own |= _own_names(node, calls)
            if isinstance(node, ast.Call) and _names_in(node) & own:
                waiting += [(child, own) for child in ast.iter_child_nodes(node)]
                continue
            found.append(node)
            waiting += [(child, own) for child in ast.iter_child_nodes(node)]
        return found


def roles_of(tree: ast.Module, functions: Mapping[str, ast.AST]) -> Roles:
    """Return what a cell does with its variables, in the functions that it calls by name, too."""
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Roles((tree, *(tree for name, tree in functions.items() if name in read)))


def _own_names(
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, calls: Sequence[ast.Call]
) -> set[str]:
    """Return a function's own variables: not those of the notebook that have the same names.

    A parameter that a call of the cell gives the variable of its own name is that variable.
    """
    arguments = function.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    own = {one.arg for one in every}
    own |= {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    name = getattr(function, "name", None)
    given = [call for call in calls if _called(call) == name]
    return own - {
        word.id
        for call in given
        for word in (*call.args, *(keyword.value for keyword in call.keywords))
        if isinstance(word, ast.Name)
    }


def _names_in(call: ast.Call) -> set[str]:
    """Return the variables that a call is given as they are, or in a tuple or list."""
    given = (*call.args, *(word.value for word in call.keywords))
    return {node.id for one in given for node in ast.walk(one) if isinstance(node, ast.Name)}


def _pair(call: ast.Call, place: int) -> Pair:
    given = {word.arg: word.value for word in call.keywords}
    features = call.args[place] if len(call.args) > place else given.get("X", given.get("x"))
    target = call.args[place + 1] if len(call.args) > place + 1 else given.get("y")
    return Pair(_name(features), _name(target))


def _name(node: ast.expr | None) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
