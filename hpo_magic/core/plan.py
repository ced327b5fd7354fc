"""What the user asked for: all that a search is told before it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpo_magic.core.notices import Enough
from hpo_magic.core.ports import Pruner, Rechecker, Sampler
from hpo_magic.core.trial import AskedGoals, History


@dataclass(frozen=True)
class Plan:
    """What the user asked for. Where `goals` have no names, the first complete trial gives one.

    Budgets are None where there is no limit: `n_trials` of the study, `time_s` of this run of the
    search, `timeout_s` of each trial, and `patience`: the trials without a gain that end it.
    """

    name: str
    sampler: Sampler
    goals: AskedGoals = ()
    n_trials: int | None = 50
    time_s: float | None = None
    timeout_s: float | None = None
    patience: int | None = None
    seed: int = 0
    stop_at_failure: bool = False
    n_keep: int = 1  # models of the best trials that stay on disk
    enough: Callable[[History], Enough | None] = lambda history: None  # further trials hardly help
    stop_at_noise: bool = False  # then the search ends, and the re-check begins
    pruner: Pruner | None = None  # None: every training is finished
    rechecker: Rechecker | None = None  # None: every trial is the search's
