"""Write a search to files: a table of its trials as CSV, the whole study as JSON."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import active_names, trial_columns, value_columns

BEFORE = ("number", "state", "kind")  # the columns left of the values


def to_csv(snapshot: Snapshot, path: Path) -> None:
    """Write a CSV table with one row per trial; see `Study.to_csv`.

    With one objective the column of the value is called `value`. With several, each objective has a
    column with the name of its metric.
    """
    names, columns = active_names(snapshot), trial_columns(snapshot)
    before = [columns[column] for column in BEFORE]
    after = [columns["duration_s"], *names, columns["error"]]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*before, *value_columns(snapshot), *after])
        for t in snapshot.trials:
            values = snapshot.history.values(t)
            fixed = (t.number, t.state.value, t.kind.value, *values, t.duration_s)
            params = (t.params.get(name) for name in names)
            rows.writerow([*fixed, *params, str(t.failure) if t.failure else None])


def to_json(snapshot: Snapshot, path: Path) -> None:
    """Write the study with its space, learning curves and outputs; see `Study.to_json`."""
    whole = {
        "study": snapshot.name,
        "metric": snapshot.metric,
        "direction": snapshot.direction.value,
        **_of_several(snapshot),
        "space": snapshot.space.to_json(),
        "trials": [trial.to_json() for trial in snapshot.trials],
    }
    path.write_text(json.dumps(whole, indent=1, allow_nan=False), encoding="utf-8")


def _of_several(snapshot: Snapshot) -> dict[str, Any]:
    """Return the further fields of a study with several objectives; {} with one."""
    if not snapshot.is_multi_objective:
        return {}
    goals = [{"metric": g.metric, "direction": g.direction.value} for g in snapshot.goals]
    front = [trial.number for trial in snapshot.history.front]
    return {"objectives": goals, "front": front, "chosen": snapshot.chosen}
