"""What a reader is asked for, and what it finds in another tool's files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hpo_magic.core.domains import Choice, Domain, Float, Int, Plain, identity
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import Direction, Failure, Goal, Point, State, Trial
from hpo_magic.errors import OptionError


@dataclass(frozen=True)
class Asked:
    """The keywords of `read_study` that readers use.

    Attributes
    ----------
    study
        The name of the study in a storage that holds several; None: the only one.
    minimize, maximize
        The metric to judge trials by; None: the files tell it.
    params
        The columns of a CSV that are hyperparameters; None: the file tells them.
    choices
        The options of choices that are stored as positions, by parameter.
    trust_pickle
        Whether a pickle may be loaded.
    """

    study: str | None = None
    minimize: str | None = None
    maximize: str | None = None
    params: Sequence[str] | None = None
    choices: Mapping[str, Sequence[object]] = field(default_factory=dict)
    trust_pickle: bool = False

    @property
    def goal(self) -> Goal | None:
        """The objective that the user named; None: none.

        Raises
        ------
        OptionError
            If there are two.
        """
        if self.minimize is not None and self.maximize is not None:
            raise OptionError("read_study: give minimize or maximize, not both.")
        if self.minimize is not None:
            return Goal(self.minimize, Direction.MINIMIZE)
        return None if self.maximize is None else Goal(self.maximize, Direction.MAXIMIZE)

    def checked(self, goal: Goal) -> Goal:
        """Return the objective that the files tell, with the name that the user gave it.

        Raises
        ------
        OptionError
            If the user named the other direction.
        """
        asked = self.goal
        if asked is not None and asked.direction is not goal.direction:
            told = goal.direction.value
            raise OptionError(
                f"read_study: the files say that {goal.metric} is {told}d. Write "
                f"{told}={asked.metric!r}, or leave {asked.direction.value} out."
            )
        return asked or goal


@dataclass(frozen=True)
class Found:
    """A search of another tool.

    Attributes
    ----------
    tool
        The tool's name, for sentences.
    name
        What the search is called there.
    goals
        The objectives, the first one first.
    space
        The parameters with their ranges.
    trials
        The trials that ended, by number.
    notes
        Sentences about what the files do not tell, or what was left out.
    """

    tool: str
    name: str
    goals: tuple[Goal, ...]
    space: Space
    trials: tuple[Trial, ...]
    notes: tuple[str, ...] = ()


def ended_trial(
    number: int,
    state: State,
    params: Params,
    goals: Sequence[Goal],
    metrics: Mapping[str, float],
    *,
    curve: Sequence[Point] = (),
    started: float | None = None,
    duration_s: float | None = None,
    message: str = "",
) -> Trial:
    """Return a trial of another tool; one without a finite value of each objective has failed.

    Parameters
    ----------
    metrics
        The numbers of the trial, by name; those of the objectives are among them.
    started, duration_s
        In seconds, the first since 1970; None: not known.
    message
        Why it failed.
    """
    lacking = [g.metric for g in goals if not math.isfinite(metrics.get(g.metric, math.nan))]
    if state is State.COMPLETE and lacking:
        state, message = State.FAILED, f"{', '.join(lacking)} is missing or is no finite number"
    is_complete = state is State.COMPLETE
    return Trial(
        number,
        state,
        dict(params),
        value=metrics[goals[0].metric] if is_complete else None,
        metrics=dict(metrics),
        curve=tuple(curve),
        started=started,
        duration_s=duration_s,
        failure=Failure("", message or "no reason is stored") if state is State.FAILED else None,
    )


def declared(space: Space, name: str, domain: Domain, default: Plain = None) -> Space:
    """Return the space with a parameter, widened where it has it; the default is in the domain."""
    start = default if default in domain else domain.middle
    return space.widen(Parameter(name, domain, start))


def tried_space(trials: Iterable[Params]) -> Space:
    """Return the space between the smallest and the largest values that were tried.

    >>> tried_space([{"units": 8}, {"units": 64}])["units"].domain
    Int(low=8, high=64, step=None, log=False, reverse_log=False)
    """
    tried: dict[str, list[Plain]] = {}
    for params in trials:
        for name, value in params.items():
            tried.setdefault(name, []).append(value)
    space = Space()
    for name, values in tried.items():
        space = declared(space, name, _tried_domain(values))
    return space


def _tried_domain(values: Sequence[Plain]) -> Domain:
    if all(type(value) is int for value in values):
        return Int(min(values), max(values))  # type: ignore[type-var,arg-type]
    if all(type(value) in (int, float) for value in values):
        return Float(min(values), max(values))  # type: ignore[type-var,arg-type]
    return Choice(distinct(values))


def distinct(values: Iterable[Plain]) -> tuple[Plain, ...]:
    """Return each value once, where True, 1 and 1.0 are different ones."""
    return tuple({identity(value): value for value in values}.values())


def left_out(n_open: int) -> tuple[str, ...]:
    """Return the sentence about trials that have not ended; none if there are none."""
    return (f"Trials that have not ended are left out: {n_open}.",) if n_open else ()


RANGES_NOT_STORED = (
    "The files do not have the ranges: each parameter has the range of the values that were tried."
)
