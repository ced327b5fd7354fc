"""`Study`: what a search found, to be asked, shown and taken elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo_magic import hp, search
from hpo_magic.core.records import TestEvaluation
from hpo_magic.core.trial import State
from hpo_magic.errors import HpoError, SpaceError
from hpo_magic.storage.snapshots import open_snapshot
from hpo_magic.study.study import Study


def rectangle() -> float:
    """Return an area; `height` is only asked for where it is not flat."""
    width = hp.Float(0.0, 10.0)
    shape = hp.Choice(["flat", "tall"], default="tall")
    return width * (hp.Int("height", 1, 9) if shape == "tall" else 0.5)


@pytest.fixture
def study() -> Study:
    """Return a study of eight trials."""
    return search(rectangle, trials=8, minimize="value", sampler="random", ui="none")


def a_look(study: Study, trial: int, value: float | None) -> TestEvaluation:
    """Return a look at a test set with one of the study's trials."""
    return TestEvaluation(study.name, study.record.revision, trial, 1e9, "cell", "rows", value)


def test_the_best_is_the_earliest_of_the_best(study: Study) -> None:
    """Its value, its setting and its trial are one."""
    best = study.best_trial
    values = [trial.value for trial in study.trials if trial.value is not None]
    assert study.best_seen == best.value == min(values)
    assert study.best_params == best.params
    assert study.start is study.trials[0]
    assert list(study.space) == ["width", "shape", "height"]
    assert study.set_aside == ()


def test_best_params_are_a_copy(study: Study) -> None:
    """Whoever changes them changes nothing of the study's."""
    study.best_params["width"] = -1.0
    assert study.best_params["width"] != -1.0


def test_a_study_without_a_result_says_so() -> None:
    """Whatever needs one."""
    study = search(rectangle, trials=1, minimize="value", ui="none")
    study.snapshot = type(study.snapshot)("study", study.snapshot.goals, study.space)
    for ask in ("best_trial", "best_params", "best_seen", "test"):
        with pytest.raises(HpoError, match=r"^Study 'study' has no complete trial yet\.$"):
            getattr(study, ask)
    assert study.start is None
    assert len(study.to_frame()) == 0
    with pytest.raises(HpoError, match=r"no trial is complete yet"):
        study.to_skopt()


def test_the_table(study: Study) -> None:
    """A row for each trial; parameters that were not active are missing."""
    frame = study.to_frame()
    assert list(frame.columns) == [
        "state", "kind", "value", "duration_s", "width", "shape", "height", "error",
    ]  # fmt: skip
    assert list(frame.index) == list(range(8))
    assert frame.index.name == "number"
    flat = frame[frame["shape"] == "flat"]
    assert 0 < len(flat) < 8
    assert flat["height"].isna().all()
    assert frame["value"].min() == study.best_seen


def test_the_table_has_the_failures() -> None:
    """With their reasons in words."""

    def picky() -> float:
        number = hp.Choice([0, 1])
        return 1 / (1 - number)

    frame = search(picky, trials=2, minimize="value", sampler="random", ui="none").to_frame()
    assert list(frame["state"]) == ["complete", "failed"]
    assert frame["error"][1] == "failed: ZeroDivisionError: division by zero"


def test_skopt_can_plot_it(study: Study) -> None:
    """The result has what `skopt.plots` reads: space, values, models."""
    from matplotlib import pyplot
    from skopt import plots

    result = study.to_skopt()
    assert result.fun == pytest.approx(study.best_seen)
    assert len(result.func_vals) == 7  # and a re-check, which gives the same again
    pyplot.switch_backend("agg")
    plots.plot_convergence(result)
    plots.plot_evaluations(result)
    plots.plot_objective(result, sample_source="result", n_points=4, n_samples=8)
    pyplot.close("all")


def test_an_enqueued_setting_is_stored(study: Study) -> None:
    """Parameters that are left out are the sampler's; NumPy's numbers are Python's."""
    import numpy as np

    study.enqueue(height=np.int64(3), shape="tall")
    study.enqueue()
    assert study.storage.take_enqueued(study.record.id) == [{"height": 3, "shape": "tall"}, {}]


def test_an_object_is_enqueued_by_itself() -> None:
    """A choice among functions takes the function."""
    study = search(lambda: hp.Choice("f", [min, max])(1, 2), trials=1, minimize="value", ui="none")
    study.enqueue(f=max)
    assert study.storage.take_enqueued(study.record.id) == [{"f": "max"}]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"widht": 1.0}, r"^no parameter 'widht' in study 'study'\. Did you mean width\? It has: "),
        ({"width": 11.0}, r"^width: 11\.0 is not in its range \(0 to 10\)\.$"),
        ({"height": 2.5}, r"^height: 2\.5 is not a whole number\. Its range is 1 to 9\.$"),
        ({"shape": "round"}, r"^shape: 'round' is not in its range \('flat', 'tall'\)\.$"),
        ({"width": None}, r"^width: None is not in its range"),
    ],
)
def test_a_setting_that_cannot_be_enqueued(
    study: Study, params: dict[str, Any], message: str
) -> None:
    """It is said at once, and nothing is stored."""
    with pytest.raises(SpaceError, match=message):
        study.enqueue(**params)
    assert study.storage.take_enqueued(study.record.id) == []


