"""Export to TensorBoard: the learning curves of all trials, and the table of the HParams plugin.

Each trial is a run in a folder such as `trial_0007`. Points are written when they are reported. The
setting is written when the trial has ended, since only then its active parameters are known.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from hpo_magic.core.domains import Choice, Domain
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Point, State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.exports.logging import require, write_all


def to_tensorboard(snapshot: Snapshot, folder: Path) -> None:
    """Write a search into a folder for TensorBoard; see `Study.to_tensorboard`."""
    require("tensorboard", "to_tensorboard()")
    if any(folder.glob("trial_*")):
        raise HpoError(
            f"{folder} already has the trials of a search, and TensorBoard would mix the two. "
            f"Choose another folder."
        )
    write_all(TensorBoardLog(folder), snapshot)


class TensorBoardLog:
    """Writes trials into a folder; see `exports.logging.Log`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[int, Any] = {}

    def point(self, trial: Trial, point: Point) -> None:
        """Write the metrics of one step."""
        for name, value in point.metrics.items():
            self._write_scalar(trial, name, value, point.step)
        self._writer(trial).flush()

    def trial(self, trial: Trial, snapshot: Snapshot) -> None:
        """Write the setting, the value and the state of an ended trial."""
        from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
        from tensorboard.plugins.hparams.summary import session_end_pb
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        params = {name: _plain(value) for name, value in trial.params.items()}
        group = f"{trial.number}, {trial.kind.value}, {trial.state.value}"
        begun = trial.started or time.time()
        self._write(trial, hparams_pb(params, group, begun), begun)
        # A pruned trial has no value; its last metrics are in its curve.
        if trial.value is not None:
            step = trial.curve[-1].step if trial.curve else 0
            self._write_scalar(trial, "value", trial.value, step)
            values = zip(snapshot.goals, snapshot.history.values(trial), strict=True)
            for goal, value in values:
                is_drawn = any(goal.metric in point.metrics for point in trial.curve)
                if value is not None and not is_drawn:
                    self._write_scalar(trial, goal.metric, value, step)
        status = STATUS_SUCCESS if trial.state is State.COMPLETE else STATUS_FAILURE
        ended = begun + (trial.duration_s or 0.0)
        self._write(trial, session_end_pb(status, ended), ended)
        self._writers.pop(trial.number).close()

    def close(self, snapshot: Snapshot) -> None:
        """Write the parameters and metrics, for which the plugin shows columns and filters."""
        from tensorboard.plugins.hparams.summary_v2 import HParam, Metric, hparams_config_pb

        for writer in self._writers.values():
            writer.close()
        self._writers = {}
        columns = [HParam(name, _domain(p.domain)) for name, p in snapshot.space.items()]
        metrics = [Metric("value", display_name=f"{snapshot.metric}, {snapshot.direction.value}d")]
        metrics += [
            Metric(goal.metric, display_name=f"{goal.metric}, {goal.direction.value}d")
            for goal in snapshot.goals[1:]
        ]
        writer = _new_writer(self._folder)
        _add(writer, hparams_config_pb(columns, metrics), 0, snapshot.started or time.time())
        writer.close()

    def _write_scalar(self, trial: Trial, name: str, value: float, step: int) -> None:
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        self._write(trial, scalar_pb(name, value), time.time(), step)

    def _write(self, trial: Trial, summary: Any, at: float, step: int = 0) -> None:
        _add(self._writer(trial), summary, step, at)

    def _writer(self, trial: Trial) -> Any:
        if trial.number not in self._writers:
            self._writers[trial.number] = _new_writer(self._folder / f"trial_{trial.number:04d}")
        return self._writers[trial.number]


def _new_writer(folder: Path) -> Any:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder.mkdir(parents=True, exist_ok=True)
    return EventFileWriter(str(folder))


def _add(writer: Any, summary: Any, step: int, at: float) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    # Copied as bytes: with TensorFlow installed, the plugins' summaries are of TensorFlow's class.
    event = Event(step=step, wall_time=at)
    event.summary.ParseFromString(summary.SerializeToString())
    writer.add_event(event)


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else repr(value)


def _domain(domain: Domain) -> Any:
    """Return the domain as the plugin filters by it; None for choices of several types."""
    from tensorboard.plugins.hparams.summary_v2 import Discrete, IntInterval, RealInterval

    if isinstance(domain, Choice):
        values = [_plain(value) for value in domain.values]
        return Discrete(values) if len({type(value) for value in values}) == 1 else None
    low: Any = domain.low
    high: Any = domain.high
    return (IntInterval if domain.kind == "int" else RealInterval)(low, high)
