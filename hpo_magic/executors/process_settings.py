"""The settings that a training can make for the whole process: how each is read and put back.

To add one: a line in `SETTINGS`. A library's functions are reached by its module, which is given to
them: nothing is imported here that the notebook has not imported.
"""

from __future__ import annotations

import contextlib
import locale
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from hpo_magic.language.trial_context import MARK

UNKNOWN: Any = object()  # a state that cannot be told: nothing is compared, nothing is put back


@dataclass(frozen=True, eq=False)
class Setting:
    """One thing that is set for the whole process.

    Attributes
    ----------
    name
        In the user's words, for a message: "NumPy's error state".
    read
        Returns the state now, a value that later changes do not touch. Gets the library's module.
    put
        Puts a state back; None where that cannot be done, and a change can only be named.
    module
        The library that must be loaded, by its import name; "sys" for Python's own settings.
    is_set_by_imports
        Importing a library changes it too. It is left alone after a training that imported one:
        the library is not imported a second time, and may need what it set.
    fresh
        Returns the state after the library's import, for one that a training loaded itself;
        `UNKNOWN` where that is not known.
    is_of_thread
        Each thread has its own, or the main thread alone.
    """

    name: str
    read: Callable[[ModuleType], Any]
    put: Callable[[ModuleType, Any], None] | None
    module: str = "sys"
    is_set_by_imports: bool = False
    fresh: Callable[[ModuleType], Any] = lambda module: UNKNOWN
    is_of_thread: bool = False


# Python's own.


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


