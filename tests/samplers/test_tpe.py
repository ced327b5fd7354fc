"""Hyperopt's TPE, fed from the history."""

import math
from collections import Counter

import hyperopt
import numpy as np
import pytest
from hyperopt import fmin, hp
from scipy.stats import ks_2samp

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.samplers.random import RandomSampler, stream
from hpo_magic.samplers.tpe import MOST_SEED, TpeSampler, axes
from hpo_magic.testing.samplers import SPACES, SamplerContract, searched, space_of

N_SEEDS, N_TRIALS, N_LAST = 20, 34, 14

FLAT = space_of(
    act=Choice(("relu", "tanh", "gelu")),
    depth=Int(0, 7),
    lr=Float(1e-4, 1.0, log=True),
    x=Float(0.0, 1.0),
)
# The same, as one writes it for Hyperopt.
FLAT_NODES = {
    "act": hp.choice("act", ["relu", "tanh", "gelu"]),
    "depth": hp.quniform("depth", -0.5, 7.5, 1),
    "lr": hp.loguniform("lr", math.log(1e-4), math.log(1.0)),
    "x": hp.uniform("x", 0.0, 1.0),
}
CONDITIONAL = space_of(c=Float(1e-3, 1e3, log=True), kernel=Choice(("linear", "rbf", "poly")))
for name, domain, kernel in (
    ("gamma", Float(1e-4, 1.0, log=True), "rbf"),
    ("d", Int(1, 8), "poly"),
):
    CONDITIONAL = CONDITIONAL.declare(
        Parameter(name, domain, domain.middle, (("kernel", (kernel,)),))
    )
CONDITIONAL_NODES = {
    "c": hp.loguniform("c", math.log(1e-3), math.log(1e3)),
    "kernel": hp.choice(
        "kernel",
        [
            {"": "linear"},
            {"": "rbf", "gamma": hp.loguniform("gamma", math.log(1e-4), 0.0)},
            {"": "poly", "d": hp.quniform("d", 0.5, 8.5, 1)},
        ],
    ),
}  # fmt: skip


class TestTpeSampler(SamplerContract):
    """The contract, beyond the 20 trials after which TPE begins."""

    n_trials = 25

    @pytest.fixture
    def make(self):
        return TpeSampler


def flat_loss(setting):
    """Return a loss with its lowest value, 0, at tanh, 5, 0.01 and 0.3."""
    is_other = setting["act"] != "tanh"
    far = abs(setting["depth"] - 5) / 10 + abs(math.log10(setting["lr"]) + 2) / 2
    return 0.3 * is_other + far + (setting["x"] - 0.3) ** 2


def conditional_loss(setting):
    """Return a loss of one of three kernels; "kernel" may be Hyperopt's nested one."""
    kernel = setting["kernel"]
    inner = kernel if isinstance(kernel, dict) else setting
    name = kernel[""] if isinstance(kernel, dict) else kernel
    loss = abs(math.log10(setting["c"]) - 1) / 4
    if name == "rbf":
        return loss + abs(math.log10(inner["gamma"]) + 3) / 3
    return loss + (0.4 if name == "linear" else 0.1 + abs(inner["d"] - 3) / 10)


def from_fmin(nodes, loss, start, seed, algo=hyperopt.tpe.suggest, n_trials=N_TRIALS):
    """Return the settings that Hyperopt's own search tried, and their losses."""
    settings = []

    def objective(setting):
        settings.append(setting)
        return loss(setting)

    fmin(
        objective,
        nodes,
        algo=algo,
        max_evals=n_trials,
        rstate=np.random.default_rng(seed),
        points_to_evaluate=[start],
        show_progressbar=False,
        return_argmin=False,
        verbose=False,
    )
    settings = settings[:n_trials]  # at its end it looks at the best once more
    return settings, [loss(setting) for setting in settings]


def ours(make, space, loss, seed, n_trials=N_TRIALS):
    """Return our trials and their losses."""
    trials = searched(make, space, n_trials, lambda number, params: loss(params), seed)
    return trials, [trial.value for trial in trials]


def summed_up(losses):
    """Return the best loss of a search, and the mean of its last trials, which TPE should lower."""
    return min(losses), float(np.mean(losses[-N_LAST:]))


def started(space):
    """Return the defaults as `fmin` takes them: all, and a choice by its position."""
    axis, defaults = axes(space), space.defaults()
    choices = {n: axis[n].drawn(v) for n, v in defaults.items() if isinstance(v, str)}
    return {**defaults, **choices}


def test_each_suggestion_is_the_one_that_fmin_makes():
    """Given the same random streams, a whole search is Hyperopt's own."""
    seed = 7

    def with_our_streams(ids, domain, trials, seed_of_fmin):
        own = stream(seed, History(number=ids[0]))
        return hyperopt.tpe.suggest(ids, domain, trials, int(own.integers(MOST_SEED)))

    settings, _ = from_fmin(FLAT_NODES, flat_loss, started(FLAT), 0, with_our_streams)
    trials, _ = ours(TpeSampler, FLAT, flat_loss, seed)
    assert len(settings) == len(trials) == N_TRIALS
    for setting, trial in zip(settings, trials, strict=True):
        assert trial.params["act"] == setting.pop("act")
        assert {n: trial.params[n] for n in setting} == pytest.approx(setting, rel=1e-9)


