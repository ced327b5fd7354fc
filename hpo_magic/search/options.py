"""The options of a search, checked: what the magic's line and `hpo_magic.search` both end in."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo_magic.core.trial import AskedGoals, Direction, Goal, named_goals
from hpo_magic.errors import OptionError, did_you_mean
from hpo_magic.exports import checked_log
from hpo_magic.honesty.recheck import recheck_of
from hpo_magic.pruners import PRUNERS
from hpo_magic.samplers import SAMPLERS

ERRORS = ("skip", "raise")
UIS = ("auto", "widgets", "text", "none")
MOST_SEED = 2**32 - 1  # NumPy's global stream takes no larger one
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Options:
    """How to search.

    Parameters
    ----------
    goals
        What to improve. With several objectives the search looks for a Pareto front. A direction
        alone, or nothing, leaves it to the first complete trial to name the metric.
    trials
        Full trainings in all, those of earlier runs included.
    time
        Budget of this run of the search, in seconds; None: no limit.
    timeout
        Budget of each trial, in seconds; None: no limit.
    sampler, pruner, errors, ui
        One of `samplers.SAMPLERS`, `PRUNERS`, `ERRORS`, `UIS`.
    seed
        The same seed gives the same search.
    recheck
        How many of the trials run the best settings again: "auto", "0", "K" or "KxM".
    keep
        How many of the best models stay on disk, for a vote; those of a re-check do anyway.
    stop
        "none"; "noise" ends the search where more trials would find luck alone; a whole number
        ends it when so many trials in a row brought no better value.
    fresh
        Start a new revision of the study.
    from_study
        A study in the same folder whose best settings a new study tries first.
    log
        Where else trials are logged while the search runs: "tensorboard:DIR" or "mlflow".
    storage
        The folder of the studies; None: `hpo_studies` in the working folder.

    jobs
        Worker processes on this machine; 1: none, the trainings run in this one.
    isolate
        Trainings run in worker processes that are renewed.
    on
        A Dask scheduler's address, a `Client`, or a `concurrent.futures.Executor`; None: neither.

    Raises
    ------
    OptionError
        If a value is not one that its option takes.
    """

    goals: AskedGoals = ()
    trials: int = 50
    time: float | None = None
    timeout: float | None = None
    sampler: str = "bayes"
    pruner: str = "asha"
    seed: int = 0
    recheck: str = "auto"
    keep: int = 1
    stop: str | int = "none"
    errors: str = "skip"
    fresh: bool = False
    from_study: str | None = None
    log: str | None = None
    storage: Path | None = None
    ui: str = "auto"
    jobs: int = 1
    isolate: bool = False
    on: Any = None

    def __post_init__(self) -> None:
        one_of("sampler", self.sampler, tuple(SAMPLERS))
        one_of("pruner", self.pruner, tuple(PRUNERS))
        one_of("errors", self.errors, ERRORS)
        one_of("ui", self.ui, UIS)
        self._check_goals()
        self._check_stop()
        if self.log is not None:
            checked_log(self.log)
        _whole("trials", self.trials, 1)
        _whole("seed", self.seed, 0)
        _whole("keep", self.keep, 1)
        _whole("jobs", self.jobs, 1)
        if self.on is not None and (self.jobs > 1 or self.isolate):
            raise OptionError(
                "on: the workers are those of the cluster; leave out jobs and isolate, which start "
                "workers on this machine."
            )
        recheck_of(str(self.recheck), self.trials)
        if self.seed > MOST_SEED:
            raise OptionError(f"seed: must be at most {MOST_SEED}, got {self.seed}.")
        _some_time("time", self.time)
        _some_time("timeout", self.timeout)

    def _check_goals(self) -> None:
        metrics = [goal.metric for goal in named_goals(self.goals)]
        if len(metrics) < 2:
            return
        twice = [metric for metric in metrics if metrics.count(metric) > 1]
        if twice:
            raise OptionError(f"{twice[0]!r} is given twice: each objective is another metric.")
        if self.stop == "noise":
            raise OptionError(
                "stop: noise is about one best value; with several objectives give none, or a "
                "number of trials."
            )
        if self.pruner not in ("asha", "none"):
            raise OptionError(
                f"pruner: {self.pruner} compares one curve, and with several objectives every "
                f"training is finished. Leave it out."
            )

    @property
    def patience(self) -> int | None:
        """After how many trials without gain the search ends; None: it goes on."""
        return None if self.stop in ("none", "noise") else int(self.stop)

    def _check_stop(self) -> None:
        if self.stop in ("none", "noise"):
            return
        is_whole = isinstance(self.stop, int) and not isinstance(self.stop, bool)
        if not (is_whole or str(self.stop).isdecimal()) or int(self.stop) < 1:
            hint = did_you_mean(str(self.stop), ("none", "noise"))
            raise OptionError(
                f"stop: must be none, noise, or a whole number of trials from 1 up, got "
                f"{self.stop!r}.{hint}"
            )


def goals_of(given: Sequence[tuple[str | None, Direction]]) -> AskedGoals:
    """Return the objectives of metrics and directions; None or "" where a metric has no name.

    Raises
    ------
    OptionError
        If there are several and one has no name.
    """
    if len(given) == 1 and not given[0][0]:
        return given[0][1]
    goals = tuple(Goal(metric, direction) for metric, direction in given if metric)
    if len(goals) < len(given):
        raise OptionError(
            "each of several objectives needs a name: --maximize val_accuracy --minimize "
            "n_params, for example."
        )
    return goals


def seconds(text: str | float, option: str = "time") -> float:
    """Return a length of time in seconds: a number of them, or "90s", "10m", "1.5h", "1h30m".

    >>> seconds("1h30m")
    5400.0
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    parts = re.findall(r"([\d.]+)\s*([smhd])", str(text).lower())
    rest = re.sub(r"([\d.]+)\s*([smhd])", "", str(text).lower()).strip()
    try:
        if parts and not rest:
            return sum(float(number) * UNITS_S[unit] for number, unit in parts)
        return float(text)
    except (TypeError, ValueError):
        raise OptionError(
            f"{option}: expected a length of time such as 90s, 10m or 2h, got {text!r}."
        ) from None


def one_of(option: str, value: Any, known: tuple[str, ...]) -> None:
    """Check that an option has one of its values.

    Raises
    ------
    OptionError
        If not; with the values, and the closest one.
    """
    if value not in known:
        hint = did_you_mean(str(value), known)
        raise OptionError(f"{option}: {value!r} is not one of {', '.join(known)}.{hint}")


def checked_name(name: str) -> str:
    """Return a study's name if it is one.

    Raises
    ------
    OptionError
        If it is not a Python identifier.
    """
    if name.isidentifier() and not keyword.iskeyword(name):
        return name
    if keyword.iskeyword(name):
        raise OptionError(f"the study's name cannot be {name!r}, a word of Python. Try {name}_.")
    better = re.sub(r"\W+", "_", name).strip("_") or "study"
    better = f"_{better}" if better[0].isdigit() else better
    raise OptionError(
        f"the study's name must be a Python identifier, since it names a variable afterwards; "
        f"got {name!r}. Try {better}."
    )


def _some_time(option: str, seconds: float | None) -> None:
    if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
        raise OptionError(f"{option}: must be above 0 seconds, got {seconds!r}.")


def _whole(option: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise OptionError(f"{option}: must be a whole number from {least} up, got {value!r}.")
