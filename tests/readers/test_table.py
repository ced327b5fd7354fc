"""Tables of runs: MLflow writes its own; W&B's are written as its documentation and page do."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo_magic import read_study
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.trial import State
from hpo_magic.errors import HpoError, OptionError, StudyNotFound

pytestmark = pytest.mark.filterwarnings("ignore:read_study")

MLFLOW = """
import mlflow
for lr, units in ((0.1, 32), (0.01, 64), (0.001, None)):
    with mlflow.start_run():
        mlflow.log_params({"lr": lr, "act": None} | ({"units": units} if units else {}))
        mlflow.log_metric("val_loss", 2.0 * lr)
        mlflow.log_metric("val_acc", 1 - lr)
run = mlflow.start_run()
mlflow.log_param("lr", 0.5)
mlflow.end_run("FAILED")
mlflow.start_run()
mlflow.end_run()
mlflow.search_runs().to_csv("runs.csv")
"""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies are stored in the test's folder."""
    monkeypatch.chdir(tmp_path)


def write(rows: list[dict[str, object]], path: str = "runs.csv") -> None:
    """Write a CSV."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_mlflow_s_runs() -> None:
    """Oldest first; texts are values again; runs without hyperparameters are left out and said."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "sqlite:///runs.db"}
    subprocess.run([sys.executable, "-c", MLFLOW], check=True, env=environment, capture_output=True)
    with pytest.warns(UserWarning, match=r"without a hyperparameter are left out: 1\..*ranges"):
        ours = read_study("runs.csv", "old", minimize="val_loss")
    assert [t.params.get("lr") for t in ours.trials] == [0.1, 0.01, 0.001, 0.5]
    assert [t.state for t in ours.trials] == [State.COMPLETE] * 3 + [State.FAILED]
    assert dict(ours.trials[1].params) == {"lr": 0.01, "act": None, "units": 64}
    assert "units" not in ours.trials[2].params
    assert dict(ours.trials[0].metrics) == {"val_loss": 0.2, "val_acc": 0.9}
    assert ours.best_params == {"lr": 0.001, "act": None}
    assert all(t.started and t.duration_s is not None for t in ours.trials)
    assert ours.space["units"].domain == Int(32, 64)


def test_the_dicts_of_wandb_s_api() -> None:
    """`config` and `summary`, with dicts inside of them; a value that is not finite fails."""
    write([
        {"summary": "{'loss': 0.5, '_step': 3}", "config": "{'opt': {'lr': 0.1}, 'k': [1, 2]}"},
        {"summary": "{'loss': nan}", "config": "{'opt': {'lr': 0.2}, 'k': [3]}"},
    ])  # fmt: skip
    ours = read_study("runs.csv", minimize="loss")
    assert dict(ours.trials[0].params) == {"opt.lr": 0.1, "k": (1, 2)}
    assert [t.state for t in ours.trials] == [State.COMPLETE, State.FAILED]
    assert ours.space["k"].domain == Choice(((1, 2), (3,)))


def test_the_table_of_wandb_s_page() -> None:
    """Its columns have no prefixes, so the user names the hyperparameters; states are its own."""
    write([
        {"State": "finished", "Runtime": "12", "lr": "0.1", "units": "64.0", "acc": "0.7"},
        {"State": "crashed", "Runtime": "3", "lr": "0.2", "units": "", "acc": ""},
        {"State": "killed", "Runtime": "3", "lr": "0.3", "units": "32.0", "acc": "0.1"},
        {"State": "running", "Runtime": "3", "lr": "0.3", "units": "32.0", "acc": "0.1"},
    ])  # fmt: skip
    with pytest.raises(OptionError, match=r"Write params=\[…\].*State, Runtime, lr, units, acc"):
        read_study("runs.csv", maximize="acc")
    with pytest.warns(UserWarning, match=r"left out: 1\..*whole numbers.*: units"):
        ours = read_study("runs.csv", maximize="acc", params=["lr", "units"])
    assert [t.state for t in ours.trials] == [State.COMPLETE, State.FAILED, State.STOPPED]
    assert ours.trials[0].duration_s == 12
    assert ours.best_params == {"lr": 0.1, "units": 64}
    assert ours.space["lr"].domain == Float(0.1, 0.3)


def test_errors_name_the_way_out() -> None:
    """The metric, the columns, an empty table, no table."""
    write([{"params.lr": 0.1, "metrics.loss": 0.5}])
    Path("empty.csv").write_text("params.lr,metrics.loss\n")
    Path("bytes.csv").write_bytes(b"params.lr\n\xff\xfe\n")
    Path("notes.txt").write_text("lr 0.1")
    write([{"config": "lr=1", "summary": "{}"}], "dicts.csv")
    for path, error, sentence, options in [
        ("runs.csv", OptionError, "minimize=… or maximize=… with one of: loss", {}),
        ("runs.csv", OptionError, "'los'. Did you mean .*There are: loss", {"minimize": "los"}),
        ("runs.csv", OptionError, "not both", {"minimize": "loss", "maximize": "loss"}),
        ("runs.csv", OptionError, "no 'lrr'", {"minimize": "loss", "params": ["lrr"]}),
        ("empty.csv", StudyNotFound, "no run in empty.csv", {"minimize": "loss"}),
        ("bytes.csv", HpoError, "cannot be read as CSV .* as UTF-8", {"minimize": "loss"}),
        ("dicts.csv", HpoError, "must have dicts, got 'lr=1'", {"minimize": "loss"}),
        ("notes.txt", HpoError, "Those are: a storage of Optuna", {}),
    ]:
        with pytest.raises(error, match=sentence):
            read_study(path, **options)  # type: ignore[arg-type]
    assert not Path("hpo_studies").exists()
