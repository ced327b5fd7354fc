"""What every pruner must be, and what each one stops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from hpo_magic.core.ports import Pruner, Verdict
from hpo_magic.core.trial import Direction, Goal, History, Kind, Point, State, Trial
from hpo_magic.errors import OptionError
from hpo_magic.pruners import PRUNERS, make_pruner
from hpo_magic.pruners.asha import AshaPruner
from hpo_magic.pruners.halving import rungs_of
from hpo_magic.pruners.hyperband import HyperbandPruner
from hpo_magic.pruners.median import MedianPruner
from hpo_magic.pruners.optimistic_extrapolation import rank_correlation
from hpo_magic.pruners.reference_curves import FEWEST_REPORTS

LOSS = (Goal("loss", Direction.MINIMIZE),)
N_EPOCHS = 27
NAMES = [name for name in PRUNERS if name != "none"]


def a_trial(number: int, losses: Sequence[float], state: State, **changes: object) -> Trial:
    """Return a trial that reported these losses, one an epoch."""
    points = tuple(Point(k, {"loss": loss}) for k, loss in enumerate(losses, start=1))
    value = losses[-1] if state is State.COMPLETE else None
    trial = Trial(number, state, {}, Kind.SEARCH, value=value, curve=points, n_steps=N_EPOCHS)
    return replace(trial, **changes)  # type: ignore[arg-type]


def falling(end: float, n_epochs: int = N_EPOCHS) -> list[float]:
    """Return a curve that falls from its end + 1 to its end, fast at first."""
    return [end + math.exp(-k / 4) for k in range(n_epochs)]


def a_history(curves: Sequence[Sequence[float]]) -> History:
    """Return a history of complete trials."""
    trials = tuple(a_trial(n, curve, State.COMPLETE) for n, curve in enumerate(curves))
    return History(trials, number=len(trials), goals=LOSS)


def stopped_at(pruner: Pruner, curve: Sequence[float], history: History) -> int | None:
    """Return the epoch after which a training is stopped; None if it is finished."""
    for n in range(1, len(curve) + 1):
        trial = a_trial(history.number, curve[:n], State.RUNNING)
        if pruner.verdict(trial, history) is Verdict.STOP:
            return n
    return None


SPREAD = a_history([falling(end) for end in (0.5, 0.1, 0.9, 0.3, 0.7, 0.2, 0.6, 0.4, 0.8)])


@pytest.mark.parametrize("name", NAMES)
def test_a_good_training_is_finished(name: str) -> None:
    """One that leads from the first epoch to the last is stopped by nobody."""
    pruner = make_pruner(name)
    assert pruner is not None
    assert stopped_at(pruner, falling(0.0), SPREAD) is None


@pytest.mark.parametrize("pruner", [AshaPruner(), AshaPruner(is_careful=False), MedianPruner()])
def test_a_bad_training_is_stopped_early(pruner: Pruner) -> None:
    """It is the worst from the first epoch on."""
    found = stopped_at(pruner, falling(2.0), SPREAD)
    assert found is not None
    assert found <= 3


@pytest.mark.parametrize("name", NAMES)
def test_larger_may_be_better(name: str) -> None:
    """The direction turns everything round."""
    pruner = make_pruner(name)
    assert pruner is not None
    turned = tuple(
        replace(
            trial,
            value=-(trial.value or 0.0),
            curve=tuple(Point(p.step, {"loss": -p.metrics["loss"]}) for p in trial.curve),
        )
        for trial in SPREAD.trials
    )
    up = replace(SPREAD, trials=turned, goals=(Goal("loss", Direction.MAXIMIZE),))
    for end in (0.05, 0.45, 1.5):
        curve = falling(end)
        mirrored = [-loss for loss in curve]
        assert stopped_at(pruner, mirrored, up) == stopped_at(pruner, curve, SPREAD)


@pytest.mark.parametrize("name", NAMES)
def test_short_trainings_are_finished(name: str) -> None:
    """With fewer than 8 epochs little is saved, and less is known."""
    pruner = make_pruner(name)
    assert pruner is not None
    n = FEWEST_REPORTS - 1
    short = a_history([falling(k / 10, n) for k in range(9)])
    trials = tuple(replace(trial, n_steps=n) for trial in short.trials)
    assert stopped_at(pruner, [9.0] * n, replace(short, trials=trials)) is None


@pytest.mark.parametrize("name", NAMES)
def test_the_last_epoch_is_not_stopped(name: str) -> None:
    """A training that planned fewer epochs than the others is at its end where it planned to be."""
    pruner = make_pruner(name)
    assert pruner is not None
    for n in range(1, N_EPOCHS + 1):
        trial = a_trial(9, [9.0] * n, State.RUNNING, n_steps=n)
        assert pruner.verdict(trial, SPREAD) is Verdict.KEEP


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_stopped_without_others(name: str) -> None:
    """Nobody is worse than nobody."""
    pruner = make_pruner(name)
    assert pruner is not None
    assert stopped_at(pruner, falling(9.0), History(goals=LOSS)) is None
    running = a_trial(0, falling(0.1), State.RUNNING)
    assert stopped_at(pruner, falling(9.0), History((running,), goals=LOSS)) is None


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_reported_prunes_nothing(name: str) -> None:
    """The metric of the study is not among what is reported, nor is its number."""
    pruner = make_pruner(name)
    assert pruner is not None
    other = tuple(replace(t, value=float(t.number) + 50) for t in SPREAD.trials)
    history = replace(SPREAD, trials=other, goals=(Goal("test_accuracy", Direction.MINIMIZE),))
    assert stopped_at(pruner, falling(9.0), history) is None


def test_a_diverged_training_is_stopped() -> None:
    """NaN is worse than any number."""
    for pruner in (AshaPruner(), MedianPruner()):
        assert stopped_at(pruner, [math.nan] * N_EPOCHS, SPREAD) is not None


def test_asha_waits_for_the_slow_where_there_are_slow_ones() -> None:
    """A late winner among the complete ones keeps all alive that could be another."""
    late = [1.9] * 20 + [0.05] * 7
    with_late = a_history([*(falling(0.3 + k / 90) for k in range(9)), late])
    bad = [1.5] * N_EPOCHS
    assert stopped_at(AshaPruner(), bad, with_late) is None
    assert stopped_at(AshaPruner(is_careful=False), bad, with_late) == 1
    assert stopped_at(AshaPruner(), bad, replace(with_late, trials=with_late.trials[:-1])) == 1


def test_asha_needs_five_complete_trainings() -> None:
    """Pruned ones show nothing of how trainings end."""
    cut = tuple(a_trial(n, falling(0.3)[:9], State.PRUNED) for n in range(4, 12))
    four = replace(SPREAD, trials=(*SPREAD.trials[:4], *cut), number=12)
    assert stopped_at(AshaPruner(), falling(9.0), four) is None
    assert stopped_at(AshaPruner(), falling(9.0), replace(SPREAD, trials=SPREAD.trials[:5])) == 1


def test_halving_counts_the_pruned_too() -> None:
    """At a rung stand all that came to it; a third of them goes on."""
    cut = tuple(a_trial(n, [5.0, 5.0], State.PRUNED) for n in range(1, 12))
    trials = (SPREAD.trials[0], *cut)
    history = History(trials, number=12, goals=LOSS)
    halving = AshaPruner(first=2, is_careful=False)
    assert stopped_at(halving, [4.0, 4.0], history) is None
    alone = History((SPREAD.trials[0],), number=12, goals=LOSS)
    assert stopped_at(halving, [4.0, 4.0, 4.0], alone) == 2


def test_the_agreement_of_two_orders() -> None:
    """SciPy 1.17's `spearmanr` of the same; ties share their ranks."""
    x, y = np.array([1.0, 2.0, 2.0, 5.0, 3.0]), np.array([0.3, 0.1, 0.4, 0.9, 0.5])
    assert rank_correlation(x, y) == pytest.approx(0.8207826816681233)
    assert rank_correlation(x, np.ones(5)) == 0.0


