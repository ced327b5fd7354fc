"""What a training leaves, and the value that is found in it: for tests of metrics."""

from __future__ import annotations

from typing import Any

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.metrics import Score, value_of_trial
from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import Direction, Goal

MAXIMIZE, MINIMIZE = Direction.MAXIMIZE, Direction.MINIMIZE
EPOCHS = (
    {"loss": 0.9, "accuracy": 0.6, "val_loss": 0.8, "val_accuracy": 0.7},
    {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.9, "val_accuracy": 0.6},
)
FIT = Fit(EPOCHS)
ACCURACY, VAL_ACCURACY = (Goal(name, MAXIMIZE) for name in ("accuracy", "val_accuracy"))


def score(
    *goals: Goal,
    direction: Direction | None = None,
    last: Any = NOTHING,
    fits: Any = (),
    variables: Any = None,
) -> Score:
    """Return the value of a trial that left these things."""
    return value_of_trial(goals or direction or (), last, fits, variables or {})
