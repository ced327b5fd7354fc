"""Several objectives for samplers of one number, and by the genetic algorithm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hpo_magic.core.domains import Choice, Float
from hpo_magic.core.pareto_front import hypervolume
from hpo_magic.core.ports import Sampler
from hpo_magic.core.trial import Direction, Goal, History, Kind, Point, State, Trial
from hpo_magic.samplers import SAMPLERS, make_sampler
from hpo_magic.samplers.scalarized import RHO, Scalarized, in_one_number
from hpo_magic.testing.fakes import FakeSampler
from hpo_magic.testing.samplers import SamplerContract, space_of

SIZE = Goal("size", Direction.MINIMIZE)
BOTH = (Goal("loss", Direction.MINIMIZE), SIZE)
SPACE = space_of(
    x=Float(0.0, 1.0),
    y=Float(0.0, 1.0),
    z=Float(0.0, 1.0),
    w=Float(0.0, 1.0),
    kind=Choice(("a", "b", "c")),
)


class TestScalarized(SamplerContract):
    """With one objective it is the sampler's own contract."""

    @pytest.fixture
    def make(self) -> Callable[[], Sampler]:
        return lambda: make_sampler("bayes", several=True)


def objectives(x: float, y: float, z: float, w: float, kind: str) -> tuple[float, float]:
    """Return two losses; their front is y = z = w = 0.2 with kind b, x from 0 to 1."""
    worse = (y - 0.2) ** 2 + (z - 0.2) ** 2 + (w - 0.2) ** 2 + 0.2 * (kind != "b")
    return x**2 + worse, 1000 ** ((1 - x) ** 2 + worse)


def searched(sampler: Sampler, n_trials: int, seed: int = 0) -> History:
    """Return the trials of a search for both."""
    trials: list[Trial] = []
    for number in range(n_trials):
        history = History(tuple(trials), number=number, goals=BOTH)
        params = sampler.suggest(SPACE, history, seed) if number else SPACE.defaults()
        loss, size = objectives(**params)  # type: ignore[arg-type]
        kind = Kind.SEARCH if number else Kind.START
        trials.append(
            Trial(number, State.COMPLETE, params, kind, value=loss, metrics={"size": size})
        )
    return replace(history, trials=tuple(trials))


def covered(history: History) -> float:
    """Return the hypervolume, the sizes as logarithms to the base 1000."""
    losses = history.losses(history.complete)
    losses[:, 1] = np.log(losses[:, 1]) / np.log(1000)
    return hypervolume(losses, np.array([1.2, 1.2]))


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_serves_several_objectives(name: str) -> None:
    """Its suggestions fit the space, depend on the arguments alone, and none comes twice."""
    if name == "grid":
        space = space_of(x=Float(0.0, 1.0, step=0.25), kind=Choice(("a", "b", "c")))
    else:
        space = SPACE
    trials: list[Trial] = []
    for number in range(12):
        history = History(tuple(trials), number=number, goals=BOTH)
        params = make_sampler(name, several=True).suggest(space, history, 0)
        assert space.fits(params)
        assert make_sampler(name, several=True).suggest(space, history, 0) == params
        metrics = {"size": float(number)}
        trials.append(Trial(number, State.COMPLETE, params, value=-1.0 * number, metrics=metrics))
    assert len({repr(trial.params) for trial in trials}) == 12


@pytest.mark.parametrize(("name", "n_trials"), [("bayes", 30), ("genetic", 80)])
def test_learning_covers_more_than_chance(name: str, n_trials: int) -> None:
    """On a front that runs through one of three choices, on average."""
    gains = [
        covered(searched(make_sampler(name, several=True), n_trials, seed))
        - covered(searched(make_sampler("random", several=True), n_trials, seed))
        for seed in range(4)
    ]
    assert np.mean(gains) > 0


def a_history() -> History:
    """Return three trials, one of them without a value, and one that runs."""
    trials = (
        Trial(0, State.COMPLETE, {"x": 0.1}, value=0.0, metrics={"size": 10.0}),
        Trial(1, State.FAILED, {"x": 0.2}),
        Trial(2, State.COMPLETE, {"x": 0.3}, value=2.0, metrics={"size": 0.0}),
        Trial(3, State.RUNNING, {"x": 0.4}, curve=(Point(1, {"loss": 1.0}),)),
    )
    return History(trials, number=4, goals=BOTH)


def test_the_number_is_tchebycheff_s() -> None:
    """The larger of the weighed shares, and a little of their sum."""
    one = in_one_number(a_history(), np.array([0.3, 0.7]))
    assert [t.value for t in one.trials] == [
        pytest.approx(0.7 + RHO * 0.7),
        None,
        pytest.approx(0.3 + RHO * 0.3),
        None,
    ]
    assert len(one.goals) == 1
    assert one.direction is Direction.MINIMIZE
    assert not any(t.curve for t in one.trials)  # curves are of one of the objectives
    assert [t.state for t in one.trials] == [t.state for t in a_history().trials]


def test_weights_are_another_draw_for_each_trial() -> None:
    """And the same draw whenever that trial is asked for."""
    history = a_history()
    sampler = Scalarized(FakeSampler())
    space = space_of(x=Float(0.0, 1.0))
    first = sampler.suggest(space, history, 0)
    assert first == Scalarized(FakeSampler()).suggest(space, history, 0)
    assert first != sampler.suggest(space, replace(history, number=5), 0)
    assert first != sampler.suggest(space, history, 1)


def test_before_there_is_a_value_the_sampler_is_asked_as_it_is() -> None:
    """There is nothing to weigh."""
    running = History((Trial(0, State.RUNNING, {}),), number=1, goals=BOTH)
    assert SPACE.fits(make_sampler("bayes", several=True).suggest(SPACE, running, 0))
