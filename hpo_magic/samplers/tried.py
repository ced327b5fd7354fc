"""What has been tried, and what is left.

A cell is a function of the parameters that it reaches. So a setting repeats a trial if it agrees
with it on everything the trial reached, whatever the other values are. That needs no knowledge of
*why* the rest was not reached, and holds for a trial that failed half-way through its parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo_magic.core.activity import Activity, BoolArray, units_of
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.errors import SpaceExhausted
from hpo_magic.samplers.encoding import Encoding

Prints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tried:
    """The settings of the trials, as fingerprints: a number for each, of 64 bits.

    `settled` are those of trials that reached what their settings lead one to expect. `partial` are
    the others: which parameters were reached, and the fingerprints of these alone.
    """

    encoding: Encoding
    settled: Prints
    partial: tuple[tuple[BoolArray, Prints], ...]

    @classmethod
    def in_history(cls, space: Space, history: History, units: FloatArray | None = None) -> Tried:
        """Return the settings that the trials of `history` tried, encoded with learned conditions.

        Parameters
        ----------
        units : shape (n_trials, n_params)
            `units_of` the trials, if they are known already.
        """
        if units is None:
            units = units_of(space, [trial.params for trial in history.trials])
        encoding = Encoding(space, Activity.learned(space, history.trials, units))
        return cls.of(encoding, history.trials, units)

    @classmethod
    def of(cls, encoding: Encoding, trials: Sequence[Trial], units: FloatArray) -> Tried:
        """Return what complete, failed and running trials tried; `units` are `units_of` them.

        `units` has the shape (n_trials, n_params).

        A stopped trial may be tried again. A running one is taken to reach what is expected. A
        trial that reached nothing at all tells nothing about any setting.
        """
        states = np.array([trial.state for trial in trials], dtype=object)
        is_running = states == State.RUNNING
        reached = ~np.isnan(units)
        counts = (states != State.STOPPED) & reached.any(axis=1)
        settled = encoding.snap(np.where(reached, units, encoding.defaults))
        is_expected = is_running | (encoding.reached(settled) == reached).all(axis=1)
        settled[is_running] = encoding.settled(settled[is_running])
        whole, odd = counts & is_expected, counts & ~is_expected
        ended = counts & ~is_running
        partial = _partial(settled[odd], reached[odd], settled[ended], reached[ended])
        if odd.any():
            whole &= is_running | ~_is_overtaken(settled, reached, settled[odd], reached[odd])
        return cls(encoding, np.unique(_prints(settled[whole])), partial)

    def known(self, settled: FloatArray) -> BoolArray:
        """Return which settings, given as settled units, repeat a trial; shape (n,)."""
        known: BoolArray = np.isin(_prints(settled), self.settled)
        for reached, prints in self.partial:
            known |= np.isin(_prints(settled[:, reached]), prints)
        return known


def _partial(
    settled: FloatArray, reached: BoolArray, by_settled: FloatArray, by_reached: BoolArray
) -> tuple[tuple[BoolArray, Prints], ...]:
    """Return the fingerprints of trials that stand for all that agree with them.

    `settled` and `reached` have the shape (n_trials, n_params), those of the others
    (n_others, n_params).
    """
    counts = ~_is_overtaken(settled, reached, by_settled, by_reached)
    groups = []
    for pattern in np.unique(reached[counts], axis=0):
        same = counts & (reached == pattern).all(axis=1)
        groups.append((pattern, np.unique(_prints(settled[same][:, pattern]))))
    return tuple(groups)


def _is_overtaken(
    settled: FloatArray, reached: BoolArray, by_settled: FloatArray, by_reached: BoolArray
) -> BoolArray:
    """Return which trials agree with one of some others that yet reached more.

    `settled` and `reached` have the shape (n_trials, n_params), those of the others
    (n_others, n_params); the result (n_trials,).

    They failed by chance, or the cell was another then: they do not stand for all that agree.
    """
    overtaken = np.zeros(len(settled), dtype=np.bool_)
    for i, (place, pattern) in enumerate(zip(settled, reached, strict=True)):
        further = (by_reached >= pattern).all(axis=1) & (by_reached > pattern).any(axis=1)
        agrees = (by_settled[:, pattern] == place[pattern]).all(axis=1)
        overtaken[i] = (further & agrees).any()
    return overtaken


def _prints(units: FloatArray) -> Prints:
    """Return a number for each row, different for different rows but for one pair in 2**64.

    `units` has the shape (n, n_params), the result (n,).
    """
    # Rounded, as a float on a log scale comes back from its value with the last digits changed.
    places = np.rint(units * 2**36).astype(np.int64)
    # Odd multipliers, the same for every call; products and sums wrap around.
    stream = np.random.default_rng(0)
    multipliers = stream.integers(0, 2**62, units.shape[1], dtype=np.int64) * 2 + 1
    prints: Prints = (places * multipliers).sum(axis=1)
    return prints


def every_setting(encoding: Encoding, at_most: int) -> FloatArray | None:
    """Return all settings that differ in what they reach, or None if there are too many.

    Returns
    -------
    settled units, shape (n_settings, n_params); n_settings <= `at_most`
    """
    units = encoding.defaults[np.newaxis]
    names = list(encoding.space)
    for name in encoding.activity.from_parents_down():
        j = names.index(name)
        reached = encoding.reached(units)[:, j]
        n = encoding.n_levels[j]
        if not reached.any():
            continue
        if reached.sum() * n + (~reached).sum() > at_most:
            return None
        levels = _levels(encoding, j)
        spread = np.repeat(units[reached], len(levels), axis=0)
        spread[:, j] = np.tile(levels, int(reached.sum()))
        units = np.vstack([spread, units[~reached]])
    return encoding.snap(units)


def _levels(encoding: Encoding, j: int) -> FloatArray:
    """Return the units of all values of a parameter that has finitely many.

    Shape (n_levels,).
    """
    domain, n = encoding.domains[j], int(encoding.n_levels[j])
    if domain.kind == "int" and domain.low is not None and domain.step is None:
        return np.array([domain.unit(domain.low + k) for k in range(n)])
    return (np.arange(n) + 0.5) / n


def exhausted(space: Space) -> SpaceExhausted:
    """Return the error that says that nothing is left."""
    listed = ", ".join(space)
    return SpaceExhausted(
        f"every setting of {listed} has been tried. To go on, widen a range or add a choice."
    )
