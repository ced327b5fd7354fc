"""Which values the code of a cell or a function reads: variables, or the parts of them it names."""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import re
import sys
import types
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.inputs.origin import is_users, package_of
from hpo_magic.source.cell_text import CellText, Path
from hpo_magic.source.definitions import definition_of, function_in

# IPython's own names: outputs, inputs, history.
_OF_IPYTHON = re.compile(r"_+|_i+|_\d+|_i\d+|_[oid]h|In|Out|_exit_code|get_ipython|exit|quit")

Paths = Mapping[str, frozenset[Path]]


def values_read(cell: CellText, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the code of a cell reads from the notebook, by name.

    A variable of which the text only reads attributes or items with constant keys is there by
    these: "d.x_train". What functions and classes of the notebook read in turn is there, too.
    Modules and functions of installed libraries are not.
    """
    return _followed(cell.paths_read, namespace)


def values_read_by(function: Any) -> dict[str, Any]:
    """Return what a function reads from outside: its globals, its closure, what a partial holds."""
    found: dict[str, Any] = {}
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        found |= {f"argument {i}": value for i, value in enumerate(function.args)}
        found |= function.keywords
        function = inspect.unwrap(function.func)
    if isinstance(function, types.MethodType):
        found["self"] = function.__self__
        function = function.__func__
    if not isinstance(function, types.FunctionType):
        kind = type(function)
        return found | {"self": function} if is_users(kind.__module__) else found
    held = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in held:
        with suppressed("a variable of a closure is not bound yet", ValueError):
            found[name] = cell.cell_contents
    return {**_followed(_paths_of(function), function.__globals__), **found}


def _followed(paths: Paths, namespace: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting, done = [paths], set()
    while waiting:
        for name, of_name in sorted(waiting.pop().items()):
            if name not in namespace or _OF_IPYTHON.fullmatch(name):
                continue
            value = namespace[name]
            if _is_of_library(value):
                continue
            for label, part in _parts(name, value, of_name):
                found.setdefault(label, part)
            if id(value) not in done:
                done.add(id(value))
                waiting += [p for p in _paths_in(value) if p]
    return _without_parts(found)


def _without_parts(found: dict[str, Any]) -> dict[str, Any]:
    """Return the values without those that are parts of others: `d.x` where all of `d` is read."""
    return {
        label: value
        for label, value in found.items()
        if not any(label != o and label.startswith(o) and label[len(o)] in ".[" for o in found)
    }


def _parts(name: str, value: Any, paths: Iterable[Path]) -> Iterable[tuple[str, Any]]:
    for path in paths:
        label, part = name, value
        for step in path:
            try:
                part = _at(part, step)
            except LookupError:
                break
            label += step
        if not _is_of_library(part):
            yield label, part
    if isinstance(value, types.ModuleType):  # its file counts, too
        yield f"module {name}", _FileOnly(value)
    module = getattr(value if callable(value) else type(value), "__module__", None)
    if isinstance(module, str) and module != "__main__" and is_users(module):
        yield f"module {module}", sys.modules.get(module)


class _FileOnly(types.ModuleType):
    """Stands for the file of a module, without what the module holds."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__(module.__name__)
        self.__file__ = getattr(module, "__file__", None)


def _at(value: Any, step: str) -> Any:
    """Return an attribute or item that is there as data; nothing of the user's is run.

    Raises
    ------
    LookupError
        If it is a method, a property, or not there.
    """
    if step.startswith("["):
        key = ast.literal_eval(step[1:-1])
        if type(value) in (dict, list, tuple):
            return value[key]
        raise LookupError(step)
    name = step[1:]
    if isinstance(value, types.ModuleType):
        return vars(value)[name]
    is_namedtuple = isinstance(value, tuple) and name in getattr(value, "_fields", ())
    if is_namedtuple:
        return getattr(value, name)
    if package_of(value) in ("torch", "keras", "tensorflow", "pandas", "numpy", "scipy"):
        raise LookupError(step)  # read as a whole
    held = getattr(value, "__dict__", {})
    if isinstance(value, type):
        held = {k: v for k, v in held.items() if not callable(function_in(v))}
    if name in held:
        return held[name]
    if isinstance(value, dict) and name in value:  # scikit-learn's Bunch
        return dict.__getitem__(value, name)
    raise LookupError(step)


def _is_of_library(value: Any) -> bool:
    """Return whether a value is a module, function or class of an installed library, or ours."""
    if isinstance(value, types.ModuleType):
        return value.__name__ == "__main__" or not is_users(value.__name__)
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type):
        is_bound = getattr(value, "__self__", None) is not None
        is_method = is_bound and not isinstance(value.__self__, types.ModuleType)  # type: ignore[union-attr]
        return not is_method and not is_users(getattr(value, "__module__", None) or "builtins")
    return package_of(value) in ("hpo_magic", "IPython")


def _paths_in(value: Any) -> Iterable[Paths]:
    """Yield what a function or class of the notebook reads from the notebook."""
    functions: list[Any] = [value]
    value = inspect.unwrap(value) if callable(value) else value
    functions.append(value)
    if isinstance(value, functools.partial):
        functions.append(value.func)
    if isinstance(value, type) and is_users(value.__module__):
        functions += [function_in(member) for member in vars(value).values()]
    if not isinstance(value, type) and is_users(type(value).__module__):
        functions += [function_in(member) for member in vars(type(value)).values()]
    for function in functions:
        if isinstance(function, types.FunctionType) and function.__module__ == "__main__":
            yield _paths_of(function)


def _paths_of(function: types.FunctionType) -> Paths:
    return _paths_of_code(function.__code__, _Globals(function.__globals__))


class _Globals:
    """The globals of a function; all are equal, so that they do not count as a key of the cache."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Globals)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=1024)
def _paths_of_code(code: types.CodeType, around: _Globals) -> Paths:
    definition = definition_of(code, around.namespace)
    if definition is None:
        return {name: frozenset({()}) for name in _global_names(code)}
    is_lambda = isinstance(definition, ast.Lambda)
    statement = ast.Expr(definition) if is_lambda else definition  # type: ignore[arg-type]
    return CellText("", ast.Module([statement], [])).paths_read  # type: ignore[list-item]


def _global_names(code: types.CodeType) -> Iterable[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME")):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)
