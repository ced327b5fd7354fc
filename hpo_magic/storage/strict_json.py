"""Strict JSON for values with NaN and infinity, which JSON does not have.

`Trial.to_json` has its own form for them. Elsewhere, as in a choice between 1.0 and `math.inf`,
they are stored as `{"$float": "inf"}`.
"""

from __future__ import annotations

import json
import math
from typing import Any

# Not an identifier, so it is the name of no parameter or metric.
TAG = "$float"


def to_text(value: Any) -> str:
    """Return JSON text in ASCII, so that half a surrogate pair in the user's output is no error.

    >>> to_text({"clip": [1.0, math.inf]})
    '{"clip":[1.0,{"$float":"inf"}]}'
    """
    try:
        return _dumps(value)
    except ValueError:  # some float is not finite; rare, so it is looked for only now
        return _dumps(_tagged(value))


def from_text(text: str) -> Any:
    """Return the value of a text made by `to_text`; tuples become lists."""
    return json.loads(text, object_hook=_untagged if f'"{TAG}"' in text else None)


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _tagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tagged(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {TAG: str(float(value))}
    return value


def _untagged(found: dict[str, Any]) -> Any:
    return float(found[TAG]) if found.keys() == {TAG} else found
