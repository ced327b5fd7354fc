"""What the driver needs of a sampler: one search on one problem, asked and told by turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmarks.problems import Outcome
from hpo_magic.core.space import Params

__all__ = ["Search"]


class Search(Protocol):
    """One search. Trial 0 is the defaults, for every sampler: it is asked for like the others.

    Several trials may be asked for before the first is told.
    """

    def ask(self, number: int) -> Params:
        """Return the setting of trial `number`: at least what is active."""
        ...

    def tell(self, number: int, params: Params, outcome: Outcome) -> None:
        """Take the outcome of that trial."""
        ...

    def fill(self, settings: Sequence[Params], row_scores: Sequence[Outcome]) -> None:
        """Begin with these trials, 0, 1, ..., instead of asking; for the slow samplers' timing."""
        ...
