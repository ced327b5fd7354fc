"""When each parameter of a space is reached.

A cell may ask for a parameter in one branch alone: `momentum` where the optimizer is "sgd",
`units[2]` where there are three layers. Some of that is declared (`hp.conditional_scope`); the rest
is learned here from the trials that went by a parameter without reaching it. What is learned is the
simplest rule about other parameters that agrees with every trial, and where nothing speaks against
it, a parameter counts as reached.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import Choice, Domain, FloatArray, Plain
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import State, Trial

BoolArray = npt.NDArray[np.bool_]

# Two levels of a parameter are never this close in the unit interval.
SAME = 1e-9
# A parent with more levels than this is a condition only by a threshold, not by a list of values.
MAX_LISTED_LEVELS = 16
# A continuous parameter is an unlikely thing to branch on: it counts as if it had 2**16 levels.
CONTINUOUS_BITS = 16.0
# How many single rules are tried in pairs, where none agrees with the trials on its own.
MAX_PAIRED = 12


@dataclass(frozen=True)
class Condition:
    """Where a parent must stand for its child to be reached, as places in the unit interval.

    From `low` to `high`, both included, at none of the places `off`, and, if `on` is not None, at
    one of those. A parent that is not reached itself never holds.
    """

    parent: str
    low: float = 0.0
    high: float = 1.0
    off: tuple[float, ...] = ()
    on: tuple[float, ...] | None = None

    def holds(self, units: FloatArray) -> BoolArray:
        """Return where the condition holds; NaN stands for a parent that was not reached.

        `units` and the result have any shape, the same.
        """
        held: BoolArray = (units >= self.low - SAME) & (units <= self.high + SAME)
        if self.off:
            held &= ~_is_among(units, self.off)
        if self.on is not None:
            held &= _is_among(units, self.on)
        return held


@dataclass(frozen=True)
class Activity:
    """The conditions of every parameter that is not always reached.

    >>> from hpo_magic.core.domains import Choice, Float
    >>> sgd = (("optimizer", ("sgd",)),)
    >>> space = Space().declare(Parameter("optimizer", Choice(("adam", "sgd")), "adam"))
    >>> space = space.declare(Parameter("momentum", Float(0.0, 0.9), 0.5, scopes=sgd))
    >>> Activity.of(space).active({"optimizer": "adam", "momentum": 0.3})
    ('optimizer',)
    """

    space: Space
    conditions: Mapping[str, tuple[Condition, ...]]

    @classmethod
    def of(cls, space: Space, trials: Sequence[Trial] = ()) -> Activity:
        """Return each parameter's conditions: as declared, else as learned from the trials."""
        return cls.learned(space, trials, units_of(space, [trial.params for trial in trials]))

    @classmethod
    def learned(cls, space: Space, trials: Sequence[Trial], units: FloatArray) -> Activity:
        """Return the same as `of`, for a caller that has the trials' `units_of` already.

        `units` has the shape (n_trials, n_params).
        """
        evidence = _Evidence.of(space, trials, units)
        conditions = {}
        for name, parameter in space.items():
            found = _declared(space, parameter) if parameter.scopes else evidence.explain(name)
            if found:
                conditions[name] = found
        return cls(space, conditions)

    def mask(self, units: FloatArray) -> BoolArray:
        """Return which parameters are reached.

        Parameters
        ----------
        units : shape (n_settings, n_params)
            Each parameter's place in the unit interval, in the order of the space. A parameter
            whose place is NaN is not reached.

        Returns
        -------
        shape (n_settings, n_params)
        """
        column = {name: j for j, name in enumerate(self.space)}
        reached: BoolArray = ~np.isnan(units)
        for name in self.from_parents_down() if self.conditions else ():
            for condition in self.conditions.get(name, ()):
                j = column[condition.parent]
                reached[:, column[name]] &= reached[:, j] & condition.holds(units[:, j])
        return reached

    def active(self, params: Params) -> tuple[str, ...]:
        """Return the names that a training with `params` reaches, in the order of the space."""
        if not self.conditions:
            return tuple(name for name in self.space if name in params)
        reached = self.mask(units_of(self.space, [params]))[0]
        return tuple(itertools.compress(self.space, reached))

    def reduced(self, params: Params) -> dict[str, Plain]:
        """Return `params` without what is not reached. Equal ones are the same training."""
        return {name: params[name] for name in self.active(params)}

    def from_parents_down(self) -> tuple[str, ...]:
        """Return the names of the space, every parent before its children."""
        ordered: dict[str, None] = {}

        def visit(name: str, above: tuple[str, ...]) -> None:
            for condition in self.conditions.get(name, ()):
                if condition.parent not in ordered and condition.parent not in above:
                    visit(condition.parent, (*above, name))
            ordered[name] = None

        for name in self.space:
            if name not in ordered:
                visit(name, ())
        return tuple(ordered)


