"""What it costs to begin a training: the time before its first epoch, beside that of an epoch.

Where trainings wait, many begin and few come to their end, and what is counted are epochs. So where
a beginning (building, compiling, reading data) takes as long as many epochs, waiting saves nothing.
"""

from __future__ import annotations

from statistics import median

from hpo_magic.core.notices import CostlyBeginnings
from hpo_magic.core.trial import Trial

# What is told is measured on so many trainings after the start, and on as many epochs.
FEWEST = 5
# From such a share of a whole training on. On recorded curves (in order; that cross), the time to
# the same result beside a search without waiting was 0.80 and 1.04 at 0.6, and 0.59 and 0.98 where
# a beginning costs nothing (benchmarks).
SHARE = 0.5


class Beginnings:
    """Measures beginnings and epochs by the times of reports; tells once what was found."""

    def __init__(self) -> None:
        self._beginnings: dict[int, float] = {}
        self._epochs: list[float] = []
        self._last: tuple[int, int, float] | None = None
        self._longest = 0  # step; the start goes to its end
        self._has_told = False

    def reported(self, trial: Trial, at: float, *, can_wait: bool) -> CostlyBeginnings | None:
        """Take in a report; return what the user must know, once.

        Parameters
        ----------
        trial
            The report is the last point of its curve.
        at
            In seconds since 1970.
        can_wait
            Whether the training can be suspended; of others the epochs count alone.
        """
        if self._has_told:
            return None
        step = trial.curve[-1].step
        if len(trial.curve) == 1 == step:
            if can_wait and trial.started is not None:
                self._beginnings[trial.number] = at - trial.started
        elif self._last is not None and self._last[:2] == (trial.number, step - 1):
            self._epochs.append(at - self._last[2])
        self._last = trial.number, step, at
        self._longest = max(self._longest, step)
        found = self._found() if can_wait else None
        self._has_told = found is not None
        return found

    def _found(self) -> CostlyBeginnings | None:
        if min(len(self._beginnings), len(self._epochs)) < FEWEST:
            return None
        epoch_s = median(self._epochs)
        beginning_s = median(self._beginnings.values()) - epoch_s
        if beginning_s < SHARE * self._longest * epoch_s:
            return None
        return CostlyBeginnings(beginning_s, epoch_s, self._longest)
