"""Sobol search."""

import numpy as np
import pytest

from hpo_magic.core.domains import Float, Int
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import History, Kind, State, Trial
from hpo_magic.samplers.initial import sobol_points
from hpo_magic.samplers.sobol import SobolSampler
from hpo_magic.testing.samplers import SamplerContract, searched, space_of

UNIT_SQUARE = space_of(x=Float(0.0, 1.0), y=Float(0.0, 1.0))


class TestSobolSampler(SamplerContract):
    """The contract."""

    n_trials = 24

    @pytest.fixture
    def make(self):
        return SobolSampler


def suggested(trials, space=UNIT_SQUARE, seed=0):
    """Return the next setting after these trials."""
    return SobolSampler().suggest(space, History(tuple(trials), number=len(trials)), seed)


def test_the_trials_are_the_points_of_the_sequence():
    """In turn, after the start."""
    drawn = [[t.params["x"], t.params["y"]] for t in searched(SobolSampler, UNIT_SQUARE, 12)[1:]]
    assert np.allclose(drawn, sobol_points(2, 4, seed=0)[:11])


def test_any_power_of_two_has_one_point_in_each_part():
    """16 points, and each sixteenth of either axis has one: chance would leave a third empty."""
    points = sobol_points(2, 4, seed=3)
    assert sorted((points[:, 0] * 16).astype(int)) == list(range(16))
    assert sorted((points[:, 1] * 16).astype(int)) == list(range(16))


def test_a_point_whose_trial_was_stopped_comes_again():
    """And then the sequence goes on."""
    trials = searched(SobolSampler, UNIT_SQUARE, 6)
    stopped = Trial(3, State.STOPPED, trials[3].params)
    assert suggested([*trials[:3], stopped, *trials[4:]]) == trials[3].params
    again = Trial(6, State.COMPLETE, trials[3].params, value=1.0)
    (next_point,) = sobol_points(2, 4, seed=0)[5:6].tolist()
    after = suggested([*trials[:3], stopped, *trials[4:], again])
    assert list(after.values()) == pytest.approx(next_point)


def test_a_setting_of_the_user_s_takes_no_point_away():
    """The sequence goes on where it was."""
    trials = searched(SobolSampler, UNIT_SQUARE, 4)
    asked = Trial(4, State.COMPLETE, {"x": 0.123, "y": 0.456}, Kind.ENQUEUED, value=1.0)
    assert suggested(trials) == suggested([*trials, asked])


def test_points_that_differ_in_nothing_that_is_reached_are_passed_over():
    """Where one layer is used, the width of the second makes no trial of its own."""
    two = (("layers", (2,)),)
    space = space_of(layers=Int(1, 2)).declare(Parameter("units[1]", Int(1, 64), 8, two))
    one_layer = [t.params for t in searched(SobolSampler, space, 30) if t.params["layers"] == 1]
    assert one_layer == [{"layers": 1}]


def test_many_trials_go_on_being_even():
    """After 300 trials of a coarse space, every setting has come about as often as it may: once."""
    space = space_of(a=Int(1, 20), b=Int(1, 20))
    trials = searched(SobolSampler, space, 500)
    assert len(trials) == 400
    by_a = np.bincount([t.params["a"] for t in trials[:100]], minlength=21)[1:]
    assert by_a.min() >= 3
