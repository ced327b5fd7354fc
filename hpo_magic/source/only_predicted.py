"""Which names the text of a cell only predicts: their rows have no part in a score."""

from __future__ import annotations

import ast
import re

_SCORE = re.compile(r"(?!cross_val).*(score|error|loss|accuracy|auc|mse|mae|evaluate|report)")
# Calls whose arguments may be rows without labels: predictions, what prepares rows for them, and
# the table that is handed in.
_TAKE_ROWS = {
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "DMatrix",
    "DataFrame",
    "len",
}


def only_predicted(tree: ast.Module) -> set[str]:
    r"""Return the names that a cell reads in such calls alone.

    >>> tree = ast.parse("p = m.predict(X_test)\na = m.score(X_val, y_val)")
    >>> sorted(only_predicted(tree) & {"X_test", "X_val"})
    ['X_test']
    """
    inside: set[ast.Name] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in _TAKE_ROWS:
            inside.update(_names(*node.args, *(word.value for word in node.keywords)))
    everywhere = {node for node in _names(tree) if isinstance(node.ctx, ast.Load)}
    found = {node.id for node in inside} - {node.id for node in everywhere - inside}
    return found - _scored(tree)


def _scored(tree: ast.Module) -> set[str]:
    """Return the names in scores and comparisons, and those that such names are made of."""
    scored: set[str] = set()
    for node in ast.walk(tree):
        is_score = isinstance(node, ast.Call) and _SCORE.search(_name(node.func))
        if isinstance(node, ast.Compare) or is_score:
            scored |= {name.id for name in _names(node)}
    for node in reversed(list(ast.walk(tree))):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if scored & {name.id for name in _names(*targets)}:
                scored |= {name.id for name in _names(node.value)}
    return scored


def _names(*trees: ast.AST) -> set[ast.Name]:
    return {node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _name(called: ast.expr) -> str:
    match called:
        case ast.Attribute(attr=name) | ast.Name(name):
            return name
    return ""
