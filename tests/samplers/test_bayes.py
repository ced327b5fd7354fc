"""The Bayesian sampler as a whole. What its parts do is tested beside each."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, History, Kind, State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.samplers.bayes import BayesSampler, fitted, to_optimize_result
from hpo_magic.samplers.random import RandomSampler
from hpo_magic.testing.samplers import SPACES, SamplerContract, searched, space_of, trial_of


class TestBayesSampler(SamplerContract):
    """The contract."""

    @pytest.fixture
    def make(self):
        return BayesSampler


BOWL = space_of(
    lr=Float(1e-5, 1.0, log=True),
    units=Int(8, 512, log=True),
    act=Choice(("relu", "tanh", "gelu", "elu")),
    batch=Choice((16, 32, 64, 128), ordered=True),
    norm=Choice((False, True)),
)


def bowl(number, params):
    """Return a smooth loss with its minimum, 0, at lr 1e-3, 64 units, gelu, batch 32, norm."""
    far = (math.log10(params["lr"]) + 3) ** 2 + math.log2(params["units"] / 64) ** 2 / 4
    far += {"relu": 0.5, "tanh": 1.0, "gelu": 0.0, "elu": 0.3}[params["act"]]
    return far + math.log2(params["batch"] / 32) ** 2 / 2 + (not params["norm"])


def best(trials):
    """Return the lowest value."""
    return min(trial.value for trial in trials if trial.value is not None)


def test_it_finds_the_minimum_of_a_bowl():
    """Forty trials of a mixed space end far below what random search finds."""
    assert best(searched(BayesSampler, BOWL, 40, bowl)) < 0.02
    assert best(searched(RandomSampler, BOWL, 40, bowl)) > 0.2


def test_a_maximum_is_found_by_the_same_steps():
    """Turning the sign of the values and the direction changes nothing."""
    trials = tuple(searched(BayesSampler, BOWL, 15, bowl))
    turned = tuple(replace(trial, value=-trial.value) for trial in trials)
    down = BayesSampler().suggest(BOWL, History(trials, number=15), 0)
    up = BayesSampler().suggest(BOWL, History(turned, (Goal("value", Direction.MAXIMIZE),), 15), 0)
    assert up == down


def test_diverged_trainings_do_not_hide_the_minimum():
    """Losses of 1e8 and failures in a corner of the space are steered clear of."""

    def diverging(number, params):
        if params["lr"] > 0.1:
            return None
        return 1e8 * params["lr"] if params["lr"] > 0.005 else bowl(number, params)

    trials = searched(BayesSampler, BOWL, 40, diverging)
    assert best(trials) < 0.05
    # That corner is 46% of the range: by chance it would be 18 trials.
    assert sum(trial.params["lr"] > 0.005 for trial in trials) <= 9


def test_conditional_parameters_are_learned_and_searched():
    """Half of the space has a parameter of its own, which nobody declared."""
    space = space_of(kind=Choice(("a", "b")), x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    sampler, trials = BayesSampler(), []
    for number in range(30):
        params = sampler.suggest(space, History(tuple(trials), number=number), 0)
        if params["kind"] == "a":
            del params["y"]
        off = (params["x"] - 0.3) ** 2
        value = 0.05 + off if params["kind"] == "a" else off + (params["y"] - 0.8) ** 2
        trials.append(trial_of(number, params, value))
    assert best(trials) < 1e-3


def test_first_trials_are_spread_evenly():
    """Of six parameters four points lie in four different quarters of each, before the model."""
    space = space_of(**{f"p{k}": Float(0.0, 1.0) for k in range(6)})
    trials = searched(BayesSampler, space, 6)
    for name in space:
        assert len({int(4 * trial.params[name]) for trial in trials[1:5]}) == 4


@pytest.mark.parametrize("domain", [Float(-3.0, 5.0), Float(1e-5, 1.0, log=True)])
def test_a_parabola_in_one_parameter_is_solved_in_ten_trials(domain):
    """To a thousandth of its range, wherever the minimum lies."""
    space = space_of(x=domain)
    for seed, lowest in enumerate(np.linspace(0.0, 1.0, 9)):

        def squared_distance(number, params, lowest=lowest):
            return (domain.unit(params["x"]) - lowest) ** 2

        trials = searched(BayesSampler, space, 10, squared_distance, seed)
        assert best(trials) <= 1e-3**2


def test_a_smooth_loss_is_searched_finely():
    """A valley in two parameters is met to a thousandth of each range in thirty trials."""
    space = space_of(x=Float(-5.0, 5.0), y=Float(1e-5, 1.0, log=True))
    x, y = space["x"].domain, space["y"].domain
    for seed, (a, b) in enumerate([(0.6, 0.3), (0.15, 0.5), (0.9, 0.72)]):

        def squared_distance(number, params, a=a, b=b):
            return (x.unit(params["x"]) - a) ** 2 + (y.unit(params["y"]) - b) ** 2

        assert best(searched(BayesSampler, space, 30, squared_distance, seed)) <= 1e-3**2


def test_the_start_takes_no_point_of_the_spread():
    """The first suggestion is the same with and without the defaults' trial before it."""
    start = Trial(0, State.COMPLETE, BOWL.defaults(), Kind.START, value=1.0)
    with_start = BayesSampler().suggest(BOWL, History((start,), number=1), 0)
    assert with_start == BayesSampler().suggest(BOWL, History(), 0)


def test_parallel_trials_look_in_different_places():
    """Four suggestions, each knowing that the others run, differ."""
    trials = searched(BayesSampler, BOWL, 15, bowl)
    settings = []
    for number in range(15, 19):
        params = BayesSampler().suggest(BOWL, History(tuple(trials), number=number), 0)
        trials.append(Trial(number, State.RUNNING, params))
        settings.append(repr(params))
    assert len(set(settings)) == 4


