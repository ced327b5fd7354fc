"""The headline of a result in words: a line each for start, best seen, honest, gain and test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hpo_magic.core.ledger import LedgerFault
from hpo_magic.core.records import TestEvaluation
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Trial
from hpo_magic.honesty.headline import Headline, headline
from hpo_magic.views.words.honest import (
    MINUS,
    bias_text,
    gain_remark,
    gain_value_text,
    how_text,
    of_training_text,
    split_groups_text,
    value_text,
)
from hpo_magic.views.words.numbers import number
from hpo_magic.views.words.progress import digits_of, gain_text, goal_writers, values_text
from hpo_magic.views.words.test_set import fault_text

AS_WRITTEN = "the cell as you wrote it"
OF_ANOTHER_TOOL = "another tool ran these trials: there is no model here to measure"


class Line(NamedTuple):
    """One line of the headline: what is measured, its value, and a remark."""

    label: str
    value: str
    remark: str


def headline_lines(snapshot: Snapshot) -> list[Line]:
    """Return the start, the best seen, the honest estimate, the gain and the test, as there are."""
    found = headline(snapshot)
    lines = (
        _of_several(snapshot, found) if snapshot.is_multi_objective else _of_one(snapshot, found)
    )
    if snapshot.is_read:
        ran = [line for line in lines if line.label not in ("start", "honest")]
        return [*ran, Line("honest", "not measured", OF_ANOTHER_TOOL)]
    return [
        *lines,
        *_too_good(snapshot, found),
        test_line(snapshot.name, found.test, snapshot.ledger_fault),
    ]


def _too_good(snapshot: Snapshot, found: Headline) -> Iterator[Line]:
    """Yield the line that says that all numbers above it are too good, where that is known."""
    if found.split_groups:
        is_max = snapshot.direction is Direction.MAXIMIZE
        amount = "too high" if is_max else "too low"
        if snapshot.is_multi_objective:
            amount = "too good"
        yield Line("every number here", amount, split_groups_text(found.split_groups))


def _of_one(snapshot: Snapshot, found: Headline) -> Iterator[Line]:
    digits, direction = digits_of(snapshot), snapshot.direction
    yield Line("start", _start_value(found.start, digits), AS_WRITTEN)
    if found.best is None:
        return
    if found.is_of_training:
        yield Line(
            "best seen",
            number(found.best.value, digits),
            of_training_text(found.n_complete, direction),
        )
        yield Line("honest", "not measured", how_text(found.honest[snapshot.metric]))
        return
    remark = bias_text(found.n_complete, direction, found.bias)
    better = gain_text(snapshot)
    if better and found.gain is None and found.bias is None:
        # Otherwise the next lines have the gain of re-runs, which selection did not bias.
        remark += f"; {better}"
    yield Line("best seen", number(found.best.value, digits), remark)
    honest = found.honest[snapshot.metric]
    yield Line("honest", value_text(honest, digits), how_text(honest))
    if found.gain is not None:
        remark = gain_remark(found.gain, direction, on_new_splits=found.on_new_splits)
        yield Line(f"tuned {MINUS} start", gain_value_text(found.gain, direction), remark)


def _of_several(snapshot: Snapshot, found: Headline) -> Iterator[Line]:
    start, best = found.start, found.best
    metrics = ", ".join(goal.metric for goal in snapshot.goals)
    text = "not run yet" if start is None else values_text(snapshot, start) or start.state.value
    yield Line("start", text, f"{metrics} of {AS_WRITTEN}")
    if best is None:
        return
    is_chosen = best.number == snapshot.chosen
    n = len(snapshot.history.front)
    which = f"trial {best.number}"
    if n > 1:
        which += f", one of {n:,} on the Pareto front"
    how = which if is_chosen else f"{which}; study.choose() selects another"
    yield Line("chosen" if is_chosen else "balanced", values_text(snapshot, best), how)
    honest = found.honest[snapshot.metric]
    texts = []
    for goal, write in zip(snapshot.goals, goal_writers(snapshot), strict=True):
        one = found.honest[goal.metric]
        has_interval = one.value is not None and one.half_width
        texts.append(value_text(one) if has_interval else write(one.value))
    value = "not measured" if honest.value is None else ", ".join(texts)
    yield Line("honest", value, how_text(honest))


def _start_value(start: Trial | None, digits: int) -> str:
    if start is None:
        return "not run yet"
    return start.state.value if start.value is None else number(start.value, digits)


def test_line(study: str, test: TestEvaluation | None, fault: LedgerFault | None) -> Line:
    """Return the last line of the headline: the latest test value, or how to measure one.

    `fault` is what was changed in the ledger after it was written.
    """
    changed = [] if fault is None else [fault_text(fault)]
    if test is None:
        return Line("test", "not measured", "; ".join([f"%%hpo_test {study}", *changed]))
    remarks = changed
    if test.n_leaked:
        remarks.append(f"not a valid test: the search used {test.n_leaked:,} of its rows")
    if test.number > 1:
        remarks.append(f"evaluation {test.number} of this test set: treat it as validation")
    if test.low is not None and test.high is not None and not remarks:
        remarks.append(f"{number(test.low)} to {number(test.high)} (95%)")
    return Line("test", number(test.value), "; ".join(remarks))
