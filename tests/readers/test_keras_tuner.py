"""Project folders of KerasTuner, which KerasTuner itself has written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras_tuner
import pytest

from hpo_magic import read_study
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.trial import Direction, State
from hpo_magic.errors import HpoError, OptionError, StudyNotFound

# KerasTuner's own.
pytestmark = pytest.mark.filterwarnings(
    "ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning"
)


class Tuner(keras_tuner.RandomSearch):  # type: ignore[misc]
    """Scores settings without a model; trial 2 fails."""

    same = False

    def run_trial(self, trial: object, **_: object) -> dict[str, float]:
        """Return the metrics of a trial."""
        hp = trial.hyperparameters  # type: ignore[attr-defined]
        units = hp.Int("units", 32, 256, step=32)
        lr = hp.Float("lr", 1e-4, 1e-1, sampling="log")
        hp.Boolean("wide")
        hp.Fixed("batch", 64)
        hp.Int("width", 2, 64, step=2, sampling="log")
        act = hp.Choice("act", ["relu", "tanh"])
        with hp.conditional_scope("act", ["relu"]):
            if act == "relu":
                hp.Float("slope", 0, 1, step=0.1)
        if trial.trial_id == "2":  # type: ignore[attr-defined]
            raise keras_tuner.errors.FailedTrialError("no memory")
        score = units * lr
        return {"val_accuracy": score, "val_loss": score if self.same else -score}


@pytest.fixture
def tuner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tuner:
    """Return a tuner that has searched, in the folder `dir/old`."""
    monkeypatch.chdir(tmp_path)
    return tuned()


def tuned(same: bool = False, project: str = "old") -> Tuner:
    """Return a tuner that has searched; `same`: two metrics have the same value."""
    objective = keras_tuner.Objective("val_accuracy", "max")
    made = Tuner(objective=objective, max_trials=8, seed=1, directory="dir", project_name=project)
    made.same = same
    made.search(verbose=0)
    return made


def test_a_project_is_stored_as_it_was(tuner: Tuner) -> None:
    """Objective, scores, states, settings and ranges are the tuner's."""
    ours = read_study("dir/old")
    (goal,) = ours.snapshot.goals
    assert (ours.name, goal.metric, goal.direction) == ("old", "val_accuracy", Direction.MAXIMIZE)
    theirs = tuner.oracle.trials
    assert len(ours.trials) == len(theirs) == 8
    for number, mine in enumerate(ours.trials):
        one = theirs[str(number)]
        assert mine.value == one.score
        assert dict(mine.params) == one.hyperparameters.values
    assert ours.trials[2].state is State.FAILED
    assert "no memory" in str(ours.trials[2].failure)
    assert ours.best_params == tuner.get_best_hyperparameters()[0].values
    assert ours.space["units"].domain == Int(32, 256, step=32)
    assert ours.space["lr"].domain == Float(1e-4, 1e-1, log=True)
    assert ours.space["width"].domain == Int(2, 64, step=2, log=True)
    assert ours.space["batch"].domain == Choice((64,))
    assert ours.space["slope"].scopes == (("act", ("relu",)),)


def test_keras_tuner_is_not_imported(tuner: Tuner) -> None:
    """Its files are JSON."""
    program = (
        "import sys, hpo_magic; hpo_magic.read_study('dir/old', 'mine')\n"
        "print([m for m in ('keras_tuner', 'keras', 'tensorflow', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[]"]


def test_an_objective_that_cannot_be_told_is_asked_for(tuner: Tuner) -> None:
    """Two metrics equal the score: the user names one, and the files check its direction."""
    tuned(same=True, project="same")
    with pytest.raises(OptionError, match=r"minimize=… or maximize=… with one of: val_accuracy"):
        read_study("dir/same")
    assert (
        read_study("dir/same", maximize="val_accuracy").snapshot.goals[0].metric == "val_accuracy"
    )
    with pytest.raises(OptionError, match=r"val_accuracy is maximized\. Write maximize="):
        read_study("dir/same", minimize="val_accuracy")
    with pytest.raises(OptionError, match=r"no metric 'f1'\. There are: val_accuracy, val_loss"):
        read_study("dir/same", maximize="f1")


def test_errors_name_the_way_out(tuner: Tuner) -> None:
    """The folder above, a folder of something else, a broken file, no ended trial."""
    with pytest.raises(StudyNotFound, match=r"There are: dir.old\."):
        read_study("dir")
    Path("empty").mkdir()
    with pytest.raises(StudyNotFound, match="directory/project_name of the tuner"):
        read_study("empty")
    told = Path("dir/old/trial_0/trial.json")
    running = json.loads(told.read_text()) | {"status": "RUNNING"}
    told.write_text(json.dumps(running))
    with pytest.warns(UserWarning, match="not ended are left out: 1"):
        assert len(read_study("dir/old", "rest").trials) == 7
    told.write_text("{")
    with pytest.raises(HpoError, match=r"trial\.json cannot be read .* remove that"):
        read_study("dir/old")
    for folder in Path("dir/old").glob("trial_*"):
        shutil.rmtree(folder)
    with pytest.raises(StudyNotFound, match=r"no trial in .* has ended"):
        read_study("dir/old")
