"""Protocols of what chooses settings: sampler, and the re-check of the best ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from hpo_magic.core.domains import Plain
from hpo_magic.core.notices import GridSize, Rechecks
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import History, Trial


class Sampler(Protocol):
    """Chooses the next setting.

    A pure function: the same space, history and seed give the same setting, whatever was asked
    before. So a resumed search, parallel trials, a growing space and edited ranges need no code.
    """

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`.

        Parameters
        ----------
        space
            Never empty. Parameters that were not reached in a trial are missing from its `params`.
        history
            The trials that fit the space, running and failed ones included.
        seed
            The study's; the same for all its trials.

        Raises
        ------
        SpaceExhausted
            If every setting has been tried.
        """
        ...


@runtime_checkable
class Announcer(Protocol):
    """A sampler that tells the user something about the space before it searches it."""

    def announcement(
        self, space: Space, history: History, n_searched: int | None
    ) -> GridSize | None:
        """Return what the user must know of the space; None if nothing.

        Parameters
        ----------
        space, history
            As in `Sampler.suggest`.
        n_searched
            Number of trials of the search, the start included; None: no limit.
        """
        ...


class Rechecker(Protocol):
    """Chooses the settings that are run again on new seeds, for an unbiased estimate.

    A pure function, like a sampler. `history` is of the search alone, `reruns` are the
    trials of kind `RECHECK` so far, and `n_trials` is the budget: all trainings, re-runs included.
    """

    @property
    def search_share(self) -> float:
        """The share of a time budget that the search gets, between 0 and 1."""
        ...

    def n_settings(self, n_trials: int) -> int:
        """Return how many of the best settings run again; one of them becomes the result."""
        ...

    def n_runs(self, n_trials: int) -> int:
        """Return how many trainings of the budget are reserved for re-runs."""
        ...

    def next(
        self, history: History, reruns: Sequence[Trial], seed: int, n_trials: int, n_left: float
    ) -> tuple[Params, int] | None:
        """Return the next setting to run again and its seed; None if none is left.

        Parameters
        ----------
        seed
            The study's, which is that of every trial of the search.
        n_left
            How many trainings are left.
        """
        ...

    def phase(self, history: History, n_trials: int) -> Rechecks | None:
        """Return what is run again, and on what; None without a re-check."""
        ...

    def only_repeats(self, history: History, reruns: Sequence[Trial]) -> bool:
        """Return whether the re-runs repeat the search's scores exactly, and so add nothing."""
        ...
