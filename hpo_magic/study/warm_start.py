"""What a study leaves for the next search: its cell with narrower ranges around the best trials."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from hpo_magic.core.domains import Choice, Plain
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Ranges, Space
from hpo_magic.core.trial import State, Trial, goals_or_value
from hpo_magic.errors import HpoError
from hpo_magic.source.narrow import NewRange, narrow
from hpo_magic.views.words.numbers import shown

# Of the trials, the good ones, around which the ranges are drawn, with a margin on either side.
GOOD_SHARE, FEWEST_GOOD = 0.1, 5
FEWEST_TRIALS, FEWEST_COMPLETE = 20, 10
# Of a line that is written anew: said otherwise, or over.
REPLACED = frozenset({"-n", "--trials", "--maximize", "--minimize", "--from"})
MARGIN, LEAST_WIDTH = 0.05, 0.1  # shares of the range


def narrowed_cell(
    record: StudyRecord,
    snapshot: Snapshot,
    namespace: Mapping[str, Any],
    chosen: Ranges | None = None,
) -> str:
    """Return the cell with narrower ranges, its first line with the options that it had.

    Parameters
    ----------
    chosen
        The user's own ranges; None: those around the best trials.

    Raises
    ------
    HpoError
        If the study was not searched from a cell, or there is nothing to narrow.
    """
    record.refuse_read("no cell to narrow")
    if not record.source:
        raise HpoError(f"Study {record.name!r} was not searched from a cell: nothing to narrow.")
    ranges = chosen_ranges(snapshot, chosen) if chosen else narrowed_ranges(snapshot)
    body = narrow(record.source, ranges, record.names or None, namespace, first_line=2)
    if body == record.source:
        raise HpoError(
            f"Nothing to narrow in study {record.name!r}: its best trials are all over the ranges, "
            f"or the bounds are no plain numbers in the cell."
        )
    n_more = sum(trial.state.is_finished for trial in snapshot.trials) * 3 // 2
    return f"%%hpo {_line(record, n_more)}\n{body}"


def _line(record: StudyRecord, n_trials: int) -> str:
    """Return the line of a search that goes on, with all options that still mean something."""
    words = shlex.split(record.line) or [record.name, "--seed", str(record.seed)]
    kept: list[str] = []
    drops_value = False
    for word in words:
        is_flag = word.startswith("-")
        if drops_value and not is_flag:
            drops_value = False
            continue
        flag, equals, _ = word.partition("=")
        drops_value = flag in REPLACED and not equals
        if flag not in REPLACED and word != "--fresh" and not re.fullmatch(r"-n\d+", word):
            kept.append(word)
    kept.remove(record.name)
    goals = goals_or_value(record.goals)
    goal = " ".join(f"--{goal.direction.value} {goal.metric}" for goal in goals)
    rest = [word if word.isprintable() and " " not in word else shlex.quote(word) for word in kept]
    return " ".join([record.name, f"--trials {n_trials}", goal, *rest])


def ranges_text(ranges: Mapping[str, NewRange], space: Space) -> str:
    """Return which ranges became how narrow: "lr 0.0001 to 0.1 → 0.002 to 0.01; ..."."""
    told = []
    for name, new in ranges.items():
        domain = space[name].domain
        assert not isinstance(domain, Choice)
        before = f"{shown(domain.low)} to {shown(domain.high)}"
        told.append(f"{name} {before} → {shown(new.low)} to {shown(new.high)}")
    return "; ".join(told)


def chosen_ranges(snapshot: Snapshot, chosen: Ranges) -> dict[str, NewRange]:
    """Return the user's own ranges, within those of the space; the best value in each its default.

    Raises
    ------
    HpoError
        If none of them can be written: choices are not narrowed, and a range has two ends.
    SpaceError
        If there is no parameter of a name.
    """
    found = {}
    for name, ends in chosen.items():
        snapshot.check_name(name)
        domain = snapshot.space[name].domain
        if isinstance(domain, Choice):
            continue
        low, high = sorted(_rounded(domain.nearest(end), domain.kind, domain.step) for end in ends)
        best = next((t for t in snapshot.history.ranked if name in t.params), None)
        value = domain.nearest(snapshot.space[name].default if best is None else best.params[name])
        inside = min(max(_rounded(value, domain.kind, domain.step), low), high)
        if low < high:
            found[name] = NewRange(max(low, domain.low), min(high, domain.high), inside)
    if not found:
        raise HpoError(
            "Nothing to narrow: only numbers with two different ends can be written as a range, "
            "and choices stay as they are."
        )
    return found


def narrowed_ranges(snapshot: Snapshot) -> dict[str, NewRange]:
    """Return narrower ranges around the best tenth of the trials, where they are narrower.

    Raises
    ------
    HpoError
        If there are too few trials to tell.
    """
    ranked = snapshot.history.ranked
    n_pruned = sum(trial.state is State.PRUNED for trial in snapshot.history.trials)
    n_told = len(ranked) + n_pruned  # what was pruned was not among the best
    if n_told < FEWEST_TRIALS or len(ranked) < FEWEST_COMPLETE:
        raise HpoError(
            f"Narrower ranges need {FEWEST_TRIALS} trials, {FEWEST_COMPLETE} of them complete and "
            f"the others pruned; study {snapshot.name!r} has {len(ranked)} complete and {n_pruned} "
            f"pruned."
        )
    good = ranked[: max(round(GOOD_SHARE * n_told), FEWEST_GOOD)]
    found = {name: _narrowed(parameter, good) for name, parameter in snapshot.space.items()}
    return {name: range_ for name, range_ in found.items() if range_ is not None}


def _narrowed(parameter: Parameter, good: list[Trial]) -> NewRange | None:
    domain = parameter.domain
    values = [t.params[parameter.name] for t in good if parameter.name in t.params]
    if isinstance(domain, Choice) or not values:
        return None
    units = [domain.unit(value) for value in values]
    low, high = min(units) - MARGIN, max(units) + MARGIN
    more = max(LEAST_WIDTH - (high - low), 0.0) / 2
    ends = [domain.value(min(max(unit, 0.0), 1.0)) for unit in (low - more, high + more)]
    first, last = (_rounded(end, domain.kind, domain.step) for end in ends)
    first, last = max(first, domain.low), min(last, domain.high)
    least = domain.step or 0
    is_narrower = (first, last) != (domain.low, domain.high) and last - first > least
    best = min(max(_rounded(domain.nearest(values[0]), domain.kind, domain.step), first), last)
    return NewRange(first, last, best) if is_narrower else None


def _rounded(value: Plain, kind: str, step: float | None) -> float:
    assert isinstance(value, int | float)
    return value if kind == "int" or step is not None else float(f"{value:.3g}")
