"""Tests that every sampler must pass.

class TestMine(SamplerContract):
    @pytest.fixture
    def make(self):
        return MySampler
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hpo_magic.core.activity import Activity
from hpo_magic.core.domains import Choice, Domain, Float, Int, Plain
from hpo_magic.core.ports import Sampler
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import Direction, Failure, Goal, History, Kind, State, Trial
from hpo_magic.errors import SpaceExhausted

Make = Callable[[], Sampler]
Value = Callable[[int, Params], float | None]


def space_of(**domains: Domain) -> Space:
    """Return the space of these domains; each default is the middle of its range."""
    return Space({name: Parameter(name, d, d.middle) for name, d in domains.items()})


def _conditional() -> Space:
    space = space_of(optimizer=Choice(("adam", "sgd")), layers=Int(1, 3))
    with_sgd = (("optimizer", ("sgd",)),)
    space = space.declare(Parameter("momentum", Float(0.0, 0.99), 0.9, with_sgd))
    for k in range(3):
        deep = (("layers", tuple(range(k + 1, 4))),)
        space = space.declare(Parameter(f"units[{k}]", Int(16, 512, log=True), 64, deep))
    return space


SPACES = {
    "mixed": space_of(
        lr=Float(1e-5, 1.0, log=True),
        units=Int(16, 512, log=True),
        act=Choice(("relu", "tanh", "gelu")),
        batch=Choice((16, 32, 64, 128), ordered=True),
        norm=Choice((False, True)),
        dropout=Float(0.0, 0.5, step=0.1),
    ),
    "one parameter": space_of(lr=Float(1e-5, 1.0, log=True)),
    "one-value ranges": space_of(
        a=Int(3, 3),
        b=Float(1.0, 1.0),
        c=Choice((None,)),
        d=Int(0, 100),
        e=Float(2.0, 2.0, log=True),
    ),
    "only choices": space_of(
        kind=Choice(("a", "b", None)),
        flag=Choice((True, 1, 1.0, "1")),
        shape=Choice(((1, 2), (3, (4,)), ())),
        size=Choice((1, 2, 4, 8), ordered=True),
    ),
    "steps": space_of(
        units=Int(32, 512, step=32),
        rate=Float(0.0, 1.0, step=0.1),
        width=Int(1, 64, step=2, log=True),
        decay=Float(1e-4, 1.0, step=10.0, log=True),
    ),
    "reverse scales": space_of(
        momentum=Float(0.01, 0.999, reverse_log=True), units=Int(1, 64, reverse_log=True)
    ),
    "extremes": space_of(
        n=Int(0, 10**30), m=Int(1, 10**18, log=True), x=Float(-1e300, 1e300), y=Float(0.0, 1e-300)
    ),
    "conditional": _conditional(),
    "40 parameters": space_of(
        **{f"p{k}": (Float(0, 1), Int(1, 5), Choice(("a", "b", "c")))[k % 3] for k in range(40)}
    ),
}

VALUES: dict[str, Value] = {
    "spread": lambda number, params: math.sin(12.9898 * number + len(params)),
    "all equal": lambda number, params: 0.5,
    "huge and tiny": lambda number, params: (1e12, -1e-12, 1e308, -1e308)[number % 4],
    "half failed": lambda number, params: None if number % 2 else float(number),
    "all failed": lambda number, params: None,
}


def trial_of(number: int, params: Params, value: float | None) -> Trial:
    """Return a complete trial, or a failed one if `value` is None."""
    kind = Kind.SEARCH if number else Kind.START
    if value is None:
        return Trial(number, State.FAILED, params, kind, failure=Failure("ValueError", "no"))
    return Trial(number, State.COMPLETE, params, kind, value=value)


def searched(
    make: Make, space: Space, n_trials: int, value: Value = VALUES["spread"], seed: int = 0
) -> list[Trial]:
    """Return the trials of a search with one sampler; fewer if the space is exhausted.

    The first one is the start, as in every search.
    """
    sampler, activity, trials = make(), Activity.of(space), list[Trial]()
    params = space.defaults()
    for number in range(n_trials):
        reached = activity.reduced(params)
        trials.append(trial_of(number, reached, value(number, reached)))
        try:
            params = sampler.suggest(space, History(tuple(trials), number=number + 1), seed)
        except SpaceExhausted:
            break
    return trials


class SamplerContract:
    """Tests of a sampler. A subclass has the fixture `make`, which returns its class."""

    n_trials = 16
    is_random = True  # another seed, another search

    def adapted(self, space: Space) -> Space:
        """Return a similar space, for a sampler that cannot search every space."""
        return space

    def test_suggestions_cover_the_space_and_lie_inside(self, make: Make) -> None:
        """Every parameter gets a value of its domain, as a plain Python object."""
        for space in map(self.adapted, SPACES.values()):
            trials = tuple(searched(make, space, self.n_trials))
            for n in (0, 1, len(trials)):
                suggestion = _next(make(), space, trials[:n])
                if suggestion is not None:
                    assert list(suggestion) == list(space)
                    assert space.fits(suggestion)
                    assert all(map(_is_plain, suggestion.values()))

    def test_suggestions_depend_on_the_arguments_alone(self, make: Make) -> None:
        """The answer of a used sampler is that of a new one."""
        used = make()
        for name in ("mixed", "conditional", "only choices"):
            space = self.adapted(SPACES[name])
            trials = tuple(searched(make, space, self.n_trials))
            for n in (3, self.n_trials, 9):
                assert _next(used, space, trials[:n]) == _next(make(), space, trials[:n])
            _next(used, space, trials[2:5] + trials[7:], Direction.MAXIMIZE)

    def test_a_resumed_search_goes_on_as_if_it_had_never_stopped(self, make: Make) -> None:
        """Equal copies of the trials, as from a storage, lead to the same setting."""
        space = self.adapted(SPACES["mixed"])
        whole = searched(make, space, self.n_trials)
        for n in (1, self.n_trials // 2, self.n_trials - 1):
            copies = tuple(Trial.from_json(trial.to_json()) for trial in whole[:n])
            assert _next(make(), space, copies) == whole[n].params

    def test_another_seed_makes_another_search(self, make: Make) -> None:
        """Another seed, also a negative one, gives another setting if the sampler draws."""
        space = self.adapted(SPACES["mixed"])
        first, second = (
            [trial.params for trial in searched(make, space, 4, seed=seed)] for seed in (0, -1)
        )
        assert (first != second) is self.is_random

    def test_no_setting_is_tried_twice_and_then_the_space_is_exhausted(self, make: Make) -> None:
        """Settings that differ only in inactive parameters count as the same setting."""
        space = space_of(act=Choice(("relu", "tanh", "gelu")), layers=Int(1, 2))
        alpha = Parameter("alpha", Choice((0.1, 0.2, 0.3)), 0.1, (("act", ("relu",)),))
        trials = searched(make, space.declare(alpha), 20)
        assert len({repr(sorted(trial.params.items())) for trial in trials}) == len(trials) == 10
        message = _exhausted(make(), space.declare(alpha), tuple(trials))
        assert "every setting" in message
        assert "alpha" in message

    def test_running_trials_are_not_repeated(self, make: Make) -> None:
        """The setting of a running trial counts as tried."""
        space = space_of(act=Choice(("relu", "tanh", "gelu")))
        trials = tuple(
            Trial(k, State.RUNNING, {"act": act}) for k, act in enumerate(("gelu", "relu"))
        )
        assert _next(make(), space, trials) == {"act": "tanh"}

    def test_a_stopped_setting_may_come_again(self, make: Make) -> None:
        """The setting of a stopped trial may be suggested again."""
        space = space_of(act=Choice(("relu", "tanh")))
        trials = (
            Trial(0, State.COMPLETE, {"act": "relu"}, value=1.0),
            Trial(1, State.STOPPED, {"act": "tanh"}),
        )
        assert _next(make(), space, trials) == {"act": "tanh"}

    def test_any_values_will_do(self, make: Make) -> None:
        """Values may be huge, tiny or equal, and trials may fail."""
        space = self.adapted(SPACES["mixed"])
        for value in VALUES.values():
            trials = tuple(searched(make, space, self.n_trials, value))
            assert len(trials) == self.n_trials

    def test_a_space_may_grow(self, make: Make) -> None:
        """A parameter that was first reached late is suggested from then on."""
        small = self.adapted(space_of(act=Choice(("relu", "tanh")), lr=Float(1e-4, 1.0, log=True)))
        trials = searched(make, small, self.n_trials - 1)
        grown = self.adapted(small.declare(Parameter("slope", Float(0.0, 1.0), 0.5)))
        late: Params = {"act": "relu", "lr": 0.1, "slope": grown["slope"].default}
        trials.append(trial_of(len(trials), late, 0.0))
        suggestion = _next(make(), grown, tuple(trials))
        assert suggestion is not None
        assert grown.fits(suggestion)
        assert "slope" in suggestion

    def test_the_direction_says_which_values_are_better(self, make: Make) -> None:
        """Maximizing is minimizing with the sign turned."""
        space = self.adapted(SPACES["mixed"])
        trials = searched(make, space, self.n_trials)
        turned = [replace(trial, value=-(trial.value or 0.0)) for trial in trials]
        suggestion = _next(make(), space, tuple(trials))
        assert suggestion == _next(make(), space, tuple(turned), Direction.MAXIMIZE)

    def test_nothing_is_printed_and_nothing_drawn_from_global_streams(
        self, make: Make, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The user's output and random streams do not change."""
        before = _global_streams()
        searched(make, self.adapted(SPACES["mixed"]), self.n_trials)
        assert _global_streams() == before
        assert capfd.readouterr() == ("", "")


def _global_streams() -> str:
    """Return the states of Python's and NumPy's own random generators."""
    with np.printoptions(threshold=10_000):
        return repr((random.getstate(), np.random.get_state()))  # noqa: NPY002


def _next(
    sampler: Sampler,
    space: Space,
    trials: tuple[Trial, ...],
    direction: Direction = Direction.MINIMIZE,
) -> dict[str, Plain] | None:
    """Return the sampler's next setting; None if the space is exhausted."""
    try:
        return sampler.suggest(
            space, History(trials, (Goal("value", direction),), len(trials)), seed=0
        )
    except SpaceExhausted:
        return None


def _exhausted(sampler: Sampler, space: Space, trials: tuple[Trial, ...]) -> str:
    try:
        setting = sampler.suggest(space, History(trials, number=len(trials)), seed=0)
    except SpaceExhausted as error:
        return str(error)
    raise AssertionError(f"all {len(trials)} settings were tried, and then {setting} again")


def _is_plain(value: object) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return type(value) in (int, float, str, bool, type(None))