_PYTHON = (
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


# Libraries.


def _put_torch(torch: ModuleType, before: dict[str, Any]) -> None:
    torch.set_default_dtype(before["dtype"])
    torch.set_grad_enabled(before["grad"])
    chosen = before["deterministic"], before["warn_only"]
    is_chosen = torch.are_deterministic_algorithms_enabled()
    if chosen != (is_chosen, torch.is_deterministic_algorithms_warn_only_enabled()):
        # It loads PyTorch's compiler: beside TensorFlow, builds for CUDA crashed in that.
        torch.use_deterministic_algorithms(chosen[0], warn_only=chosen[1])
    if torch.get_num_threads() != before["threads"]:
        torch.set_num_threads(before["threads"])
    torch.backends.cudnn.benchmark = before["benchmark"]
    torch.set_float32_matmul_precision(before["matmul"])
    torch.autograd.set_detect_anomaly(before["anomaly"])
    if hasattr(torch, "get_default_device") and torch.get_default_device() != before["device"]:
        torch.set_default_device(before["device"])


def _read_torch(torch: ModuleType) -> dict[str, Any]:
    return {
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "threads": torch.get_num_threads(),
        "benchmark": torch.backends.cudnn.benchmark,
        "matmul": torch.get_float32_matmul_precision(),
        "anomaly": torch.is_anomaly_enabled(),
        "device": torch.get_default_device() if hasattr(torch, "get_default_device") else None,
    }


def _fresh_torch(torch: ModuleType) -> dict[str, Any]:
    fresh = _read_torch(torch)
    return fresh | {
        "dtype": torch.float32,
        "grad": True,
        "deterministic": False,
        "warn_only": False,
        "benchmark": False,
        "matmul": "highest",
        "anomaly": False,
        "device": torch.device("cpu"),
    }


def _read_keras(keras: ModuleType) -> dict[str, Any]:
    return {
        # By its configuration: policies compare by identity, and a global one is made on demand.
        "policy": str(keras.config.dtype_policy().name),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "format": keras.config.image_data_format(),
        "traceback": keras.config.is_traceback_filtering_enabled(),
        "interactive": keras.config.is_interactive_logging_enabled(),
    }


def _put_keras(keras: ModuleType, before: dict[str, Any]) -> None:
    config = keras.config
    if config.dtype_policy().name != before["policy"]:
        config.set_dtype_policy(before["policy"])
    config.set_floatx(before["floatx"])
    config.set_epsilon(before["epsilon"])
    config.set_image_data_format(before["format"])
    filtering = config.enable_traceback_filtering, config.disable_traceback_filtering
    filtering[not before["traceback"]]()
    logs = config.enable_interactive_logging, config.disable_interactive_logging
    logs[not before["interactive"]]()


def _tensorflow_config(tensorflow: ModuleType) -> dict[str, Any]:
    config = tensorflow.config
    return {
        "functions": config.functions_run_eagerly(),
        "soft": config.get_soft_device_placement(),
        "jit": config.optimizer.get_jit(),
    }


def _put_tensorflow(tensorflow: ModuleType, before: dict[str, Any]) -> None:
    config = tensorflow.config
    config.run_functions_eagerly(before["functions"])
    config.set_soft_device_placement(before["soft"])
    config.optimizer.set_jit(before["jit"])


def _put_numpy_errors(numpy: ModuleType, before: tuple[dict[str, str], Any]) -> None:
    errors, call = before
    numpy.seterr(**errors)
    numpy.seterrcall(call)


_PANDAS = (
    "display.max_rows",
    "display.max_columns",
    "display.width",
    "display.precision",
)


def _read_pandas(pandas: ModuleType) -> dict[str, Any]:
    found = {}
    for name in _PANDAS:
        with contextlib.suppress(KeyError):  # an option that this version does not have
            found[name] = pandas.get_option(name)
    return found


def _put_pandas(pandas: ModuleType, before: dict[str, Any]) -> None:
    for name, value in before.items():
        if pandas.get_option(name) != value:
            pandas.set_option(name, value)


def _put_jax(jax: ModuleType, before: dict[str, Any]) -> None:
    for name, value in before.items():
        jax.config.update(name, value)


_JAX_FLAGS = ("jax_enable_x64", "jax_debug_nans", "jax_disable_jit", "jax_default_matmul_precision")

_LIBRARIES = (
    Setting(
        "NumPy's error state",
        lambda numpy: (numpy.geterr(), numpy.geterrcall()),
        _put_numpy_errors,
        "numpy",
        is_of_thread=True,
    ),
    Setting(
        "NumPy's print options",
        lambda numpy: {k: v for k, v in numpy.get_printoptions().items() if k != "override_repr"},
        lambda numpy, before: numpy.set_printoptions(**before),
        "numpy",
    ),
    Setting(
        "scikit-learn's configuration",
        lambda sklearn: sklearn.get_config(),
        lambda sklearn, before: sklearn.set_config(**before),
        "sklearn",
        is_of_thread=True,
    ),
    Setting(
        "matplotlib's rc parameters",
        lambda matplotlib: dict(dict.items(matplotlib.rcParams)),
        lambda matplotlib, before: matplotlib.rcParams.update(before),
        "matplotlib",
    ),
    Setting(
        "pandas' options",
        _read_pandas,
        _put_pandas,
        "pandas",
    ),
    Setting("PyTorch's settings", _read_torch, _put_torch, "torch", fresh=_fresh_torch),
    Setting("Keras's settings", _read_keras, _put_keras, "keras", is_of_thread=True),
    Setting("TensorFlow's settings", _tensorflow_config, _put_tensorflow, "tensorflow"),
    Setting(
        "TensorFlow's devices and threads",
        lambda tensorflow: (
            tensorflow.config.threading.get_inter_op_parallelism_threads(),
            tensorflow.config.threading.get_intra_op_parallelism_threads(),
            [str(device) for device in tensorflow.config.get_visible_devices()],
        ),
        None,
        "tensorflow",
    ),
    Setting(
        "JAX's configuration",
        lambda jax: {name: getattr(jax.config, name) for name in _JAX_FLAGS},
        _put_jax,
        "jax",
    ),
)

SETTINGS = (*_PYTHON, *_LIBRARIES)
