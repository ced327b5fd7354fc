"""What a storage keeps beside trials: studies, looks at a test set, rows that were used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hpo_magic.core.trial import AskedGoals, named_goals


@dataclass(frozen=True)
class StudyRecord:
    """One revision of a study, as it is stored.

    The fingerprints tell what changed since: `code` of the cell without its ranges, `ranges` of the
    cell's ranges, choices and defaults, `data` of what it reads. `chosen` is the trial that the
    user chose from the Pareto front.
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
    created: float = 0.0  # seconds since 1970
    names: Mapping[str, str] = field(default_factory=dict)  # of unnamed `hp` calls, by place
    line: str = ""  # what stood behind `%%hpo`
    chosen: int | None = None

    @property
    def metric(self) -> str | None:
        """The metric of the first objective; None where no trial has named it yet."""
        return next((goal.metric for goal in named_goals(self.goals)), None)


NO_TRIAL = -1  # the trial of an evaluation whose model is not one of the study's


@dataclass(frozen=True)
class TestEvaluation:
    """One look at a test set: a line of the ledger that is never changed or removed."""

    __test__ = False  # for pytest: not a test class, whatever its name

    study: str
    revision: int
    trial: int
    at: float  # seconds since 1970
    cell: str  # fingerprint of the test cell
    data: str  # fingerprints of the test rows it read, some of very many
    value: float | None  # None if the cell failed or gave no number
    metric: str | None = None
    n_rows: int | None = None
    number: int = 1  # which look at these rows it was
    low: float | None = None  # of the interval, where there is one
    high: float | None = None
    n_leaked: int = 0  # test rows that the search had used
    choice: str = ""  # what was measured, where that is not the trial alone


@dataclass(frozen=True, eq=False)
class UsedRows:
    """Fingerprints of rows that a search used; shape (n_rows,).

    `is_fitted`: a fit trained or was validated on them; else the code read them, for whatever use.
    """

    rows: npt.NDArray[np.uint64]
    is_fitted: bool