def test_rungs_are_geometric() -> None:
    """They end before the training does."""
    assert rungs_of(1, 3, 27) == (1, 3, 9)
    assert rungs_of(2, 4, 30) == (2, 8)
    assert rungs_of(1, 1.5, 8) == (1, 2, 3, 5)
    assert rungs_of(2, 3, 0) == ()


def test_a_rung_that_was_jumped_over_counts() -> None:
    """Reports every five epochs are compared where they come to stand."""
    sparse = tuple(
        replace(t, curve=tuple(Point(5 * p.step, p.metrics) for p in t.curve), n_steps=None)
        for t in SPREAD.trials
    )
    history = replace(SPREAD, trials=sparse)
    trial = a_trial(9, [9.0], State.RUNNING, curve=(Point(5, {"loss": 9.0}),), n_steps=None)
    assert AshaPruner(first=4).verdict(trial, history) is Verdict.STOP


def test_hyperband_has_brackets_that_wait_and_one_that_finishes_all() -> None:
    """Of many equal bad trials some are stopped at each rung, some never."""
    good = [a_trial(n, falling(0.1), State.COMPLETE) for n in range(60)]
    found = set()
    for number in range(60, 120):
        history = History(tuple(good), number=number, goals=LOSS)
        found.add(stopped_at(HyperbandPruner(), falling(9.0), history))
    assert found == {1, 3, 9, None}


