"""A search in MLflow: read back by its own client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pytest
from made_up_searches import a_search, a_search_for_several
from mlflow import MlflowClient

from hpo_magic import hp, search
from hpo_magic.core.trial import State
from hpo_magic.exports.mlflow import to_mlflow

# Its own, of the SQLAlchemy beneath it and of its first import.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have MLflow keep its runs in a file of this test's."""
    before = mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield
    mlflow.set_tracking_uri(before)


def test_mlflow_has_a_run_for_each_trial_under_one() -> None:
    """With its active parameters, its value, its curve and how it ended."""
    search = a_search(9, is_running=True)
    parent = to_mlflow(search)
    client = MlflowClient()
    whole = client.get_run(parent)
    best = search.history.best()
    assert best is not None
    assert whole.data.metrics["best_seen"] == best.value
    assert whole.info.status == "FINISHED"
    assert whole.data.tags["direction"] == "maximize"
    runs = client.search_runs([whole.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'")
    named = {run.info.run_name: run for run in runs}
    ended = [t for t in search.trials if t.state is not State.RUNNING]
    assert set(named) == {f"trial {t.number}" for t in ended}
    for trial in ended:
        run = named[f"trial {trial.number}"]
        assert float(run.data.params["lr"]) == trial.params["lr"]
        assert ("units.1" in run.data.params) == ("units[1]" in trial.params)
        assert run.data.metrics.get("value") == trial.value
        assert run.info.status == ("FINISHED" if trial.state is State.COMPLETE else "FAILED")
        if trial.curve:
            points = client.get_metric_history(run.info.run_id, "val_accuracy")
            assert [p.step for p in points] == [p.step for p in trial.curve]
            assert [p.value for p in points] == [p.metrics["val_accuracy"] for p in trial.curve]


def test_the_honest_number_has_its_sentence() -> None:
    """Its interval, or why there is none."""

    def cell() -> float:
        labels = np.random.default_rng(hp.seed()).integers(0, 3, 40)
        return float(hp.score("accuracy", labels, np.full(40, hp.Int(0, 2, name="x"))))

    study = search(cell, trials=9, maximize="value", sampler="random", ui="none")
    assert study.honest is not None
    whole = MlflowClient().get_run(to_mlflow(study.snapshot))
    assert whole.data.metrics["honest"] == study.honest.value
    assert whole.data.tags["honest"] == study.honest.sentence


def test_two_exports_are_two_runs_of_one_experiment() -> None:
    """Or of another one, where its name is given."""
    search = a_search(2, is_running=False)
    client = MlflowClient()
    first, second = (client.get_run(to_mlflow(search)).info for _ in range(2))
    assert first.run_id != second.run_id
    assert first.experiment_id == second.experiment_id
    other = client.get_run(to_mlflow(search, "other")).info
    assert client.get_experiment_by_name("other").experiment_id == other.experiment_id


def test_each_of_several_objectives_is_a_metric() -> None:
    """The first is the value, the others have their names; the search names all of them."""
    search = a_search_for_several(6, is_running=False)
    parent = to_mlflow(search)
    client = MlflowClient()
    whole = client.get_run(parent)
    assert (whole.data.tags["metric_2"], whole.data.tags["direction_2"]) == ("n_params", "minimize")
    runs = client.search_runs([whole.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'")
    named = {run.info.run_name: run for run in runs}
    for trial in search.history.complete:
        logged = named[f"trial {trial.number}"].data.metrics
        assert (logged["value"], logged["n_params"]) == (trial.value, trial.metrics["n_params"])
