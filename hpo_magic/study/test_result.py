"""The result of a test evaluation: the rows that the cell read, and the lines that are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any, NamedTuple

import numpy as np

from hpo_magic.core.ledger import LedgerFault
from hpo_magic.core.records import NO_TRIAL, TestEvaluation, UsedRows
from hpo_magic.honesty.headline import Difference
from hpo_magic.honesty.leaks import Fingerprints, Overlap
from hpo_magic.honesty.measured import Measured
from hpo_magic.honesty.test_ledger import level_of_evaluation
from hpo_magic.honesty.used_rows import leak_of, prints_of
from hpo_magic.inputs.arrays import array_digest
from hpo_magic.inputs.rows import rows_in
from hpo_magic.language.row_metrics import is_metric
from hpo_magic.study.test_value import NoValue, TestValue
from hpo_magic.views.words.honest import difference_text
from hpo_magic.views.words.inputs import not_checked_text
from hpo_magic.views.words.numbers import number as shown
from hpo_magic.views.words.test_set import (
    basis_text,
    fault_text,
    leak_text,
    ledger_text,
    repeated_text,
    whole_text,
)


@dataclass(frozen=True)
class TestRows:
    """The rows that a test cell reads, and which of them the search used.

    Parameters
    ----------
    prints : shape (n_prints,)
        Fingerprints of the rows of all tested arrays; empty where the cell reads no arrays.
    n_rows
        Rows of the largest tested array; None where there is none.
    n_leaked
        Rows that the search used.
    leaks
        The overlap of each tested array that shares rows with the search, and whether a fit used
        these rows (else the search's cell only read them).
    used_whole
        Names of arrays that the search used as a whole, and that are not counted as test data.
    not_seen
        Names of variables whose rows could not be compared.
    """

    __test__ = False  # for pytest: not a test class, whatever its name

    prints: Fingerprints
    n_rows: int | None
    n_leaked: int = 0
    leaks: tuple[tuple[Overlap, bool], ...] = ()
    used_whole: tuple[str, ...] = ()
    not_seen: tuple[str, ...] = ()

    @classmethod
    def of(cls, inputs: Mapping[str, Any], used: Sequence[UsedRows]) -> TestRows:
        """Return the rows among the variables that a test cell reads from the notebook.

        An array that the search used as a whole (training data, to fit a scaler) is named and left
        out, if there is another one.
        """
        rows = rows_in(inputs)
        arrays = {name: prints_of(array) for name, array in rows.arrays.items()}
        leaks = {name: leak_of(prints, used) for name, prints in arrays.items()}
        whole = [name for name, (leak, _) in leaks.items() if leak.n_found == leak.n_rows]
        whole = [name for name in whole if leaks[name][0].is_leak and len(whole) < len(arrays)]
        tested = [name for name in arrays if name not in whole]
        found = tuple(leaks[name] for name in tested if leaks[name][0].is_leak)
        if not tested:
            return cls(*_labels_alone(rows.labels), not_seen=tuple(rows.not_seen))
        prints = np.concatenate([arrays[name] for name in tested])
        n_rows = max(len(arrays[name]) for name in tested)
        n_leaked = sum(leak.n_found for leak, _ in found)
        return cls(prints, n_rows, n_leaked, found, tuple(whole), tuple(rows.not_seen))


class Entry(NamedTuple):
    """The place of an evaluation in the ledger: its number, from 1, and its head."""

    number: int
    head: str


@dataclass(frozen=True, repr=False)
class TestResult:
    """The result of a test evaluation, as the notebook shows and keeps it.

    Parameters
    ----------
    evaluation
        As it is stored in the ledger.
    earlier
        Earlier evaluations of the same rows, oldest first.
    found
        The interval of the value; None without a value.
    rows
        The rows that the cell read.
    measured
        The value, and what it is called.
    entry
        Its place in the ledger; None where no number was seen, so that it is not there.
    difference
        Honest estimate minus test value; None where they cannot be compared.
    metric
        The study's; None if not known.
    fault
        What was changed in the ledger after it was written; None where nothing was found.
    """

    __test__ = False

    evaluation: TestEvaluation
    earlier: Sequence[TestEvaluation]
    found: Measured | None
    rows: TestRows
    measured: TestValue
    entry: Entry | None = None
    difference: Difference | None = None
    metric: str | None = None
    fault: LedgerFault | None = None

    @property
    def value(self) -> float | None:
        """The test value, in the metric's unit; None where the code gave no number."""
        return self.evaluation.value

    @property
    def is_written(self) -> bool:
        """Whether the evaluation is in the ledger: a number was seen."""
        return self.entry is not None

    @property
    def lines(self) -> list[str]:
        """The lines that are shown, most important first."""
        evaluation = self.evaluation
        value = "no number" if evaluation.value is None else shown(evaluation.value)
        whose = f"trial {evaluation.trial} of {evaluation.study}"
        if evaluation.choice:
            whose = evaluation.choice
            whose += f" of {evaluation.study}" if evaluation.trial != NO_TRIAL else ""
        first = f"test {value} · {evaluation.metric or 'value'} of {whose}"
        if evaluation.n_rows:
            first += f" on {evaluation.n_rows} rows"
        parts = (
            self._leaks(),
            self._name(),
            self._precision(),
            self._rest(),
            [self._count()],
            self._ledger(),
        )
        return [first, *(line for part in parts for line in part)]

    def _name(self) -> list[str]:
        """Return what was not checked: whether metric and model are the study's."""
        evaluation, measured = self.evaluation, self.measured
        lines = []
        if evaluation.trial == NO_TRIAL:
            lines.append(
                f"The model that was evaluated was not made by the search of {evaluation.study}: "
                f"this is no test of the study. {evaluation.study}.best_model() has the chosen one."
            )
        if measured.value is None or measured.is_study_metric or self.metric is None:
            return lines
        name = self.metric.removeprefix("val_")
        or_score = f', or in hp.score("{name}", y_test, predictions)' if is_metric(name) else ""
        lines.append(
            f"Not checked: whether this is {name}, the study's metric. To be sure, end the cell in "
            f'a dict, {{"{name}": …}}{or_score}.'
        )
        return lines

    def _leaks(self) -> list[str]:
        """Return which test rows the search used, and which could not be compared."""
        rows = self.rows
        return [
            *(leak_text(leak, is_fitted=is_fitted) for leak, is_fitted in reversed(rows.leaks)),
            *map(whole_text, rows.used_whole),
            *([not_checked_text(rows.not_seen)] if rows.not_seen else []),
        ]

    def _precision(self) -> list[str]:
        """Return the interval of the value, and the difference from the honest estimate."""
        if self.found is None:
            return [self._without_value()]
        if self.found.interval is None:
            return [basis_text(self.found)]
        low, high = self.found.interval
        level = f"{100 * level_of_evaluation(self.evaluation.number):.4g}%"
        interval = f"{level} interval {shown(low)} to {shown(high)}: {basis_text(self.found)}"
        return [interval, difference_text(self.difference)] if self.difference else [interval]

    def _without_value(self) -> str:
        """Return why there is no value, and whether that counts as an evaluation."""
        missing = self.measured.missing
        why = f"No number was taken: the cell {missing.value}. " if missing else ""
        cure = {
            NoValue.NOTHING: "End it with the score.",
            NoValue.NO_NUMBER: "End it with the score.",
            NoValue.SEVERAL: "End it with one of them.",
            NoValue.UNNAMED: "End it with one of them, or with a dict of them by name.",
        }
        counted = (
            "It counts as an evaluation, since numbers were shown."
            if self.is_written
            else "It does not count as an evaluation: no number was shown."
        )
        return f"{why}{cure[missing] if missing else ''} {counted}".strip()

    def _rest(self) -> list[str]:
        value = self.evaluation.value
        others = {n: v for n, v in self.measured.others.items() if n != self.evaluation.metric}
        rest = [f"{name} {shown(v)}" for name, v in others.items() if v != value]
        return [f"also: {', '.join(rest)}"] if rest else []

    def _count(self) -> str:
        """Return the evaluation's number among those of these rows."""
        evaluation = self.evaluation
        if not self.is_written:
            return f"evaluations of these rows so far: {len(self.earlier)}"
        if not self.earlier:
            these = "on these rows" if evaluation.data else f"with {evaluation.study}"
            return f"evaluation 1: a further evaluation {these} is no valid test"
        first = self.earlier[0]
        by = first.study if first.study != evaluation.study else ""
        on = date.fromtimestamp(first.at)
        return repeated_text(evaluation.number, on, first.value, evaluation.value, by)

    def _ledger(self) -> list[str]:
        """Return where the evaluation is in the ledger, and what was changed there."""
        fault = [] if self.fault is None else [fault_text(self.fault)]
        return fault if self.entry is None else [*fault, ledger_text(*self.entry)]

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        first, *rest = self.lines
        return f"<b>{escape(first)}</b>" + "".join(f"<br>{escape(line)}" for line in rest)


def _labels_alone(labels: Mapping[str, Any]) -> tuple[Fingerprints, int | None]:
    """Return a fingerprint of each whole array: rows of labels alone are not distinct.

    Shape (n_arrays,), and the length of the longest.
    """
    digests = [array_digest(array)[:8] for array in labels.values()]
    prints = [int.from_bytes(digest, "little") for digest in digests]
    return np.array(prints, dtype=np.uint64), max(map(len, labels.values()), default=None)
