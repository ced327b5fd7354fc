"""How objects of Python itself are read: functions, classes, modules, collections, iterators."""

from __future__ import annotations

import array
import ast
import collections
import dataclasses
import functools
import gc
import inspect
import io
import itertools
import operator
import os
import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hpo_magic.inputs.arrays import sampled
from hpo_magic.inputs.libraries import read_array
from hpo_magic.inputs.origin import file_of, is_users
from hpo_magic.inputs.plain import is_plain
from hpo_magic.inputs.reading import Kind, Part, Reading, Role, parts_of
from hpo_magic.source.definitions import class_definition, code_text, function_in
from hpo_magic.source.fingerprint import written_out

MOST_ITEMS = 10_000
# Texts of so many characters on average are data, not names of classes.
LONGER_THAN_NAMES = 20
_LINK = "_lru_list_elem"
_CODE_TYPES = types.FunctionType | types.BuiltinFunctionType | type | types.ModuleType


def read_function(function: types.FunctionType) -> Reading:
    """Return what a function of the user's does and holds: defaults, closure, attributes."""
    if not is_users(function.__module__):
        return named(function)
    closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    parts = [Part(f"({name})", _cell_contents(cell)) for name, cell in closure]
    parts += parts_of([("__defaults__", function.__defaults__)] if function.__defaults__ else [])
    parts += parts_of(
        [("__kwdefaults__", function.__kwdefaults__)] if function.__kwdefaults__ else []
    )
    # A library may add attributes when it first uses a callback (LightGBM: `order`).
    added = parts_of(sorted(vars(function).items()))
    parts += [part._replace(role=Role.CACHED) for part in added]
    return Reading(Kind.CODE, (code_text(function),), parts)


def read_method(method: types.MethodType) -> Reading:
    """Return a bound method as its object and its function."""
    return Reading(
        Kind.CODE, (), parts_of([("__self__", method.__self__), ("__func__", method.__func__)])
    )


def read_partial(partial: functools.partial[Any]) -> Reading:
    """Return a partial function as what it holds."""
    held = [("func", partial.func), ("args", partial.args), ("keywords", partial.keywords)]
    return Reading(Kind.CODE, (), parts_of(held))


def read_cached_function(function: Any) -> Reading:
    """Return a function under `functools.lru_cache`, with the results that it has kept."""
    kept = [
        Part(f"(result for {_key(key)})", result, Role.CACHED)
        for key, result in _cached_results(function)
    ]
    return Reading(Kind.CODE, (), [Part(".__wrapped__", function.__wrapped__), *kept])


def _cached_results(function: Any) -> list[tuple[Any, Any]]:
    """Return the calls and results in an `lru_cache`, as the garbage collector sees them.

    A cache without a limit is a dictionary of the results. One with a limit shows the collector
    key, result and type of each of its entries in turn (CPython 3.11 to 3.13).
    """
    held = gc.get_referents(function)
    dictionaries = [each for each in held if isinstance(each, dict) and each is not vars(function)]
    cache = next((each for each in dictionaries if each), {})
    if not any(type(link).__name__ == _LINK for link in cache.values()):
        return list(cache.items())
    ends = [i for i, each in enumerate(held) if getattr(each, "__name__", "") == _LINK]
    return [(held[end - 2], held[end - 1]) for end in ends[: len(cache)]]


def read_class(kind: type) -> Reading:
    """Return a class of the user's: its source, and the data that it holds.

    A library may change its subclasses when they are first used: of these only what the class's
    own text binds is read.
    """
    if not is_users(kind.__module__):
        return named(kind)
    definition = class_definition(kind)
    members = {n: function_in(m) for n, m in vars(kind).items()}
    functions = types.FunctionType
    members = {n: m for n, m in members.items() if not _is_dunder(n) or isinstance(m, functions)}
    if definition is not None and not all(is_users(b.__module__) for b in kind.__mro__[:-1]):
        bound = {node.id for node in _stored(definition)}
        members = {name: member for name, member in members.items() if name in bound}
    if dataclasses.is_dataclass(kind):  # its generated methods are bytecode
        members = {n: m for n, m in members.items() if not _is_dunder(n)}
    if definition is None:
        fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
        texts = [f"{field.name}: {field.type}" for field in fields]
        content: tuple[str, ...] = (kind.__qualname__, " ".join([*sorted(members), *texts]))
    else:
        content = (written_out(definition),)
        members = {n: m for n, m in members.items() if not isinstance(m, functions)}
    data = {n: m for n, m in members.items() if not isinstance(m, types.MemberDescriptorType)}
    bases = [Part(f"={base.__qualname__}", base) for base in kind.__bases__]
    return Reading(Kind.CODE, content, [*parts_of(sorted(data.items())), *bases])


