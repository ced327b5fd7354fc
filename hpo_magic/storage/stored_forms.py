"""How records and trials are written into columns and JSON, and read from them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from hpo_magic.core.records import StudyRecord
from hpo_magic.core.row_scores import RowOrder, RowScores
from hpo_magic.core.trial import (
    AskedGoals,
    Direction,
    Goal,
    State,
    Trial,
    goals_or_value,
    named_goals,
)
from hpo_magic.storage.database import Connection
from hpo_magic.storage.strict_json import from_text, to_text


def record_of(study: int, name: str, revision: int, text: str) -> StudyRecord:
    """Return the record of a study from its columns."""
    fields = from_text(text)
    goals = _goals_of(*(fields.pop(name, None) for name in ("metric", "direction", "further")))
    guides = tuple((str(older), int(number)) for older, number in fields.pop("guides", ()))
    return StudyRecord(id=study, name=name, revision=revision, goals=goals, guides=guides, **fields)


def record_text(record: StudyRecord) -> str:
    """Return the fields that have no column of their own, as JSON."""
    fields = asdict(record) | _fields_of(record.goals)
    columns = {"id", "name", "revision", "goals"}
    if record.chosen is None:
        columns.add("chosen")
    return to_text({name: value for name, value in fields.items() if name not in columns})


# How the objectives are stored: the first as `metric` and `direction`, the others as `further`.


def _fields_of(goals: AskedGoals) -> dict[str, Any]:
    """Return the stored fields of the objectives; `metric` is None while no trial has named it."""
    first, *others = goals_or_value(goals)
    metric = first.metric if named_goals(goals) else None
    found: dict[str, Any] = {"metric": metric, "direction": first.direction.value}
    if others:
        found["further"] = [[goal.metric, goal.direction.value] for goal in others]
    return found


def _goals_of(metric: str | None, direction: str, further: list[list[str]] | None) -> AskedGoals:
    """Return the objectives of these stored fields.

    Without a metric "minimize" is also what is stored where nothing was asked for.
    """
    if metric is None:
        return Direction.MAXIMIZE if Direction(direction) is Direction.MAXIMIZE else ()
    named = [(metric, direction), *(further or ())]
    return tuple(Goal(metric, Direction(word)) for metric, word in named)


def save_row_scores(db: Connection, study: int, trial: Trial) -> None:
    """Store a trial's outcomes; a trial without them has none any more."""
    db.execute("DELETE FROM outcomes WHERE study = ? AND number = ?", [study, trial.number])
    found = trial.row_scores
    if found is not None:
        db.execute(
            "INSERT INTO outcomes (study, number, rows, dtype, n, data, about, units) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(study, trial.number, found.rows, found.dtype, found.n_rows, found.data),
                to_text(
                    {
                        "n_folds": found.n_folds,
                        "n_trained": found.n_trained,
                        "order": found.order.value,
                        **_if_known(
                            split_groups=found.split_groups,
                            worst=found.worst,
                            label_chance=found.label_chance,
                            metric=found.metric or None,
                        ),
                    }
                ),
                found.units,
            ],
        )


def trial_of(text: str, data: bytes | None = None, *about: Any) -> Trial:
    """Return a trial from its columns; `data` and `about` are those of its rows."""
    trial = Trial.from_json(from_text(text))
    return trial if data is None else replace(trial, row_scores=_row_scores(data, *about))


def _row_scores(data: bytes, dtype: str, rows: str, about: str, units: bytes) -> RowScores:
    fields = from_text(about)
    order = RowOrder(fields.pop("order", ""))
    return RowScores(data, dtype, rows, units=units, order=order, **fields)


def _if_known(**fields: float | str | None) -> dict[str, float | str]:
    return {name: value for name, value in fields.items() if value is not None}


def stopped_trial(text: str) -> Trial:
    """Return a trial whose process has died."""
    return replace(trial_of(text), state=State.STOPPED)
