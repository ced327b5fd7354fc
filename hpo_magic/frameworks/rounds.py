"""The rounds of a boosted model: thousands a second, of which some are reported."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from hpo_magic.frameworks.fit_watch import FitWatch

# The first rounds are reported, then each that is so much later than the last: a thousand rounds
# are 30 reports.
SPARSER_BY = 1.25
# How often reports are sent, in seconds. Stop and --timeout act as fast.
EVERY_S = 0.15


class Rounds(Sequence[Mapping[str, float]]):
    """The metrics of each round; read from what the library gave only when they are asked for.

    Parameters
    ----------
    metrics_of
        Returns the metrics by name from what the library gave for a round.

    Attributes
    ----------
    add
        Takes what the library gave for a round.
    """

    def __init__(self, metrics_of: Callable[[Any], Mapping[str, float]]) -> None:
        self._given: list[Any] = []
        self._metrics_of = metrics_of
        self.add = self._given.append

    def __len__(self) -> int:
        return len(self._given)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, float]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, float]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self._metrics_of(one) for one in self._given[place]]
        return self._metrics_of(self._given[place])


class RoundReporter:
    """Collects the rounds of one fit, and reports some of them: the first ones, then ever fewer.

    Which ones depends on their number alone, so that the curves of all trials have the same steps,
    and a pruner decides the same however fast a machine is. Those of `EVERY_S` are reported
    together: then a training of a thousand rounds a second seldom loses the processor's caches. A
    training that a report ends has the points up to that one.

    Parameters
    ----------
    watch
        The trial's.
    metrics_of
        As in `Rounds`.

    Attributes
    ----------
    rounds
        The metrics of each round.
    """

    def __init__(self, watch: FitWatch, metrics_of: Callable[[Any], Mapping[str, float]]) -> None:
        self.rounds = Rounds(metrics_of)
        self._watch = watch
        self._n_rounds: int | None = None
        self._next = 1  # the round that is reported next
        self._due = 0.0
        self._before = watch.n_steps

    def add(self, given: Any, n_rounds: int | None) -> None:
        """Take what the library gave for a round; `n_rounds` are planned, None: unknown."""
        self.rounds.add(given)
        now = time.monotonic()
        if now >= self._due:
            self._due, self._n_rounds = now + EVERY_S, n_rounds
            self.send()

    def send(self) -> None:
        """Report what waits, and let the search end the training."""
        while self._next <= len(self.rounds):
            n, self._next = self._next, max(self._next + 1, int(self._next * SPARSER_BY))
            self._report(n)
        self._watch.guard_sometimes()

    def _report(self, n: int) -> None:
        n_left = None if self._n_rounds is None else max(0, self._n_rounds - n)
        self._watch.round_ended(self._before + n, self.rounds[n - 1], n_left)

    @contextlib.contextmanager
    def until_the_end(self) -> Iterator[Rounds]:
        """Report what waits at the end of the fit, and its last round in any case."""
        try:
            yield self.rounds
        except Exception:
            self.send()
            raise
        self.send()
        n = len(self.rounds)
        if self._watch.n_steps < self._before + n:
            self._report(n)
