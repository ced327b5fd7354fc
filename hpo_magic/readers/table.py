"""Read runs from a CSV that MLflow or W&B exported: one row for each run.

Three kinds of columns tell hyperparameters from metrics: `params.lr` and `metrics.loss` of MLflow's
`search_runs().to_csv()`; `config` and `summary` of W&B's `Api().runs`, which have dicts as texts;
plain names of both web pages, where the user says which columns are hyperparameters.
"""

from __future__ import annotations

import ast
import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hpo_magic.core.domains import Plain, plain
from hpo_magic.core.log import suppressed
from hpo_magic.core.trial import Goal, State, Trial
from hpo_magic.errors import HpoError, OptionError, StudyNotFound, did_you_mean
from hpo_magic.readers.found import (
    RANGES_NOT_STORED,
    Asked,
    Found,
    ended_trial,
    left_out,
    tried_space,
)

Row = Mapping[str, str]
STATUS, STARTED, ENDED = (
    ("status", "State", "Status"),
    ("start_time", "Created", "Start Time"),
    "end_time",
)
RUNTIME_S = ("Runtime", "_runtime")
STATES = {
    "finished": State.COMPLETE,
    "failed": State.FAILED,
    "crashed": State.FAILED,
    "killed": State.STOPPED,
}
WORDS: dict[str, Plain] = {"True": True, "true": True, "False": False, "false": False, "None": None}


@dataclass(frozen=True)
class Run:
    """A row of the table.

    Attributes
    ----------
    row
        The texts by column.
    params
        The hyperparameters, without empty ones.
    metrics
        The numbers by name.
    """

    row: Row
    params: dict[str, Plain]
    metrics: dict[str, float]

    def first(self, columns: Sequence[str]) -> str:
        """Return the text of the first of these columns that has one; "" without any."""
        return next((self.row[c] for c in columns if self.row.get(c)), "")

    @property
    def state(self) -> State:
        """How the run ended; running where it has not, complete where no column says it."""
        status = self.first(STATUS).lower()
        return STATES.get(status, State.RUNNING) if status else State.COMPLETE


def read(path: Path, asked: Asked) -> Found:
    """Return the runs of a CSV as a search.

    Raises
    ------
    OptionError
        If the metric is not named or not there, or the hyperparameters cannot be told.
    HpoError
        If the file is no CSV.
    StudyNotFound
        If no run with a hyperparameter has ended.
    """
    rows = _rows(path)
    runs, tool = _runs(rows, asked)
    goal = _goal(runs, asked)
    tuned = [run for run in runs if run.params]
    ended = [run for run in tuned if run.state is not State.RUNNING]
    if not ended:
        raise StudyNotFound(f"read_study: no run in {path} has hyperparameters and has ended.")
    ended, notes = _whole_numbers(ended)
    starts = [_seconds(run.first(STARTED)) for run in ended]
    order = (
        sorted(range(len(ended)), key=lambda k: starts[k] or 0.0)
        if all(starts)
        else range(len(ended))
    )
    trials = tuple(_trial(number, ended[k], goal, starts[k]) for number, k in enumerate(order))
    notes = (*left_out(len(tuned) - len(ended)), RANGES_NOT_STORED, *notes)
    if len(tuned) < len(runs):
        notes = (f"Runs without a hyperparameter are left out: {len(runs) - len(tuned)}.", *notes)
    space = tried_space(trial.params for trial in trials)
    return Found(tool, path.stem, (goal,), space, trials, notes)


