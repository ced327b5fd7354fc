"""Settings of Python's own for the whole process: how each is read and put back."""

from __future__ import annotations

import locale
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from types import ModuleType
from typing import Any

from hpo_magic.executors.setting import UNKNOWN, Setting
from hpo_magic.language.trial_context import MARK


def _environ(module: ModuleType) -> Any:
    """Return the environment without our own mark, which is not the training's.

    In bytes where the environment is kept so: decoding it takes twenty times as long.
    """
    raw = getattr(os.environ, "_data", None)
    found: dict[Any, Any] = dict(os.environ if raw is None else raw)
    for mark in (MARK, os.fsencode(MARK)):
        found.pop(mark, None)
    return found


def _put_environ(module: ModuleType, before: Any) -> None:
    texts = {_text(name): _text(value) for name, value in before.items()}
    for name in set(os.environ) - set(texts) - {MARK}:
        del os.environ[name]
    os.environ.update({n: v for n, v in texts.items() if os.environ.get(n) != v})


def _text(name: str | bytes) -> str:
    return os.fsdecode(name)


def _folder(module: ModuleType) -> Any:
    try:
        return os.getcwd()  # noqa: PTH109  (a string, which compares and cannot be changed)
    except FileNotFoundError:
        return UNKNOWN


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(one for one in known if isinstance(one, logging.Logger))]


def _read_logging(module: ModuleType) -> Any:
    loggers = _loggers()
    state = [
        (one, one.level, tuple(one.handlers), one.propagate, one.disabled, tuple(one.filters))
        for one in loggers
    ]
    handlers = [handler for one in loggers if one.handlers for handler in one.handlers]
    streams = [(h, h.stream) for h in handlers if isinstance(h, logging.StreamHandler)]
    return logging.root.manager.disable, state, streams


def _put_logging(module: ModuleType, before: Any) -> None:
    """Put loggers back; one that was made since keeps its level and loses its stream handlers.

    A handler made in a training writes to the stream of that training, which nobody reads.
    """
    disable, states, streams = before
    logging.root.manager.disable = disable
    known = {id(state[0]) for state in states}
    for one, level, handlers, propagate, disabled, filters in states:
        one.setLevel(level)
        one.handlers[:] = handlers
        one.filters[:] = filters
        one.propagate, one.disabled = propagate, disabled
    kept = {id(handler) for state in states for handler in state[2]}
    for one in _loggers():
        if id(one) not in known:
            is_file = [isinstance(h, logging.FileHandler) for h in one.handlers]
            one.handlers[:] = [
                h
                for h, stays in zip(one.handlers, is_file, strict=True)
                if stays or id(h) in kept or not isinstance(h, logging.StreamHandler)
            ]
    for handler, stream in streams:
        if handler.stream is not stream:
            handler.setStream(stream)


def _read_warnings(module: ModuleType) -> Any:
    return list(warnings.filters), warnings.showwarning, warnings.simplefilter


def _put_warnings(module: ModuleType, before: Any) -> None:
    filters, warnings.showwarning, warnings.simplefilter = before
    warnings.filters[:] = filters  # type: ignore[index]  # a list; typeshed says Sequence
    mutated = getattr(warnings, "_filters_mutated", None) or getattr(
        warnings, "_filters_mutated_lock_held", None
    )
    if mutated is not None:
        mutated()


def _read_hooks(module: ModuleType) -> Any:
    return sys.excepthook, sys.unraisablehook, threading.excepthook, sys.gettrace()


def _put_hooks(module: ModuleType, before: Any) -> None:
    sys.excepthook, sys.unraisablehook, threading.excepthook, trace = before
    sys.settrace(trace)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _read_signals(module: ModuleType) -> Any:
    if not _is_main_thread():
        return UNKNOWN
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _put_signals(module: ModuleType, before: dict[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


# SIGINT is ours while a search runs; a training that replaces it would take the stop button away.
_SIGNALS = [
    number
    for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGALRM"))
    if number is not None
]


def _put_locale(module: ModuleType, before: str) -> None:
    locale.setlocale(locale.LC_ALL, before)


def _put_path(module: ModuleType, before: list[str]) -> None:
    sys.path[:] = before


def _put_gc(gc: ModuleType, before: tuple[bool, tuple[int, int, int]]) -> None:
    is_enabled, threshold = before
    (gc.enable if is_enabled else gc.disable)()
    gc.set_threshold(*threshold)


PYTHON = (
    Setting(
        "environment variables",
        _environ,
        _put_environ,
        is_set_by_imports=True,
    ),
    Setting("the working folder", _folder, lambda sys, before: os.chdir(before)),
    Setting("the import path", lambda sys: list(sys.path), _put_path, is_set_by_imports=True),
    Setting("logging", _read_logging, _put_logging),
    Setting("the warnings filter", _read_warnings, _put_warnings, is_set_by_imports=True),
    Setting("exception hooks", _read_hooks, _put_hooks),
    Setting("signal handlers", _read_signals, _put_signals, is_of_thread=True),
    Setting(
        "the recursion limit",
        lambda sys: sys.getrecursionlimit(),
        lambda sys, before: sys.setrecursionlimit(before),
    ),
    Setting(
        "decimal's context",
        lambda decimal: decimal.getcontext().copy(),
        lambda decimal, before: decimal.setcontext(before),
        "decimal",
        is_of_thread=True,
    ),
    Setting(
        "the locale",
        lambda sys: locale.setlocale(locale.LC_ALL),
        _put_locale,
    ),
    Setting(
        "the default time-out of sockets",
        lambda sys: socket.getdefaulttimeout(),
        lambda sys, before: socket.setdefaulttimeout(before),
    ),
    Setting(
        "how processes are started (multiprocessing)",
        lambda multiprocessing: multiprocessing.get_start_method(allow_none=True),
        lambda multiprocessing, before: multiprocessing.set_start_method(before, force=True),
        "multiprocessing",
    ),
    Setting(
        "garbage collection",
        lambda gc: (gc.isenabled(), gc.get_threshold()),
        _put_gc,
        "gc",
    ),
)
