"""The hook on Keras's `evaluate`: which model was evaluated, and what its numbers are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from hpo_magic.core.given_values import number, numbers_in, only_element
from hpo_magic.core.ports import Evaluated
from hpo_magic.frameworks.method_watch import WatchedMethod


@contextmanager
def watched_evaluations() -> Iterator[list[Evaluated]]:
    """Watch the evaluations of this thread; yield the list to which each adds itself at its end."""
    found: list[Evaluated] = []

    def run(evaluate: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = evaluate(*args, **kwargs)
        if args:
            found.append(Evaluated(args[0], result, _named(args[0], result)))
        return result

    with _EVALUATE.through(run):
        yield found


def _named(model: Any, result: Any) -> Mapping[str, float]:
    """Return the numbers of an evaluation by name; none where the names cannot be told."""
    if isinstance(result, Mapping):
        return numbers_in({name: only_element(value) for name, value in result.items()})
    values = list(result) if isinstance(result, Sequence) else [result]
    named = numbers_in(model.get_metrics_result())
    # A model whose own `evaluate` gives other numbers than its metrics has no names for them.
    return named if list(named.values()) == [number(value) for value in values] else {}


_EVALUATE = WatchedMethod(keras.Model, "evaluate")
