"""What a storage keeps besides trials: studies, test evaluations, fingerprints of used rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.core.trial import AskedGoals, History, named_goals
from hpo_magic.errors import HpoError

# Begins the code's fingerprint of a revision whose trials another tool ran; it is that of no code.
READ = "read:"


@dataclass(frozen=True)
class StudyRecord:
    """One revision of a study, as it is stored.

    Parameters
    ----------
    id
        Of the revision in its file; 0 before it is stored.
    name, revision
        The study's name, and the number of this revision, from 1.
    goals
        The objectives, the first one first; their metrics may be unknown before trial 0 ended.
    seed
        Of the sampler and of all trials of the search.
    source
        The cell's text without the line of `%%hpo`; "" for a function.
    code, ranges, data
        Fingerprints of the code without its ranges, of the ranges, choices and defaults, and of
        the data that the code reads. An empty one is not compared.
    created
        Seconds since 1970.
    names
        Names of unnamed `hp` calls, by their place in the code.
    line
        The line of `%%hpo`, without the magic's name.
    chosen
        The trial that the user chose from the Pareto front; None: none.
    ledger
        The head of the ledger at the latest test evaluation of this revision; "": none yet.
    guides
        The revisions of older studies that guide this one: name and number of each.
    """

    id: int
    name: str
    revision: int
    goals: AskedGoals
    seed: int
    source: str = ""
    code: str = ""
    ranges: str = ""
    data: str = ""
    created: float = 0.0
    names: Mapping[str, str] = field(default_factory=dict)
    line: str = ""
    chosen: int | None = None
    ledger: str = ""
    guides: tuple[tuple[str, int], ...] = ()

    @property
    def metric(self) -> str | None:
        """The metric of the first objective; None where no trial has named it yet."""
        return next((goal.metric for goal in named_goals(self.goals)), None)

    @property
    def is_read(self) -> bool:
        """Whether another tool ran the trials, so that no search of ours may continue them."""
        return self.code.startswith(READ)

    def refuse_read(self, what: str) -> None:
        """Refuse what needs the code of the search, where another tool ran it.

        Raises
        ------
        HpoError
            With what to do: `what` is what there is not, "no model".
        """
        if self.is_read:
            raise HpoError(
                f"Another tool ran the trials of study {self.name!r}: there is {what} here. Its "
                f"settings are in {self.name}.best_params and {self.name}.to_frame(); "
                f"%%hpo NEW --from {self.name} lets them guide a search of yours."
            )


@dataclass(frozen=True)
class OlderStudy:
    """A revision whose trials guide another one.

    Attributes
    ----------
    name, revision
        The study's, as in its `StudyRecord`.
    history
        Its trials, without re-runs.
    """

    name: str
    revision: int
    history: History


NO_TRIAL = -1  # the trial of an evaluation whose model is not one of the study's


@dataclass(frozen=True)
class TestEvaluation:
    """One test evaluation: an entry of the ledger that is never changed or removed.

    Parameters
    ----------
    study, revision
        Whose choice was evaluated.
    trial
        Its number; `NO_TRIAL` for a model that is not one of the study's.
    at
        Seconds since 1970.
    cell
        Fingerprint of the test cell.
    data
        Fingerprints of the test rows as text; at most 1,024 of them.
    value
        The test value, in the metric's unit; None if the cell failed or gave no number.
    metric
        The name of the value; None if not known.
    n_rows
        Test rows; None if not known.
    number
        The evaluation's number among those of the same rows, from 1.
    low, high
        The confidence interval of the value; None where there is none.
    n_leaked
        Test rows that the search had used.
    choice
        What was evaluated, in words, where that is not the trial alone.
    """

    __test__ = False  # for pytest: not a test class, whatever its name

    study: str
    revision: int
    trial: int
    at: float
    cell: str = field(repr=False)
    data: str = field(repr=False)
    value: float | None
    metric: str | None = None
    n_rows: int | None = None
    number: int = 1
    low: float | None = None
    high: float | None = None
    n_leaked: int = 0
    choice: str = ""

    def __str__(self) -> str:
        """Return the evaluation in one line."""
        value = "no number" if self.value is None else f"{self.value:.5g}"
        interval = "" if self.low is None else f" ({self.low:.5g} to {self.high:.5g})"
        rows = "" if self.n_rows is None else f" on {self.n_rows:,} rows"
        name = self.metric or "value"
        return f"evaluation {self.number} of {self.study}: {name} {value}{interval}{rows}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show that line in a notebook."""
        printer.text(str(self))


@dataclass(frozen=True, eq=False)
class UsedRows:
    """Fingerprints of rows that a search used.

    Parameters
    ----------
    rows : shape (n_rows,)
        One fingerprint for each row.
    is_fitted
        Whether a fit trained or validated on these rows; else the code only read them.
    """

    rows: npt.NDArray[np.uint64]
    is_fitted: bool
