"""Strict JSON, whatever the floats: what is kept on disk can be read by any program.

JSON has no NaN and no infinity. Trials name theirs (`Trial.to_json`); elsewhere, as in a choice
between 1.0 and `math.inf`, they are stored as `{"$float": "inf"}`.
"""

from __future__ import annotations

import json
import math
from typing import Any

# Not an identifier: no parameter and no metric of a study is called so.
TAG = "$float"


def to_text(value: Any) -> str:
    """Return JSON text, in ASCII: half a surrogate pair in a print of the user's is no error.

    >>> to_text({"clip": [1.0, math.inf]})
    '{"clip":[1.0,{"$float":"inf"}]}'
    """
    try:
        return _dumps(value)
    except ValueError:  # some float is not finite: rare enough to look for it only then
        return _dumps(_tagged(value))


def from_text(text: str) -> Any:
    """Return the value that `to_text` described; tuples come back as lists."""
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
