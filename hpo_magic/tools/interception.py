"""Catch the calls that begin another tool's search, under whatever name they are called.

A method is replaced in its class. A function keeps its identity, since users have it by other names
already (`from hyperopt import fmin`): its code is replaced. Both are put back at the end.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.errors import SpaceError
from hpo_magic.language.trial_context import current_trial
from hpo_magic.tools.entries import ENTRIES, Entry

_MARK = "_hpo_magic_entry"
_ENTRY_NAME = "name of the entry"


class NestedSearch(SpaceError):
    """A search of another tool begins inside a trial."""


@dataclass(frozen=True)
class Call:
    """One call of an entry.

    Attributes
    ----------
    entry
        What was called.
    original
        What would have run.
    args, options
        Its arguments; `self` is the first one of a method.
    frame
        The frame of the user's code that called it.
    """

    entry: Entry
    original: Callable[..., Any]
    args: tuple[Any, ...]
    options: dict[str, Any]
    frame: FrameType

    @property
    def text(self) -> str:
        """How a user writes it; the searches of scikit-learn share a method of a base class."""
        if self.entry.place.endswith("._run_search") and self.args:
            return f"{type(self.args[0]).__name__}.fit"
        return self.entry.call


Handler = Callable[[Call], Any]
# The handlers of the scripts that run now, the innermost last; empty where none runs.
_handlers: list[Handler] = []
# The original code of the functions that are replaced now, by the place of their entry.
_originals: dict[str, Callable[..., Any]] = {}


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Give the calls that begin a search, outside of trials, to `handler` while this is open."""
    _handlers.append(handler)
    try:
        yield
    finally:
        _handlers.remove(handler)


@contextmanager
def intercepted(modules: Iterable[str] = ()) -> Iterator[None]:
    """Catch the entries of all tools while this is open, also of those that are loaded meanwhile.

    Parameters
    ----------
    modules
        Top-level packages that the code will import; they are imported now.
    """
    wanted = set(modules)
    with ExitStack() as stack:
        late: dict[str, list[Entry]] = {}
        for entry in ENTRIES:
            if entry.package in wanted or entry.package in sys.modules:
                _catch_if_there(entry, stack)
            else:
                late.setdefault(entry.place.partition(":")[0], []).append(entry)
        finder = _LateImports(late, partial(_catch_if_there, stack=stack))
        sys.meta_path.insert(0, finder)
        stack.callback(sys.meta_path.remove, finder)
        yield


class _LateImports(MetaPathFinder):
    """Finds no module itself; has the entries of a module caught once it is loaded.

    Parameters
    ----------
    entries
        By the name of their module.
    catch
        Catches one of them.
    """

    def __init__(self, entries: Mapping[str, list[Entry]], catch: Callable[[Entry], None]) -> None:
        self._entries, self._catch = entries, catch
        self._is_asked = False  # by itself

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module's own spec, whose loader catches the entries at its end."""
        if self._is_asked or fullname not in self._entries:
            return None
        self._is_asked = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._is_asked = False
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = partial(  # type: ignore[method-assign]
                self._loaded, spec.loader.exec_module, self._entries[fullname]
            )
        return spec

    def _loaded(
        self, load: Callable[[ModuleType], None], entries: list[Entry], module: ModuleType
    ) -> None:
        load(module)
        for entry in entries:
            self._catch(entry)


def _catch_if_there(entry: Entry, stack: ExitStack) -> None:
    with suppressed(f"{entry.place} is not there", Exception):
        _catch(entry, stack)


def _catch(entry: Entry, stack: ExitStack) -> None:
    module_name, _, path = entry.place.partition(":")
    owner: Any = importlib.import_module(module_name)
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    found = vars(owner)[name] if classes else getattr(owner, name)
    if entry.place in _originals:
        return  # a search inside of a script: it is caught already
    if classes:
        _replace_method(entry, owner, name, found, stack)
    else:
        _replace_code(entry, found, stack)
    stack.callback(_originals.pop, entry.place)


def _replace_method(entry: Entry, owner: type, name: str, found: Any, stack: ExitStack) -> None:
    _originals[entry.place] = found

    @functools.wraps(found)
    def stand_in(*args: Any, **options: Any) -> Any:
        return called(entry.place, args, options)

    setattr(stand_in, _MARK, entry)
    stack.callback(setattr, owner, name, found)
    setattr(owner, name, stand_in)


def _replace_code(entry: Entry, function: FunctionType, stack: ExitStack) -> None:
    code, defaults, named = function.__code__, function.__defaults__, function.__kwdefaults__
    copy = FunctionType(code, function.__globals__, function.__name__, defaults)
    copy.__kwdefaults__ = named

    def put_back() -> None:
        function.__code__ = code
        function.__defaults__, function.__kwdefaults__ = defaults, named

    _originals[entry.place] = copy
    stack.callback(put_back)
    function.__defaults__, function.__kwdefaults__ = None, None
    function.__code__ = _code_for(entry)


def _called_instead(*args: Any, **options: Any) -> Any:
    # Runs with the globals of the tool's function, so it imports what it needs itself.
    from hpo_magic.tools.interception import called

    return called("name of the entry", args, options)


def _code_for(entry: Entry) -> CodeType:
    code = _called_instead.__code__
    names = tuple(entry.place if one == _ENTRY_NAME else one for one in code.co_consts)
    return code.replace(co_consts=names)


def called(place: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Do what a call of an entry does while it is caught.

    Raises
    ------
    NestedSearch
        If it begins inside a trial.
    """
    entry = next(one for one in ENTRIES if one.place == place)
    original = _originals[place]
    if entry.is_inner and _root(sys._getframe(2)) in (entry.package, "optuna_integration"):
        return original(*args, **options)  # sys._getframe(1) is the stand-in's
    call = Call(entry, original, args, options, _users_frame(entry))
    if current_trial() is not None:
        if entry.may_nest:
            return original(*args, **options)
        raise NestedSearch(
            f"{call.text} on line {call.frame.f_lineno} is a search of {entry.tool}'s, and it "
            f"would run whole in every trial. Put %%hpo on the cell that calls it, without other "
            f"hp calls: then it is the search. Or leave it out: {entry.instead}."
        )
    if not _handlers:
        return original(*args, **options)
    return _handlers[-1](call)


def _users_frame(entry: Entry) -> FrameType:
    """Return the innermost frame that is neither ours nor the tool's nor an installed library's."""
    own = ("hpo_magic", entry.package, "optuna_integration", "sklearn", "functools", "contextlib")
    frame = sys._getframe(1)
    while frame.f_back is not None and (_root(frame) in own or _is_installed(frame)):
        frame = frame.f_back
    return frame


def _is_installed(frame: FrameType) -> bool:
    """Return whether a frame's code is of an installed package, such as joblib."""
    return "site-packages" in frame.f_code.co_filename


def _root(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
