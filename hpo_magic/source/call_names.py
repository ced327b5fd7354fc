"""Name the `hp.*` calls that were given no name, by the place where they stand.

`hp_calls` reads from the text what could name a call. Here the running program decides: signatures
say which parameter a position binds, frames say which pass of a loop it is. No function of the
user's is called, and a frame is held only while it may still run.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count, islice
from pathlib import PurePath
from types import CodeType, FrameType, FunctionType, MethodDescriptorType, ModuleType
from typing import NamedTuple

from hpo_magic.core.log import caught
from hpo_magic.errors import NoNameError
from hpo_magic.source.hp_calls import HpCall, Source, read_source
from hpo_magic.source.loop_passes import LoopPasses, callers
from hpo_magic.source.syntax import constant_text
from hpo_magic.source.text_names import Binding

Namespace = Mapping[str, object]

# Arithmetic: `units = int(hp.Float(8, 512))` is about units, not about the x of `int(x)`.
_ARITHMETIC = frozenset({"builtins", "math", "numpy"})

# What turns into a bound method without running code of the user's.
_METHOD_KINDS = (FunctionType, classmethod, staticmethod, MethodDescriptorType)

# What the message suggests: a word that fits what such a call is mostly used for.
_EXAMPLES = {
    "Boolean": "norm",
    "Choice": "activation",
    "Fixed": "batch_size",
    "Float": "rate",
    "Int": "layers",
}


class UnnamedCall(NoNameError):
    """An `hp` call has no name: `call` and `line` say which, `reason` why, `fix` what to write."""

    def __init__(self, call: str, line: int, reason: str, fix: str) -> None:
        super().__init__(call, line, reason, fix)
        self.call, self.line, self.reason, self.fix = call, line, reason, fix

    def __str__(self) -> str:
        """Return the sentence for the user."""
        return f"{self.call} on line {self.line} has no name: {self.reason}. Write {self.fix}."


class _Place(NamedTuple):
    """The name of a call that a trial reached, and how its loop passes are counted.

    Attributes
    ----------
    code
        The code that makes the call; held so that no other code object can get its `id`.
    key
        The place as text, by which passes are counted.
    name
        Without the number of the pass.
    loops, nested
        As in `HpCall`.
    """

    code: CodeType
    key: str
    name: str
    loops: bool
    nested: bool


class CallNames:
    """Gives each unnamed `hp` call of one trial its name.

    Parameters
    ----------
    cell_filename
        The file name that the cell was compiled under. Its names come first: a call elsewhere that
        would have the same one gets a number. None if there is no such cell.
    known
        `names` of earlier trials of the same text. They stay, whichever branch this trial takes.

    Notes
    -----
    It holds the frames whose loops it counts: drop it at the end of the trial. While the trial
    runs, frames that have ended are dropped at the next call.
    """

    def __init__(
        self, cell_filename: str | None = None, known: Mapping[str, str] | None = None
    ) -> None:
        self.names: dict[str, str] = dict(known or {})
        """The names so far, by place: "3:8" is line and column (bytes) in the cell, a place
        elsewhere begins with its module. A call in a loop is here without its pass."""
        self._cell_filename = cell_filename
        self._places: dict[tuple[int, int], _Place] = {}
        self._passes = LoopPasses()

    def name_of(self, frame: FrameType, method: str) -> str:
        """Return the name of the call that `frame` is making: "units", or "units[2]" in a loop.

        Parameters
        ----------
        frame
            The caller's frame, in the user's code.
        method
            What is called on `hp`: "Int", "Choice", ...

        Raises
        ------
        UnnamedCall
            If the place has no name, or cannot be read.
        """
        self._passes.forget_finished(frame)
        here = id(frame.f_code), frame.f_lasti
        place = self._places.get(here)
        if place is None:
            place = self._places[here] = self._place_of(frame, method)
        if not place.loops:
            return place.name
        return f"{place.name}[{self._passes.next_pass(frame, place.key, nested=place.nested)}]"

    def _place_of(self, frame: FrameType, method: str) -> _Place:
        source, hp_call = _hp_call_made_by(frame, method)
        key = self._origin(frame) + label(hp_call)
        if key not in self.names:
            self.names[key] = self._new_name(frame, method, source, hp_call)
        return _Place(frame.f_code, key, self.names[key], hp_call.loops, hp_call.nested)

    def _new_name(self, frame: FrameType, method: str, source: Source, hp_call: HpCall) -> str:
        own = _wanted(source, hp_call, {**frame.f_globals, **frame.f_locals})
        if own is None:
            reason = "it is neither assigned to a variable nor passed to a parameter"
            raise _unnamed(source, hp_call, method, reason)
        origin = self._origin(frame)
        others = _same_hp(source, hp_call, frame.f_globals)
        if frame.f_code.co_filename != self._cell_filename:
            # A file holds much that has nothing to do with this search.
            others = (other for other in others if _unit(source, other) is _unit(source, hp_call))
        wanted = _wanted_names(source, frame.f_globals, others)
        wanted[label(hp_call)] = own
        # Those that have a name already keep it; the others are numbered around them.
        unnamed = {key: name for key, name in wanted.items() if origin + key not in self.names}
        taken = {*_given_names(source), *self.names.values(), *self._names_of_cell(frame)}
        return _numbered(dict(sorted(unnamed.items(), key=_by_place)), taken)[label(hp_call)]

    def _origin(self, frame: FrameType) -> str:
        """Return what stands before a place to tell its source: nothing for the cell."""
        filename = frame.f_code.co_filename
        if filename == self._cell_filename:
            return ""
        module = frame.f_globals.get("__name__")
        return f"{PurePath(filename).name if module in (None, '__main__') else module}:"

    def _names_of_cell(self, frame: FrameType) -> Collection[str]:
        """Return the names of the cell's own calls, which no call outside the cell may take."""
        if self._cell_filename in (None, frame.f_code.co_filename):
            return ()
        namespace = frame.f_globals
        for caller in callers(frame):
            if caller.f_code.co_filename == self._cell_filename:
                namespace = caller.f_globals
        text = "".join(linecache.getlines(self._cell_filename or ""))
        try:
            source = read_source(text)
        except SyntaxError:
            return ()  # it is not the text that runs: there is nothing to leave
        named = _numbered(_wanted_names(source, namespace), _given_names(source))
        return {*named.values(), *_given_names(source)}


