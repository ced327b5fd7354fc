"""Pickles of Hyperopt's `Trials`, which Hyperopt itself has filled."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, fmin, rand, space_eval
from hyperopt import hp as dist

from hpo_magic import read_study
from hpo_magic.core.domains import Choice, Int
from hpo_magic.core.trial import State
from hpo_magic.errors import HpoError, OptionError, StudyNotFound

SPACE = {
    "x": dist.uniform("x", -10, 10),
    "act": dist.choice("act", ["relu", "tanh"]),
    "kind": dist.choice("kind", [None, {"n": dist.randint("n", 3, 9)}]),
}


def loss(setting: dict[str, Any]) -> dict[str, Any]:
    """Return a loss; below -5 the trial fails."""
    status = STATUS_OK if setting["x"] > -5 else STATUS_FAIL
    return {"loss": setting["x"] ** 2, "status": status, "size": 3}


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trials:
    """Return trials that are pickled as `old.pkl`."""
    monkeypatch.chdir(tmp_path)
    made = Trials()
    rng = np.random.default_rng(0)
    fmin(loss, SPACE, rand.suggest, 12, trials=made, rstate=rng, show_progressbar=False)
    Path("old.pkl").write_bytes(pickle.dumps(made))
    return made


def test_a_pickle_is_not_loaded_unasked(trials: Trials) -> None:
    """The sentence says why, and what to write; nothing of the pickle has run."""

    class Bomb:
        def __reduce__(self) -> Any:
            return (Path("exploded").touch, ())

    Path("bomb.bin").write_bytes(pickle.dumps(Bomb()))
    for path in ("old.pkl", "bomb.bin"):
        with pytest.raises(OptionError, match=r"runs whatever code is in it.*trust_pickle=True"):
            read_study(path)
    assert not Path("exploded").exists()


def test_trials_are_stored_as_they_were(trials: Trials) -> None:
    """States, losses, active parameters; choices have their values if their options are given."""
    options: dict[str, Any] = {"act": ["relu", "tanh"], "kind": [None, {"n": 1}]}
    with pytest.warns(UserWarning, match="do not have the ranges"):
        ours = read_study("old.pkl", trust_pickle=True, choices=options)
    assert ours.name == "old"
    assert len(ours.trials) == 12
    states = {STATUS_OK: State.COMPLETE, STATUS_FAIL: State.FAILED}
    for mine, one in zip(ours.trials, trials.trials, strict=True):
        assert mine.state is states[one["result"]["status"]]
        drawn = {name: values[0] for name, values in one["misc"]["vals"].items() if values}
        assert mine.params.keys() == drawn.keys()
        assert mine.params["x"] == drawn["x"]
        assert mine.started == pytest.approx(one["book_time"].timestamp(), abs=86_400)
    best = space_eval(SPACE, trials.argmin)
    assert ours.best_params["act"] == best["act"]
    assert ours.best_seen == trials.best_trial["result"]["loss"]
    assert ours.trials[0].metrics["size"] == 3
    assert {State.COMPLETE, State.FAILED} <= {t.state for t in ours.trials}
    assert ours.space["act"].domain == Choice(("relu", "tanh"))


def test_positions_of_choices_are_said(trials: Trials) -> None:
    """A whole number may be a position, which the file does not tell."""
    with pytest.warns(UserWarning, match=r"one of act, kind, n is an hp.choice"):
        ours = read_study("old.pkl", trust_pickle=True)
    assert ours.space["act"].domain == Int(0, 1)


def test_it_guides_a_new_search(trials: Trials) -> None:
    """Its best setting comes after the start."""
    from hpo_magic import hp, search

    with pytest.warns(UserWarning, match="ranges"):
        old = read_study("old.pkl", trust_pickle=True, choices={"act": ["relu", "tanh"]})

    def cell() -> float:
        hp.Choice("act", ["relu", "tanh"])
        return hp.Float("x", -10, 10) ** 2

    new = search(cell, "new", trials=2, minimize="value", ui="none", recheck="0", from_study="old")
    for name in ("x", "act"):
        assert new.trials[1].params[name] == old.best_params[name]


def test_errors_name_the_way_out(trials: Trials) -> None:
    """Something else in the pickle, a broken one, wrong choices, no trials."""
    Path("else.pkl").write_bytes(pickle.dumps([1]))
    Path("broken.pkl").write_bytes(Path("old.pkl").read_bytes()[:100])
    Path("none.pkl").write_bytes(pickle.dumps(Trials()))
    for path, error, sentence, options in [
        ("else.pkl", HpoError, "has a list, no Trials", {}),
        ("broken.pkl", HpoError, "cannot be loaded: .*versions of Python and Hyperopt", {}),
        ("none.pkl", StudyNotFound, "no trial in none.pkl", {}),
        ("old.pkl", OptionError, "'ac' of choices. There are: act, kind", {"choices": {"ac": [1]}}),
        ("old.pkl", OptionError, "among the 1 options", {"choices": {"act": ["relu"]}}),
        ("old.pkl", OptionError, "Write minimize='f1'", {"maximize": "f1"}),
    ]:
        with pytest.raises(error, match=sentence):
            read_study(path, trust_pickle=True, **options)  # type: ignore[arg-type]
    assert not Path("hpo_studies").exists()
