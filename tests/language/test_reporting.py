"""What `hp.report` takes, and what it says of the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hpo_magic.errors import MetricError
from hpo_magic.language.hp import hp
from hpo_magic.language.reporting import reported


@pytest.mark.parametrize(
    ("step", "metrics", "found"),
    [
        (None, {"loss": 0.5}, (None, {"loss": 0.5})),
        ({"loss": 0.5}, {}, (None, {"loss": 0.5})),
        ({"loss": 0.5}, {"acc": 1}, (None, {"loss": 0.5, "acc": 1.0})),
        (3, {"loss": np.float32(0.5)}, (3, {"loss": 0.5})),
        (np.int64(3), {"loss": 0.5}, (3, {"loss": 0.5})),
        (3.0, {"loss": np.array(0.5)}, (3, {"loss": 0.5})),
        (None, {"done": True}, (None, {"done": 1.0})),
        (None, {"loss": math.inf}, (None, {"loss": math.inf})),
    ],
)
def test_a_report_is_a_step_and_numbers(step: Any, metrics: Any, found: Any) -> None:
    """Numbers of any library; a dict holds metrics."""
    assert reported(step, (), metrics, 1) == found


def test_metrics_may_stand_in_a_dict_after_the_step() -> None:
    """As in `hp.report(epoch, logs)`."""
    assert reported(3, ({"loss": 0.5},), {"acc": 1}, 1) == (3, {"loss": 0.5, "acc": 1.0})


@pytest.mark.parametrize("unnamed", [(0.5,), (0.5, 3), ("loss", 0.5)])
def test_a_number_after_the_step_needs_a_name(unnamed: Any) -> None:
    """Other tools' calls have a value and a step, and no name."""
    with pytest.raises(MetricError, match=r"line 7: a metric needs a name, got .* Write hp.report"):
        reported(3, unnamed, {}, 7)


@pytest.mark.parametrize(
    ("step", "metrics", "sentence"),
    [
        (
            0.5,
            {},
            r"line 7: a metric needs a name, got 0.5 alone. Write hp.report\(val_loss=0.5",
        ),
        (None, {}, "a metric needs a name. Write"),
        ("late", {}, "a metric needs a name, got 'late' alone"),
        (1.5, {"loss": 0.5}, "the step must be a whole number, got 1.5. Leave it out"),
        ("3", {"loss": 0.5}, "the step must be a whole number, got '3'"),
        (None, {"loss": "low"}, "loss must be one number, got 'low'. Report its mean"),
        (None, {"loss": [0.5, 0.6]}, r"loss must be one number, got \[0.5, 0.6\]"),
        (None, {"loss": np.zeros(50)}, r"loss must be one number, got array\(.*ndarray"),
        (None, {"loss": None}, "loss must be one number, got None"),
        ({"loss": "low"}, {}, "loss must be one number, got 'low'"),
    ],
)
def test_what_is_no_report_is_said(step: Any, metrics: Any, sentence: str) -> None:
    """With the line, and how to write it."""
    with pytest.raises(MetricError, match=sentence):
        reported(step, (), metrics, 7)


def test_outside_a_trial_a_wrong_report_is_told_too() -> None:
    """It would be told in the first trial."""
    with pytest.raises(MetricError, match=r"^hp.report on line \d+: a metric needs a name"):
        hp.report(0.5)  # type: ignore[arg-type]
    hp.report({"loss": 0.5})
