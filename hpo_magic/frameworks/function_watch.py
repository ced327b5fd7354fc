"""Functions of scikit-learn that pass through ours while somebody watches.

A notebook has imported `accuracy_score` long before the search, so the name in the library's module
is not the one that its cells call. scikit-learn checks the arguments of its public functions in a
wrapper, `validate_params`, that holds the function itself in its closure: what the wrapper holds is
exchanged, and put back.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CellType
from typing import Any

Run = Callable[..., Any]
_NAMES = ("func", "fit_method")  # of what the wrappers of functions and of `fit` hold


class WatchedFunction:
    """One function of the library, exchanged while at least one watch is open.

    The exchange is one for the whole process; which watch a call belongs to is decided by the
    thread it runs in.

    Parameters
    ----------
    function
        As the library exports it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._cell = _held(function)
        self._lock = threading.Lock()
        self._n_open = 0
        self._before: Any = None
        self._ours: Any = None
        self._this_thread = threading.local()

    @contextmanager
    def through(self, run: Run) -> Iterator[None]:
        """Have this thread's calls made by `run(function, *args, **kwargs)`.

        Nothing is watched where the library holds its functions in another way.
        """
        if self._cell is None:
            yield
            return
        before = getattr(self._this_thread, "run", None)
        self._open(self._cell)
        self._this_thread.run = run
        try:
            yield
        finally:
            self._this_thread.run = before
            self._close(self._cell)

    def _open(self, cell: CellType) -> None:
        with self._lock:
            if self._n_open == 0:
                self._before = cell.cell_contents
                self._ours = self._passing(self._before)
                cell.cell_contents = self._ours
            self._n_open += 1

    def _close(self, cell: CellType) -> None:
        with self._lock:
            self._n_open -= 1
            if self._n_open == 0 and cell.cell_contents is self._ours:
                cell.cell_contents = self._before

    def _passing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, watched where somebody watches, and unchanged elsewhere."""

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            run = getattr(self._this_thread, "run", None)
            return run(function, *args, **kwargs) if run else function(*args, **kwargs)

        return watched


def _held(function: Callable[..., Any]) -> CellType | None:
    """Return the closure's cell with the function itself; None if there is none."""
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    inner = getattr(function, "__wrapped__", None)
    if code is None or not cells or inner is None:
        return None
    held = [cell for name, cell in zip(code.co_freevars, cells, strict=True) if name in _NAMES]
    return held[0] if len(held) == 1 and held[0].cell_contents is inner else None
