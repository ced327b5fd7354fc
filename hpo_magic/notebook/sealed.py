"""The sealed test: one look at data that the search never saw, written down for good.

A test set that is looked at twice is a validation set. So every look is kept in a ledger that
nothing changes or removes, and a look at rows that were seen before, from whichever study, cell or
kernel, says so.
"""

from __future__ import annotations

import ast
import hashlib
import time
from collections.abc import Mapping
from datetime import date
from html import escape
from typing import Any

import numpy as np

from hpo_magic.core.asking import TrialRun, running
from hpo_magic.core.callsite import CallSites
from hpo_magic.core.events import Run
from hpo_magic.core.metrics import NOTHING, number
from hpo_magic.core.ports import Look
from hpo_magic.core.trial import Kind, Trial
from hpo_magic.core.wording import number as shown
from hpo_magic.errors import OptionError
from hpo_magic.notebook.cell import Cell, from_cell, names_read
from hpo_magic.notebook.fingerprint import array_fingerprint, inputs_of
from hpo_magic.study import Study

__all__ = ["Sealed", "TestResult"]

# Arrays with fewer rows are settings or labels of something else, not a test set.
FEWEST_ROWS = 5


class TestResult:
    """What a look found, as the notebook keeps it."""

    __test__ = False  # for pytest: not a test class, whatever its name

    def __init__(self, study: Study, look: Look, earlier: list[Look], also: Mapping[str, float]):
        self.look = look
        self._study, self._earlier, self._also = study, earlier, also

    @property
    def lines(self) -> list[str]:
        """The sentences, most important first."""
        look = self.look
        value = "no number" if look.value is None else shown(look.value)
        lines = [f"test {value} · {look.metric or 'value'} of trial {look.trial} of {look.study}"]
        if look.n_rows:
            lines[0] += f" on {look.n_rows} rows"
        rest = [f"{name} {shown(v)}" for name, v in self._also.items() if v != look.value]
        if rest:
            lines.append(f"also: {', '.join(rest)}")
        if look.value is None:
            lines.append(
                "The cell does not end in a number, so there is nothing to write down but the look."
            )
        if self._earlier:
            first = self._earlier[0]
            was = "" if first.value is None else f" ({shown(first.value)})"
            on = date.fromtimestamp(first.at).isoformat()
            treat = "" if look.value is None else f"; treat {value} as validation"
            lines.append(
                f"look {len(self._earlier) + 1}: this test set was used on {on}{was}, by study "
                f"{first.study}{treat}."
            )
        else:
            these = "at these rows" if look.data else f"with {look.study}"
            lines.append(f"look 1: the next look {these} is no test any more.")
        return lines

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        first, *rest = self.lines
        return f"<b>{escape(first)}</b>" + "".join(f"<br>{escape(line)}" for line in rest)


