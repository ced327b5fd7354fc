"""Refuse cells that run another tool's search, and say what to write under `%%hpo` instead."""

from __future__ import annotations

import ast
import re

from hpo_magic.errors import SpaceError
from hpo_magic.source.hp_calls import Source
from hpo_magic.source.syntax import dotted

# What a call looks like that searches, and what stands in its place under %%hpo.
_WAYS_OUT = (
    (
        r"(.+\.)?create_study",
        "End the cell with objective(hp.trial) instead of the study, and write --maximize or "
        "--minimize on the first line",
    ),
    (
        r"(kt|kerastuner|keras_tuner)\.(.+\.)?"
        r"(RandomSearch|BayesianOptimization|Hyperband|GridSearch|Sklearn)",
        "Write model = build_model(hp) and model.fit(…) instead of the tuner",
    ),
    (
        r"(hyperopt\.)?fmin",
        "Call the function at the end of the cell, with hp.* where it takes values of the space",
    ),
    (
        r"(skopt\.)?(gp|forest|gbrt|dummy)_minimize",
        "Call the function at the end of the cell, with hp.* for its dimensions",
    ),
    (
        r"optim\.minimize|(.+\.)?best_ensemble",
        "Put %%hpo on top of the cell that has the {{…}} templates",
    ),
)


def refuse_search(source: Source, first_line: int) -> None:
    """Refuse a cell that searches by another tool and asks `hp` for nothing.

    Raises
    ------
    SpaceError
        With what to write instead.
    """
    if speaks_hp(source):
        return
    for node in source.parents:
        chain = dotted(node.func) if isinstance(node, ast.Call) else None
        for evaluations, way_out in _WAYS_OUT if chain else ():
            if re.fullmatch(evaluations, ".".join(chain or ())):
                line = getattr(node, "lineno", 1) + first_line - 1
                raise SpaceError(
                    f"{'.'.join(chain or ())}(…) on line {line} is a search of its own, and %%hpo "
                    f"is one. {way_out}."
                )


def speaks_hp(source: Source) -> bool:
    """Return whether a text uses `hp` or a trial's `suggest_…` methods."""
    return bool(source.hp_calls) or any(
        (isinstance(node, ast.Name) and node.id == "hp")
        or (isinstance(node, ast.Attribute) and node.attr.startswith("suggest_"))
        for node in source.parents
    )
