"""What holds of each training library without a word of code in the cell: docs/trainers.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from trainers import TRAINERS, Trainer

from hpo_magic.core.events import Reported
from hpo_magic.core.ports import Controls, Verdict
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.executors.trial_execution import seed_everything
from hpo_magic.frameworks import all_frameworks
from hpo_magic.honesty.used_rows import leak_of, prints_of
from hpo_magic.notebook import magic
from hpo_magic.pruners import PRUNERS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # LightGBM 4.7 of `eval_set`
    pytest.mark.filterwarnings("ignore:X does not have valid feature names"),  # LightGBM 4.6
]


def marks_of(name: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a library's tests: in which environment they run."""
    if name.startswith(("lightgbm", "xgboost")):
        return []
    return [pytest.mark.trainers, *([pytest.mark.fastai] if name == "fastai" else [])]


CASES = [pytest.param(name, id=name.replace(", ", "-"), marks=marks_of(name)) for name in TRAINERS]


@pytest.fixture(params=CASES)
def trainer(request: pytest.FixtureRequest) -> Trainer:
    """Return the cell of each library in turn."""
    return TRAINERS[request.param]


def test_the_curve_and_the_value_are_the_library_s(notebook: Any, trainer: Trainer) -> None:
    """The curve reaches the last step; the value is what the library recorded of the kept model."""
    notebook.ok(trainer.setup)
    notebook.ok(trainer.magic("-n 3 --pruner none"))
    study = notebook["s"]
    assert [trial.state for trial in study.trials] == [State.COMPLETE] * 3, study.trials[0].failure
    assert [trial.value for trial in study.trials] == pytest.approx(notebook["seen"], rel=1e-6)
    for trial in study.trials:
        steps = [point.step for point in trial.curve]
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1], trial.n_steps) == (1, trainer.n, trainer.n)
        assert study.record.metric in trial.curve[0].metrics


def test_a_training_is_what_it_would_have_been(notebook: Any, trainer: Trainer) -> None:
    """The same cell outside a search comes to the same score and draws the same random numbers."""
    notebook.ok(trainer.setup)
    before = notebook.ok(trainer.hooked).value
    drawn = "\nafter.append(np.random.random())"
    notebook.ok("after = []")
    cell = trainer.magic("-n 1") + drawn
    notebook.ok(cell)
    assert notebook.ok(trainer.hooked).value is before
    seed_everything(notebook["s"].trials[0].seed, all_frameworks())
    notebook.ok(cell.partition("\n")[2])
    for found in ("seen", "after"):
        first, second = notebook[found]
        assert first == second


def test_the_best_model_has_the_score_on_record(
    new_notebook: Callable[[], Any], trainer: Trainer
) -> None:
    """In a kernel that never trained it, from a file of the library's own format."""
    notebook = new_notebook()
    notebook.ok(trainer.setup)
    shown = notebook.ok(trainer.magic("-n 4 --pruner none")).text
    assert "model shards" not in shown  # a bar of transformers' for each model that is kept
    value = notebook["s"].best_seen
    again = new_notebook()
    again.ok(trainer.setup)
    if trainer.is_whole:
        again.ok("from hpo_magic import load_study\ns = load_study('s')")
    else:  # the cell builds the model, and the kept weights are put into it
        again.ok(trainer.magic("-n 4 --pruner none"))
    said = again.ok("model = s.best_model()").text
    assert "%|" not in said  # nor a bar for one that is loaded
    assert ("into which the kept weights are put." in said) is not trainer.is_whole
    assert ("runs again" in said) is not trainer.is_whole
    assert len(again["seen"]) == (0 if trainer.is_whole else 1)  # trainings
    assert again.ok(trainer.score).value == pytest.approx(value, rel=1e-4)


def test_the_rows_are_known(notebook: Any, trainer: Trainer) -> None:
    """What each validation row got, for the honest number; which rows a test must not have."""
    notebook.ok(trainer.setup)
    notebook.ok(trainer.magic("-n 2 --pruner none"))
    study = notebook["s"]
    rows = study.trials[0].row_scores
    assert (rows is not None) is trainer.knows_rows
    if rows is not None:
        assert rows.n_rows == len(notebook["x_val"])
        assert rows.mean == pytest.approx(study.trials[0].value, rel=1e-4)
    used = study.storage.used(study.record.id)
    found = {
        name: leak_of(prints_of(notebook[name]), used) for name in ("x_train", "x_val", "x_test")
    }
    assert {name: one[0].is_leak for name, one in found.items()} == {
        "x_train": True, "x_val": True, "x_test": False,
    }  # fmt: skip


class Impatient:
    """Stops each training but the start at its second step."""

    def verdict(self, trial: Trial, history: History) -> Verdict:
        return Verdict.STOP if trial.curve[-1].step >= 2 else Verdict.KEEP


