"""Protocols of a training library, and what it tells of its fits and evaluations."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hpo_magic.core.ports.executing import Report
from hpo_magic.core.row_scores import RowScores


@dataclass(frozen=True)
class Fit:
    """One `fit` of a framework.

    Attributes
    ----------
    epochs
        The metrics that were logged at each epoch, by name.
    final
        The index in `epochs` of the epoch whose weights the model has: the last one, or the one
        that was restored at the end.
    history, model
        The framework's own objects.
    row_scores
        Returns the score of each validation row for the name of a logged metric; None where the
        rows are not known.
    of_training
        Returns whether the metric of that name was measured on the training data; None: the names
        are Keras's, where those of the validation data begin with `val_`.
    arrays
        Returns the inputs of training and validation that are arrays and still in memory.
    n_params
        The number of the model's weights; None if unknown.
    seconds
        How long the fit took.
    ended
        When it ended, in seconds from any beginning: it orders the fits of several frameworks.
    """

    epochs: Sequence[Mapping[str, float]]
    final: int = -1
    history: Any = field(default=None, compare=False)
    model: Any = field(default=None, compare=False)
    row_scores: Callable[[str], RowScores | None] = field(
        default=lambda metric: None, repr=False, compare=False
    )
    of_training: Callable[[str], bool] | None = field(default=None, repr=False, compare=False)
    arrays: Callable[[], Sequence[Any]] = field(default=tuple, repr=False, compare=False)
    n_params: int | None = None
    seconds: float | None = field(default=None, compare=False)
    ended: float = field(default_factory=time.monotonic, compare=False)

    def is_of_training(self, metric: str) -> bool:
        """Return whether the metric of that name was measured on the training data."""
        return (
            not metric.startswith("val_") if self.of_training is None else self.of_training(metric)
        )


@dataclass(frozen=True)
class Evaluated:
    """One evaluation of a model by its framework.

    Attributes
    ----------
    model
        The framework's own object.
    result
        What the call returned: a number, a list or a dict. For comparison by identity.
    metrics
        Its numbers by name; empty where their names cannot be told.
    """

    model: Any
    result: Any
    metrics: Mapping[str, float]


class ModelKeeper(Protocol):
    """Keeps models on disk, exactly as they were, each in a folder of its own."""

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a model that `save` can keep."""
        ...

    def save(self, model: Any, place: Path) -> None:
        """Save a model in the folder `place`, in place of what is there."""
        ...

    def is_kept(self, place: Path) -> bool:
        """Whether a whole model, that can be loaded by itself, is in the folder."""
        ...

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder; `namespace` has the classes that the user defined."""
        ...

    def restore(self, place: Path, model: Any) -> bool:
        """Put the weights in the folder into a model built again; whether there were any."""
        ...


class Framework(Protocol):
    """A training library: watched, seeded and cleared for each trial.

    A class that derives from this one may leave out what its library does not need; `name` and
    `is_loaded` it must have. It goes to workers, so it must be picklable.

    Attributes
    ----------
    name
        Told apart by it, also on disk: the folder of a kept model has the name in it.
    packages
        The packages whose versions may change a score, as on PyPI.
    models
        Keeps the library's models on disk; None: they are not kept, and are trained again.
    """

    name: str
    packages: tuple[str, ...] = ()
    models: ModelKeeper | None = None

    def is_loaded(self) -> bool:
        """Return whether the library is imported. Before, it is neither watched nor seeded."""
        ...

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code that imports `modules` (dotted names) will load the library."""
        return False

    def load(self) -> None:
        """Import the library, so that the first trial is watched too."""

    def clear(self) -> None:
        """Remove what earlier trainings left in the library's global state and in memory."""

    def release(self) -> None:
        """Give back memory of devices that a trial used; called when nothing holds its objects."""

    def seed(self, seed: int) -> None:
        """Seed the library's random streams; `seed` is at least 0 and below 2**32."""

    def random_state(self) -> Hashable:
        """Return where the library's random streams are: another value after any draw.

        None: it has none of its own, or draws the seeds of its own from `random` or NumPy.
        """
        return None

    def seeding(self, seed: int, modules: Iterable[str]) -> str:
        """Return statements that do what `seed` does, for a script that imports `modules`.

        Names must start with an underscore: the script's own `random` may be a function.
        """
        return ""

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which every fit reports its epochs and appends itself to the list.

        `guard` is called at every batch and may raise to end the training.
        """
        return nullcontext([])

    def worker_environment(self, n_threads: int) -> Mapping[str, str]:
        """Return environment variables for a worker process that shall use `n_threads` threads."""
        return {}

    def evaluations(self) -> AbstractContextManager[list[Evaluated]]:
        """Return a context in which every evaluation of a model appends itself to the list."""
        return nullcontext([])