def _stored(definition: ast.ClassDef) -> Iterator[ast.Name]:
    for statement in definition.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node


def read_module(module: types.ModuleType) -> Reading:
    """Return a module of the user's: its file as it is on disk, and the data that it holds."""
    if not is_users(module.__name__) or module.__name__ == "__main__":
        return named(module)
    file = file_of(module)
    held = {
        name: value
        for name, value in vars(module).items()
        if not _is_dunder(name) and not isinstance(value, _CODE_TYPES)
    }
    used = {_module_of(value) for value in vars(module).values()} - {None, "__main__"}
    users = [sys.modules.get(name) for name in sorted(filter(None, used)) if is_users(name)]
    others = [Part(f"({used.__name__})", used) for used in users if used is not None]
    content = file.read_bytes() if file else module.__name__
    return Reading(Kind.CODE, (content,), [*parts_of(sorted(held.items())), *others])


def _module_of(value: Any) -> str | None:
    """Return the name of a module, or of the module that a function or class is from."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    module = getattr(value, "__module__", None) if callable(value) else None
    return module if isinstance(module, str) else None


def named(value: Any) -> Reading:
    """Return what a library defines: it is known by its name, and changes with its package."""
    module = getattr(value, "__module__", None) or ""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    owner = getattr(value, "__self__", None)
    is_method = owner is not None and not isinstance(owner, types.ModuleType)
    return Reading(
        Kind.CODE, (f"{module}.{name}",), [Part(".__self__", owner)] if is_method else ()
    )


def read_mapping(mapping: Mapping[Any, Any]) -> Reading:
    """Return a dictionary; its order counts."""
    # Not by methods that a subclass of the user's may have.
    pairs = list(dict.items(mapping) if isinstance(mapping, dict) else mapping.items())
    text = f"{type(mapping).__qualname__} {len(pairs)}"
    items = sampled(pairs, MOST_ITEMS)
    if is_plain(items):
        return Reading(Kind.COLLECTION, (text, repr(items)), _attributes(mapping))
    parts = [Part(f"[{_key(key)}]", value) for key, value in items]
    others = [Part(f"[key {i}]", key) for i, (key, _) in enumerate(items) if not is_plain(key)]
    return Reading(Kind.COLLECTION, (text,), [*parts, *others, *_attributes(mapping)])


def _key(key: Any) -> str:
    return repr(key) if is_plain(key) else type(key).__qualname__


def read_sequence(sequence: Any) -> Reading:
    """Return a list, tuple or deque."""
    whole = tuple.__iter__(sequence) if isinstance(sequence, tuple) else list(sequence)
    whole = list.__iter__(sequence) if isinstance(sequence, list) else whole
    items = sampled(list(whole), MOST_ITEMS)
    text = f"{type(sequence).__qualname__} {len(sequence)}"
    if is_plain(items):
        rows = sequence if _is_table(items) else None
        return Reading(Kind.COLLECTION, (text, repr(items)), _attributes(sequence), rows=rows)
    parts = [Part(f"[{i}]", item) for i, item in enumerate(items)]
    return Reading(Kind.COLLECTION, (text,), [*parts, *_attributes(sequence)])


def _is_table(items: list[Any]) -> bool:
    """Return whether the items are rows of data: lists of one length, or long texts."""
    if items and all(isinstance(item, str) for item in items):
        return sum(map(len, items)) >= LONGER_THAN_NAMES * len(items)
    return bool(items) and all(type(i) in (list, tuple) and len(i) == len(items[0]) for i in items)


def read_set(values: Any) -> Reading:
    """Return a set; its order differs from process to process."""
    text = f"{type(values).__qualname__} {len(values)}"
    if len(values) > MOST_ITEMS:  # to sort them would take seconds
        ends = [min(values), max(values)] if is_plain(list(values)) else []
        return Reading(Kind.COLLECTION, (text, repr(ends)))
    if is_plain(list(values)):
        return Reading(Kind.COLLECTION, (text, repr(sampled(sorted(values, key=repr)))))
    return Reading(Kind.COLLECTION, (text, *sorted(type(v).__qualname__ for v in values)))


def _attributes(value: Any) -> list[Part]:
    return parts_of(sorted(getattr(value, "__dict__", {}).items()))


def read_random(generator: random.Random) -> Reading:
    """Return the state of a random generator of Python's."""
    return Reading(Kind.RANDOM, (repr(generator.getstate()),))