def units_of(space: Space, settings: Iterable[Params]) -> FloatArray:
    """Return the settings as places in the unit interval; NaN where a parameter is not there.

    Returns
    -------
    shape (n_settings, n_params), in the order of the space
    """
    domains = [(name, parameter.domain) for name, parameter in space.items()]
    rows = [
        [domain.unit(params[name]) if name in params else np.nan for name, domain in domains]
        for params in settings
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(space))


def units_of_trials(space: Space, trials: Sequence[Trial]) -> FloatArray:
    """Return `units_of` the trials' settings, each computed once; shape (n_trials, n_params)."""
    rows = []
    for trial in trials:
        known: tuple[Space, FloatArray] | None = trial.computed.get("units")
        if known is None or known[0] is not space:
            known = trial.computed["units"] = space, units_of(space, [trial.params])[0]
        rows.append(known[1])
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(space))


def _declared(space: Space, parameter: Parameter) -> tuple[Condition, ...]:
    """Return the conditions of the scopes whose parent is in the space."""
    conditions = []
    for parent, values in parameter.scopes:
        if parent in space and parent != parameter.name:
            domain = space[parent].domain
            places = tuple(domain.unit(value) for value in values if value in domain)
            conditions.append(Condition(parent, on=places))
    return tuple(conditions)


def _is_among(units: FloatArray, places: tuple[float, ...]) -> BoolArray:
    found = np.zeros(units.shape, dtype=np.bool_)
    for place in places:
        found |= np.abs(units - place) <= SAME
    return found


@dataclass(frozen=True)
class _Rule:
    """A condition, the trials whose silence it accounts for, and its length in bits."""

    condition: Condition
    covered: BoolArray
    bits: float


