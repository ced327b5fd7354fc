"""The list of studies that `%hpo` shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape

from hpo_magic.core.ports import Storage
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Trial
from hpo_magic.honesty.recheck_results import honest_of
from hpo_magic.storage.snapshots import open_snapshot
from hpo_magic.views.words.progress import goal_text, values_text

HEADS = ("study", "revisions", "trials", "metric", "best seen (biased)", "honest", "created")


@dataclass(frozen=True)
class Listing:
    """The studies of a folder, the latest used last."""

    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, storage: Storage) -> Listing:
        """Return the list of what is stored."""
        return cls(tuple(_row(storage, name) for name in storage.names()))

    def __repr__(self) -> str:
        if not self.rows:
            return "No studies here yet. Put %%hpo NAME on top of a cell that trains a model."
        widths = [max(map(len, column)) for column in zip(HEADS, *self.rows, strict=True)]
        lines = [HEADS, *self.rows]
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return escape(repr(self))
        head = "".join(f"<th>{escape(text)}</th>" for text in HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _best_text(snapshot: Snapshot, best: Trial) -> str:
    if snapshot.is_multi_objective:
        return f"{values_text(snapshot, best)} (of {len(snapshot.history.front):,} on the front)"
    return f"{best.value:.4g}"


def _row(storage: Storage, name: str) -> tuple[str, ...]:
    record, snapshot = open_snapshot(storage, name)
    best, honest = snapshot.history.best(), honest_of(snapshot).value
    return (
        name,
        str(record.revision),
        str(sum(trial.state.is_finished for trial in snapshot.trials)),
        goal_text(snapshot) if record.metric else "",
        "" if best is None or best.value is None else _best_text(snapshot, best),
        "" if honest is None else f"{honest:.4g}",
        datetime.fromtimestamp(record.created).strftime("%Y-%m-%d %H:%M"),
    )