def read_generator(generator: types.GeneratorType[Any, Any, Any]) -> Reading:
    """Return where a generator stands: its line, its variables, the iterators inside it."""
    frame = generator.gi_frame
    if frame is None:
        return Reading(Kind.ITERATOR, ("finished",))
    line = frame.f_lineno - generator.gi_code.co_firstlineno
    state = f"{generator.__qualname__} {inspect.getgeneratorstate(generator)} {line}"
    variables = [Part(f"({name})", value) for name, value in sorted(frame.f_locals.items())]
    inner = [each for each in gc.get_referents(generator) if hasattr(type(each), "__next__")]
    within = [Part(f"(inner {i})", each) for i, each in enumerate(inner)]
    return Reading(Kind.ITERATOR, (state,), [*variables, *within])


def read_iterator(iterator: Any) -> Reading:
    """Return where an iterator of Python's own stands, without moving it."""
    content = [type(iterator).__qualname__]
    if isinstance(iterator, itertools.count | itertools.repeat):
        content.append(repr(iterator))
    elif hasattr(iterator, "__length_hint__"):
        content.append(str(operator.length_hint(iterator, -1)))
    if hasattr(iterator, "line_num"):  # of the csv module
        content.append(str(iterator.line_num))
    held = [each for each in gc.get_referents(iterator) if not isinstance(each, type)]
    parts = [Part(f"(inner {i})", each) for i, each in enumerate(held)]
    unseen = "its position" if isinstance(iterator, itertools.cycle) else ""
    return Reading(Kind.ITERATOR, tuple(content), parts, unseen)


def is_own_iterator(value: Any) -> bool:
    """Return whether a value is an iterator of Python itself: `zip`, `itertools`, of a list."""
    kind = type(value)
    is_iterator = hasattr(kind, "__next__") and not hasattr(value, "__dict__")
    return is_iterator and kind.__module__ in ("builtins", "itertools", "_csv")


def read_file(file: io.IOBase) -> Reading:
    """Return how far an open file was read."""
    name = getattr(file, "name", "")
    if file.closed:
        return Reading(Kind.ITERATOR, (f"{name} closed",))
    try:
        if isinstance(file, io.BytesIO | io.StringIO):
            return Reading(Kind.ITERATOR, (str(file.tell()), repr(file.getvalue())))
        return Reading(Kind.ITERATOR, (f"{name} {os.lseek(file.fileno(), 0, os.SEEK_CUR)}",))
    except (OSError, ValueError):
        return Reading(Kind.ITERATOR, (str(name),), unseen="its position")


def _cell_contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def reader_of_python(value: Any) -> Callable[[Any], Reading] | None:
    """Return what reads an object of Python's own; None for other objects."""
    kind: Any = type(value)
    reader = _reader_for_class(kind)
    if reader is not None:
        return reader
    if kind.__name__ == "_lru_cache_wrapper":
        return read_cached_function
    if is_own_iterator(value):
        return read_iterator
    # Of the class: an object's own `__getattr__` is the user's code.
    return read_array if hasattr(kind, "__array__") else None


@functools.lru_cache(maxsize=1024)
def _reader_for_class(kind: Any) -> Callable[[Any], Reading] | None:
    return next((reader for kinds, reader in _READERS if issubclass(kind, kinds)), None)


_READERS: Sequence[tuple[Any, Callable[[Any], Reading]]] = (
    (types.FunctionType, read_function),
    (types.MethodType, read_method),
    (type, read_class),
    (types.ModuleType, read_module),
    (functools.partial, read_partial),
    ((types.BuiltinFunctionType, types.MethodWrapperType), named),
    (types.GeneratorType, read_generator),
    (io.IOBase, read_file),
    (random.Random, read_random),
    ((dict, types.MappingProxyType), read_mapping),
    ((list, tuple, collections.deque), read_sequence),
    ((set, frozenset), read_set),
    ((array.array, bytearray, memoryview), read_array),
)
