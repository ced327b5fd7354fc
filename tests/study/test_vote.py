"""A vote of the best models: who votes, what they say, and what the sealed test makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpo_magic import hp, search
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.search.options import Options
from hpo_magic.study.vote import Vote


class Says:
    """A model that says what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = np.array(answer)

    def predict(self, x: Any) -> np.ndarray:
        return self.answer

    def predict_proba(self, x: Any) -> np.ndarray:
        return self.answer / 2


class Loud(Says):
    """A model that talks while it predicts, unless it is told not to."""

    def predict(self, x: Any, verbose: int = 1) -> np.ndarray:
        assert verbose == 0
        return self.answer


def test_labels_are_counted_and_probabilities_averaged() -> None:
    """1, 1, 3 is 1; shares are their mean; without a bar of progress."""
    assert Vote([Says([1]), Says([1]), Says([3])], [0, 1, 2]).predict(None) == [1]
    shares = Vote([Loud([[0.2, 0.8]]), Loud([[0.6, 0.4]])], [0, 1])
    assert shares(None).tolist() == [[0.4, pytest.approx(0.6)]]
    assert Vote([Says([[2.0]]), Says([[4.0]])], [0, 1]).predict_proba(None) == [[1.5]]


def test_a_vote_can_only_predict() -> None:
    """What else is asked of it is told how to be written."""
    with pytest.raises(AttributeError, match=r"no 'evaluate': it predicts.*hp.score\("):
        Vote([Says([1])], [0]).evaluate(None)
    assert repr(Vote([Says([1]), Says([1])], [4, 2])) == "the vote of trials 4, 2"


def constant() -> float:
    """Return a value that is the only setting's."""
    return 1.0


def guess() -> float:
    """Return how far a guess is off."""
    return abs(hp.Float("x", 0.0, 1.0) - 0.7)


def test_a_vote_needs_two_settings() -> None:
    """One setting has nothing to vote about."""
    study = search(constant, trials=1, minimize="value", ui="none")
    with pytest.raises(HpoError, match="A vote needs 2 settings or more; study 'study' has 1"):
        study.vote()


def test_the_best_settings_vote(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their value in the search, best first, each once; five where nothing is said."""
    study = search(guess, trials=12, minimize="value", sampler="random", ui="none", recheck="0")
    assert study.model_store is not None
    monkeypatch.setattr(study.model_store, "model", lambda trial: trial.number)
    ranked = sorted(study.trials, key=lambda trial: trial.value or 0)
    assert study.vote().numbers == tuple(trial.number for trial in ranked[:5])
    assert study.vote(3).models == tuple(trial.number for trial in ranked[:3])


def test_keep_is_checked() -> None:
    """One model at least."""
    with pytest.raises(ValueError, match="keep: must be a whole number from 1 up, got 0"):
        Options(keep=0)


def test_settings_that_look_alike_both_vote(monkeypatch: pytest.MonkeyPatch) -> None:
    """They differ in the fifth digit; the same setting votes once."""
    study = search(guess, trials=4, minimize="value", sampler="random", ui="none", recheck="0")
    assert study.model_store is not None
    monkeypatch.setattr(study.model_store, "model", lambda trial: trial.number)
    values = [0.00123441, 0.00123444, 0.00123441]
    trials = [Trial(k, State.COMPLETE, {"x": x}, value=float(k)) for k, x in enumerate(values)]
    study.snapshot = replace(study.snapshot, trials=tuple(trials))
    assert study.vote().numbers == (0, 1)
