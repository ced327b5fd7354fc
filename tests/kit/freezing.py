"""Cells that are run in a trial, and their frozen text."""

from __future__ import annotations

import contextlib
import linecache
import math
import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import count
from types import SimpleNamespace

import numpy as np

from hpo_magic.core.domains import Choice
from hpo_magic.core.labels import labels, stands_for_itself
from hpo_magic.language.row_metrics import scores_by_row
from hpo_magic.source.call_names import CallNames
from hpo_magic.source.freeze import freeze

_cells = count()


class Dense:
    """A layer that keeps what it was made with."""

    def __init__(self, units: int, activation: object = None) -> None:
        self.units, self.activation = units, activation

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dense) and self._shown() == other._shown()

    def _shown(self) -> tuple[int, object]:
        # Two runs of a lambda give two functions.
        return self.units, getattr(self.activation, "__name__", self.activation)

    __hash__ = object.__hash__


def relu(x: float) -> float:
    """Be one of two functions to choose from."""
    return max(x, 0.0)


def tanh(x: float) -> float:
    """Be the other one."""
    return math.tanh(x)


nn = SimpleNamespace(relu=relu, tanh=tanh)


class Trial:
    """Has `hp`'s methods. Every call returns another value of its range and notes it by name."""

    def __init__(self, hp_calls: CallNames, last: bool = False) -> None:
        self.hp_calls = hp_calls
        self.last = last
        self.params: dict[str, object] = {}
        self.objects: dict[str, object] = {}
        self.domains: dict[str, Choice] = {}

    def _value(self, given: tuple[object, ...], method: str, options: list[object]) -> object:
        name = str(given[0]) if given else self.hp_calls.name_of(sys._getframe(2), method)
        if name not in self.params:
            turn = -1 if self.last else (len(self.params) + 1) % len(options)
            self.objects[name] = options[turn]
            named = labels(options)
            objects = tuple(
                n for n, o in zip(named, options, strict=True) if not stands_for_itself(o)
            )
            self.domains[name] = Choice(named, objects=objects)
            self.params[name] = named[turn]
        return self.objects[name]

    def Int(self, *args: object, step: int = 1, **options: object) -> object:
        *name, low, high = self._bounds(args, options)
        return self._value(tuple(name), "Int", list(range(int(str(low)), int(str(high)) + 1, step)))

    def Float(self, *args: object, **options: object) -> object:
        *name, low, high = self._bounds(args, options)
        span = float(str(high)) - float(str(low))
        return self._value(tuple(name), "Float", [float(str(low)) + span * i / 7 for i in range(8)])

    def _bounds(self, args: tuple[object, ...], options: Mapping[str, object]) -> list[object]:
        named = [options["name"]] if "name" in options else []
        bounds = [options[key] for key in ("min_value", "max_value") if key in options]
        count_ = 2 - len(bounds) + (isinstance(args[0], str) if args else 0)
        return [*named, *args[:count_], *bounds]

    def Choice(self, *args: object, **options: object) -> object:
        name = args[:1] if isinstance(args[0], str) else ()
        values = options.get("values", args[len(name)] if len(args) > len(name) else None)
        assert isinstance(values, list | tuple)
        return self._value(name, "Choice", list(values))

    def Boolean(self, *args: object, **options: object) -> object:
        return self._value(args[:1] if args and isinstance(args[0], str) else (), "Boolean", [True])

    def Fixed(self, *args: object, **options: object) -> object:
        return options.get("value", args[-1] if args else None)

    def seed(self) -> int:
        return 11

    def report(self, **metrics: float) -> None:
        """Take it, and say nothing."""

    def score(self, metric: object, y_true: object, y_pred: object) -> object:
        return (
            metric(y_true, y_pred)
            if callable(metric)
            else scores_by_row(metric, *map(np.array, (y_true, y_pred))).mean()
        )

    @contextlib.contextmanager
    def conditional_scope(self, *args: object) -> Iterator[None]:
        yield

    def get(self, name: str) -> object:
        return self.params[name]


def variables() -> dict[str, object]:
    """Return what the notebook has around the cell."""
    return {"Dense": Dense, "nn": nn, "relu": relu, "tanh": tanh, "ACTS": [relu, tanh], "n": 3}


def run(source: str, filename: str, **more: object) -> dict[str, object]:
    """Return the plain values that a cell leaves in its variables."""
    namespace = {"__name__": "__main__", **variables(), **more}
    if "hp" in more:
        source = source.replace("from hpo_magic import hp", "")  # the trial is in its place
    exec(compile(source, filename, "exec"), namespace)
    made = {n: v for n, v in namespace.items() if n not in variables() and n not in more}
    return {n: v for n, v in made.items() if not n.startswith("_") and not hasattr(v, "__name__")}


def trial_of(source: str, last: bool = False) -> tuple[Trial, dict[str, object]]:
    """Run a cell in a trial; return the trial and what the cell left."""
    filename = f"<frozen cell {next(_cells)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    trial = Trial(CallNames(filename), last)
    result = run(source, filename, hp=trial)
    return trial, result


def frozen(source: str, params: Mapping[str, object], **options: object) -> str:
    """Return the frozen text of a cell that is not run."""
    return freeze(textwrap.dedent(source), params, **options)  # type: ignore[arg-type]
