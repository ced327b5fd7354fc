"""What a look at the test set found: the rows it read, and the sentences that are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape
from typing import Any

import numpy as np

from hpo_magic.core.records import TestEvaluation, UsedRows
from hpo_magic.core.wording import number as shown
from hpo_magic.honesty.leaks import Fingerprints
from hpo_magic.honesty.measured import Measured
from hpo_magic.honesty.test_ledger import level_of_evaluation, sentence_of_evaluation
from hpo_magic.notebook.fingerprint import array_fingerprint
from hpo_magic.search.used_rows import FEWEST_ROWS, arrays_in, leak_of, prints_of


@dataclass(frozen=True)
class TestRows:
    """The rows that a test cell reads, and which of them the search knew.

    Parameters
    ----------
    prints
        Their fingerprints; empty where the cell shows no rows.
    n_rows
        Of the largest of their arrays; None where there is none.
    n_leaked
        How many the search had used.
    sentences
        What must be said of that.
    """

    __test__ = False  # for pytest: not a test class, whatever its name

    prints: Fingerprints
    n_rows: int | None
    n_leaked: int = 0
    sentences: tuple[str, ...] = ()

    @classmethod
    def of(cls, inputs: Mapping[str, Any], used: Sequence[UsedRows]) -> TestRows:
        """Return the rows among what a test cell reads from the notebook.

        An array that the search used whole (training data, to fit a scaler) is named and left out,
        if there is another one.
        """
        arrays = {name: prints_of(array) for name, array in arrays_in(inputs).items()}
        leaks = {name: leak_of(prints, used) for name, prints in arrays.items()}
        whole = [name for name, (leak, _) in leaks.items() if leak.n_found == leak.n_rows]
        whole = [name for name in whole if leaks[name][0].is_leak and len(whole) < len(arrays)]
        sentences = [f"{name} was used in the search: a score on it is no test" for name in whole]
        tested = [name for name in arrays if name not in whole]
        n_leaked = 0
        for leak, is_fitted in (leaks[name] for name in tested):
            if leak.is_leak:
                n_leaked += leak.n_found
                were = leak.sentence
                if not is_fitted:
                    were = were.replace("used in the search", "in the data that the search read")
                sentences.insert(0, f"{were}: this is no test")
        if not tested:
            return cls(*_labels_alone(inputs))
        prints = np.concatenate([arrays[name] for name in tested])
        n_rows = max(len(arrays[name]) for name in tested)
        return cls(prints, n_rows, n_leaked, tuple(sentences))


@dataclass(frozen=True, repr=False)
class TestResult:
    """What a look found, as the notebook keeps it.

    `earlier` are the looks before at the same rows, `found` says how well the value is known (None
    without one), `also` are the other numbers of the cell, `apart` how far the honest number is.
    """

    __test__ = False

    evaluation: TestEvaluation
    earlier: Sequence[TestEvaluation]
    found: Measured | None
    rows: TestRows
    also: Mapping[str, float] = field(default_factory=dict)
    apart: str = ""

    @property
    def lines(self) -> list[str]:
        """The sentences, most important first."""
        evaluation = self.evaluation
        value = "no number" if evaluation.value is None else shown(evaluation.value)
        what = evaluation.choice or f"trial {evaluation.trial}"
        first = f"test {value} · {evaluation.metric or 'value'} of {what} of {evaluation.study}"
        if evaluation.n_rows:
            first += f" on {evaluation.n_rows} rows"
        return [first, *self.rows.sentences, *self._precision(), *self._rest(), self._count()]

    def _precision(self) -> list[str]:
        """Return how well the value is known, and how far the honest number is from it."""
        if self.found is None:
            return ["The cell does not end in a number: the look alone is written down."]
        if self.found.interval is None:
            return [self.found.how]
        low, high = self.found.interval
        level = f"{100 * level_of_evaluation(self.evaluation.number):.4g}%"
        interval = f"{level} interval {shown(low)} to {shown(high)}: {self.found.how}"
        return [interval, self.apart] if self.apart else [interval]

    def _rest(self) -> list[str]:
        rest = [f"{name} {shown(v)}" for name, v in self.also.items() if v != self.evaluation.value]
        return [f"also: {', '.join(rest)}"] if rest else []

    def _count(self) -> str:
        """Return which look it was at these rows."""
        evaluation = self.evaluation
        if not self.earlier:
            these = "at these rows" if evaluation.data else f"with {evaluation.study}"
            return f"look 1: the next look {these} is no test any more"
        first = self.earlier[0]
        by = first.study if first.study != evaluation.study else ""
        on = date.fromtimestamp(first.at)
        return sentence_of_evaluation(evaluation.number, on, first.value, evaluation.value, by)

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        first, *rest = self.lines
        return f"<b>{escape(first)}</b>" + "".join(f"<br>{escape(line)}" for line in rest)


def _labels_alone(inputs: Mapping[str, Any]) -> tuple[Fingerprints, int | None]:
    """Return a fingerprint of each whole array: labels have no rows that can be told apart."""
    arrays = [
        value
        for value in inputs.values()
        if hasattr(value, "__array__") and np.ndim(value) and len(value) >= FEWEST_ROWS
    ]
    prints = [int(array_fingerprint(array), 16) for array in arrays]
    return np.array(prints, dtype=np.uint64), max(map(len, arrays), default=None)
