"""Keras as a framework: its fits are watched, its state is cleared and seeded for each trial.

This module does not import Keras; its functions do. Beside it are `keras_fit` and `keras_evaluate`
(the watched methods), `keras_row_scores`, `keras_memory` and `keras_models`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from hpo_magic.core.ports import Evaluated, Fit, Framework, Report
from hpo_magic.frameworks.keras_models import KerasModels

# Settings that the user makes for the whole notebook and `clear_session` resets, by the names of
# Keras 3.
_SETTINGS = (
    "distribution",
    "dtype_policy",
    "flash_attention",
    "interactive_logging",
    "nnx_enabled",
    "safe_mode_saving",
    "torch_device",
    "traceback_filtering",
)
_NAME_COUNTERS = "object_name_uids"


# The process that imported this module; a child made by `fork` has another number.
_PROCESS = os.getpid()


class KerasFramework(Framework):
    """Keras 3, with any of its backends."""

    name = "keras"
    packages = ("keras", "tensorflow", "torch", "jax")
    models = KerasModels()

    def is_loaded(self) -> bool:
        """Return whether Keras is imported (importing TensorFlow imports it) and can be used.

        It cannot in a child made by `fork` after TensorFlow has begun to work: any call crashes.
        """
        return sys.modules.get("keras") is not None and not _is_lost_by_fork()

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import Keras."""
        tops = {module.partition(".")[0] for module in modules}
        return any(top.startswith("keras") or top == "tensorflow" for top in tops)

    def load(self) -> None:
        """Import Keras, which takes some seconds with TensorFlow."""
        import keras  # noqa: F401

    def clear(self) -> None:
        """Release the models and graphs of earlier trainings; keep the user's settings of Keras.

        `gc.collect()` is not called: it takes half a second in a notebook. The memory is freed at
        Python's next automatic collection.
        """
        import keras

        from hpo_magic.frameworks.keras_memory import release_dead_graphs

        with _kept():
            keras.utils.clear_session(free_memory=False)
        if keras.backend.backend() == "tensorflow":
            release_dead_graphs()
        if keras.backend.backend() == "jax":
            sys.modules["jax"].clear_caches()  # compiled steps, which hold their models

    def seed(self, seed: int) -> None:
        """Seed Keras and its backend; this also seeds `random` and NumPy."""
        import keras

        keras.utils.set_random_seed(seed)

    def seeding(self, seed: int, modules: Iterable[str]) -> str:
        """Return the statements that seed Keras in a script that uses it."""
        if not self.wants(modules):
            return ""
        return f"import keras as _keras\n\n_keras.utils.set_random_seed({seed})"

    def worker_environment(self, n_threads: int) -> Mapping[str, str]:
        """Return the variables of TensorFlow and JAX: several workers may share a GPU."""
        return {
            "TF_NUM_INTRAOP_THREADS": str(n_threads),
            "TF_NUM_INTEROP_THREADS": str(n_threads),
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            "TF_CPP_MIN_LOG_LEVEL": "2",  # else each worker prints TensorFlow's notes on its start
        }

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each fit of this thread reports its epochs; see `keras_fit`."""
        return _watched(report, guard)

    def evaluations(self) -> AbstractContextManager[list[Evaluated]]:
        """Return a context in which every `evaluate` of this thread adds itself to the list."""
        from hpo_magic.frameworks.keras_evaluate import watched_evaluations

        return watched_evaluations()


@contextmanager
def _watched(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    from hpo_magic.frameworks.keras_evaluate import noted_evaluations
    from hpo_magic.frameworks.keras_fit import watched_fits

    with noted_evaluations(), watched_fits(report, guard) as fits:
        yield fits


def _is_lost_by_fork() -> bool:
    """Return whether TensorFlow's context came with a fork, which it does not survive."""
    if os.getpid() == _PROCESS:
        return False
    # Private: there is no public way to ask, and asking must not make a context.
    eager = sys.modules.get("tensorflow.python.eager.context")
    context = getattr(eager, "_context", None)
    return getattr(context, "_context_handle", None) is not None


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Restore the user's settings of Keras and the counters of layer names at the end.

    Keras refuses a model with two layers of one name. A cell may extend the model of another cell,
    so layer names must not start again at 0. The counters of metrics do: the first AUC of each
    trial is named "auc", as in a new kernel.
    """
    try:
        # A private module. Without it the session is cleared too, and the settings are lost.
        from keras.src.backend.common import global_state
    except ImportError:
        yield
        return
    settings = {name: global_state.get_global_attribute(name) for name in _SETTINGS}
    metrics = {name.replace("_", "") for name in _metric_class_names()}
    names = {
        name: count
        for name, count in (global_state.get_global_attribute(_NAME_COUNTERS) or {}).items()
        if name.replace("_", "") not in metrics
    }
    try:
        yield
    finally:
        for name, setting in settings.items():
            if setting is not None:
                global_state.set_global_attribute(name, setting)
        global_state.set_global_attribute(_NAME_COUNTERS, defaultdict(int, names))


def _metric_class_names() -> Iterator[str]:
    """Yield the names of all classes of metrics, the user's included, in lower case."""
    import keras

    pending: list[Any] = [keras.metrics.Metric]
    while pending:
        metric = pending.pop()
        yield metric.__name__.lower()
        pending.extend(metric.__subclasses__())