def test_searches_go_as_well_as_fmin_s():
    """Twenty searches and twenty of `fmin` cannot be told apart; twenty at random can.

    The space is conditional: nested choices for Hyperopt, and flat for us.
    """
    loss, start = conditional_loss, started(CONDITIONAL)
    own, drawn = (
        np.array([summed_up(ours(make, CONDITIONAL, loss, seed)[1]) for seed in range(N_SEEDS)])
        for make in (TpeSampler, RandomSampler)
    )
    theirs = np.array(
        [summed_up(from_fmin(CONDITIONAL_NODES, loss, start, s)[1]) for s in range(N_SEEDS)]
    )
    for column in (0, 1):
        assert ks_2samp(own[:, column], theirs[:, column]).pvalue > 0.1
    assert ks_2samp(own[:, 1], drawn[:, 1]).pvalue < 1e-4


def test_every_domain_is_drawn_from_evenly():
    """Before there is anything to learn, all levels of a space are as likely, the ends too."""
    space = SPACES["steps"].declare(Parameter("n", Int(1, 4), 2))
    space = space.declare(Parameter("size", Choice((1, 2, 4, 8), ordered=True), 1))
    space = space.declare(Parameter("kind", Choice(("a", "b", "c", None)), "a"))
    drawn = [
        TpeSampler().suggest(space, History(number=number), seed=0) for number in range(1, 401)
    ]
    for name, parameter in space.items():
        n = parameter.domain.n_levels
        found = Counter(setting[name] for setting in drawn)
        assert len(found) == n
        assert min(found.values()) > 400 / n * 0.5


def test_a_log_scale_is_drawn_from_evenly():
    """Each doubling of a whole number is as likely, up to what rounding gives to the ends."""
    space = space_of(n=Int(1, 256, log=True), lr=Float(1e-4, 1.0, log=True))
    drawn = [
        TpeSampler().suggest(space, History(number=number), seed=0) for number in range(1, 401)
    ]
    assert 0.4 < sum(setting["n"] <= 16 for setting in drawn) / 400 < 0.6
    assert 0.43 < sum(setting["lr"] < 1e-2 for setting in drawn) / 400 < 0.57


@pytest.mark.parametrize("name", SPACES)
def test_values_come_back_from_hyperopt_s(name):
    """What a value is drawn as is drawn as that value."""
    space = SPACES[name]
    rng = np.random.default_rng(0)
    for parameter, axis in ((space[n], axis) for n, axis in axes(space).items()):
        for _ in range(20):
            value = parameter.domain.value(rng.random())
            back = axis.value(axis.drawn(value))
            assert back == (
                pytest.approx(value, rel=1e-9) if type(value) in (int, float) else value
            )
            assert type(back) is type(value)


def test_a_parameter_is_learned_from_the_trials_that_reached_it():
    """`momentum` was reached in every third trial alone, and its good values are found."""
    sgd = (("optimizer", ("sgd",)),)
    space = space_of(optimizer=Choice(("adam", "rms", "sgd"))).declare(
        Parameter("momentum", Float(0.0, 1.0), 0.5, sgd)
    )

    trials = []
    for k in range(48):
        params = {"optimizer": "sgd", "momentum": k / 48} if k % 3 == 0 else {"optimizer": "adam"}
        is_good = k % 3 == 0 and 36 <= k <= 39
        trials.append(Trial(k, State.COMPLETE, params, value=0.0 if is_good else 1.0))
    history = History(tuple(trials), number=48)
    momenta = [TpeSampler().suggest(space, history, seed)["momentum"] for seed in range(30)]
    assert np.mean(np.abs(np.array(momenta) - 0.78) < 0.15) > 0.7


def test_settings_that_fail_are_avoided():
    """A failure counts as a poor value, as do the trials that still run."""
    space = space_of(x=Float(0.0, 1.0))

    def suggestions(state):
        trials = tuple(
            Trial(k, State.COMPLETE, {"x": k / 30}, value=1.0)
            if k < 15
            else Trial(k, state, {"x": k / 30})
            for k in range(30)
        )
        return [TpeSampler().suggest(space, History(trials, number=30), s)["x"] for s in range(20)]

    for state in (State.FAILED, State.RUNNING):
        assert np.mean(np.array(suggestions(state)) < 0.5) > 0.8


def test_what_a_running_trial_will_not_reach_is_not_learned_from():
    """It has a value for every parameter; those of other branches say nothing."""
    sgd = (("optimizer", ("sgd",)),)
    space = space_of(optimizer=Choice(("adam", "sgd"))).declare(
        Parameter("momentum", Float(0.0, 1.0), 0.5, sgd)
    )
    done = searched(TpeSampler, space, 30)

    def suggestion(momentum):
        running = Trial(30, State.RUNNING, {"optimizer": "adam", "momentum": momentum})
        return TpeSampler().suggest(space, History((*done, running), number=31), seed=0)

    assert suggestion(0.1) == suggestion(0.9)
