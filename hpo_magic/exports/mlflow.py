"""Export to MLflow: one run per trial, nested under one run of the whole search.

MLflow decides where the runs are stored: `MLFLOW_TRACKING_URI` or `mlflow.set_tracking_uri`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Point, State, Trial
from hpo_magic.exports.logging import require, write_all
from hpo_magic.honesty.recheck_results import chosen_trial, honest_of
from hpo_magic.views.words.honest import sentence_of

BETWEEN_S = 1.0  # at least so long between two calls for points
MOST_METRICS = 1000  # in one call: the limit of MLflow
PARENT = "mlflow.parentRunId"
STATUS = {State.COMPLETE: "FINISHED", State.FAILED: "FAILED"}  # all other states: KILLED


def to_mlflow(snapshot: Snapshot, experiment: str | None = None) -> str:
    """Write a search to MLflow, and return the id of its run; see `Study.to_mlflow`."""
    require("mlflow", "to_mlflow()")
    log = MlflowLog(experiment or snapshot.name)
    write_all(log, snapshot)
    return log.run_id


class MlflowLog:
    """Writes trials as runs; see `exports.logging.Log`."""

    def __init__(self, experiment: str) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient()
        found = self._client.get_experiment_by_name(experiment)
        self._experiment = (
            self._client.create_experiment(experiment) if found is None else found.experiment_id
        )
        self.run_id: str = self._new_run("search", {}, time.time())
        self._runs: dict[int, str] = {}
        self._waiting: dict[str, list[Any]] = {}  # by run
        self._sent_at = time.time()

    def point(self, trial: Trial, point: Point) -> None:
        """Log the metrics of one step; sent once a second, as each call goes to the server."""
        self._keep(self._run_of(trial), point.metrics, point.step)
        if time.time() - self._sent_at >= BETWEEN_S:
            self._send()

    def trial(self, trial: Trial, snapshot: Snapshot) -> None:
        """Log the setting and the value of an ended trial, and end its run."""
        run = self._run_of(trial)
        for name, value in trial.params.items():
            self._client.log_param(run, _key(name), value)
        for name, text in (("state", trial.state.value), ("kind", trial.kind.value)):
            self._client.set_tag(run, name, text)
        if trial.failure:
            self._client.set_tag(run, "error", str(trial.failure))
        if trial.value is not None:
            values = zip(snapshot.goals[1:], snapshot.history.values(trial)[1:], strict=True)
            others = {goal.metric: value for goal, value in values if value is not None}
            self._keep(run, {"value": trial.value, **others}, 0)
        self._send()
        begun = time.time() if trial.started is None else trial.started
        self._end(run, STATUS.get(trial.state, "KILLED"), begun + (trial.duration_s or 0.0))
        del self._runs[trial.number]

    def close(self, snapshot: Snapshot) -> None:
        """Log the chosen setting and the result into the run of the search, and end it."""
        self._send()
        for run in self._runs.values():
            self._end(run, "KILLED", time.time())
        best, chosen = snapshot.history.best(), chosen_trial(snapshot)
        self._client.set_tag(self.run_id, "metric", snapshot.metric)
        self._client.set_tag(self.run_id, "direction", snapshot.direction.value)
        for k, goal in enumerate(snapshot.goals[1:], 2):
            self._client.set_tag(self.run_id, f"metric_{k}", goal.metric)
            self._client.set_tag(self.run_id, f"direction_{k}", goal.direction.value)
        if best is not None and best.value is not None and chosen is not None:
            found = {"best_seen": best.value}
            expected = honest_of(snapshot)
            if expected.value is not None:
                found["honest"] = expected.value
                self._client.set_tag(self.run_id, "honest", sentence_of(expected))
            self._keep(self.run_id, found, 0)
            self._send()
            for name, value in chosen.params.items():
                self._client.log_param(self.run_id, _key(name), value)
        self._end(self.run_id, "FINISHED", time.time())

    def _run_of(self, trial: Trial) -> str:
        if trial.number not in self._runs:
            begun = time.time() if trial.started is None else trial.started
            self._runs[trial.number] = self._new_run(
                f"trial {trial.number}", {PARENT: self.run_id}, begun
            )
        return self._runs[trial.number]

    def _new_run(self, name: str, tags: dict[str, str], at: float) -> str:
        run = self._client.create_run(
            self._experiment, start_time=round(at * 1000), tags=tags, run_name=name
        )
        return str(run.info.run_id)

    def _end(self, run: str, status: str, at: float) -> None:
        self._client.set_terminated(run, status, end_time=round(at * 1000))

    def _keep(self, run: str, metrics: Mapping[str, float], step: int) -> None:
        """Store finite metrics until `_send`."""
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        self._waiting.setdefault(run, []).extend(
            Metric(_key(name), value, now, step)
            for name, value in metrics.items()
            if math.isfinite(value)
        )

    def _send(self) -> None:
        for run, metrics in self._waiting.items():
            for k in range(0, len(metrics), MOST_METRICS):
                self._client.log_batch(run, metrics=metrics[k : k + MOST_METRICS])
        self._waiting = {}
        self._sent_at = time.time()


def _key(name: str) -> str:
    """Return a name that MLflow accepts: other characters, as in `units[0]`, become dots."""
    return "".join(c if c.isalnum() or c in "_-. /" else "." for c in name).rstrip(".")
