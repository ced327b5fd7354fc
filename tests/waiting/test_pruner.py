"""Which training is at work next, from generated curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.turns import TurnsPruner
from hpo_magic.core.domains import Float
from hpo_magic.core.ports import WaitingPruner
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, History, Kind, Point, State, Trial
from hpo_magic.pruners.hyperband import HyperbandPruner
from hpo_magic.waiting import curve_process
from hpo_magic.waiting.brackets import HyperbandTurns
from hpo_magic.waiting.freeze_thaw import Forecast, FreezeThawMemory, forecast
from hpo_magic.waiting.halving import promoted, rungs_of
from hpo_magic.waiting.pruner import FreezeThawPruner
from hpo_magic.waiting.trainings import trainings_of

SPACE = Space().declare(Parameter("x", Float(0.0, 1.0), 0.5))
LENGTH = 27


def trial_of(number: int, x: float, n_steps: int, *, state: State = State.WAITING) -> Trial:
    """Return a trial whose loss falls to an end that is lowest at x = 0.3."""
    losses = [(x - 0.3) ** 2 + 1.0 / step for step in range(1, n_steps + 1)]
    points = tuple(Point(k, {"loss": loss}) for k, loss in enumerate(losses, start=1))
    is_complete = n_steps == LENGTH
    return Trial(
        number,
        State.COMPLETE if is_complete else state,
        {"x": x},
        Kind.SEARCH if number else Kind.START,
        value=losses[-1] if is_complete else None,
        curve=points,
        n_steps=LENGTH,
    )


def history_of(*trials: Trial) -> History:
    """Return the trials as a history of minimizing the loss."""
    return History(trials, (Goal("loss", Direction.MINIMIZE),), len(trials))


START = trial_of(0, 0.5, LENGTH)
SOME = [trial_of(k, x, 3) for k, x in enumerate((0.05, 0.31, 0.62, 0.93, 0.77), start=1)]


def test_it_is_a_waiting_pruner() -> None:
    """The engine tells it by its methods."""
    assert isinstance(FreezeThawPruner(), WaitingPruner)


def test_first_some_settings_begin() -> None:
    """Each gets a tenth of the epochs."""
    turn = FreezeThawPruner().turn(SPACE, history_of(START), 0)
    assert turn is not None
    assert (turn.number, turn.until, turn.params) == (None, 3, None)


def test_short_trainings_do_not_wait() -> None:
    """Below eight reports there is nothing to learn before the end."""
    short = trial_of(0, 0.5, 5)
    complete = replace(short, state=State.COMPLETE, value=0.2)
    assert FreezeThawPruner().turn(SPACE, history_of(complete), 0) is None


def test_the_most_promising_goes_on() -> None:
    """To one and a half times its epochs."""
    turn = FreezeThawPruner().turn(SPACE, history_of(START, *SOME), 0)
    assert turn is not None
    assert turn.number == 2 or (
        turn.params is not None and abs(float(turn.params["x"]) - 0.3) < 0.2
    )
    assert turn.until == (4 if turn.number == 2 else 3)


def test_at_the_end_what_can_be_finished_is() -> None:
    """With less than a training left nothing new begins."""
    far = trial_of(6, 0.35, 20)
    turn = FreezeThawPruner().turn(SPACE, history_of(START, *SOME, far), 0, 0.5)
    assert turn is not None
    assert turn.number == 6


def test_the_worst_is_dropped() -> None:
    """That whose end is predicted to be the worst, at best."""
    assert FreezeThawPruner().to_drop(SPACE, history_of(START, *SOME), 0) == 4


def test_the_same_trials_give_the_same_turn() -> None:
    """Whatever was asked before of another object."""
    history = history_of(START, *SOME)
    used = FreezeThawPruner()
    first = used.turn(SPACE, history, 0)
    assert used.turn(SPACE, history, 0) == first
    assert FreezeThawPruner().turn(SPACE, history, 0) == first


def test_the_same_trials_are_predicted_once() -> None:
    """Which training is given up is asked right after whose turn it is; a report changes both."""
    memory = FreezeThawMemory()

    def predicted(*trials: Trial) -> Forecast:
        history = history_of(*trials)
        trainings = trainings_of(history)
        assert trainings is not None
        return forecast(SPACE, history, trainings, memory)

    first = predicted(START, *SOME)
    assert predicted(START, *(replace(trial) for trial in SOME)) is first
    later = predicted(START, trial_of(1, 0.05, 4), *SOME[1:])
    assert later is not first
    assert later.mean[1] != first.mean[1]
    assert predicted(START, *SOME).mean[1] == first.mean[1]


def test_halving_promotes_the_best_third() -> None:
    """The highest rung first; what was dropped begins again; else a new setting."""
    assert rungs_of(LENGTH, 3) == [1, 3, 9, 27]
    trainings = trainings_of(history_of(START, *SOME))
    assert trainings is not None
    turn = promoted(trainings)
    assert (turn.number, turn.until) == (2, 9)
    dropped = [replace(t, state=State.PRUNED) for t in SOME]
    trainings = trainings_of(history_of(START, *dropped))
    assert trainings is not None
    assert promoted(trainings).params == {"x": 0.31}
    trainings = trainings_of(history_of(START, SOME[0]))
    assert trainings is not None
    assert (promoted(trainings).number, promoted(trainings).until) == (None, 1)


def test_in_turns_who_spent_less_decides_and_pays() -> None:
    """The model first, which pays for what is trained next; then halving promotes what is due."""
    more = [trial_of(k, x, 3) for k, x in enumerate((0.15, 0.45, 0.7), start=6)]
    trials = {trial.number: trial for trial in (START, *SOME, *more)}
    in_turns, decided = TurnsPruner(), []
    for _ in range(12):
        history = history_of(*trials.values())
        turn = in_turns.turn(SPACE, history, 0)
        assert turn is not None
        assert in_turns.turn(SPACE, history, 0) == turn
        trainings = trainings_of(history)
        assert trainings is not None
        is_halvings = turn == promoted(trainings)
        decided.append(is_halvings)
        number = len(trials) if turn.number is None else turn.number
        known = trials.get(number)
        x = float(known.params["x"] if known else (turn.params or {"x": 0.36})["x"])
        trials[number] = trial_of(number, x, turn.until or LENGTH)
    assert not decided[0]
    assert any(decided)
    assert not all(decided)


def test_hyperband_promotes_within_brackets() -> None:
    """The best of a bracket's trainings at its rung goes on; each new one gets its bracket's."""
    rule, pruner = HyperbandPruner(), HyperbandTurns()

    def bracket(number: int) -> int:
        return rule.bracket(number, rule.n_brackets(LENGTH))

    trials, promoted_to = {0: START}, set()
    for _ in range(60):
        turn = pruner.turn(SPACE, history_of(*trials.values()), 0)
        assert turn is not None
        if turn.number is None:
            number, first = len(trials), LENGTH // 3 ** bracket(len(trials))
            assert turn.until == (first if first < LENGTH else None)
            x = 0.3 + 0.7 * (number % 7 - 3) / 7 + number / 1000
        else:
            number, x = turn.number, float(trials[turn.number].params["x"])
            at = len(trials[number].curve)
            rivals = [t for t in trials.values() if bracket(t.number) == bracket(number)]
            reached = [t.curve[at - 1].metrics["loss"] for t in rivals if len(t.curve) >= at]
            better = sum(loss < trials[number].curve[-1].metrics["loss"] for loss in reached)
            assert better < len(reached) // 3
            promoted_to.add(turn.until)
        trials[number] = trial_of(number, x, turn.until or LENGTH)
    assert promoted_to == {3, 9, None}
    dropped = trials[pruner.to_drop(SPACE, history_of(*trials.values()), 0)]
    assert dropped.state is State.WAITING
    assert len(dropped.curve) == 1


@pytest.mark.parametrize("seed", range(2))
def test_the_gradient_is_that_of_the_posterior(seed: int) -> None:
    """By central differences, at a random place."""
    rng = np.random.default_rng(seed)
    n, owner = 30, np.array([0, 1, 1])
    training = np.repeat(np.arange(10), 3)
    points = curve_process.Points(rng.random((10, 3))[training], rng.random(n), training)
    y, middle = rng.standard_normal(n), curve_process.prior(2)
    theta = middle + 0.3 * rng.standard_normal(len(middle))
    rest = (points, y, owner, middle, curve_process._spreads(2))
    _, gradient = curve_process._negative_log_posterior(theta, *rest)
    for k, step in enumerate(np.eye(len(theta)) * 1e-5):
        above, _ = curve_process._negative_log_posterior(theta + step, *rest)
        below, _ = curve_process._negative_log_posterior(theta - step, *rest)
        assert gradient[k] == pytest.approx((above - below) / 2e-5, rel=1e-4, abs=1e-4)
