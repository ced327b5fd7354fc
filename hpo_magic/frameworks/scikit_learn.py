"""scikit-learn: its scores give what each validation row got, without a word in the cell.

scikit-learn is imported when it is used. `scikit_learn_scores`, beside this, watches it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from hpo_magic.core.ports import Evaluated, Fit, Framework, Report


class ScikitLearn(Framework):
    """The metrics and the cross-validation of scikit-learn."""

    name = "scikit-learn"
    packages = ("scikit-learn",)

    def is_loaded(self) -> bool:
        """Whether its metrics are imported."""
        return "sklearn.metrics" in sys.modules and "sklearn.model_selection" in sys.modules

    def wants(self, modules: Iterable[str]) -> bool:
        """Whether a cell that imports these modules will use it."""
        return any(module.partition(".")[0] == "sklearn" for module in modules)

    def load(self) -> None:
        """Import it, so that the first trial is watched too."""
        import sklearn.metrics
        import sklearn.model_selection  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which every score of this thread is remembered by its trial."""
        return _watched(guard)

    def evaluations(self) -> AbstractContextManager[list[Evaluated]]:
        """Return a context in which every score is remembered, too; it has no model to name."""
        return _scores_alone()


@contextlib.contextmanager
def _watched(guard: Callable[[], None]) -> Iterator[list[Fit]]:
    from hpo_magic.frameworks.scikit_learn_scores import watched_scores

    with watched_scores(guard):
        yield []


@contextlib.contextmanager
def _scores_alone() -> Iterator[list[Evaluated]]:
    from hpo_magic.frameworks.scikit_learn_scores import watched_scores

    with watched_scores(lambda: None):
        yield []