def names_in(source: Source, namespace: Namespace, bases: Collection[str]) -> dict[str, str]:
    """Return the names of the unnamed calls of a text, by place, without running it.

    Parameters
    ----------
    namespace
        Where the functions and classes that the calls are passed to are looked up.
    bases
        What `hp` is called in the text: "hp", "h", "hpo_magic.hp".
    """
    chosen = [hp_call for hp_call in source.hp_calls if ".".join(hp_call.base or ()) in bases]
    return _numbered(_wanted_names(source, namespace, chosen), _given_names(source))


def label(hp_call: HpCall) -> str:
    """Return the place of a call as text: "3:8" for line 3, byte 8."""
    line, column = hp_call.position
    return f"{line}:{column}"


def value_of(chain: Iterable[str], namespace: Namespace) -> object:
    """Return what `keras.layers.Dense` stands for.

    Properties and the like are not computed: they are the user's code.

    Raises
    ------
    LookupError
        If it cannot be told without running something.
    """
    first, *rest = chain
    value = namespace[first] if first in namespace else vars(builtins)[first]
    for name in rest:
        value = _attribute(value, name)
    return value


def _attribute(owner: object, name: str) -> object:
    try:
        if isinstance(owner, ModuleType):
            return getattr(owner, name)  # modules may load their parts when they are asked for
        raw: object = inspect.getattr_static(owner, name)
        is_own = not isinstance(owner, type) and name in getattr(owner, "__dict__", ())
    except Exception as error:
        raise LookupError(name) from error
    if is_own or not hasattr(type(raw), "__get__"):
        return raw
    if not isinstance(raw, _METHOD_KINDS):
        raise LookupError(name)
    instance, kind = (None, owner) if isinstance(owner, type) else (owner, type(owner))
    bound: object = raw.__get__(instance, kind)
    return bound


def _wanted(source: Source, hp_call: HpCall, namespace: Namespace) -> str | None:
    """Return the name that a call has unless another call has it already."""
    named = (_parameter(source, binding, namespace) for binding in hp_call.bindings)
    return next(filter(None, named), hp_call.target)


def _parameter(source: Source, binding: Binding, namespace: Namespace) -> str | None:
    """Return the parameter that the argument is bound to; None for arithmetic such as `int(x)`."""
    try:
        callee = value_of(binding.callee, namespace)
    except LookupError:
        # Not there yet: what the text itself defines can be read there.
        named = source.parameters.get(".".join(binding.callee), ())
        return named[binding.position] if binding.position < len(named) else None
    if _module(callee) in _ARITHMETIC or not callable(callee):
        return None
    try:
        parameters = list(inspect.signature(callee).parameters.values())
    except Exception:  # noqa: BLE001 - a foreign `__signature__` may fail in any way
        caught("a signature could not be read")
        return None
    if binding.position >= len(parameters):
        return None
    parameter = parameters[binding.position]
    return parameter.name if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else None