def test_trials_that_end_out_of_order_leave_no_trace_in_the_memory():
    """A sampler that saw a trial run and then end answers like a new one."""
    trials = searched(BayesSampler, BOWL, 20, bowl)
    used = BayesSampler()
    running = [replace(trials[14], state=State.RUNNING, value=None)]
    for seen in (trials[:14] + running, trials[:14] + running + trials[15:18], trials):
        history = History(tuple(seen), number=len(seen))
        assert used.suggest(BOWL, history, 0) == BayesSampler().suggest(BOWL, history, 0)


def test_equal_spaces_of_different_values_are_not_mixed_up():
    """To Python, (True, 0) equals (1, 0): the memory must tell them apart."""
    flags, numbers = (
        space_of(a=Choice(values), x=Float(0.0, 1.0)) for values in ((True, 0), (1, False))
    )
    used = BayesSampler()
    for space in (flags, numbers, flags):
        trials = tuple(
            trial_of(k, {"a": space["a"].domain.values[k % 2], "x": k / 12}, float(k % 5))
            for k in range(12)
        )
        history = History(trials, number=12)
        suggestion = used.suggest(space, history, 0)
        assert suggestion == BayesSampler().suggest(space, history, 0)
        assert space.fits(suggestion)


def test_a_fitted_surrogate_predicts_settings():
    """It knows the good from the bad, and is less sure where it has seen nothing."""
    trials = tuple(searched(BayesSampler, BOWL, 30, bowl))
    model = fitted(BOWL, History(trials))
    good = {"lr": 1e-3, "units": 64, "act": "gelu", "batch": 32, "norm": True}
    bad = {"lr": 0.9, "units": 8, "act": "tanh", "batch": 128, "norm": False}
    (low, high), (sure, unsure) = model.predict([good, bad])
    assert low < high
    assert 0 < sure < unsure
    near, far = model.warp.inverse(np.array([low, high]))
    assert near < 0.3 < far


def test_there_is_nothing_to_fit_without_a_complete_trial():
    """The error says so."""
    trials = (trial_of(0, BOWL.defaults(), None),)
    for ask in (fitted, to_optimize_result):
        with pytest.raises(HpoError, match="no trial is complete yet"):
            ask(BOWL, History(trials))


def test_a_suggestion_stays_within_the_time_of_a_glance():
    """After 500 trials, the first one of a resumed study takes well under two seconds."""
    import time

    rng = np.random.default_rng(0)
    draw = RandomSampler()
    trials = tuple(
        trial_of(k, params := draw.suggest(BOWL, History(number=k), 0), bowl(k, params))
        for k in range(500)
    )
    began = time.process_time()
    BayesSampler().suggest(BOWL, History(trials, number=500), int(rng.integers(9)))
    assert time.process_time() - began < 2.0


DOMAINS = st.one_of(
    st.tuples(st.integers(-100, 100), st.integers(0, 50)).map(lambda p: Int(p[0], p[0] + p[1])),
    st.tuples(st.integers(1, 100), st.integers(0, 500)).map(
        lambda p: Int(p[0], p[0] + p[1], log=True)
    ),
    st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e6)).map(lambda p: Float(p[0], p[0] + p[1])),
    st.floats(-8, 0).map(lambda e: Float(10**e, 10.0, log=True)),
    st.tuples(
        st.lists(st.text(max_size=3) | st.booleans() | st.integers(0, 9), min_size=1, max_size=5),
        st.booleans(),
    ).map(lambda p: Choice(tuple({repr(v): v for v in p[0]}.values()), p[1])),
)
VALUES = st.one_of(
    st.none(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, 1e308])
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(DOMAINS, min_size=1, max_size=5), st.lists(VALUES, min_size=9, max_size=14))
def test_any_space_and_any_history(domains, values):
    """Suggestions lie inside, repeat nothing, are plain, and need no memory; no warnings."""
    space = Space({f"p{k}": Parameter(f"p{k}", d, d.middle) for k, d in enumerate(domains)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trials = searched(BayesSampler, space, len(values), lambda number, params: values[number])
        assert len({repr(trial.params) for trial in trials}) == len(trials)
        for trial in trials:
            assert space.fits(trial.params)
            assert all(type(v) in (int, float, str, bool) for v in trial.params.values())
        if len(trials) == len(values):
            history = History(tuple(trials[:-1]), number=len(trials) - 1)
            assert BayesSampler().suggest(space, history, 0) == trials[-1].params


def test_a_range_of_a_few_thousand_numbers_repeats_none():
    """Two places in it may be one number."""
    space = space_of(p0=Float(7995.0, 7995.0 + 1e-8))
    values = iter([0.0] + [None] * 11)
    trials = searched(BayesSampler, space, 12, lambda number, params: next(values))
    assert len({trial.params["p0"] for trial in trials}) == 12


def test_every_space_of_the_contract_becomes_a_result_of_scikit_optimize():
    """`x_iters` are the settings, the best is `x`, and the model is at home in the space.

    scikit-optimize has no reverse scale, so there no model comes along.
    """
    for space_name, space in SPACES.items():
        trials = searched(BayesSampler, space, 13)
        result = to_optimize_result(space, History(tuple(trials)))
        assert result.fun == best(trials)
        assert len(result.x_iters) == len(result.func_vals) == len(trials)
        if space_name == "reverse scales":
            assert result.models == []
            continue
        seen = result.space.transform(result.x_iters)
        np.testing.assert_allclose(seen, result.models[-1].X_train_, atol=1e-12)
        assert np.isfinite(result.models[-1].predict(seen)).all()
