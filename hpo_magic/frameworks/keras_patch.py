"""A method of `keras.Model` that passes through ours while somebody watches."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras


class WatchedMethod:
    """One method of `keras.Model`, replaced while at least one watch is open.

    `keras.Model` is one class for the whole process, and so is the replacement; which watch a call
    belongs to is decided by the thread it runs in.

    Parameters
    ----------
    name
        The method's: "fit", "evaluate".
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._n_open = 0
        self._ours: Any = None
        self._before: Any = None  # what the class itself had: None if the method is its parent's
        self._this_thread = threading.local()

    @contextmanager
    def through(self, run: Callable[..., Any]) -> Iterator[None]:
        """Have this thread's calls made by `run(method, *args, **kwargs)`; `args[0]` is the model.

        Calls in other threads stay as they are. Of nested watches the inner one gets the calls.
        """
        before = getattr(self._this_thread, "run", None)
        self._open()
        self._this_thread.run = run
        try:
            yield
        finally:
            self._this_thread.run = before
            self._close()

    def _open(self) -> None:
        with self._lock:
            if self._n_open == 0:
                self._before = vars(keras.Model).get(self._name)
                self._ours = self._passing(getattr(keras.Model, self._name))
                setattr(keras.Model, self._name, self._ours)
            self._n_open += 1

    def _close(self) -> None:
        with self._lock:
            self._n_open -= 1
            # Whoever wrapped the method in the meantime (an experiment logger) keeps the place;
            # ours below does nothing any more.
            if self._n_open or vars(keras.Model).get(self._name) is not self._ours:
                return
            if self._before is None:
                delattr(keras.Model, self._name)
            else:
                setattr(keras.Model, self._name, self._before)

    def _passing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method, watched where somebody watches, and unchanged elsewhere."""

        @functools.wraps(method)
        def watched(*args: Any, **kwargs: Any) -> Any:
            run = getattr(self._this_thread, "run", None)
            return run(method, *args, **kwargs) if run else method(*args, **kwargs)

        return watched
