"""Leaks that are looked for before a search: in the cells before, and in the data itself."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.core.log import suppressed
from hpo_magic.honesty.early_leaks import (
    are_scaled_together,
    column_of_target,
    repeated_rows,
    shared_rows,
)
from hpo_magic.inputs.origin import package_of
from hpo_magic.inputs.reading import as_array
from hpo_magic.source.flow import Finding, Kind, Place, flow_of
from hpo_magic.source.flow.roles import Roles, roles_of
from hpo_magic.views.words.leaks import (
    findings_texts,
    repeated_rows_text,
    scaled_text,
    shared_rows_text,
    target_text,
)

MOST_CELLS = 500  # of a long session the latest ones are read
MOST_SENTENCES = 3
_OF_TRAINING = re.compile(r"(?i)(^|_)(train|tr|trn|training)($|_|\d)|^[xy]_?(train|tr)")
_OF_VALIDATION = re.compile(r"(?i)(^|_)(val|valid|va|dev|validation)($|_|\d)|^[xy]_?(val|va)")
# Gaps between dates of a regular series: days of the week, months and holidays are regular.
MOST_IRREGULAR = 5
Cell = tuple[int, str, ast.Module]


@dataclass(frozen=True)
class LeakCheck:
    """The cells of a notebook and its variables, before a search.

    Attributes
    ----------
    cells
        The cells that ran before, oldest first: execution count, text, tree.
    searched
        The searched cell.
    variables
        The notebook's variables.
    """

    cells: Sequence[Cell]
    searched: Cell
    variables: Mapping[str, Any]

    def sentences(self) -> list[str]:
        """Return a sentence for each leak that was found, the first few."""
        found: list[str] = []
        with suppressed("the cells before could not be checked for leaks"):
            found += findings_texts(self.findings)
        with suppressed("the data could not be checked for leaks"):
            found += self._in_data()
        return list(dict.fromkeys(found))[:MOST_SENTENCES]

    @cached_property
    def findings(self) -> list[Finding]:
        """What the cells did with rows before they were split."""
        tables = [n for n, v in self.variables.items() if package_of(v) in ("pandas", "polars")]
        in_time = [name for name in tables if _is_regular_series(self.variables[name])]
        return flow_of(self.cells[-MOST_CELLS:], self.searched, tables, in_time)

    @cached_property
    def _roles(self) -> Roles:
        functions = {
            node.name: node
            for _, _, tree in (*self.cells, self.searched)
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
        }
        return roles_of(self.searched[2], functions)

    def _in_data(self) -> Iterator[str]:
        yield from self._targets()
        known = {finding.kind for finding in self.findings}
        if Kind.COPIES not in known:
            yield from self._copies()
        if not known & {Kind.FITTED, Kind.STATISTIC}:
            yield from self._scaled()

    def _targets(self) -> Iterator[str]:
        """Yield a sentence for the first features that tell the target."""
        pairs = [*self._roles.fitted, *self._roles.split, *self._roles.scored]
        for pair in dict.fromkeys(pairs):
            features, target = self._array(pair.features), self._array(pair.target)
            if features is None or target is None or pair.features == pair.target:
                continue
            column = column_of_target(features, target)
            if column is not None:
                name = _name_of_column(self.variables[pair.features], column)
                place = self._assigned(pair.features)
                yield target_text(pair.features, name, pair.target, place)
                return

    def _copies(self) -> Iterator[str]:
        """Yield a sentence for rows that are trained and validated on, or split with copies."""
        for train, held_out in self._parts():
            one, other = self._array(train), self._array(held_out)
            found = None if one is None or other is None else shared_rows(one, other)
            if found is not None:
                yield shared_rows_text(train, held_out, found, self._assigned(held_out))
                return
        for name in dict.fromkeys(pair.features for pair in self._roles.split):
            rows = self._array(name)
            copies = None if rows is None else repeated_rows(rows)
            if copies is not None:
                yield repeated_rows_text(name, copies, self._assigned(name))
                return

    def _scaled(self) -> Iterator[str]:
        """Yield a sentence for rows that were standardized before they were split."""
        for train, held_out in self._parts():
            tables = [self._array(train), self._array(held_out)]
            rest = held_out and self._array(_beside(held_out, "test"))
            known = [one for one in tables if one is not None and one.ndim == 2]
            if len(known) < 2:
                continue
            is_found = are_scaled_together(*known)
            if not is_found and isinstance(rest, np.ndarray) and rest.ndim == 2:
                is_found = are_scaled_together(*known, rest)
            if is_found:
                yield scaled_text(train, self._assigned(train))
                return
        for name in dict.fromkeys(pair.features for pair in self._roles.split):
            rows = self._array(name)
            if rows is not None and rows.ndim == 2 and are_scaled_together(rows):
                yield scaled_text(name, self._assigned(name))
                return

    def _parts(self) -> list[tuple[str, str]]:
        """Return the variables with training and with validation rows, in pairs."""
        fitted = [pair.features for pair in self._roles.fitted if pair.features]
        scored = [p.features for p in self._roles.scored if p.features and p.features not in fitted]
        read = {n.id for n in ast.walk(self.searched[2]) if isinstance(n, ast.Name)}
        named = sorted(name for name in read if name[:1] not in "yY")
        if not (fitted and scored):
            fitted = fitted or [name for name in named if _OF_TRAINING.search(name)]
            scored = scored or [name for name in named if _OF_VALIDATION.search(name)]
        pairs = [(a, b) for a in dict.fromkeys(fitted) for b in dict.fromkeys(scored) if a != b]
        return [(a, b) for a, b in pairs if self._bound_outside(a) and self._bound_outside(b)]

    def _bound_outside(self, name: str) -> bool:
        """Return whether the searched cell takes a variable as it is, and does not assign it."""
        assigned = {
            node.id
            for node in ast.walk(self.searched[2])
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        return name in self.variables and name not in assigned

    def _array(self, name: str) -> npt.NDArray[Any] | None:
        """Return a variable of the notebook as an array, shape (n_rows, ...); None if none."""
        if name not in self._arrays:
            self._arrays[name] = self._as_array(name)
        return self._arrays[name]

    @cached_property
    def _arrays(self) -> dict[str, npt.NDArray[Any] | None]:
        return {}

    def _as_array(self, name: str) -> npt.NDArray[Any] | None:
        if not name or not self._bound_outside(name):
            return None
        value = self.variables[name]
        if hasattr(value, "tocsr") or not (hasattr(value, "shape") or isinstance(value, list)):
            return None
        found = as_array(value)
        return None if found is None or found.ndim == 0 else found

    def _assigned(self, name: str) -> Place | None:
        """Return the last line of the cells before that assigns a variable."""
        for number, text, tree in reversed(self.cells):
            lines = [
                node.lineno
                for node in ast.walk(tree)
                if isinstance(node, ast.Name)
                and node.id == name
                and isinstance(node.ctx, ast.Store)
            ]
            if lines:
                return Place(number, max(lines), text.splitlines()[max(lines) - 1].strip())
        return None


def _beside(name: str, word: str) -> str:
    """Return the name of the variable beside one: X_test for X_val.

    >>> _beside("X_val", "test"), _beside("xval", "test")
    ('X_test', 'xtest')
    """
    return re.sub(r"(?i)(validation|valid|val|dev)", word, name, count=1)


def _name_of_column(table: Any, column: int) -> str:
    columns = getattr(table, "columns", None)
    return repr(str(columns[column])) if columns is not None else f"{column}"


def _is_regular_series(table: Any) -> bool:
    """Return whether a table of pandas has a date in each row, at regular distances."""
    if "pandas" not in sys.modules or package_of(table) != "pandas":
        return False
    candidates = [getattr(table, "index", None)]
    if getattr(table, "ndim", 0) == 2:
        candidates += [table[name] for name in table.columns]
    kinds = [(one, str(getattr(one, "dtype", ""))) for one in candidates]
    return any(_is_regular(one) for one, kind in kinds if kind.startswith("datetime"))


def _is_regular(dates: Any) -> bool:
    moments = np.sort(np.asarray(dates, dtype="datetime64[ns]").astype(np.int64))
    gaps = np.diff(moments)
    if len(gaps) < 10 or gaps.min() <= 0:
        return False
    middle = float(np.median(gaps))
    return bool(gaps.max() <= MOST_IRREGULAR * middle and gaps.min() >= middle / MOST_IRREGULAR)


def check_of(shell: Any, source: str) -> LeakCheck:
    """Return the check of the cell that runs now, with the cells that ran before it."""
    typed = list(enumerate(shell.history_manager.input_hist_raw))[:-1]
    cells = [(number, text, _tree_of(shell, text)) for number, text in typed[-MOST_CELLS:]]
    known = [(number, text, tree) for number, text, tree in cells if tree is not None]
    whole = f"\n{source}"  # the magic's own line is the first
    tree = _parsed(shell, whole) or ast.Module([], [])
    return LeakCheck(known, (0, whole, tree), shell.user_ns)


# The cells before were there at the search before, too.
@lru_cache(maxsize=2 * MOST_CELLS)
def _tree_of(shell: Any, cell: str) -> ast.Module | None:
    return _parsed(shell, cell)


def _parsed(shell: Any, cell: str) -> ast.Module | None:
    """Return the statements of a cell, on their lines; None for a cell of another magic."""
    first = cell.partition("\n")[0]
    if first.startswith("%%"):
        if first.split()[0] not in ("%%time", "%%capture", "%%timeit"):
            return None
        cell = cell.replace(first, "", 1)
    as_it_is = _python(cell)  # most cells have no magics
    if as_it_is is not None:
        return as_it_is
    empty = len(cell) - len(cell.lstrip("\n"))  # IPython removes empty lines at the beginning
    try:
        text: str = shell.transform_cell(cell.lstrip("\n"))
    except SyntaxError:
        return None
    return _python("\n" * empty + text)


def _python(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None
