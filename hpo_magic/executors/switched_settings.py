"""The state of the process that a suspended training takes with it: how each part is read and put.

These are the settings that are put back after a trial (`process_settings`), without those of which
each thread has its own, and what a training changes while it runs: random streams, Keras's global
state, where prints go, open figures. To add one: a line in `STREAMS`.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

from hpo_magic.executors.process_settings import SETTINGS
from hpo_magic.executors.setting import UNKNOWN, Setting
from hpo_magic.language import trial_context
from hpo_magic.language.trial_context import MARK

# Keras's, by module: names of layers and seeds, the user's settings, default types.
_KERAS_GLOBALS = {
    "keras.src.backend.common.global_state": ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER"),
    "keras.src.backend.config": ("_FLOATX", "_EPSILON", "_IMAGE_DATA_FORMAT"),
}


def _read_names(*names: str) -> Any:
    return lambda module: tuple(getattr(module, name, UNKNOWN) for name in names)


def _put_names(*names: str) -> Any:
    def put(module: ModuleType, before: tuple[Any, ...]) -> None:
        for name, value in zip(names, before, strict=True):
            if value is not UNKNOWN:
                setattr(module, name, value)

    return put


def _read_torch(torch: ModuleType) -> Any:
    is_on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if is_on_gpu else None


def _put_torch(torch: ModuleType, before: Any) -> None:
    state, gpus = before
    torch.set_rng_state(state)
    if gpus is not None:
        torch.cuda.set_rng_state_all(gpus)


def _read_tensorflow(context: ModuleType) -> Any:
    eager = context.context()
    stream = getattr(eager, "_rng", None)  # there is one from the first seed on
    return eager._seed, stream, stream.getstate() if stream is not None else None


def _put_tensorflow(context: ModuleType, before: Any) -> None:
    eager = context.context()
    eager._seed, stream, state = before
    if stream is not None:
        eager._rng = stream
        stream.setstate(state)


def _read_running(module: ModuleType) -> Any:
    return list(trial_context._running), os.environ.get(MARK)


def _put_running(module: ModuleType, before: Any) -> None:
    trial_context._running[:], mark = before
    if mark is None:
        os.environ.pop(MARK, None)
    else:
        os.environ[MARK] = mark


def _put_figures(helpers: ModuleType, before: Any) -> None:
    helpers.Gcf.figs.clear()
    helpers.Gcf.figs.update(before)


STREAMS = (
    Setting(
        "Python's random stream",
        lambda random: random.getstate(),
        lambda random, before: random.setstate(before),
        "random",
    ),
    Setting(
        "NumPy's random stream",
        lambda numpy: numpy.random.get_state(legacy=False),
        lambda numpy, before: numpy.random.set_state(before),
        "numpy",
    ),
    Setting("PyTorch's random stream", _read_torch, _put_torch, "torch"),
    Setting(
        "TensorFlow's random streams",
        _read_tensorflow,
        _put_tensorflow,
        "tensorflow.python.eager.context",
    ),
    Setting(
        "TensorFlow's global generator",
        _read_names("global_generator"),
        _put_names("global_generator"),
        "tensorflow.python.ops.stateful_random_ops",
    ),
    *(
        Setting("Keras's global state", _read_names(*names), _put_names(*names), module)
        for module, names in _KERAS_GLOBALS.items()
    ),
    Setting("printing", _read_names("stdout", "stderr"), _put_names("stdout", "stderr"), "sys"),
    Setting(
        "open figures",
        lambda helpers: dict(helpers.Gcf.figs),
        _put_figures,
        "matplotlib._pylab_helpers",
    ),
    Setting("the running trial", _read_running, _put_running),
)

SWITCHED = (*(one for one in SETTINGS if one.put and not one.is_of_thread), *STREAMS)


def what_cannot_be_switched() -> str:
    """Return what a loaded library keeps where it cannot be found; "" if all is known."""
    for module, names in _KERAS_GLOBALS.items():
        if "keras" in sys.modules:
            loaded = sys.modules.get(module)
            if any(not hasattr(loaded, name) for name in names):
                return "this version of Keras keeps its global state elsewhere"
    eager = sys.modules.get("tensorflow.python.eager.context")
    if eager is not None and not hasattr(eager.context(), "_seed"):
        return "this version of TensorFlow keeps its random streams elsewhere"
    return ""


def thread_locals() -> list[tuple[Any, dict[str, Any]]]:
    """Return Keras's thread-local objects with a copy of what they hold for this thread."""
    found = []
    for module, names in _KERAS_GLOBALS.items():
        loaded = sys.modules.get(module)
        for name in names:
            tracker = getattr(loaded, name, None)
            if hasattr(tracker, "__dict__") and not isinstance(tracker, type):
                found.append((tracker, {k: _copied(v) for k, v in vars(tracker).items()}))
    return found


def _copied(value: Any) -> Any:
    """Return counters of names as a copy; other objects are shared, as they are by later trials."""
    return value.copy() if isinstance(value, dict | list) else value
