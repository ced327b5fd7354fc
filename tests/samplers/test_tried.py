"""What has been tried, and what is left."""

import numpy as np

from hpo_magic.core.activity import Activity, units_of
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.trial import State, Trial
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.tried import Tried, every_setting
from hpo_magic.testing.samplers import SPACES, space_of

SPACE = space_of(act=Choice(("relu", "tanh")), n=Int(1, 3), rate=Float(0.0, 1.0, step=0.1))


def known(space, trials, *settings):
    """Return whether each setting repeats one of the trials."""
    units = units_of(space, [trial.params for trial in trials])
    encoding = Encoding(space, Activity.learned(space, trials, units))
    tried = Tried.of(encoding, trials, units)
    return tried.known(encoding.settled(encoding.snap(units_of(space, settings)))).tolist()


def test_a_setting_is_known_by_its_values():
    """0.3 and 0.1 + 0.2 are one value of a stepped range."""
    trials = [Trial(0, State.COMPLETE, {"act": "relu", "n": 1, "rate": 0.1 + 0.2}, value=0.0)]
    again = {"act": "relu", "n": 1, "rate": 0.3}
    assert known(SPACE, trials, again, {**again, "n": 2}) == [True, False]


def test_a_failed_trial_stands_for_all_that_agree_with_it():
    """What it did not get to cannot change that it fails."""
    trials = [
        Trial(0, State.COMPLETE, {"act": "tanh", "n": 1, "rate": 0.5}, value=0.0),
        Trial(1, State.FAILED, {"act": "relu"}),
    ]
    settings = [{"act": act, "n": 3, "rate": 0.2} for act in ("relu", "tanh")]
    assert known(SPACE, trials, *settings) == [True, False]


def test_a_failure_by_chance_stands_for_nothing():
    """Another trial agreed with it and got further."""
    trials = [
        Trial(0, State.FAILED, {"act": "relu"}),
        Trial(1, State.COMPLETE, {"act": "relu", "n": 1, "rate": 0.5}, value=0.0),
    ]
    settings = [{"act": "relu", "n": n, "rate": 0.5} for n in (1, 2)]
    assert known(SPACE, trials, *settings) == [True, False]


def test_a_trial_that_reached_nothing_tells_nothing():
    """It failed before its first parameter."""
    trials = [Trial(0, State.FAILED, {})]
    assert known(SPACE, trials, SPACE.defaults()) == [False]


def test_an_older_cell_does_not_use_up_the_settings_of_the_new():
    """Trials from before a parameter was added count only where nothing newer got further."""
    trials = [
        Trial(0, State.COMPLETE, {"act": "relu"}, value=0.0),
        Trial(1, State.COMPLETE, {"act": "tanh"}, value=0.0),
        Trial(2, State.COMPLETE, {"act": "relu", "n": 1, "rate": 0.5}, value=0.0),
        Trial(3, State.COMPLETE, {"act": "tanh", "n": 1, "rate": 0.5}, value=0.0),
    ]
    settings = [{"act": act, "n": n, "rate": 0.5} for act in ("relu", "tanh") for n in (1, 2)]
    assert known(SPACE, trials, *settings) == [True, False, True, False]


def test_stopped_and_running_trials():
    """What runs is known; what was stopped may come again."""
    setting = {"act": "relu", "n": 1, "rate": 0.5}
    assert known(SPACE, [Trial(0, State.RUNNING, setting)], setting) == [True]
    assert known(SPACE, [Trial(0, State.STOPPED, setting)], setting) == [False]
    assert known(SPACE, [], setting) == [False]


def test_every_setting_is_listed_once():
    """What is not reached makes no two of one."""
    space = space_of(kind=Choice(("a", "b", "c")), n=Int(1, 100, log=True))
    nested = Encoding(space, Activity.of(space))
    listed = every_setting(nested, 300)
    assert listed is not None
    assert len(np.unique(listed, axis=0)) == len(listed) == 300
    assert every_setting(nested, 299) is None


def test_conditional_settings_are_listed_by_what_they_reach():
    """Three values where a is on, one where it is off."""
    encoding = Encoding(SPACES["conditional"], Activity.of(SPACES["conditional"]))
    assert every_setting(encoding, 10**6) is None  # momentum is continuous
    space = space_of(on=Choice((False, True)))
    space = space.declare(
        SPACES["conditional"]["units[0]"].__class__("n", Int(1, 3), 1, (("on", (True,)),))
    )
    listed = every_setting(Encoding(space, Activity.of(space)), 10)
    assert listed is not None
    assert len(listed) == 4