def test_the_test_is_the_first_look_with_the_choice(study: Study) -> None:
    """Looks with other trials or without a value are none."""
    best = study.best_trial.number
    assert not study.test
    assert study.test.value is None
    for trial, value in ((best + 1, 0.1), (best, None), (best, 0.2), (best, 0.3)):
        study.storage.add_evaluation(a_look(study, trial, value))
    assert study.test
    assert study.test.value == 0.2


def test_a_model_that_nobody_can_make(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither kept nor left behind by a function that trains none, which runs again and says so."""
    with pytest.raises(HpoError, match=r"left no model that can be told: no variable of its cell"):
        study.best_model()
    assert capsys.readouterr().out == (
        f"The code of trial {study.best_trial.number} runs again, with the same values and seed: "
        f"its model was not kept.\n"
    )
    study.model_store = None
    with pytest.raises(HpoError, match=r"^The model of study 'study' was not kept, and the cell"):
        study.best_model()


def test_a_function_cannot_be_frozen(study: Study) -> None:
    """There is no cell to write the values into."""
    with pytest.raises(HpoError, match=r"^Study 'study' was not searched from a cell: nothing to"):
        study.freeze()


def test_a_bare_study_shows_its_result(study: Study) -> None:
    """As text and as HTML."""
    assert repr(study).startswith("study: minimize value\n")
    assert "8 complete" in repr(study)
    assert "<table" in study._repr_html_()


def test_the_convergence_is_a_figure(study: Study) -> None:
    """Of no window: the notebook shows it once."""
    figure = study.plot_convergence()
    assert len(figure.axes) == 1


def test_trials_that_others_add_are_there_after_a_refresh(tmp_path: Path) -> None:
    """What the disk did not take stays as it is."""
    options: Any = {"minimize": "value", "sampler": "random", "ui": "none", "storage": tmp_path}
    study = search(rectangle, "shared", trials=2, **options)
    search(rectangle, "shared", trials=5, **options)
    assert len(study.trials) == 2
    assert len(study.refresh().trials) == 5
    study.unsaved[7] = study.trials[0]
    search(rectangle, "shared", trials=6, **options)
    assert len(study.refresh().trials) == 5


def test_a_snapshot_from_disk_has_what_counts(tmp_path: Path) -> None:
    """It is of the past: nothing runs, and nothing is said."""
    options: Any = {"minimize": "value", "sampler": "random", "ui": "none", "storage": tmp_path}
    study = search(rectangle, "study", trials=3, **options)
    record, snapshot = open_snapshot(study.storage, "study")
    assert record == study.record
    assert snapshot.trials == study.trials
    assert (snapshot.is_live, snapshot.ended, snapshot.notices) == (False, None, ())
    assert {trial.state for trial in snapshot.trials} == {State.COMPLETE}


def test_the_best_models_are_those_of_the_best_trials() -> None:
    """Best first; of a study in memory each is made again."""

    class Model:
        def __init__(self, x: float) -> None:
            self.x = x

        def predict(self) -> float:
            return self.x

    def loss() -> dict[str, object]:
        model = Model(hp.Float("x", 0, 1))
        return {"loss": model.x, "model": model}

    study = search(loss, trials=6, minimize="loss", sampler="random", recheck="0", ui="none")
    values = sorted(float(trial.params["x"]) for trial in study.trials)  # type: ignore[arg-type]
    assert [model.x for model in study.best_models(3)] == values[:3]
    with pytest.raises(HpoError, match=r"^Study 'study' has 6 complete trials, not 7\.$"):
        study.best_models(7)
    study.model_store = None
    with pytest.raises(HpoError, match=r"^The model of study 'study' was not kept"):
        study.best_models(1)


@pytest.mark.parametrize(
    "plot",
    ["convergence", "curves", "parallel", "importance", "slices", "dependence", "timeline"],
)
def test_every_plot_is_a_method(study: Study, plot: str) -> None:
    """It shows itself, and its words are those of the picture."""
    figure = getattr(study, f"plot_{plot}")()
    assert figure._repr_png_()[0].startswith(b"\x89PNG")
    assert figure.get_label()


def test_plots_of_parameters_know_their_names(study: Study) -> None:
    """A misspelt one is said, with the one that was meant."""
    with pytest.raises(SpaceError, match=r"^no parameter 'widht' in study .* Did you mean width\?"):
        study.plot_dependence("widht")
    assert study.plot_honest().get_label().startswith("Best seen ")
