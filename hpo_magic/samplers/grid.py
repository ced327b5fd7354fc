"""Grid search: every setting of a finite space, in the order of nested loops.

The first parameter that the cell asks for changes slowest, the last one fastest, each from its
lowest value up; a choice goes by the order in which it was written. What a setting does not reach
makes no settings of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypeGuard

import numpy as np

from hpo_magic.core.activity import Activity
from hpo_magic.core.domains import Choice, Domain, Float, FloatArray, Int, Plain
from hpo_magic.core.notices import GridSize
from hpo_magic.core.space import Space, describe
from hpo_magic.core.trial import History
from hpo_magic.errors import SpaceError
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.tried import Tried, every_setting, exhausted

# The parameter that says which one of several grids it is.
GRIDS = "grid"
# How many settings are looked at together.
AT_ONCE = 256
# A range with more values than this is taken for a mistake.
MOST_LEVELS = 1_000_000
# A conditional space with more settings than this is not counted, but bounded.
MOST_COUNTED = 50_000


class GridSampler:
    """Takes the settings of the grid in turn; the seed makes no difference.

    >>> from hpo_magic.core.domains import Int
    >>> from hpo_magic.core.space import Parameter
    >>> space = Space().declare(Parameter("units", Int(32, 128, step=32), 64))
    >>> GridSampler().suggest(space, History(number=1), seed=0)
    {'units': 32}
    """

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`.

        Raises
        ------
        SpaceError
            If a range has no end of values.
        """
        _refuse_endless(space)
        tried = Tried.in_history(space, history)
        encoding = tried.encoding
        settings = _settings(encoding)
        while some := list(islice(settings, AT_ONCE)):
            is_new = ~tried.known(np.array(some))
            if is_new.any():
                return encoding.params(some[is_new.argmax()])
        raise exhausted(space)

    def announcement(
        self, space: Space, history: History, n_searched: int | None
    ) -> GridSize | None:
        """Return how many settings there are, and whether `n_searched` trials reach them all."""
        if any(_is_endless(parameter.domain) for parameter in space.values()):
            return None  # `suggest` says why that is no grid
        if _has_unseen_grids(space, history):
            return None  # how many settings a grid has that was not tried is not known
        encoding = Encoding(space, Activity.of(space, history.trials))
        listed = every_setting(encoding, MOST_COUNTED) if encoding.activity.conditions else None
        n = space.size if listed is None else len(listed)
        is_bound = bool(encoding.activity.conditions) and listed is None
        is_cut = n_searched is not None and n > n_searched
        return GridSize(n, is_bound, n_searched if is_cut else None)


def _settings(encoding: Encoding) -> Iterator[FloatArray]:
    """Yield all that differ in what they reach, in order, as settled units of shape (n_params,)."""
    space, conditions = encoding.space, encoding.activity.conditions
    column = {name: j for j, name in enumerate(space)}
    order = encoding.activity.from_parents_down()
    units, reached = encoding.defaults.copy(), dict.fromkeys(space, True)

    def loop(depth: int) -> Iterator[FloatArray]:
        if depth == len(order):
            yield units.copy()
            return
        name = order[depth]
        j, domain = column[name], space[name].domain
        units[j] = encoding.defaults[j]
        reached[name] = all(
            reached[c.parent] and c.holds(units[[column[c.parent]]])[0]
            for c in conditions.get(name, ())
        )
        for level in range(domain.n_levels or 1) if reached[name] else ():
            units[j] = _unit(domain, level)
            yield from loop(depth + 1)
        if not reached[name]:
            yield from loop(depth + 1)

    return loop(0)


def _unit(domain: Domain, level: int) -> float:
    """Return the place of a level, counted from the lowest."""
    if isinstance(domain, Int) and domain.step is None:
        return domain.unit(domain.low + level)  # on a log scale the shares shrink
    return (level + 0.5) / (domain.n_levels or 1)


def _is_endless(domain: Domain) -> TypeGuard[Int | Float]:
    if isinstance(domain, Choice):
        return False
    return domain.n_levels is None or domain.n_levels > MOST_LEVELS


def _has_unseen_grids(space: Space, history: History) -> bool:
    """Return whether one of several grids, as `hp.from_space` takes them, was not tried yet."""
    grids = space.get(GRIDS)
    if grids is None or not isinstance(grids.domain, Choice):
        return False
    tried = {trial.params.get(GRIDS) for trial in history.trials}
    return not tried.issuperset(grids.domain.values)


def _refuse_endless(space: Space) -> None:
    """Check that every range has an end of values.

    Raises
    ------
    SpaceError
        If one has not; with a step that would do.
    """
    for name, parameter in space.items():
        domain = parameter.domain
        if _is_endless(domain):
            n = domain.n_levels
            why = "is continuous" if n is None else f"has {n:.3g} values"
            raise SpaceError(
                f"a grid needs ranges with few values, and {name} ({describe(domain)}) {why}. "
                f"Give it a step, as in {_with_step(domain)}, or search with the sampler sobol."
            )


def _with_step(domain: Int | Float) -> str:
    """Return the call of `hp` that gives a range some ten values."""
    low, high = domain.low, domain.high
    if domain.log:
        step = next((s for s in (10, 2, 1.1) if s <= high / low), high / low)
    else:
        step = float(f"{(high - low) / 10:.0e}")  # 0.05 rather than 0.0499
    if isinstance(domain, Int) and not domain.log:
        step = (domain.high - domain.low) // 10
    log = ', sampling="log"' if domain.log else ""
    return f"hp.{type(domain).__name__}({low!r}, {high!r}, step={step!r}{log})"
