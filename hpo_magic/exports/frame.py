"""A search as a pandas table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import active_names, trial_columns, value_columns
from hpo_magic.errors import HpoError
from hpo_magic.views.words.headline import headline_lines

if TYPE_CHECKING:  # pandas is slow to import, and optional
    import pandas as pd


def to_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return a table with one row per trial; see `Study.to_frame`."""
    try:
        import pandas as pd
    except ImportError:
        raise HpoError(
            "to_frame() needs pandas, which is not installed: pip install pandas"
        ) from None

    columns, values = trial_columns(snapshot), value_columns(snapshot)
    names = active_names(snapshot)
    on_front = {trial.number for trial in snapshot.history.front}
    rows: list[dict[str, Any]] = [
        {
            columns["number"]: trial.number,
            columns["state"]: trial.state.value,
            columns["kind"]: trial.kind.value,
            **dict(zip(values, snapshot.history.values(trial), strict=True)),
            **({columns["front"]: trial.number in on_front} if snapshot.is_multi_objective else {}),
            columns["duration_s"]: trial.duration_s,
            **{name: trial.params.get(name) for name in names},
            columns["error"]: str(trial.failure) if trial.failure else None,
        }
        for trial in snapshot.trials
    ]
    frame = pd.DataFrame(rows).set_index(columns["number"]) if rows else pd.DataFrame()
    for line in headline_lines(snapshot):
        frame.attrs.update({line.label: line.value, f"{line.label}, remark": line.remark})
    return frame