class Sealed:
    """One run of a `%%hpo_test` cell."""

    def __init__(self, study: Study, cell: Cell, shell: Any) -> None:
        self._study, self._cell, self._shell = study, cell, shell

    def look(self) -> TestResult:
        """Run the cell once on the chosen trial, write the look down, and return what it found.

        A cell that fails is a look without a value: it may have printed what it saw.

        Raises
        ------
        OptionError
            If the cell is empty.
        HpoError
            If the chosen model cannot be brought back.
        """
        if not self._cell.tree.body:
            raise OptionError("the cell is empty: write what measures the model on the test data.")
        trial = self._study.best_trial
        variables = self._variables(trial)
        namespace = dict(self._shell.user_ns) | variables
        rows = _arrays_read(self._cell.tree, self._shell.user_ns)
        seen = {array_fingerprint(array) for array in rows}
        earlier = [look for look in self._study.storage.looks() if self._is_same_test(look, seen)]
        try:
            last = self._run(trial, namespace)
        except BaseException as error:  # noqa: BLE001  (whatever the cell raises, it was a look)
            self._write(trial, seen, None, None, rows)
            raise from_cell(self._shell, self._cell, error)  # noqa: B904  (it may be itself)
        metric, value, also = _measured(last, self._study.record.metric, variables)
        look = self._write(trial, seen, value, metric, rows)
        return TestResult(self._study, look, earlier, also)

    def _is_same_test(self, look: Look, seen: set[str]) -> bool:
        """Return whether a look was at these rows, or may have been.

        A cell that reads its rows from a file or a `tf.data` pipeline shows none to compare: then
        every such look with this study counts.
        """
        if seen or look.data:
            return bool(seen & set(look.data.split()))
        return look.study == self._study.name

    def _variables(self, trial: Trial) -> dict[str, Any]:
        """Return what the searched cell made, as far as the test reads it.

        A kept model is enough where the test asks for nothing else; otherwise the cell runs again.
        """
        restorer = self._study.restorer
        made = _names_assigned(self._study.record.source, self._shell)
        needed = names_read(self._cell.tree) & made
        if not needed or restorer is None:
            return {}
        if needed == {"model"} and restorer.has_kept(trial):
            return {"model": restorer.model(trial)}
        variables, _ = restorer.again(trial)
        return {name: variables[name] for name in made if name in variables}

    def _run(self, trial: Trial, namespace: dict[str, Any]) -> Any:
        run = Run(trial.number, trial.params, Kind.ENQUEUED, trial.seed)
        # Calls in functions of other cells keep the names that they had in the search.
        elsewhere = {
            place: name
            for place, name in self._study.record.names.items()
            if not place.rpartition(":")[0].isdecimal()
        }
        sites = CallSites(self._cell.filename, elsewhere)
        with running(TrialRun(run, lambda step, metrics, n_steps=None: None, sites)):
            return self._cell.run(namespace)

    def _write(
        self, trial: Trial, seen: set[str], value: float | None, metric: str | None, rows: list[Any]
    ) -> Look:
        record = self._study.record
        look = Look(
            study=record.name,
            revision=record.revision,
            trial=trial.number,
            at=time.time(),
            cell=hashlib.blake2b(self._cell.source.encode(), digest_size=8).hexdigest(),
            data=" ".join(sorted(seen)),
            value=value,
            metric=metric,
            n_rows=len(rows[0]) if rows else None,
        )
        self._study.storage.add_look(look)
        self._study.refresh()
        return look


def _measured(
    last: Any, metric: str | None, variables: Mapping[str, Any]
) -> tuple[str | None, float | None, dict[str, float]]:
    """Return the metric, its value, and all numbers by name, from what the test cell ends in.

    `model.evaluate` gives a bare list; the names are asked of the model.
    """
    wanted = (metric or "value").removeprefix("val_")
    value = number(last)
    if value is not None:
        return wanted, value, {}
    if isinstance(last, list | tuple) and last is not NOTHING:
        models = [m for m in variables.values() if hasattr(m, "get_metrics_result")]
        last = models[0].get_metrics_result() if models else {}
    if isinstance(last, Mapping):
        named = {str(k): v for k, v in ((k, number(v)) for k, v in last.items()) if v is not None}
        if wanted in named:
            return wanted, named[wanted], named
        if len(named) == 1:
            return next(iter(named)), next(iter(named.values())), named
        return None, None, named
    return None, None, {}


def _arrays_read(tree: ast.AST, namespace: Mapping[str, Any]) -> list[Any]:
    """Return the arrays and tables that the test reads from the notebook, largest first."""
    found = [
        value
        for value in inputs_of(tree, namespace).values()
        if hasattr(value, "__array__") and np.ndim(value) and len(value) >= FEWEST_ROWS
    ]
    return sorted(found, key=np.size, reverse=True)


def _names_assigned(source: str, shell: Any) -> set[str]:
    """Return the names that the searched cell may assign."""
    tree = ast.parse(shell.transform_cell(source)) if source else ast.Module([], [])
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return stored | defined | imported
