"""Keras: its fits are silent, watched and stopped at the next batch; its session starts clean.

Keras is imported when it is used. Four modules beside this one share the library: `keras_fit`,
whose callback must derive from Keras's and which therefore cannot be read without it,
`keras_row_scores`, `keras_memory`, and `keras_models`.
"""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from hpo_magic.core.ports import Evaluated, Fit, Framework, Report
from hpo_magic.frameworks.keras_models import KerasModels

# What the user chose for the whole notebook, and `clear_session` would forget: the names under
# which Keras 3 keeps it.
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


class KerasFramework(Framework):
    """Keras 3, on any of its backends."""

    name = "keras"
    packages = ("keras", "tensorflow", "torch", "jax")
    models = KerasModels()

    def is_loaded(self) -> bool:
        """Whether Keras is imported; importing TensorFlow does it too."""
        return "keras" in sys.modules

    def wants(self, modules: Iterable[str]) -> bool:
        """Whether a cell that imports these modules will import Keras."""
        tops = {module.partition(".")[0] for module in modules}
        return any(top.startswith("keras") or top == "tensorflow" for top in tops)

    def load(self) -> None:
        """Import Keras, some seconds with TensorFlow, so that the first fit is watched too."""
        import keras  # noqa: F401

    def clear(self) -> None:
        """Forget the models and graphs of earlier trainings; keep the user's settings.

        No garbage is collected here, as that takes half a second in a notebook; what is let go is
        freed when Python next collects by itself.
        """
        import keras

        from hpo_magic.frameworks.keras_memory import release_dead_graphs

        with _kept():
            keras.utils.clear_session(free_memory=False)
        if keras.backend.backend() == "tensorflow":
            release_dead_graphs()

    def seed(self, seed: int) -> None:
        """Seed Keras and its backend, and with them `random` and NumPy."""
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
        """Return a context in which every fit of this thread reports its epochs.

        See `keras_fit`.
        """
        from hpo_magic.frameworks.keras_fit import watched_fits

        return watched_fits(report, guard)

    def evaluations(self) -> AbstractContextManager[list[Evaluated]]:
        """Return a context in which every `evaluate` of this thread adds itself to the list."""
        from hpo_magic.frameworks.keras_evaluate import watched_evaluations

        return watched_evaluations()


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Keep the user's settings of Keras, and the names its layers have taken.

    A cell that builds on a model of another cell must not get that model's layer names again: Keras
    refuses a model with two layers of one name. Metrics are counted anew: a trial's first AUC is
    "auc", as it is in a new kernel.
    """
    try:
        # Private: without it the session is cleared all the same, and the settings with it.
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
