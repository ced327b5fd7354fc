"""What is learned from a history."""

import numpy as np
import pytest

from hpo_magic.core.domains import Float
from hpo_magic.core.trial import Direction, Goal, History, State, Trial
from hpo_magic.samplers.bayes import fitted
from hpo_magic.samplers.learning import MAX_TRAINED, losses_of, refit_point
from hpo_magic.testing.samplers import space_of, trial_of

SPACE = space_of(x=Float(0.0, 1.0))


def history_of(n, direction=Direction.MINIMIZE):
    """Return a history of a slope."""
    trials = tuple(trial_of(k, {"x": (k * 0.618) % 1}, (k * 0.618) % 1) for k in range(n))
    return History(trials, (Goal("value", direction),), n)


def test_failed_trials_take_the_worst_value():
    """Worst is highest or lowest, as the direction has it; all failed, all 0."""
    trials = [trial_of(k, {}, value) for k, value in enumerate((1.0, None, 3.0))]
    np.testing.assert_array_equal(losses_of(History(), trials), [1, 3, 3])
    np.testing.assert_array_equal(
        losses_of(History((), (Goal("value", Direction.MAXIMIZE),)), trials), [-1, -1, -3]
    )
    np.testing.assert_array_equal(losses_of(History(), trials[1:2]), [0])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_value_that_is_none_counts_as_a_failure(value):
    """No NaN and no infinity reaches the surrogate."""
    trials = [trial_of(0, {}, 1.0), Trial(1, State.COMPLETE, {}, value=value)]
    np.testing.assert_array_equal(losses_of(History(), trials), [1, 1])


def test_refits_become_rarer():
    """Each trial at first, then ever more rarely, never later than n/15 trials."""
    points = sorted({refit_point(n) for n in range(1, 1001)})
    assert points[:30] == list(range(1, 31))
    assert points[30:34] == [32, 34, 36, 38]
    gaps = np.diff(points[-10:])
    assert (gaps <= np.array(points[-10:-1]) / 15 + 1).all()
    assert all(refit_point(n) <= n < refit_point(n) + n / 7 + 1 for n in range(1, 1001))


def test_a_surrogate_follows_the_trials():
    """Low where the values are low; the direction turns it round."""
    (low, high), _ = fitted(SPACE, history_of(20)).predict([{"x": 0.1}, {"x": 0.9}])
    assert low < high
    turned = fitted(SPACE, history_of(20, Direction.MAXIMIZE))
    (high, low), _ = turned.predict([{"x": 0.1}, {"x": 0.9}])
    assert low < high


def test_the_surrogate_sees_a_bounded_number_of_trials():
    """The best are among them."""
    model = fitted(SPACE, history_of(MAX_TRAINED + 50))
    assert len(model.surrogate.X_train_) == MAX_TRAINED
    assert model.surrogate.X_train_.min() < 0.01
    assert model.surrogate.X_train_.max() > 0.99


def test_running_trials_are_expected_to_end_as_predicted():
    """The mean stays where it is, and the uncertainty shrinks."""
    history = history_of(8)
    running = Trial(8, State.RUNNING, {"x": 0.5})
    before = fitted(SPACE, history).predict([{"x": 0.5}])
    pending = fitted(SPACE, History((*history.trials, running), number=9))
    after = pending.predict([{"x": 0.5}])
    np.testing.assert_allclose(after[0], before[0], atol=0.02)
    assert after[1] < before[1]
