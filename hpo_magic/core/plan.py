"""The plan of a search: what the user asked for, and the parts that decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpo_magic.core.notices import Enough
from hpo_magic.core.ports import Pruner, Rechecker, Sampler
from hpo_magic.core.trial import AskedGoals, History


@dataclass(frozen=True)
class Plan:
    """What the user asked for.

    Attributes
    ----------
    name
        The study's name.
    sampler
        Chooses the settings.
    goals
        The objectives. Without names the first complete trial names the metric.
    n_trials
        Budget of the study in trials; None: no limit.
    time_s
        Budget of this run of the search, in seconds; None: no limit.
    timeout_s
        Budget of each trial, in seconds; None: no limit.
    patience
        Number of trials without a better value that ends the search; None: no limit.
    seed
        The study's seed.
    stop_at_failure
        Whether a failed trial ends the search.
    n_keep
        Number of best trials whose models stay on disk.
    enough
        Returns a sentence when further trials are unlikely to help, else "".
    stop_at_noise
        Whether the search then ends and the re-check begins.
    pruner
        Stops trials early; None: every training is finished.
    n_waiting
        How many trainings may wait at once, if the pruner has them wait.
    rechecker
        Chooses the settings to run again; None: all trials are the search's.
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
    n_keep: int = 1
    enough: Callable[[History], Enough | None] = lambda history: None
    stop_at_noise: bool = False
    pruner: Pruner | None = None
    n_waiting: int = 8
    rechecker: Rechecker | None = None
