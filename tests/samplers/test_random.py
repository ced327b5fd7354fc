"""Random search."""

from collections import Counter

import pytest

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.errors import SpaceExhausted
from hpo_magic.samplers.random import RandomSampler
from hpo_magic.testing.samplers import SamplerContract, searched, space_of


class TestRandomSampler(SamplerContract):
    """The contract."""

    n_trials = 24

    @pytest.fixture
    def make(self):
        return RandomSampler


def test_every_value_is_equally_likely():
    """A choice among four gets a quarter of the trials each."""
    space = space_of(act=Choice(("a", "b", "c", "d")), x=Float(0.0, 1.0))
    drawn = Counter(trial.params["act"] for trial in searched(RandomSampler, space, 400))
    assert all(70 <= n <= 130 for n in drawn.values())


def test_a_log_scale_is_drawn_from_evenly():
    """On a log scale each factor of ten is as likely."""
    space = space_of(lr=Float(1e-4, 1.0, log=True))
    drawn = [trial.params["lr"] for trial in searched(RandomSampler, space, 400)]
    assert 0.43 < sum(lr < 1e-2 for lr in drawn) / 400 < 0.57


def test_the_last_settings_are_found():
    """In a space of 2000 settings, the one that is left is found at once."""
    space = space_of(a=Int(1, 200), b=Int(1, 10))
    every = [{"a": a, "b": b} for a in range(1, 201) for b in range(1, 11)]
    every.remove({"a": 77, "b": 3})
    trials = tuple(Trial(k, State.COMPLETE, p, value=0.0) for k, p in enumerate(every))
    left = RandomSampler().suggest(space, History(trials, number=1999), seed=0)
    assert left == {"a": 77, "b": 3}
    last = Trial(1999, State.COMPLETE, left, value=0.0)
    with pytest.raises(SpaceExhausted, match="every setting of a, b has been tried"):
        RandomSampler().suggest(space, History((*trials, last), number=2000), seed=0)