def _rows(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows: list[Row] = list(csv.DictReader(file, restval=""))
    except (OSError, ValueError, csv.Error) as error:
        raise HpoError(
            f"read_study: {path} cannot be read as CSV ({error}). Export it again, as UTF-8."
        ) from error
    if not rows:
        raise StudyNotFound(f"read_study: there is no run in {path}.")
    return rows


def _runs(rows: list[Row], asked: Asked) -> tuple[list[Run], str]:
    """Return the runs and the tool that exported them."""
    columns = list(rows[0])
    if any(column.startswith("params.") for column in columns):
        runs = [Run(row, _under(row, "params."), _numbers(_under(row, "metrics."))) for row in rows]
        return _only_asked(runs, asked), "MLflow"
    if {"config", "summary"} <= set(columns):
        dicts = [(row, _dict(row["config"]), _dict(row["summary"])) for row in rows]
        runs = [Run(row, config, _numbers(summary)) for row, config, summary in dicts]
        return _only_asked(runs, asked), "W&B"
    if asked.params is None:
        listed = ", ".join(column for column in columns if column)
        raise OptionError(
            f"read_study: the CSV does not tell hyperparameters from metrics. Write params=[…] "
            f"with the columns of the hyperparameters. There are: {listed}."
        )
    _check_columns(asked.params, columns)
    others = [column for column in columns if column and column not in asked.params]
    return [
        Run(
            row,
            {name: _value(row[name]) for name in asked.params if row[name]},
            _numbers({name: _value(row[name]) for name in others if row[name]}),
        )
        for row in rows
    ], "the CSV"


def _only_asked(runs: list[Run], asked: Asked) -> list[Run]:
    if asked.params is None:
        return runs
    _check_columns(asked.params, list(dict.fromkeys(name for run in runs for name in run.params)))
    kept = set(asked.params)
    return [replace(r, params={n: v for n, v in r.params.items() if n in kept}) for r in runs]


def _check_columns(wanted: Sequence[str], known: Sequence[str]) -> None:
    for name in wanted:
        if name not in known:
            raise OptionError(
                f"read_study: params: there is no {name!r}.{did_you_mean(name, known)} There are: "
                f"{', '.join(filter(None, known))}."
            )


def _under(row: Row, prefix: str) -> dict[str, Plain]:
    """Return the values of the columns with a prefix that are not empty, without the prefix."""
    return {
        column.removeprefix(prefix): _value(text)
        for column, text in row.items()
        if column and column.startswith(prefix) and text
    }


def _value(text: str) -> Plain:
    """Return what a text stands for: a number, True, False, None, else the text itself."""
    if text in WORDS:
        return WORDS[text]
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {n: float(v) for n, v in values.items() if type(v) in (int, float)}


class _NoNumbers(ast.NodeTransformer):
    """Replaces `nan` and `inf`, which are no literals, by None."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Return None's node for these two names."""
        return ast.Constant(None) if node.id in ("nan", "inf") else node


def _dict(text: str) -> dict[str, Any]:
    """Return a dict that was written as text, those inside flattened to `outer.inner`.

    Raises
    ------
    HpoError
        If the text is no dict of literals.
    """
    try:
        value = ast.literal_eval(_NoNumbers().visit(ast.parse(text or "{}", mode="eval")))
        return _flat(value)
    except (ValueError, SyntaxError, AttributeError) as error:
        raise HpoError(
            f"read_study: the columns config and summary must have dicts, got {text[:60]!r}. Write "
            f"dict(run.config) and run.summary._json_dict into them, or export the runs' table."
        ) from error


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        elif not str(name).startswith("_"):  # W&B's own
            found[f"{prefix}{name}"] = plain(value)
    return found


def _goal(runs: list[Run], asked: Asked) -> Goal:
    metrics = list(dict.fromkeys(name for run in runs for name in run.metrics))
    listed = ", ".join(metrics) or "none"
    if asked.goal is None:
        raise OptionError(
            f"read_study: a CSV does not say which metric the runs were judged by. Write "
            f"minimize=… or maximize=… with one of: {listed}."
        )
    if asked.goal.metric not in metrics:
        hint = did_you_mean(asked.goal.metric, metrics)
        raise OptionError(
            f"read_study: no run has the metric {asked.goal.metric!r}.{hint} There are: {listed}."
        )
    return asked.goal


def _whole_numbers(runs: list[Run]) -> tuple[list[Run], tuple[str, ...]]:
    """Return the runs with whole floats as whole numbers in columns with empty cells.

    Pandas writes whole numbers so as soon as a cell of the column is empty.
    """
    names = {name for run in runs for name in run.params}
    found = []
    for name in sorted(names):
        values = [run.params[name] for run in runs if name in run.params]
        has_gaps = len(values) < len(runs)
        if has_gaps and all(isinstance(v, float) and v.is_integer() for v in values):
            found.append(name)
    made = [
        replace(r, params={n: int(v) if n in found else v for n, v in r.params.items()})  # type: ignore[arg-type]
        for r in runs
    ]
    if not found:
        return runs, ()
    return made, (f"Taken for whole numbers, as some runs have none: {', '.join(found)}.",)


def _seconds(text: str) -> float | None:
    """Return a time in seconds since 1970; None if it is none."""
    with suppressed("a time of a CSV has another format", ValueError):
        return datetime.fromisoformat(text).timestamp()
    return None


def _trial(number: int, run: Run, goal: Goal, started: float | None) -> Trial:
    ended, runtime = _seconds(run.row.get(ENDED, "")), _value(run.first(RUNTIME_S))
    duration = float(runtime) if type(runtime) in (int, float) else None  # type: ignore[arg-type]
    if started is not None and ended is not None:
        duration = ended - started
    return ended_trial(
        number,
        run.state,
        run.params,
        (goal,),
        run.metrics,
        started=started,
        duration_s=duration,
        message=f"its status is {run.first(STATUS)}" if run.state is State.FAILED else "",
    )