@dataclass(frozen=True)
class _Evidence:
    """Which trials reached which parameters, and which went by them.

    `units` as in `units_of`; `reached` and `passed` have its shape. A complete trial went by every
    parameter that it did not reach. One that failed or was stopped went by those that stand before
    the last one it reached. Of a running trial nothing is known.
    """

    space: Space
    units: FloatArray
    reached: BoolArray
    passed: BoolArray

    @classmethod
    def of(cls, space: Space, trials: Sequence[Trial], units: FloatArray) -> _Evidence:
        ended = np.array([t.state is not State.RUNNING for t in trials], dtype=bool)
        complete = np.array([t.state is State.COMPLETE for t in trials], dtype=bool)[ended]
        units = units[ended]
        present = ~np.isnan(units)
        got_further = np.cumsum(present[:, ::-1], axis=1)[:, ::-1] > 0
        passed: BoolArray = ~present & (complete[:, np.newaxis] | got_further)
        return cls(space, units, present, passed)

    def explain(self, name: str) -> tuple[Condition, ...]:
        """Return the simplest conditions that agree with all trials; none if there are none.

        One rule, or two that must both hold. "Simplest" counts the bits it takes to write the rule
        down (minimum description length), so that a branch on a yes-or-no goes before a threshold
        in a learning rate, which agrees with a handful of trials by accident.
        """
        child = list(self.space).index(name)
        absent, present = self.passed[:, child], self.reached[:, child]
        if not absent.any() or not present.any():
            return ()
        rules = list(self._rules(child, absent, present))
        whole = [rule for rule in rules if rule.covered[absent].all()]
        best = min(whole, key=lambda rule: rule.bits, default=None)
        pair = self._pair(rules, absent) if best is None or best.bits > CONTINUOUS_BITS else None
        if pair and (best is None or sum(rule.bits for rule in pair) < best.bits):
            return tuple(rule.condition for rule in pair)
        return () if best is None else (best.condition,)

    def _pair(self, rules: list[_Rule], absent: BoolArray) -> tuple[_Rule, _Rule] | None:
        most = sorted(rules, key=lambda rule: (-rule.covered.sum(), rule.bits))[:MAX_PAIRED]
        pairs = [
            pair
            for pair in itertools.combinations(most, 2)
            if (pair[0].covered | pair[1].covered)[absent].all()
        ]
        return min(pairs, key=lambda pair: pair[0].bits + pair[1].bits, default=None)

    def _rules(self, child: int, absent: BoolArray, present: BoolArray) -> Iterable[_Rule]:
        """Yield the rules, in each other parameter, that let through all trials with the child.

        `absent` and `present` have the shape (n_trials,).
        """
        n_params = len(self.space)
        for j in range(n_params):
            # A parent was reached wherever its child was, and somewhere else besides. (That the
            # second holds strictly is also why conditions never run in a circle.)
            is_above = j != child and self.reached[present, j].all()
            if not is_above or not (absent & self.reached[:, j]).any():
                continue
            without = absent & ~self.reached[:, j]  # the parent itself was not reached
            # Ties go to a parent that stands before its child, then to the nearest.
            far = abs(child - j) / n_params + (j > child)
            for condition, bits in self._conditions(j, child, absent, present):
                off = absent & self.reached[:, j] & ~condition.holds(self.units[:, j])
                if off.any():
                    yield _Rule(condition, off | without, bits + 0.5 * far)

    def _conditions(
        self, j: int, child: int, absent: BoolArray, present: BoolArray
    ) -> Iterable[tuple[Condition, float]]:
        """Yield conditions on parameter `j`, with their length in bits.

        `absent` and `present` have the shape (n_trials,).
        """
        names = list(self.space)
        parent, domain = names[j], self.space[names[j]].domain
        n = domain.n_levels
        on = self.units[present, j]
        off = self.units[absent & self.reached[:, j], j]
        is_ordered = not isinstance(domain, Choice) or domain.ordered
        if is_ordered:
            bits = CONTINUOUS_BITS if n is None else min(np.log2(n), CONTINUOUS_BITS)
            yield from _thresholds(parent, domain, names[child], on, off, 1 + bits)
        if n is not None and n <= MAX_LISTED_LEVELS:
            listed = tuple(float(u) for u in np.unique(off) if np.abs(on - u).min() > SAME)
            if listed:
                yield Condition(parent, off=listed), n + 2.0 * is_ordered


def _thresholds(
    parent: str, domain: Domain, child: str, on: FloatArray, off: FloatArray, bits: float
) -> Iterable[tuple[Condition, float]]:
    """Yield "at least" and "at most", each with its length in bits.

    `on` and `off` are the parent's units where the child was reached and where not, shape (n,)
    each.

    The threshold is half-way between the trials that reached the child and those that did not; but
    the k-th pass of a loop over `range(parent)` is reached from k + 1 on.
    """
    below, above = off[off < on.min() - SAME], off[off > on.max() + SAME]
    if below.size:
        low = (below.max() + on.min()) / 2
        loop = _loop_threshold(domain, child)
        if loop is not None and below.max() + SAME < loop <= on.min() + SAME:
            yield Condition(parent, low=loop), 0.0
        yield Condition(parent, low=float(low)), bits
    if above.size:
        yield Condition(parent, high=float((above.min() + on.max()) / 2)), bits


def _loop_threshold(domain: Domain, child: str) -> float | None:
    """Return the place from which a count reaches `child`, if that is named as a loop's k-th."""
    counted = re.search(r"\[(\d+)\]", child) or re.search(r"_(\d+)$", child)
    if counted is None or isinstance(domain, Choice):
        return None
    first = int(counted.group(1)) + 1
    return domain.unit(first) if first in domain else None
