"""What only fastai has: the best weights are put back, and `lr_find` trains on trial."""

from __future__ import annotations

from typing import Any

import pytest
from trainers import TRAINERS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.trainers,
    pytest.mark.fastai,
    pytest.mark.filterwarnings("ignore"),  # fastai 2.8 warns of what PyTorch and NumPy renamed
]
FASTAI = TRAINERS["fastai"]
CALLBACKS = """
with warnings.catch_warnings(action="ignore"):
    from fastai.callback.schedule import Learner
    from fastai.callback.tracker import SaveModelCallback
"""


def test_the_best_weights_that_are_put_back_give_the_value(notebook: Any) -> None:
    """With `SaveModelCallback`, whose best epoch the model is at."""
    notebook.ok(FASTAI.setup)
    notebook.ok(CALLBACKS)
    cell = FASTAI.magic("-n 3 --pruner none").replace('"log"))', '"log"), cbs=SaveModelCallback())')
    assert "SaveModelCallback" in cell
    cell = cell.replace("1e-3, 1.0", "1.0, 30.0")  # so large that the last epoch is not the best
    notebook.ok(f"{cell}\nseen.append(measured(model))")
    study = notebook["s"]
    for trial in study.trials:
        curve = [point.metrics["valid_loss"] for point in trial.curve]
        assert trial.value == pytest.approx(min(curve))
    assert notebook["seen"][-1] == pytest.approx(study.trials[-1].value, rel=1e-4)


def test_a_search_for_a_learning_rate_is_no_fit(notebook: Any) -> None:
    """The epochs of `lr_find` are not on the curve; `fit_one_cycle` is watched as `fit` is."""
    notebook.ok(FASTAI.setup)
    notebook.ok(CALLBACKS)
    cell = FASTAI.magic("-n 2 --pruner none")
    cell = cell.replace("model.fit(", "model.lr_find(show_plot=False); model.fit_one_cycle(")
    notebook.ok(cell)
    study = notebook["s"]
    assert [len(trial.curve) for trial in study.trials] == [FASTAI.n] * 2
    assert [trial.value for trial in study.trials] == pytest.approx(notebook["seen"], rel=1e-6)
