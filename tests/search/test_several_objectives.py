"""Searches for several objectives, from the options to the study and to other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hpo_magic import hp, load_study, search
from hpo_magic.core.events import Reason
from hpo_magic.errors import HpoError, SearchFailed
from hpo_magic.study.study import Study


def network() -> dict[str, float]:
    """Return the error and the size of a network, neither of which is trained."""
    units, rate = hp.Int(4, 400, sampling="log"), hp.Float(1e-4, 1e-1, sampling="log", default=1e-2)
    hp.seed()
    return {"error": 1 / units + abs(rate - 0.003), "n_params": 20.0 * units}


def searched(**options: Any) -> Study:
    """Return a search for both."""
    asked = {"trials": 24, "ui": "none", "minimize": ["error", "n_params"], **options}
    return search(network, **asked)


@pytest.mark.parametrize("sampler", ["bayes", "genetic", "random"])
def test_a_front_is_found_and_sorted(sampler: str) -> None:
    """By the first objective; every other point is larger and worse."""
    study = searched(sampler=sampler)
    errors = [t.value for t in study.front]
    sizes = [t.metrics["n_params"] for t in study.front]
    assert len(study.front) > 2
    assert errors == sorted(errors)
    assert sizes == sorted(sizes, reverse=True)
    assert study.best_trial in study.front
    assert "maximize" not in repr(study)


def test_values_come_from_names_tuples_and_both_directions() -> None:
    """In the order in which the objectives were given."""

    def pair() -> tuple[float, float]:
        x = hp.Float(0.0, 1.0)
        return 1 - x, x

    study = search(pair, trials=6, ui="none", maximize="score", minimize="cost", recheck="0")
    assert [str(g) for g in study.snapshot.goals] == ["maximize score", "minimize cost"]
    trial = study.trials[0]
    assert (trial.value, trial.metrics["cost"]) == (0.5, 0.5)


def test_a_point_is_chosen_by_what_it_must_keep() -> None:
    """The best in the other objective among those; and by its number."""
    study = searched()
    limit = sorted(t.metrics["n_params"] for t in study.front)[1]
    study.choose(n_params=limit)
    fitting = [t for t in study.front if t.metrics["n_params"] <= limit]
    assert study.best_trial is min(fitting, key=lambda t: t.value)
    assert study.best_params == study.best_trial.params
    study.choose(trial=study.front[0].number)
    assert study.best_trial is study.front[0]
    assert "chosen by you" in repr(study)
    balanced = searched().best_trial.number
    assert study.choose().best_trial.number == balanced


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"trial": 99}, r"^study 'study' has no complete trial 99 to choose\. On the front: \d"),
        ({"n_params": 1.0}, r"has n_params at most 1 \(the best is \d+\)\.$"),
        ({"n_parms": 1.0}, r"^no objective 'n_parms' in study 'study'\. Did you mean n_params\?"),
        ({"trial": 0, "error": 1.0}, r"^give a trial or limits, not both\.$"),
    ],
)
def test_what_cannot_be_chosen(asked: dict[str, Any], said: str) -> None:
    """With what there is; the choice before stays."""
    study = searched(trials=8)
    study.choose(trial=0)
    with pytest.raises(HpoError, match=said):
        study.choose(**asked)
    assert study.best_trial.number == 0


def test_one_objective_has_nothing_to_choose() -> None:
    """Its front is its best trial."""
    study = searched(minimize="error", trials=6)
    assert study.front == (study.snapshot.history.best(),)
    with pytest.raises(HpoError, match=r"^Study 'study' has one objective: there is nothing to"):
        study.choose(trial=1)


def test_there_is_no_best_value() -> None:
    """The error names what there is instead."""
    with pytest.raises(HpoError, match=r"\(error, n_params\).*\.front .*\.choose"):
        _ = searched(trials=6).best_seen


def test_honest_numbers_are_of_the_chosen_point() -> None:
    """One for each objective; a fifth of the trials was kept for them."""
    honest = searched().honest
    assert honest is None  # the score comes again: nothing is random in this cell
    draws = iter(range(10_000))

    def noisy() -> dict[str, float]:
        found = network()
        return {**found, "error": found["error"] + 1e-6 * (hp.seed() % 97) + 1e-9 * next(draws)}

    study = search(noisy, trials=24, ui="none", minimize=["error", "n_params"])
    assert sum(t.kind.value == "re-check" for t in study.trials) > 2
    assert list(study.honest) == ["error", "n_params"]
    assert study.honest.value == study.honest["error"].value
    assert study.honest["n_params"].value == study.best_trial.metrics["n_params"]
    assert study.honest["error"].value != study.best_trial.value


def test_a_study_goes_on_with_its_choice_from_disk(tmp_path: Path) -> None:
    """The objectives need not be given again; a chosen trial stays chosen."""
    options = {"name": "both", "storage": tmp_path, "recheck": "0", "sampler": "random"}
    study = searched(**options, trials=8)
    study.choose(trial=3)
    assert load_study("both", tmp_path).best_trial.number == 3
    more = search(network, ui="none", **{**options, "trials": 12})
    assert len(more.trials) == 12
    assert more.record.revision == 1
    assert more.best_trial.number == 3
    assert [g.metric for g in load_study("both", tmp_path).snapshot.goals] == ["error", "n_params"]


def test_no_gain_ends_the_search() -> None:
    """Where nothing joins the front any more."""

    def one_of_four() -> dict[str, float]:
        x = hp.Choice([0, 1, 2, 3])
        hp.Float("idle", 0.0, 1.0)
        return {"a": float(x), "b": -float(x) if x < 2 else 5.0}

    options = {"ui": "none", "sampler": "random", "recheck": "0"}
    study = search(one_of_four, trials=60, minimize=["a", "b"], stop=8, **options)
    assert len(study.trials) < 60
    assert (study.snapshot.ended, study.snapshot.patience) == (Reason.PATIENCE, 8)


def test_a_value_that_is_not_finite_fails_its_trial() -> None:
    """Of whichever objective."""

    def diverging() -> dict[str, float]:
        x = hp.Float(0.0, 1.0)
        return {"a": x, "b": float("inf") if x != 0.5 else 1.0}

    study = search(diverging, trials=4, minimize=["a", "b"], ui="none", recheck="0")
    assert str(study.trials[1].failure) == "failed: Diverged: b is infinite"
    assert [t.state.value for t in study.trials] == ["complete", "failed", "failed", "failed"]


def test_a_missing_objective_ends_the_search_at_trial_0() -> None:
    """By its name, with what there is."""
    with pytest.raises(Exception, match=r'without the metric "weights"') as caught:
        search(network, trials=4, minimize=["error", "weights"], ui="none")
    assert not isinstance(caught.value, SearchFailed)


# Elsewhere.


def test_tables_have_a_column_for_each_objective(tmp_path: Path) -> None:
    """And say which trials are on the front; JSON has the objectives with their directions."""
    study = searched(trials=8, recheck="0").choose(trial=2)
    frame = study.to_frame()
    assert "value" not in frame
    assert frame["n_params"].tolist() == [t.metrics["n_params"] for t in study.trials]
    assert set(frame.index[frame["front"]]) == {t.number for t in study.front}
    study.to_csv(tmp_path / "s.csv")
    head = (tmp_path / "s.csv").read_text().splitlines()[0]
    assert head == "number,state,kind,value_error,n_params,duration_s,units,rate,error"
    study.to_json(tmp_path / "s.json")
    whole = json.loads((tmp_path / "s.json").read_text())
    assert whole["objectives"][1] == {"metric": "n_params", "direction": "minimize"}
    assert whole["chosen"] == 2
    assert whole["front"] == [t.number for t in study.front]


def test_optuna_finds_the_same_front(tmp_path: Path, optuna_closes: None) -> None:
    """By its own reader, with names and directions; from a file as well."""
    optuna = pytest.importorskip("optuna")
    study = searched(trials=16, recheck="0")
    study.to_optuna(tmp_path / "s.db")
    read = optuna.load_study(study_name="study", storage=f"sqlite:///{tmp_path / 's.db'}")
    assert read.metric_names == ["error", "n_params"]
    assert [d.name for d in read.directions] == ["MINIMIZE", "MINIMIZE"]
    assert {t.user_attrs["number"] for t in read.best_trials} == {t.number for t in study.front}


def test_a_new_search_begins_from_the_front_of_another(tmp_path: Path) -> None:
    """Of which the most balanced point comes first."""
    options = {"storage": tmp_path, "recheck": "0", "sampler": "random"}
    first = searched(name="first", **options)
    second = searched(name="second", from_study="first", **options)
    assert second.trials[1].params == first.best_trial.params
    assert second.trials[2].params in [t.params for t in first.front]


def test_studies_with_several_objectives_are_not_compared_by_a_number() -> None:
    """It says what to look at."""
    from hpo_magic import compare

    study = searched(trials=6)
    with pytest.raises(HpoError, match=r"several objectives cannot be compared .* \.front"):
        compare(study, study)
