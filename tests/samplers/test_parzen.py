"""The estimator that knows nothing of slopes and neighbours."""

import numpy as np
import pytest

from hpo_magic.core.activity import Activity, units_of
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.parzen import _Levels, _Numbers, better_alike
from hpo_magic.testing.samplers import space_of

SPACE = space_of(
    lr=Float(1e-4, 1.0, log=True), act=Choice(("relu", "tanh", "gelu")), units=Int(1, 5)
)


def encoding_of(space, units):
    """Return how the settings of a space without conditions become numbers."""
    return Encoding(space, Activity.learned(space, (), units[:0]))


def settings(n, rng):
    """Return random places of `SPACE`'s values."""
    return encoding_of(SPACE, np.empty((0, 3))).snap(rng.random((n, 3)))


def test_it_draws_what_the_better_trials_share():
    """The better ones use gelu and a low rate: so do nearly all that are drawn."""
    rng = np.random.default_rng(0)
    units = settings(200, rng)
    is_gelu = units[:, 1] > 2 / 3
    losses = units[:, 0] + np.where(is_gelu, 0.0, 2.0)
    drawn = better_alike(encoding_of(SPACE, units), units, losses, 100, rng)
    assert (drawn[:, 1] > 2 / 3).mean() > 0.9
    assert np.median(drawn[:, 0]) < 0.25
    assert np.median(units[is_gelu, 0]) > 0.4


def test_every_setting_drawn_exists():
    """Integers and choices stand where their values are."""
    rng = np.random.default_rng(1)
    units = settings(20, rng)
    encoding = encoding_of(SPACE, units)
    drawn = better_alike(encoding, units, rng.random(20), 50, rng)
    assert drawn.shape == (50, 3)
    np.testing.assert_array_equal(drawn, encoding.snap(drawn))
    for row in drawn:
        params = encoding.params(row)
        again = units_of(SPACE, [params])[0]
        np.testing.assert_allclose(again, row, atol=1e-9)


def test_what_no_trial_reached_is_anywhere():
    """A column of NaN is drawn evenly, over its whole range."""
    rng = np.random.default_rng(2)
    units = settings(30, rng)
    units[:, 0] = np.nan
    drawn = better_alike(encoding_of(SPACE, units), units, rng.random(30), 2000, rng)
    counts = np.histogram(drawn[:, 0], bins=4, range=(0, 1))[0]
    assert counts.min() > 300


def test_a_branch_that_the_others_crowd_out_is_still_drawn():
    """A level with one bad trial among two hundred is not given up."""
    rng = np.random.default_rng(3)
    units = settings(200, rng)
    units[:, 1] = 0.5  # tanh
    units[0, 1] = 1 / 6  # relu, once
    losses = rng.random(200)
    losses[0] = 1.0
    drawn = better_alike(encoding_of(SPACE, units), units, losses, 2000, rng)
    assert 0.02 < (drawn[:, 1] < 1 / 3).mean() < 0.9


@pytest.mark.parametrize(
    "places", [[], [0.5], [0.0, 1.0], [0.2, 0.2, 0.2], list(np.arange(400) / 399)]
)
def test_the_density_of_numbers_is_one(places):
    """It integrates to 1 on [0, 1], and what is drawn lies as it says."""
    numbers = _Numbers(np.array(places))
    grid = (np.arange(20_000) + 0.5) / 20_000
    density = np.exp(numbers.log_density(grid))
    assert density.mean() == pytest.approx(1.0, abs=1e-3)
    drawn = numbers.draw(20_000, np.random.default_rng(0))
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert drawn.mean() == pytest.approx((grid * density).mean(), abs=0.01)


def test_the_shares_of_levels():
    """Two of three trials, and a third of one for each level."""
    levels = _Levels(np.array([0.1, 0.2, 0.9]), 3)
    np.testing.assert_allclose(levels.shares, [(2 + 1 / 3) / 4, (1 / 3) / 4, (1 + 1 / 3) / 4])
    np.testing.assert_allclose(np.exp(levels.log_density(np.array([0.5]))), [(1 / 3) / 4])