def test_the_median_rule_compares_the_best_so_far_with_running_means() -> None:
    """As in the paper: one good epoch is enough, and a mean has its early epochs in it."""
    flat = a_history([[1.0] * N_EPOCHS] * 5)
    assert stopped_at(MedianPruner(), [2.0, 0.9, *[2.0] * 25], flat) is None
    assert stopped_at(MedianPruner(), [2.0, 2.0, 0.9, *[2.0] * 24], flat) == 2


def test_a_training_that_ended_early_stays_where_it_ended() -> None:
    """EarlyStopping makes curves of different lengths; the value is that of the restored epoch."""
    losses = [1.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8]
    others = [
        a_trial(n, [loss + n / 100 for loss in losses], State.COMPLETE, value=0.2 + n / 100)
        for n in range(5)
    ]
    history = History(tuple(others), number=5, goals=LOSS)
    # At epoch 8 the others were at 0.8 and came back to 0.2: so may this one from 0.8, not 0.9.
    every = AshaPruner(first=8)
    trial = a_trial(5, [0.8] * 8, State.RUNNING)
    assert every.verdict(trial, history) is Verdict.KEEP
    trial = a_trial(5, [0.9] * 8, State.RUNNING)
    assert every.verdict(trial, history) is Verdict.STOP


def test_an_unknown_name_gets_a_suggestion() -> None:
    """The message names the pruner that was meant, and all there are."""
    with pytest.raises(OptionError, match="no pruner") as caught:
        make_pruner("ahsa")
    assert str(caught.value).endswith(
        "Did you mean asha? There are: asha, hyperband, median, none, wait."
    )
    assert make_pruner("none") is None


def test_winners_whose_early_values_say_nothing_have_a_chance() -> None:
    """Curves that cross at random: plain halving stops nearly all of those that would have won."""
    rng = np.random.default_rng(0)
    n_stopped = {True: 0, False: 0}
    for _ in range(50):
        curves = rng.random((12, N_EPOCHS))
        curves[-1, -1] = curves[:-1, -1].min() - 0.01
        history = a_history(curves[:-1].tolist())
        for is_careful in n_stopped:
            pruner = AshaPruner(is_careful=is_careful)
            n_stopped[is_careful] += stopped_at(pruner, curves[-1].tolist(), history) is not None
    assert n_stopped[False] > 40
    assert n_stopped[True] < 15
