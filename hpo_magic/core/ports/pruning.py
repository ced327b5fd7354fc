"""Protocols of what decides on a training from its learning curve: stop, go on, or wait."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import History, Trial


class Verdict(Enum):
    """Whether a training goes on after a report."""

    KEEP = "keep"
    STOP = "stop"


class Pruner(Protocol):
    """Decides which trials are stopped early.

    A pure function of the reported learning curves.
    """

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether a running trial goes on after the last point of its learning curve.

        Parameters
        ----------
        trial
            Its curve has a point at least.
        history
            All trials of the search; that trial may be among them.
        """
        ...


@dataclass(frozen=True)
class Turn:
    """Which training is at work next, and how far.

    Attributes
    ----------
    number
        The trial that goes on; None: a new one begins.
    params
        The setting of the new one; None: the sampler chooses it.
    until
        The step at whose report it is decided again; None: when it has ended.
    """

    number: int | None
    until: int | None
    params: Params | None = None


@runtime_checkable
class WaitingPruner(Protocol):
    """A pruner that has trainings wait, and takes them up again.

    A pure function of the trials, like a sampler. Where trainings cannot wait, `verdict` decides.
    """

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether a running trial goes on; see `Pruner`."""
        ...

    def turn(self, space: Space, history: History, seed: int, n_left: float) -> Turn | None:
        """Return which of the waiting trainings and new settings is at work next.

        None: the trainings report too little to be suspended; each goes on to its end.

        Parameters
        ----------
        space
            Never empty.
        history
            All trials of the search. Those that wait have the state `WAITING`, and so has the one
            whose report is judged; those that run elsewhere are `RUNNING`.
        seed
            The study's.
        n_left
            The epochs that the search may still take, as whole trainings; infinite without a limit.
        """
        ...

    def to_drop(self, space: Space, history: History, seed: int) -> int:
        """Return the number of the waiting trial that is the least likely to become the best."""
        ...
