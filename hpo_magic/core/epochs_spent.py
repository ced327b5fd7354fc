"""How much of a budget of trials each trial takes, where trainings wait.

There `--trials N` is N full trainings' worth of epochs: many more begin, and few come to their end.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpo_magic.core.trial import Kind, State, Trial

# What such a training has taken is the share of its epochs; all others take a whole one.
PARTLY = (State.RUNNING, State.WAITING, State.PRUNED)


def full_length(trials: Iterable[Trial]) -> int:
    """Return the steps of the longest complete training; 0 if none reported any."""
    complete = (t for t in trials if t.state is State.COMPLETE and t.curve)
    return max((trial.curve[-1].step for trial in complete), default=0)


def share_trained(trial: Trial, length: int) -> float:
    """Return which share of a whole training a trial has taken, from 0 to 1.

    Parameters
    ----------
    length
        The steps of a whole training; 0: not known, and then every trial counts as one.

    >>> from hpo_magic.core.trial import Point
    >>> share_trained(Trial(3, State.WAITING, {}, curve=(Point(5, {"loss": 0.3}),)), 20)
    0.25
    """
    if trial.state not in PARTLY or trial.kind is not Kind.SEARCH or not length:
        return 1.0
    if not trial.curve:
        return 1.0 if trial.state is State.PRUNED else 0.0
    planned = length if trial.n_steps is None else max(min(trial.n_steps, length), 1)
    return min(trial.curve[-1].step / planned, 1.0)


def trainings_worth(trials: Iterable[Trial]) -> float:
    """Return how many whole trainings all epochs are worth; a stopped trial does not count."""
    counted = [trial for trial in trials if trial.state is not State.STOPPED]
    length = full_length(counted)
    return sum(share_trained(trial, length) for trial in counted)
