"""The random streams that every training has: `random` and NumPy's global one."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np

from hpo_magic.core.ports import Evaluated, Fit, Report


def seed_random_state(seed: int) -> None:
    """Seed `random` and NumPy's global stream; `seed` is at least 0 and below 2**32."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (the stream that the user's libraries draw from)


@contextlib.contextmanager
def kept_random_state() -> Iterator[None]:
    """Put both streams back where they were: the user's next draw is as if no search had been."""
    standard, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(standard)
        np.random.set_state(numpy)  # noqa: NPY002


class StandardStreams:
    """`random` and NumPy, seeded as every other framework is; they train nothing themselves."""

    name = "standard"

    def is_loaded(self) -> bool:
        """Whether it is there: always."""
        return True

    def clear(self) -> None:
        """Forget nothing."""

    def seed(self, seed: int) -> None:
        """Seed both streams."""
        seed_random_state(seed)

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which no fit is found."""
        return contextlib.nullcontext([])

    def evaluations(self) -> AbstractContextManager[list[Evaluated]]:
        """Return a context in which no evaluation is found."""
        return contextlib.nullcontext([])
