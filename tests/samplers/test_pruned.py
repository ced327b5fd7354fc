"""What a pruned training is taken to have come to."""

import math

import pytest

from hpo_magic.core.trial import Direction, Goal, History, Point, State, Trial
from hpo_magic.samplers.learning import losses_of
from hpo_magic.samplers.pruned import expected_losses


def a_trial(number, state, *losses, sign=1):
    """Return a trial that reported these losses, one an epoch."""
    curve = tuple(Point(step, {"loss": sign * loss}) for step, loss in enumerate(losses, start=1))
    value = sign * losses[-1] if state is State.COMPLETE else None
    return Trial(number, state, {}, value=value, curve=curve)


LOSS = (Goal("loss", Direction.MINIMIZE),)
COMPLETE = [
    a_trial(0, State.COMPLETE, 1.0, 0.8, 0.5),
    a_trial(1, State.COMPLETE, 1.0, 0.9, 0.8),
    a_trial(2, State.COMPLETE, 1.0, 0.7, 0.4),
]


@pytest.mark.parametrize("state", [State.PRUNED, State.SKIPPED])
def test_an_early_value_is_no_final_one(state):
    """It gets what the others gained from there, in the median."""
    cut = a_trial(3, state, 1.3, 1.2)
    assert expected_losses(History(goals=LOSS), [*COMPLETE, cut]) == {3: pytest.approx(0.9)}


def test_the_direction_turns_it_round():
    """Large values are good ones then."""
    trials = [
        a_trial(0, State.COMPLETE, 1.0, 0.5, sign=-1),
        a_trial(1, State.PRUNED, 1.5, sign=-1),
    ]
    history = History(goals=(Goal("loss", Direction.MAXIMIZE),))
    assert expected_losses(history, trials) == {1: pytest.approx(1.0)}


def test_nobody_who_was_stopped_is_better_than_the_best():
    """It would have been finished."""
    cut = a_trial(3, State.PRUNED, 0.6)
    assert expected_losses(History(goals=LOSS), [*COMPLETE, cut]) == {3: 0.4}


@pytest.mark.parametrize("losses", [(), (math.nan,)])
def test_of_what_showed_nothing_nothing_is_expected(losses):
    """It counts as the worst, as a failed one does."""
    cut = a_trial(3, State.PRUNED, *losses)
    assert expected_losses(History(goals=LOSS), [*COMPLETE, cut]) == {}
    assert losses_of(History(goals=LOSS), [*COMPLETE, cut]).tolist() == [0.5, 0.8, 0.4, 0.8]


def test_what_is_expected_is_what_is_learned():
    """Between the complete ones; without a complete one, nothing."""
    cut = a_trial(3, State.PRUNED, 1.0, 1.0)
    losses = losses_of(History(goals=LOSS), [*COMPLETE, cut])
    assert losses.tolist() == pytest.approx([0.5, 0.8, 0.4, 0.7])
    assert expected_losses(History(goals=LOSS), [cut]) == {}
