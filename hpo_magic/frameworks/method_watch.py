"""Methods and functions of a library that pass through ours while somebody watches.

A method is replaced in its class. A function is known under many names (`from lightgbm import
train`), so the function object stays where it is and its code is exchanged. Either is one for the
whole process; which watch a call belongs to is decided by the context that it runs in, so a
training may run in any thread that has its trial's context.
"""

from __future__ import annotations

import functools
import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FunctionType
from typing import Any

Run = Callable[..., Any]


class WatchedCall(ABC):
    """A call of a library that is exchanged while at least one watch is open."""

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self._n_open = 0
        self._run: ContextVar[Run | None] = ContextVar(f"hpo_magic_{name}", default=None)

    @contextmanager
    def through(self, run: Run) -> Iterator[None]:
        """Have this context's calls made by `run(function, *args, **kwargs)`.

        Of a method `args[0]` is the object. Calls elsewhere stay as they are. Of nested watches the
        inner one gets the calls.
        """
        before = self._run.get()
        with self._lock:
            if self._n_open == 0:
                self._exchange()
            self._n_open += 1
        self._run.set(run)
        try:
            yield
        finally:
            self._run.set(before)
            with self._lock:
                self._n_open -= 1
                if self._n_open == 0:
                    self._put_back()

    @abstractmethod
    def _exchange(self) -> None: ...

    @abstractmethod
    def _put_back(self) -> None: ...

    def _passing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, watched where somebody watches, and unchanged elsewhere."""

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            run = self._run.get()
            return run(function, *args, **kwargs) if run else function(*args, **kwargs)

        return watched


class WatchedMethod(WatchedCall):
    """A method of a class.

    Parameters
    ----------
    owner
        The class.
    name
        The method's: "fit", "evaluate".
    """

    def __init__(self, owner: type, name: str) -> None:
        super().__init__(name)
        self._owner, self._name = owner, name
        self._ours: Any = None
        self._before: Any = None  # what the class itself had: None if the method is its parent's

    def _exchange(self) -> None:
        self._before = vars(self._owner).get(self._name)
        self._ours = self._passing(getattr(self._owner, self._name))
        setattr(self._owner, self._name, self._ours)

    def _put_back(self) -> None:
        # Whoever wrapped the method in the meantime (an experiment logger) keeps the place; ours
        # below does nothing any more.
        if vars(self._owner).get(self._name) is not self._ours:
            return
        if self._before is None:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)


class WatchedFunction(WatchedCall):
    """A function of a module, under whatever names it is known.

    Parameters
    ----------
    function
        As the library exports it; decorators that keep `__wrapped__` are looked through. Nothing is
        watched if its code has a closure.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        inner = inspect.unwrap(function)
        super().__init__(inner.__name__)
        self._function = inner if isinstance(inner, FunctionType) else None
        if self._function is not None and self._function.__closure__:
            self._function = None
        self._before: CodeType | None = None
        self._ours: CodeType | None = None

    def _exchange(self) -> None:
        if (function := self._function) is None:
            return
        self._before = function.__code__
        original = FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__
        )
        original.__kwdefaults__ = function.__kwdefaults__
        original.__annotations__ = function.__annotations__
        self._ours = _calling(self._passing(original), function.__name__)
        function.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
        function.__code__ = self._ours

    def _put_back(self) -> None:
        function = self._function
        if function is not None and self._before and function.__code__ is self._ours:
            function.__code__ = self._before
            del function.__signature__  # type: ignore[attr-defined]


def _calling(passing: Callable[..., Any], name: str) -> CodeType:
    """Return code without a closure that calls `passing`, which is a constant in it."""

    def template(*args: Any, **kwargs: Any) -> Any:
        function: Any = "passing"
        return function(*args, **kwargs)

    code = template.__code__
    constants = tuple(passing if one == "passing" else one for one in code.co_consts)
    return code.replace(co_consts=constants, co_name=name, co_qualname=name)