def _module(callee: object) -> str:
    """Return the package that a callee comes from; for a method of an object, that of its class."""
    module = getattr(callee, "__module__", None)
    if not isinstance(module, str):
        module = type(getattr(callee, "__self__", callee)).__module__
    return module.partition(".")[0]


def _wanted_names(
    source: Source, namespace: Namespace, hp_calls: Iterable[HpCall] | None = None
) -> dict[str, str]:
    """Return by place the names that unnamed calls want: `hp_calls`, or all in the text."""
    around = {**_imported(source), **namespace}
    unnamed = (s for s in (source.hp_calls if hp_calls is None else hp_calls) if s.given is None)
    wanted = {label(hp_call): _wanted(source, hp_call, around) for hp_call in unnamed}
    return {place: name for place, name in wanted.items() if name is not None}


def _imported(source: Source) -> dict[str, object]:
    """Return what the imports in the text will bind, as far as it is loaded already."""
    bound: dict[str, object] = {}
    for node in source.parents:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                bound[alias.asname or name] = sys.modules.get(name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            module = sys.modules.get(node.module)
            for alias in node.names:
                with suppress(LookupError):
                    bound[alias.asname or alias.name] = _attribute(module, alias.name)
    return {name: value for name, value in bound.items() if value is not None}


def _given_names(source: Source) -> set[str]:
    given = (constant_text(hp_call.given) for hp_call in source.hp_calls)
    return {name for name in given if name is not None}


def _same_hp(source: Source, hp_call: HpCall, namespace: Namespace) -> Iterator[HpCall]:
    """Yield the calls on the same `hp` as `hp_call`, under the same or another name of it."""
    for other in source.hp_calls:
        if other.base == hp_call.base or _is_same(other.base, hp_call.base, namespace):
            yield other


def _unit(source: Source, hp_call: HpCall) -> ast.AST | None:
    """Return the outermost function or class that a call stands in; None at the top level."""
    unit: ast.AST | None = None
    node: ast.AST | None = hp_call.call
    while node is not None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            unit = node
        node = source.parents.get(node)
    return unit


def _is_same(
    base: tuple[str, ...] | None, other: tuple[str, ...] | None, namespace: Namespace
) -> bool:
    try:
        return value_of(base or (), namespace) is value_of(other or (), namespace)
    except (LookupError, ValueError):
        return False


def _by_place(item: tuple[str, str]) -> tuple[int, ...]:
    return tuple(map(int, item[0].split(":")))


def _numbered(wanted: Mapping[str, str], taken: Iterable[str]) -> dict[str, str]:
    """Return a name of its own for each place: "units", "units_2", ... in the given order.

    The first to want a name has it unless it is taken, even if an earlier place could be numbered
    into it: `units_2 = hp.Int(...)` is `units_2`.
    """
    used = set(taken)
    names: dict[str, str] = {}
    for place, name in wanted.items():
        if name not in used:
            names[place] = name
            used.add(name)
    for place, name in wanted.items():
        if place not in names:
            free = next(n for n in (f"{name}_{i}" for i in count(2)) if n not in used)
            names[place] = free
            used.add(free)
    return names


def _hp_call_made_by(frame: FrameType, method: str) -> tuple[Source, HpCall]:
    """Return the call that `frame` is making, and the text it stands in."""
    code = frame.f_code
    positions = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    start_line, end_line, start, end = (-1 if p is None else p for p in positions)
    try:
        text = "".join(linecache.getlines(code.co_filename, frame.f_globals))
        source = read_source(text)
        call = source.call_at((end_line, end), (start_line, start))
    except (SyntaxError, ValueError):
        call = None
    if call is None:
        fix = f"hp.{method}({_example(method)}, ...)"
        reason = "its place in the source cannot be read here"
        raise UnnamedCall(f"hp.{method}()", frame.f_lineno, reason, fix)
    return source, source.hp_call_of(call)


def _unnamed(source: Source, hp_call: HpCall, method: str, reason: str) -> UnnamedCall:
    """Return the error that quotes the call and writes it with a name."""
    call = hp_call.call
    func = ast.unparse(call.func)
    whole = ast.get_source_segment(source.text, call) or ""
    arguments = "..."
    if "\n" not in whole and whole.startswith(f"{func}("):
        arguments = whole[len(func) + 1 : -1]
    named = ", ".join(filter(None, [_example(method), arguments]))
    return UnnamedCall(f"{func}({arguments})", call.lineno, reason, f"{func}({named})")


def _example(method: str) -> str:
    return f'"{_EXAMPLES.get(method, "name")}"'