def test_a_training_is_pruned(
    notebook: Any, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends where the pruner says so, and the next one begins."""
    monkeypatch.setitem(PRUNERS, "impatient", f"{__name__}:Impatient")
    notebook.ok(trainer.setup)
    notebook.ok(trainer.magic("-n 3 --pruner impatient"))
    trials = notebook["s"].trials
    assert [trial.state for trial in trials] == [State.COMPLETE, State.PRUNED, State.PRUNED]
    assert [len(trial.curve) for trial in trials[1:]] == [2, 2]
    assert len(notebook["seen"]) == 1  # no pruned training went on


class Clicking:
    """A listener that presses Stop at the third report of a training."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls

    def notice(self, event: object, snapshot: object) -> None:
        if isinstance(event, Reported) and event.step == 3:
            self._controls.stop()

    def poll(self) -> None: ...

    def close(self, snapshot: object) -> None: ...


def test_a_click_on_stop_ends_the_training(
    notebook: Any, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: a training that would take hours has three points."""
    monkeypatch.setattr(magic, "make_listener", lambda ui, shell, controls: Clicking(controls))
    notebook.ok(trainer.setup)
    notebook.ok("n = 10**6")
    notebook.ok(trainer.magic("-n 3"))
    (trial,) = notebook["s"].trials
    assert (trial.state, len(trial.curve)) == (State.STOPPED, 3)


def test_a_training_that_takes_too_long_is_timed_out(notebook: Any, trainer: Trainer) -> None:
    """A training that would take hours ends after --timeout."""
    notebook.ok(trainer.setup)
    notebook.ok("n = 10**6")
    notebook.run(trainer.magic("-n 1 --timeout 0.5s"))
    (trial,) = notebook["s"].trials
    assert str(trial.failure) == "failed: Timeout: it took longer than the 0.5 s of --timeout"
    assert notebook["seen"] == []


def test_the_frozen_script_comes_to_the_same_score(notebook: Any, trainer: Trainer) -> None:
    """Without hpo_magic."""
    notebook.ok(trainer.setup)
    notebook.ok(trainer.magic("-n 3 --pruner none"))
    script = str(notebook.ok("s.freeze('script', check=True)").value)
    assert "hpo_magic" not in script
    found: dict[str, Any] = {}
    exec(script, found)
    assert found["seen"][-1] == pytest.approx(notebook["s"].best_seen, rel=1e-6)


@pytest.mark.parametrize("where", ["--isolate", "--jobs 2"])
def test_other_processes_train_the_same(notebook: Any, trainer: Trainer, where: str) -> None:
    """Curves, values and models come back from a worker."""
    notebook.ok(trainer.setup)
    notebook.ok(trainer.magic("-n 2 --pruner none"))
    notebook.ok(trainer.magic(f"-n 2 --pruner none {where}", name="away"))
    here, away = notebook["s"], notebook["away"]
    assert [t.value for t in away.trials] == pytest.approx([t.value for t in here.trials], rel=1e-6)
    assert [len(t.curve) for t in away.trials] == [len(t.curve) for t in here.trials]
    notebook.ok("model = away.best_model()")
    assert np.isclose(notebook.ok(trainer.score).value, away.best_seen, rtol=1e-4)


def test_a_failed_call_shows_no_frame_of_a_hook(notebook: Any) -> None:
    """Neither the frames that are stored nor those that the notebook shows."""
    trainer = TRAINERS["xgboost"]
    notebook.ok(trainer.setup)
    cell = trainer.magic("-n 1 --errors raise").replace('"nthread": 1', '"tree_method": "none"')
    shown = notebook.run(cell)
    assert type(shown.error).__name__ == "XGBoostError"
    frames = notebook["s"].trials[0].failure.traceback
    assert "in train" in frames
    for text in (frames, shown.text):
        assert "hpo_magic" not in text
        assert "function(*args, **kwargs)" not in text


SEARCH = """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

def rows(n, seed):
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 9, (n, 4), generator=draw)
    return [{"input_ids": one, "labels": int(one[0] > 4)} for one in ids]

def model_init():
    sizes = {"hidden_size": 8, "num_attention_heads": 1, "intermediate_size": 8}
    return BertForSequenceClassification(BertConfig(vocab_size=9, num_hidden_layers=1, **sizes))

options = {"use_cpu": True, "report_to": "none", "save_strategy": "no", "num_train_epochs": 1}
args = TrainingArguments("out", eval_strategy="epoch", disable_tqdm=True, **options)
trainer = Trainer(
    model_init=model_init, args=args, train_dataset=rows(16, 0), eval_dataset=rows(16, 1)
)
"""


@pytest.mark.trainers
def test_the_search_of_a_trainer_of_transformers_is_ours(notebook: Any) -> None:
    """Optuna is loaded by it alone; it returns the best run of the study with our trials."""
    notebook.ok(SEARCH)
    notebook.ok(
        "%%hpo s --ui none --recheck 0\n"
        "space = lambda t: {'learning_rate': t.suggest_float('learning_rate', 1e-4, 1e-2)}\n"
        "best = trainer.hyperparameter_search(space, n_trials=3, backend='optuna')"
    )
    study = notebook["s"]
    assert len(study.trials) == 3
    assert notebook["best"].objective == study.best_seen
    assert notebook["best"].hyperparameters == dict(study.best_params)


def test_a_call_with_a_wrong_argument_shows_no_frame_of_a_hook(notebook: Any) -> None:
    """The hook makes the call that fails; the error has today's spelling."""
    trainer = TRAINERS["xgboost"]
    notebook.ok(trainer.setup)
    notebook.ok("import xgboost")
    cell = "%%hpo s --maximize x -n 1\nx = hp.Int(1, 3)\nxgboost.train({}, None, nope=1)"
    shown = notebook.run(cell)
    assert type(shown.error).__name__ == "TypeError"
    for text in (notebook["s"].trials[0].failure.traceback, shown.text):
        assert "hpo_magic" not in text
