"""Compare two studies: whether their difference is larger than its sampling error.

The best seen values of two searches are not comparable, since the longer search has the larger
selection bias. The honest estimates are, where both have an interval; else the scores of the chosen
trials, row by row, where both were scored on the same rows. Without either, the result says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.errors import HpoError
from hpo_magic.honesty.quantiles import z_half
from hpo_magic.honesty.recheck_results import chosen_trial, honest_of
from hpo_magic.study.study import Study
from hpo_magic.views.words.numbers import counted, number, shown

FEWEST_ROWS = 30  # for the differences by row to be taken as normal


@dataclass(frozen=True)
class Comparison:
    """The difference of two studies; shown as a table with a sentence.

    Parameters
    ----------
    difference, half_width
        How much better the second is, in the metric's unit with its sign turned where it is
        minimized, and the half-width of its 95% interval; None where they cannot be estimated.
    sentence
        The conclusion.
    rows
        What is compared, the first study's, the second's.
    """

    difference: float | None
    half_width: float | None
    sentence: str
    rows: Sequence[tuple[str, str, str]]

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the difference is larger than its interval."""
        known = self.difference is not None and self.half_width is not None
        return known and abs(self.difference or 0.0) > (self.half_width or 0.0)

    def __repr__(self) -> str:
        widths = [max(len(row[k]) for row in self.rows) + 2 for k in range(3)]
        lines = ["".join(t.ljust(w) for t, w in zip(row, widths, strict=True)) for row in self.rows]
        return "\n".join([*(line.rstrip() for line in lines), self.sentence])


def compare(a: Study, b: Study) -> Comparison:
    """Return the difference of two studies, or of two revisions of one (`study.revision(1)`).

    Raises
    ------
    HpoError
        If they want different things, or one has no complete trial.
    """
    one, other = a.snapshot, b.snapshot
    goals = [s.goals for s in (one, other)]
    if one.is_multi_objective and goals[0] == goals[1]:
        raise HpoError(
            "Studies with several objectives cannot be compared by a number: see .front of each."
        )
    if goals[0] != goals[1]:
        told = " and ".join(", ".join(map(str, each)) for each in goals)
        raise HpoError(f"The studies cannot be compared: their objectives differ ({told}).")
    a_best, b_best = a.best_trial, b.best_trial  # raises where there is none
    difference, half_width, how = _difference(one, other)
    names = [_title(a), _title(b)]
    if names[0] == names[1]:
        names = [f"{name} ({which})" for name, which in zip(names, "ab", strict=True)]
    sentence = _sentence(difference, half_width, how, names)
    rows = [("", names[0], names[1])]
    rows += [(label, f(one), f(other)) for label, f in _LINES.items()]
    for name in {**a_best.params, **b_best.params}:
        here, there = (shown(t.params[name]) if name in t.params else "-" for t in (a_best, b_best))
        if here != there:
            rows.append((name, here, there))
    return Comparison(difference, half_width, sentence, rows)


def _title(study: Study) -> str:
    return f"{study.name}, revision {study.record.revision}"


def _start(snapshot: Snapshot) -> str:
    return number(snapshot.start.value) if snapshot.start else "-"


def _best_seen(snapshot: Snapshot) -> str:
    best = snapshot.history.best()
    n = counted(len(snapshot.history.complete), "trial")
    return "-" if best is None else f"{number(best.value)} of {n}"


def _honest(snapshot: Snapshot) -> str:
    found = honest_of(snapshot)
    if found.value is None:
        return "not measured"
    width = f" ± {number(found.half_width, 2)}" if found.half_width is not None else ""
    return f"{number(found.value)}{width}"


_LINES = {"start": _start, "best seen": _best_seen, "honest": _honest}


def _difference(one: Snapshot, other: Snapshot) -> tuple[float | None, float | None, str]:
    """Return how much better the second is, the half-width, and what both are based on."""
    sign = -one.direction.sign
    a, b = honest_of(one), honest_of(other)
    known = a.value is not None and b.value is not None
    if known and a.half_width is not None and b.half_width is not None:
        gap = sign * ((b.value or 0.0) - (a.value or 0.0))
        return gap, math.hypot(a.half_width, b.half_width), "by the honest estimates"
    by_row = _by_row(one, other)
    if by_row is None:
        return None, None, ""
    return sign * by_row[0], by_row[1], "on the same validation rows, on which both were selected"


def _by_row(one: Snapshot, other: Snapshot) -> tuple[float, float] | None:
    """Return the mean difference of the chosen trials on their rows, and the half-width."""
    a, b = chosen_trial(one), chosen_trial(other)
    rows = [t.row_scores for t in (a, b) if t is not None and t.row_scores is not None]
    if len(rows) < 2 or rows[0].rows != rows[1].rows or rows[0].n_rows != rows[1].n_rows:
        return None
    apart = rows[1].values.astype(np.float64) - rows[0].values.astype(np.float64)
    if len(apart) < FEWEST_ROWS:
        return None
    return float(apart.mean()), float(z_half(0.95) * apart.std(ddof=1) / math.sqrt(len(apart)))


def _sentence(
    difference: float | None, half_width: float | None, how: str, names: Sequence[str]
) -> str:
    if difference is None or half_width is None:
        return (
            "The sampling error of the difference is not known: that needs honest estimates with "
            "an interval (--recheck, and hp.seed() in the split), or scores on the same rows."
        )
    size = f"{number(abs(difference), 3)} ± {number(half_width, 2)}"
    if abs(difference) <= half_width:
        return f"No difference beyond its sampling error, {how}: {size}."
    better = names[difference > 0]
    return f"{better} is better by {size}, {how}: more than the sampling error."
