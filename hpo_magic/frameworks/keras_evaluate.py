"""The hook on Keras's `evaluate`: which model was evaluated, and what its numbers are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras

from hpo_magic.core.given_values import number, numbers_in, only_element
from hpo_magic.core.ports import Evaluated
from hpo_magic.frameworks.fitted_to import note_evaluation
from hpo_magic.frameworks.method_watch import WatchedMethod

OF_FIT = "_use_cached_eval_dataset"  # what `fit` gives to its own evaluations


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


def noted_evaluations() -> AbstractContextManager[None]:
    """Return a context in which the running trial notes the evaluations of its code.

    Not those that a fit makes of its validation data.
    """

    def run(evaluate: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = evaluate(*args, **kwargs)
        if OF_FIT not in kwargs:
            given = _SIGNATURE.bind(*args, **kwargs).arguments
            note_evaluation(_numbers(result), given.get("y"), given.get("x"))
        return result

    return _EVALUATE.through(run)


def _named(model: Any, result: Any) -> Mapping[str, float]:
    """Return the numbers of an evaluation by name; none where the names cannot be told."""
    if isinstance(result, Mapping):
        return _numbers(result)
    values = list(result) if isinstance(result, Sequence) else [result]
    named = numbers_in(model.get_metrics_result())
    # A model whose own `evaluate` gives other numbers than its metrics has no names for them.
    return named if list(named.values()) == [number(value) for value in values] else {}


def _numbers(result: Any) -> dict[str, float]:
    """Return the numbers of an evaluation by name, or by their places."""
    if not isinstance(result, Mapping):
        values = result if isinstance(result, Sequence) else [result]
        result = {str(place): value for place, value in enumerate(values)}
    return numbers_in({name: only_element(value) for name, value in result.items()})


_SIGNATURE = inspect.signature(super(keras.Model, keras.Model).evaluate)
_EVALUATE = WatchedMethod(keras.Model, "evaluate")
