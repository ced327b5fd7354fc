"""Importance, slices and dependence: which parameter matters, and where the good values are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from made_up_searches import a_search

from hpo_magic.core.domains import Float
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, State, Trial
from hpo_magic.views.canvas import png, words
from hpo_magic.views.dependence import dependence
from hpo_magic.views.importance import importance, measured_importance
from hpo_magic.views.slices import slices


def test_importance_finds_the_parameter_that_matters() -> None:
    """In a search whose value depends on `lr` alone, `lr` comes first."""
    found = measured_importance(a_search(150))
    assert found is not None
    assert found.names[0] == "lr"
    assert found.shares[0] > 0.9
    assert found.explained > 0.5


def test_importance_speaks_of_what_matters_and_what_does_not() -> None:
    """In a sentence, where the trials carry it."""
    text = words(importance(a_search(150)))
    assert text.startswith("Importance: lr explains ")
    idle = text.partition("; ")[2]
    assert "not matter here" in idle
    assert "act" in idle
    assert "lr" not in idle


def of_function(value: Callable[..., float], n: int) -> Snapshot:
    """Return a search of `n` random settings of x, y and z in [0, 1], without noise."""
    rng = np.random.default_rng(1)
    space = Space({name: Parameter(name, Float(0.0, 1.0), 0.5) for name in "xyz"})
    trials = []
    for k in range(n):
        params = {name: float(rng.random()) for name in "xyz"}
        trials.append(Trial(k, State.COMPLETE, params, value=value(**params), duration_s=1.0))
    return Snapshot("f", (Goal("value", Direction.MINIMIZE),), space, tuple(trials))


def test_importance_is_near_the_true_shares() -> None:
    """Of 3x + 2y, with z idle: variances 9 and 4 parts of 13."""
    found = measured_importance(of_function(lambda x, y, z: 3 * x + 2 * y, 60))
    assert found is not None
    assert found.names[:2] == ["x", "y"]
    assert np.allclose(found.shares, [9 / 13, 4 / 13, 0], atol=0.03)
    assert found.spread.max() < 0.1


def test_a_parameter_that_is_rarely_reached_matters_less() -> None:
    """The same parameter makes fewer differences where a branch hides it in nine of ten trials."""

    def searched(low: float) -> Snapshot:
        old = of_function(lambda x, y, z: 0.0, 120)
        trials = []
        for trial in old.trials:
            params = dict(trial.params)
            x, y = float(str(params["x"])), float(str(params["y"]))
            if x < low:
                del params["y"]
            value = x + (3 * y if x >= low else 1.5)
            trials.append(replace(trial, params=params, value=value))
        return replace(old, trials=tuple(trials))

    shares = []
    for low in (0.1, 0.9):
        found = measured_importance(searched(low))
        assert found is not None
        shares.append(found.shares[found.names.index("y")])
    assert shares[1] < 0.6 * shares[0]


def test_slices_say_where_the_good_trials_are() -> None:
    """Of a parameter that decides, and of no other; too few trials say nothing."""
    text = words(slices(of_function(lambda x, y, z: (x - 0.3) ** 2, 100)))
    assert "the best 10 have x 0." in text
    assert " y " not in text
    assert "too few" in words(slices(a_search(10)))


def test_slices_leave_out_what_was_not_reached() -> None:
    """A trial without `units[1]` has no dot in its plot."""
    search = a_search(60)
    figure = slices(search)
    n_dots = {axes.get_xlabel(): len(axes.collections[0].get_offsets()) for axes in figure.axes}
    complete = search.history.complete
    assert n_dots["lr"] == len(complete)
    assert n_dots["units[1]"] == sum("units[1]" in t.params for t in complete) < len(complete)


def test_dependence_says_where_the_best_is_expected() -> None:
    """Near the true best; a parameter without effect is not spoken of."""
    text = words(dependence(of_function(lambda x, y, z: (x - 0.3) ** 2, 60), names=["x", "z"]))
    assert "best near x 0." in text
    assert "z" not in text.partition(":")[2]
    place = float(text.partition("best near x ")[2].split()[0])
    assert abs(place - 0.3) < 0.1


def test_dependence_draws_what_is_expected_and_how_unsure_that_is() -> None:
    """Three parameters: three curves, three maps and three maps of the doubt."""
    figure = dependence(of_function(lambda x, y, z: x * y + z, 30))
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert sorted(label.partition(":")[0] for label in labels)[:3] == ["expected"] * 3
    assert sum(label.startswith("unsure") for label in labels) == 3


def test_importance_is_silent_on_few_trials_and_on_noise() -> None:
    """Too few trials, or values that have nothing to do with the settings: a sentence, no bars."""
    assert "needs 20" in words(importance(a_search(10)))
    old = a_search(60)
    rng = np.random.default_rng(0)
    noise = tuple(
        replace(t, value=float(rng.random())) if t.state is State.COMPLETE else t
        for t in old.trials
    )
    assert "do not tell" in words(importance(replace(old, trials=noise)))


def test_importance_sees_what_a_search_has_left_behind() -> None:
    """A search that stayed near the best for hundreds of trials knows what made the difference."""
    old = of_function(lambda x, y, z: (x - 0.5) ** 2, 900)
    rng = np.random.default_rng(2)
    near = tuple(
        replace(t, params={**t.params, "x": 0.5}, value=1e-4 * float(rng.random()))
        if t.number >= 400
        else t
        for t in old.trials
    )
    found = measured_importance(replace(old, trials=near))
    assert found is not None
    assert found.names[0] == "x"
    assert found.shares[0] > 0.9


def test_slices_grow_with_the_space() -> None:
    """A figure that is drawn again has room for the parameters that came."""
    used = slices(of_function(lambda x, y, z: x, 10))
    png(used)
    slices(a_search(30), used)
    assert used.size_px[1] > slices(of_function(lambda x, y, z: x, 10)).size_px[1]
