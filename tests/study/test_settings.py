"""`Study.enqueue`: settings as users have them, and what is refused."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpo_magic import hp, search
from hpo_magic.errors import HpoError, SpaceError
from hpo_magic.study.study import Study

Row = namedtuple("Row", "Index units rate other")


def net() -> float:
    """Return a score of whole numbers, floats, choices and switches."""
    units = hp.Int(16, 512)
    batch = hp.Choice([16, 32])
    hp.Boolean("norm")
    hp.Choice("penalty", [None, "l1"])
    return units * batch * hp.Float("rate", 0.0, 1.0)


@pytest.fixture
def study() -> Study:
    """Return a short search of `net`."""
    return search(net, trials=3, minimize="value", recheck="0", ui="none")


def queued(study: Study) -> list[dict[str, Any]]:
    """Return the settings that wait, and remove them."""
    return study.storage.take_enqueued(study.record.id)


@pytest.mark.parametrize(
    "enqueue",
    [
        lambda study: study.enqueue(units=64, rate=0.5),
        lambda study: study.enqueue({"units": 64, "rate": 0.5}),
        lambda study: study.enqueue({"units": 64}, rate=0.5) or study.enqueue(),
        lambda study: study.enqueue({"units": 64.0, "rate": np.float32(0.5)}),
        lambda study: study.enqueue(units=np.int64(64), rate=Decimal("0.5")),
        lambda study: study.enqueue(pd.Series({"units": 64.0, "rate": 0.5, "value": 3.0})),
        lambda study: study.enqueue(pd.DataFrame({"units": [64.0], "rate": [0.5], "x": [1]})),
        lambda study: study.enqueue(Row(0, 64, 0.5, "left out")),
        lambda study: study.enqueue([{"units": np.array(64), "rate": 0.5}]),
        lambda study: study.enqueue({"units": 64, "rate": 0.5, "state": "complete", "number": 3}),
    ],
)
def test_a_setting_in_every_form(study: Study, enqueue: Callable[[Study], None]) -> None:
    """It is stored with the parameters' own types."""
    enqueue(study)
    found = queued(study)
    together = {name: value for setting in found for name, value in setting.items()}
    assert together == {"units": 64, "rate": 0.5}
    assert type(together["units"]) is int
    assert type(together["rate"]) is float


@pytest.mark.parametrize(
    "settings",
    [
        lambda study: [study.best_trial],
        lambda study: [study.best_params],
        lambda study: [study.to_frame().loc[study.best_trial.number]],
        lambda study: [[study.best_trial]],
        lambda study: [study.to_frame().nsmallest(1, "value")],
        lambda study: [study.to_frame().nsmallest(1, "value").to_dict("records")],
    ],
)
def test_what_a_study_has_is_enqueued(study: Study, settings: Callable[[Study], Any]) -> None:
    """A trial, its values, a row of the table and the table."""
    study.enqueue(*settings(study))
    assert queued(study) == [study.best_params]


def test_several_settings(study: Study) -> None:
    """They wait in their order; `enqueue()` is one whose values are all the sampler's."""
    study.enqueue({"units": 64}, study.start, {"units": 65})
    study.enqueue(study.trials)
    study.enqueue()
    first = [setting["units"] for setting in queued(study)[:-1]]
    assert first == [
        64,
        study.start.params["units"],
        65,
        *(t.params["units"] for t in study.trials),
    ]


def test_choices_are_found_by_equality(study: Study) -> None:
    """16.0 of a table is 16, 1 is True, and None is one of the choices."""
    study.enqueue({"batch": 16.0, "norm": 1, "penalty": None})
    assert [*map(repr, queued(study)[0].values())] == ["16", "True", "None"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"units": 64.5}, "units: 64.5 is not a whole number. Its range is 16 to 512."),
        ({"units": "64"}, "units: '64' is not in its range (16 to 512)."),
        ({"units": True}, "units: True is not in its range (16 to 512)."),
        ({"units": 9}, "units: 9 is not in its range (16 to 512)."),
        ({"units": float("nan")}, "units: nan is not a whole number. Its range is 16 to 512."),
        ({"rate": None}, "rate: None is not in its range (0 to 1)."),
        ({"unit": 64}, "no parameter 'unit' in study 'study'. Did you mean units? It has: "),
        ([{"units": 64}, {"rat": 0.5}], "no parameter 'rat' in study 'study'. Did you mean rate?"),
        (pd.Series({"y": 1}), "no column of the table is a parameter of study 'study'. It has: "),
        (64, "enqueue takes settings: x=1, a dict, a trial or a table; got an object of type int."),
        ("units", "enqueue takes settings: x=1, a dict, a trial or a table; got an object of type"),
    ],
)
def test_what_is_refused(study: Study, given: Any, sentence: str) -> None:
    """Nothing of it is stored, and the sentence says what is wrong."""
    with pytest.raises(HpoError) as refused:
        study.enqueue({"units": 100}, given)
    assert str(refused.value).startswith(sentence)
    assert queued(study) == []


def test_a_study_is_no_setting(study: Study) -> None:
    """The sentence names where its settings are."""
    with pytest.raises(
        HpoError, match=r"type Study\. The settings of a study are in its best_para"
    ):
        study.enqueue(study)


NAMES = ("kind", "state", "value", "number", "duration_s", "error", "front")


def reserved() -> float:
    """Return a score of parameters that are called as columns of the table are."""
    return sum(hp.Float(name, 0, 1) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_called_like_a_column_keeps_its_name(tmp_path: Path, name: str) -> None:
    """The column of the trial is renamed; frame, CSV file and queue have the values."""
    study = search(reserved, trials=4, maximize="value", recheck="0", ui="none")
    frame = study.to_frame()
    assert frame[name].tolist() == [trial.params[name] for trial in study.trials]
    assert frame["trial_value"].tolist() == [trial.value for trial in study.trials]
    assert frame["trial_state"].tolist() == ["complete"] * 4
    study.to_csv(tmp_path / "trials.csv")
    read = pd.read_csv(tmp_path / "trials.csv")
    assert read[name].tolist() == pytest.approx(frame[name].tolist())
    assert read["trial_number"].tolist() == frame.index.tolist() == [0, 1, 2, 3]
    for table in (frame, read, frame.reset_index()):
        study.enqueue(table.iloc[2])
        assert queued(study) == [pytest.approx(dict(study.trials[2].params))]


def test_a_value_of_a_renamed_column_is_refused_by_name(study: Study) -> None:
    """A name that no table has is a mistake."""
    with pytest.raises(SpaceError, match="no parameter 'trial_units'"):
        study.enqueue({"trial_units": 3})
