"""The random streams that every training has: that of `random` and NumPy's global one."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping

import numpy as np

from hpo_magic.core.ports import Framework

# Read by OpenMP, MKL, OpenBLAS, numexpr and Apple's Accelerate when NumPy is imported.
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def seed_random_state(seed: int) -> None:
    """Seed `random` and NumPy's global stream; 0 <= `seed` < 2**32."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (the stream that the user's libraries draw from)


@contextlib.contextmanager
def kept_random_state() -> Iterator[None]:
    """Restore the state of both streams at the end: a search does not change the user's draws."""
    standard, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(standard)
        np.random.set_state(numpy)  # noqa: NPY002


class StandardStreams(Framework):
    """`random` and NumPy as a framework that is seeded and has no fits."""

    name = "standard"
    packages = ("numpy", "scikit-learn")

    def is_loaded(self) -> bool:
        """Return True: both are always there."""
        return True

    def wants(self, modules: Iterable[str]) -> bool:
        """Return True: any code may draw from them."""
        return True

    def seed(self, seed: int) -> None:
        """Seed both streams."""
        seed_random_state(seed)

    def random_state(self) -> Hashable:
        """Return the state of both streams."""
        _, keys, position, *rest = np.random.get_state()  # noqa: NPY002
        return random.getstate(), np.asarray(keys).tobytes(), position, *rest

    def seeding(self, seed: int, modules: Iterable[str]) -> str:
        """Return the statements that seed `random`, and NumPy where others' modules are used."""
        lines = ["import random as _random", "", f"_random.seed({seed})"]
        if {module.partition(".")[0] for module in modules} - sys.stdlib_module_names:
            lines.insert(1, "import numpy as _numpy")
            lines.append(f"_numpy.random.seed({seed})")
        return "\n".join(lines)

    def worker_environment(self, n_threads: int) -> Mapping[str, str]:
        """Return the number of threads, under the names that NumPy's libraries read."""
        return dict.fromkeys(THREADS, str(n_threads))
