"""The options of a search, each declared once.

`DeclaredOptions` and `_Objective` are the declaration. From it come the line of `%%hpo` and its
help, Tab completion, the checks and their messages, and the signature of `hpo_magic.search`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

from hpo_magic.core.trial import AskedGoals, Direction, Goal, named_goals
from hpo_magic.errors import OptionError, did_you_mean
from hpo_magic.exports import checked_log
from hpo_magic.honesty.recheck import recheck_of
from hpo_magic.pruners import PRUNERS
from hpo_magic.samplers import SAMPLERS
from hpo_magic.search.option import (
    Checked,
    Folder,
    Metric,
    OneOf,
    Seconds,
    Studies,
    Switch,
    Whole,
    option,
    options_of,
    seconds,
    studies,
)

MOST_SEED = 2**32 - 1  # the largest that NumPy's global random stream takes


def _check_stop(value: Any) -> None:
    if value in ("none", "noise"):
        return
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not (is_whole or str(value).isdecimal()) or int(value) < 1:
        hint = did_you_mean(str(value), ("none", "noise"))
        raise OptionError(
            f"must be none, noise, or a whole number of trials from 1 up, got {value!r}.{hint}"
        )


@dataclass(frozen=True)
class _Objective:
    """What `hpo_magic.search` takes first, and the two options that name the objectives."""

    objective: Callable[[], Any]
    name: str | None = None
    _: KW_ONLY
    maximize: str | Sequence[str] | None = option(
        None,
        "metric to make large: one that fit logs, a variable, a key of the dict or the number that "
        "the cell ends in",
        Metric(),
        placeholder="METRIC",
        shown_default="from the cell",
    )
    minimize: str | Sequence[str] | None = option(
        None,
        "metric to make small; give several objectives for a Pareto front",
        Metric(),
        placeholder="METRIC",
        shown_default="val_loss",
    )


@dataclass(frozen=True)
class DeclaredOptions:
    """All other options, as the user gives them."""

    trials: int = option(
        50,
        "trials in all: those of earlier runs and re-checks included",
        Whole(1),
        placeholder="N",
        short="-n",
    )
    _: KW_ONLY
    time: str | float | None = option(
        None, "time budget of this run: 90s, 10m, 2h", Seconds(), placeholder="T"
    )
    timeout: str | float | None = option(
        None,
        "time budget of each trial, checked at every batch and report: 30s, 5m",
        Seconds(),
        placeholder="T",
    )
    sampler: str = option(
        "bayes",
        "how settings are chosen (tpe and genetic need the extras hpo_magic[tpe] and "
        "hpo_magic[genetic])",
        OneOf(SAMPLERS),
        placeholder="S",
    )
    pruner: str = option(
        "asha",
        "which trials are stopped early; with wait and hyperband, trainings are suspended and "
        "taken up again, and the budget of trials counts whole trainings' worth of epochs (to the "
        "same result, wait took 0.6 of the epochs of none where what leads early leads at the end, "
        "else as many)",
        OneOf(PRUNERS),
        placeholder="P",
    )
    recheck: str | int = option(
        "auto",
        "how many of the best settings run again: auto (a fifth of the trials), 0, 4, or 4x2 for "
        "4 settings twice",
        placeholder="R",
    )
    keep: int = option(1, "models of the best trials to keep on disk", Whole(1), placeholder="K")
    stop: str | int = option(
        "none",
        "end after N trials without a better value, or, with noise, when further trials are "
        "unlikely to help",
        Checked(_check_stop, ("none", "noise")),
        placeholder="N",
    )
    jobs: int = option(
        1, "worker processes on this machine (needs hpo_magic[dask])", Whole(1), placeholder="N"
    )
    isolate: bool = option(
        False,
        "train in a worker process that is renewed: against memory leaks, native crashes and "
        "trainings that hang",
        Switch(),
    )
    on: Any = option(
        None,
        "train on a Dask cluster or a pool: a scheduler's address, or the variable with a Client "
        "or a concurrent.futures pool",
        placeholder="WHERE",
    )
    seed: int = option(0, "same seed, same search", Whole(0, MOST_SEED), placeholder="N")
    errors: str = option(
        "skip",
        "a failing trial is skipped, or ends the search",
        OneOf(("skip", "raise")),
        placeholder="E",
    )
    fresh: bool = option(False, "start a new revision of the study", Switch())
    from_study: str | Sequence[str] | None = option(
        None,
        "studies whose trials guide a new search, their values not taken over: A, or A,B for two",
        Studies(),
        placeholder="STUDY",
        flag="--from",
        shown_default="the revision before",
    )
    log: str | None = option(
        None,
        "also log the trials while they run: tensorboard:DIR or mlflow",
        Checked(checked_log),
        placeholder="PLACE",
    )
    storage: str | Path | None = option(
        None,
        "folder of the studies",
        Folder(),
        placeholder="PATH",
        shown_default="hpo_studies",
    )
    ui: str = option(
        "auto",
        "how the search is shown",
        OneOf(("auto", "widgets", "text", "none")),
        placeholder="U",
    )


@dataclass(frozen=True)
class SearchArguments(DeclaredOptions, _Objective):
    """The parameters of `hpo_magic.search`: only the signature of this class is used."""


OPTIONS = options_of(SearchArguments)


@dataclass(frozen=True)
class Options(DeclaredOptions):
    """The options of a search, checked.

    Parameters
    ----------
    goals
        The objectives, from `maximize` and `minimize`. A direction alone, or an empty tuple, leaves
        it to the first complete trial to name the metric.
    **options
        Those of `DeclaredOptions`.

    Raises
    ------
    OptionError
        If an option does not take its value, or two options contradict each other.
    """

    goals: AskedGoals = ()

    def __post_init__(self) -> None:
        for declared in OPTIONS:
            if hasattr(self, declared.name):
                declared.check(getattr(self, declared.name))
        if self.on is not None and (self.jobs > 1 or self.isolate):
            raise OptionError(
                "the workers are those of the cluster; leave out jobs and isolate, which start "
                "workers on this machine.",
                "on",
            )
        recheck_of(str(self.recheck), self.trials)
        if len(named_goals(self.goals)) > 1:
            self._check_several_goals()

    def _check_several_goals(self) -> None:
        metrics = [goal.metric for goal in named_goals(self.goals)]
        twice = [metric for metric in metrics if metrics.count(metric) > 1]
        if twice:
            raise OptionError(f"{twice[0]!r} is given twice: each objective is another metric.")
        if self.stop == "noise":
            raise OptionError(
                "noise is about one best value; with several objectives give none, or a number of "
                "trials.",
                "stop",
            )
        if self.pruner not in (DeclaredOptions.pruner, "none"):
            raise OptionError(
                f"{self.pruner} compares one curve, and with several objectives every training is "
                f"finished. Leave it out.",
                "pruner",
            )

    @property
    def time_s(self) -> float | None:
        """The time budget of this run, in seconds; None: no limit."""
        return None if self.time is None else seconds(self.time)

    @property
    def timeout_s(self) -> float | None:
        """The time budget of each trial, in seconds; None: no limit."""
        return None if self.timeout is None else seconds(self.timeout)

    @property
    def patience(self) -> int | None:
        """The number of trials without a better value that ends the search; None: no limit."""
        return None if self.stop in ("none", "noise") else int(self.stop)

    @property
    def from_studies(self) -> tuple[str, ...] | None:
        """The studies that guide a new search; None: the revisions before, where there are some."""
        return None if self.from_study is None else studies(self.from_study)

    @property
    def folder(self) -> Path | None:
        """The folder of the studies; None: the default folder."""
        return None if self.storage is None else Path(self.storage).expanduser()


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
    raise OptionError(
        f"the study's name must be a Python identifier, since it names a variable afterwards; "
        f"got {name!r}. Try {as_identifier(name)}."
    )


def as_identifier(name: str) -> str:
    """Return the Python identifier that is the most like a name.

    >>> as_identifier("2nd run, lr"), as_identifier("class")
    ('_2nd_run_lr', 'class_')
    """
    better = re.sub(r"\W+", "_", name).strip("_") or "study"
    better = f"_{better}" if better[0].isdigit() else better
    return f"{better}_" if keyword.iskeyword(better) else better
