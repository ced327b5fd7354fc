"""Domains: the values that a hyperparameter can take, and their positions in [0, 1].

The values are *plain* (`int`, `float`, `str`, `bool`, `None` and tuples of them), so that they can
be compared and stored as JSON. A choice among other objects is a choice among their labels
(`core.labels`).

Every domain maps its values to [0, 1] (`unit`) and back (`value`). In a domain with n values, value
k is at (k + 1/2) / n. So a uniform draw from [0, 1] is a uniform draw from the domain, on a log
scale a log-uniform one.
"""

from __future__ import annotations

from typing import Any

from hpo_magic.core.domains.choice import Choice
from hpo_magic.core.domains.numeric import Float, Int
from hpo_magic.core.domains.plain import FloatArray, Plain, identity, plain

__all__ = [
    "Choice",
    "Domain",
    "Float",
    "FloatArray",
    "Int",
    "Plain",
    "domain_from_json",
    "identity",
    "plain",
]

Domain = Int | Float | Choice


def domain_from_json(data: dict[str, Any]) -> Domain:
    """Return the domain that `to_json` described."""
    if data["kind"] == "choice":
        objects = data.get("objects")
        labels = None if objects is None else tuple(plain(v) for v in objects)
        return Choice(tuple(plain(v) for v in data["values"]), data["ordered"], labels)
    made = Int if data["kind"] == "int" else Float
    is_reverse = data["log"] == "reverse"
    return made(data["low"], data["high"], data["step"], data["log"] is True, is_reverse)
