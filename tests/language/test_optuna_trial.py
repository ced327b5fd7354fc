"""`hp.trial`: an objective of Optuna's runs on it."""

from __future__ import annotations

import optuna
import pytest

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.events import Run
from hpo_magic.core.trial import Direction, Kind
from hpo_magic.errors import NotCovered, SpaceError
from hpo_magic.language.hp import hp
from hpo_magic.language.trial_context import TrialContext, running


def trial_with(metric: str | None = None, **params: float) -> TrialContext:
    """Return a running trial that was given these values."""
    run = Run(7, params, Kind.SEARCH, 0)
    return TrialContext(run, lambda step, metrics, n_steps=None: None, metric=metric)


def test_suggestions_are_parameters() -> None:
    """Each of Optuna's, the old ones included."""
    trial = trial_with(lr=0.01, n=3)
    with running(trial):
        assert hp.trial.suggest_float("lr", 1e-4, 0.1, log=True) == 0.01
        assert hp.trial.suggest_int("n", 1, 9) == 3
        assert hp.trial.suggest_int("n", 1, 9) == 3
        hp.trial.suggest_int("m", 8, 64, step=8)
        hp.trial.suggest_int("k", 1, 64, log=True)
        hp.trial.suggest_float("p", 0, 1, step=0.25)
        hp.trial.suggest_categorical("act", ["relu", "tanh"])
        hp.trial.suggest_uniform("u", 0, 1)
        hp.trial.suggest_loguniform("l", 1, 10)
        hp.trial.suggest_discrete_uniform("d", 0, 1, 0.5)
        assert hp.trial.number == 7
        assert list(hp.trial.params) == ["lr", "n", "m", "k", "p", "act", "u", "l", "d"]
        assert hp.trial.params["lr"] == 0.01
    assert {name: parameter.domain for name, parameter in trial.asked.items()} == {
        "lr": Float(1e-4, 0.1, log=True),
        "n": Int(1, 9),
        "m": Int(8, 64, 8),
        "k": Int(1, 64, log=True),
        "p": Float(0, 1, 0.25),
        "act": Choice(("relu", "tanh")),
        "u": Float(0, 1),
        "l": Float(1, 10, log=True),
        "d": Float(0, 1, 0.5),
    }


def test_an_object_is_suggested_itself() -> None:
    """Not its label."""
    with running(trial_with()):
        assert hp.trial.suggest_categorical("f", [min, max]) is min
        assert hp.trial.params == {"f": min}


def test_outside_a_trial_it_is_harmless() -> None:
    """The objective runs on the middle of everything."""
    assert hp.trial.suggest_int("n", 1, 9) == 5
    assert (hp.trial.number, hp.trial.params, hp.trial.user_attrs) == (0, {}, {})
    hp.trial.report(0.5, 0)
    hp.trial.set_user_attr("a", 1)
    assert hp.trial.should_prune() is False


def test_reports_are_the_live_curve() -> None:
    """Under the study's metric, counted from 1."""
    heard: list[tuple[int, dict[str, float]]] = []
    run = Run(0, {}, Kind.START, 0)
    for metric, name in ((None, "value"), ("accuracy", "accuracy")):
        trial = TrialContext(run, lambda s, m: heard.append((s, dict(m))), metric=metric)
        with running(trial):
            hp.trial.report(0.5, step=0)
            hp.trial.report(0.75, 1)
        assert heard == [(1, {name: 0.5}), (2, {name: 0.75})]
        heard.clear()


def test_notes_are_kept_with_the_trial(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no number is printed, which a trial keeps."""
    trial = trial_with()
    with running(trial):
        hp.trial.set_user_attr("n_params", 1200)
        hp.trial.set_user_attr("layers", ["a"])
        assert hp.trial.user_attrs == {"n_params": 1200, "layers": ["a"]}
    assert capsys.readouterr().out == "layers: ['a']\n"


def test_mistakes_are_told_by_line() -> None:
    """In Optuna's words."""
    program = "\n\ntrial.suggest_loguniform('lr', 0, 1)"
    with pytest.raises(SpaceError) as caught:
        exec(program, {"trial": hp.trial})
    assert str(caught.value) == (
        'trial.suggest_float("lr", …) on line 3: a log scale needs a lower bound above 0, got 0. '
        "Try 1e-6."
    )
    with running(trial_with()):
        hp.trial.suggest_int("n", 1, 9)
        with pytest.raises(SpaceError, match="asked for with another range"):
            hp.trial.suggest_int("n", 1, 8)
    with pytest.raises(SpaceError, match="the name must be a string that is not empty, got 0"):
        hp.trial.suggest_int(0, 1, 9)  # type: ignore[arg-type]


def test_what_a_trial_knows_of_itself_and_its_study() -> None:
    """Direction, attributes, ranges, its start and its constraints."""
    with running(trial_with()) as context:
        context.directions = (Direction.MAXIMIZE,)
        hp.trial.suggest_int("n", 1, 9)
        hp.trial.suggest_categorical("kind", ["a", "b"])
        hp.trial.set_system_attr("best", 3)
        hp.trial.study.set_user_attr("rows", 9)
        hp.trial.set_constraint("size", 0.5)
        assert hp.trial.study.direction == optuna.study.StudyDirection.MAXIMIZE
        assert hp.trial.study.user_attrs == {"rows": 9}
        assert hp.trial.system_attrs == {"best": 3}
        assert hp.trial.constraints == {"size": 0.5}
        assert hp.trial.distributions == {
            "n": optuna.distributions.IntDistribution(1, 9),
            "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
        }
        assert hp.trial.datetime_start == context.started
    assert hp.trial.datetime_start is None
    assert hp.trial.distributions == hp.trial.system_attrs == hp.trial.study.user_attrs == {}


def test_what_is_not_covered_says_so() -> None:
    """And is an AttributeError, for those who ask whether it is there."""
    with pytest.raises(NotCovered, match=r"^hp\.trial\.study on line 2 has no best_value: a"):
        exec("\nhp.trial.study.best_value", {"hp": hp})
    with pytest.raises(AttributeError, match=r"There are: constraints, datetime_start, distributi"):
        hp.trial.relative_params  # noqa: B018
    with pytest.raises(NotCovered, match=r"has no storage\. --storage on the %%hpo line says"):
        hp.trial.storage  # noqa: B018
    assert not hasattr(hp.trial, "_private")
