"""How many trainings can wait at once, as far as the memory allows."""

from __future__ import annotations

import sys
import time
from typing import Any

from hpo_magic.core.log import suppressed

# A judgement: each small Keras model that waits takes 10 to 20 MB.
MOST_WAITING = 8
# This share of the memory stays free.
FREE_SHARE = 0.1
# The memory is read no oftener than this, in seconds: it takes a tenth of a millisecond.
SECONDS = 1.0
# TensorFlow takes the whole memory of a GPU at its start, so what is free there cannot be told.
MOST_ON_TENSORFLOW_GPU = 2


class Room:
    """Measures what waiting trainings add to the memory of the process."""

    def __init__(self) -> None:
        self._before: int | None = None
        self._asked_for, self._asked_at, self._most = -1, 0.0, 0
        self._each = 0.0  # bytes per waiting training, the largest that was seen

    def now(self, n_waiting: int) -> int:
        """Return how many may wait, those `n_waiting` included that wait now."""
        at = time.monotonic()
        if n_waiting != self._asked_for or at - self._asked_at > SECONDS:
            self._asked_for, self._asked_at, self._most = n_waiting, at, self._measured(n_waiting)
        return self._most

    def _measured(self, n_waiting: int) -> int:
        most = MOST_WAITING
        with suppressed("the free memory cannot be read"):
            most = min(most, n_waiting + self._more(n_waiting))
        with suppressed("the free memory of the GPU cannot be read"):
            most = min(most, _on_gpu(n_waiting))
        return max(most, 0)

    def _more(self, n_waiting: int) -> int:
        import psutil

        memory, own = psutil.virtual_memory(), psutil.Process().memory_info().rss
        if n_waiting == 0:
            self._before = own
        elif self._before is not None:
            self._each = max(self._each, (own - self._before) / n_waiting)
        free = memory.available - FREE_SHARE * memory.total
        return int(free / self._each) if self._each > 0 else MOST_WAITING * (free > 0)


def _on_gpu(n_waiting: int) -> int:
    """Return how many may wait as far as GPUs are concerned."""
    most = MOST_WAITING
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        free, total = torch.cuda.mem_get_info()
        if free < 2 * FREE_SHARE * total:
            most = n_waiting
    tensorflow: Any = sys.modules.get("tensorflow")
    if tensorflow is not None and tensorflow.config.list_physical_devices("GPU"):
        most = min(most, MOST_ON_TENSORFLOW_GPU)
    return most
