"""The honest estimate: which result it comes from."""

from __future__ import annotations

from hpo_magic.core.trial import Direction
from hpo_magic.honesty.bbc import Bbc
from hpo_magic.honesty.choice import Gain, Rechecked
from hpo_magic.honesty.estimate import Honest, Method, WhyNot, honest

MAX, MIN = Direction.MAXIMIZE, Direction.MINIMIZE
RERUN = Rechecked(0, 0.914, 0.035, Gain(0.021, 0.018), n_settings=4, n_reruns=2, knows_rows=True)
ROWS = Bbc(0.905, 0.05, n_settings=32, n_rows=112)


def test_new_splits_come_before_the_bootstrap_and_that_before_seeds() -> None:
    """The order of preference, down to nothing."""
    assert honest(MAX, RERUN, ROWS) == Honest(
        0.914, 0.035, Method.NEW_SPLITS, n_settings=4, n_reruns=2
    )
    assert honest(MAX, RERUN, ROWS, on_new_splits=False) == Honest(
        0.905, 0.05, Method.BOOTSTRAP, n_settings=32, n_rows=112
    )
    assert honest(MAX, None, ROWS).method is Method.BOOTSTRAP
    assert honest(MAX) == Honest(why_not=WhyNot.NO_RERUN)


def test_new_training_seeds_alone_have_no_half_width() -> None:
    """The selection bias of the rows is still in the value, and no interval of ours covers it."""
    found = honest(MAX, RERUN, on_new_splits=False)
    assert (found.value, found.half_width) == (0.914, None)
    assert found.method is Method.NEW_TRAINING_SEEDS


def test_a_loss_is_in_its_own_unit() -> None:
    """Inside, scores are higher is better; outside, a loss is positive again."""
    loss = Rechecked(0, -0.31, 0.02, Gain(0.05, 0.01), 4, 2)
    assert honest(MIN, loss).value == 0.31
