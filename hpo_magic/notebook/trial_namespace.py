"""The variables of one trial: a copy of the notebook's, and which of them the trial set itself.

A variable of the notebook that the cell never sets is no result of a trial, whatever its name.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType
from typing import Any

from hpo_magic.core.given_values import numbers_in

_ABSENT = object()


class TrialNamespace:
    """The variables that a cell runs on.

    Parameters
    ----------
    outside
        The variables that it may read; they stay as they are.
    certain
        The names that the cell's text binds on every way through it.

    Attributes
    ----------
    variables
        What the cell runs on: a copy of `outside`, to which it adds its own.
    """

    def __init__(self, outside: Mapping[str, Any], certain: Collection[str] = ()) -> None:
        self._before = dict(outside)
        self._certain = frozenset(certain)
        # A dict of metrics that is only read looks the same afterwards; a filled one does not.
        self._metrics = {
            name: found for name, value in outside.items() if (found := numbers_in(value))
        }
        self.variables: dict[str, Any] = dict(outside)

    def set_by_trial(self) -> dict[str, Any]:
        """Return the variables that the cell bound anew, and the dicts of numbers it filled."""
        return {name: value for name, value in self.variables.items() if self._is_set(name, value)}

    def not_set(self) -> dict[str, Any]:
        """Return the variables that are as they were before the cell."""
        return {n: v for n, v in self.variables.items() if not self._is_set(n, v)}

    def is_result(self, value: Any) -> bool:
        """Return whether a value may come from the trial: it is no unchanged object of before."""
        names = [name for name, before in self._before.items() if before is value]
        return not names or any(self._is_set(name, value) for name in names)

    def _is_set(self, name: str, value: Any) -> bool:
        before = self._before.get(name, _ABSENT)
        if before is not value or name in self._certain:
            return True
        return name in self._metrics and numbers_in(value) != self._metrics[name]


def global_names(functions: Mapping[str, Any]) -> set[str]:
    """Return the names that functions of the notebook assign by a `global` statement."""
    return {
        name
        for value in functions.values()
        if isinstance(value, FunctionType) and value.__globals__ is functions
        for name in stored_globals(value.__code__)
    }


def stored_globals(code: CodeType) -> Iterator[str]:
    """Yield the names that a code assigns by a `global` statement."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from stored_globals(constant)


@contextmanager
def globals_kept(user_ns: dict[str, Any], namespace: TrialNamespace) -> Iterator[None]:
    """Put the notebook's variables back that its functions assign by `global`.

    A function of another cell has the notebook's variables as its globals, not the trial's. What it
    assigned there counts as set by the trial.
    """
    names = global_names(user_ns)
    before = {name: user_ns.get(name, _ABSENT) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            now = user_ns.get(name, _ABSENT)
            if now is value:
                continue
            if now is not _ABSENT and namespace.variables.get(name, _ABSENT) is value:
                namespace.variables[name] = now
            if value is _ABSENT:
                del user_ns[name]
            else:
                user_ns[name] = value


class _TrialMain(ModuleType):
    """The module `__main__` of a running trial: its names are the trial's variables."""

    def __init__(self, variables: dict[str, Any], real: ModuleType) -> None:
        super().__init__("__main__", real.__doc__)
        self._of_trial, self._real = variables, real

    def __getattr__(self, name: str) -> Any:
        if name in self._of_trial:
            return self._of_trial[name]
        return getattr(self._real, name)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # annotations are looked up in it
        return self._of_trial


@contextmanager
def main_module(variables: dict[str, Any]) -> Iterator[None]:
    """Have `__main__` find what the cell defines: pickles name classes and functions by it.

    Without it, `torch.save(model)`, `pickle.dumps` and a pool of processes would not find a class
    or a function of the cell, or would find the notebook's one of that name.
    """
    real = sys.modules["__main__"]
    sys.modules["__main__"] = _TrialMain(variables, real)
    try:
        yield
    finally:
        sys.modules["__main__"] = real


@contextmanager
def magics_in(shell: Any, variables: dict[str, Any]) -> Iterator[None]:
    """Have the magics of a cell (`%run`, `%time`) read and write the trial's variables."""
    before = shell.user_ns
    shell.user_ns = variables
    try:
        yield
    finally:
        shell.user_ns = before
