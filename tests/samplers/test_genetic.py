"""pymoo's mixed-variable genetic algorithm, fed from the history."""

import math
import subprocess
import sys

import numpy as np
import pytest
from pymoo.core.mixed import MixedVariableGA, MixedVariableSampling
from pymoo.core.population import Population
from pymoo.core.problem import ElementwiseProblem
from pymoo.core.variable import Binary, Choice, Integer, Real
from scipy.stats import ks_2samp

from hpo_magic.core.domains import Choice as ChoiceDomain
from hpo_magic.core.domains import Float, Int
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.samplers.genetic import POPULATION, GeneticSampler, variables
from hpo_magic.samplers.random import RandomSampler, stream
from hpo_magic.testing.samplers import SPACES, SamplerContract, searched, space_of

N_SEEDS, N_TRIALS = 20, 40

SPACE = space_of(
    act=ChoiceDomain(("relu", "tanh", "gelu")),
    norm=ChoiceDomain((False, True)),
    depth=Int(0, 7),
    x=Float(0.0, 1.0),
    y=Float(0.0, 1.0),
)


class TestGeneticSampler(SamplerContract):
    """The contract, beyond the trials after which there are children."""

    n_trials = 2 * POPULATION

    @pytest.fixture
    def make(self):
        return GeneticSampler


def loss_of(act, norm, depth, x, y):
    """Return a loss with its lowest value, 0, at tanh, True, 5, 0.3 and 0.8."""
    wrong = 0.3 * (act != "tanh") + 0.1 * (not norm)
    return wrong + abs(depth - 5) / 10 + (x - 0.3) ** 2 + math.sqrt(abs(y - 0.8))


class Written(ElementwiseProblem):
    """The same problem, as one writes it for pymoo."""

    def __init__(self):
        super().__init__(
            vars={
                "act": Choice(options=["relu", "tanh", "gelu"]),
                "norm": Binary(),
                "depth": Integer(bounds=(0, 7)),
                "x": Real(bounds=(0.0, 1.0)),
                "y": Real(bounds=(0.0, 1.0)),
            },
            n_obj=1,
        )

    def _evaluate(self, setting, out, *args, **kwargs):
        out["F"] = loss_of(**setting)


def from_pymoo(seed, n_trials=N_TRIALS, before_each=lambda algorithm, n: None):
    """Return the settings and losses of pymoo's own algorithm, from the same start."""
    problem, rng = Written(), np.random.default_rng(seed)
    drawn = MixedVariableSampling().do(problem, POPULATION - 1, random_state=rng)
    first = Population.merge(Population.new(X=[SPACE.defaults()]), drawn)
    algorithm = MixedVariableGA(pop_size=POPULATION, n_offsprings=1, sampling=first)
    algorithm.setup(problem, seed=seed, termination=("n_eval", n_trials))
    settings, losses = [], []
    while algorithm.has_next():
        before_each(algorithm, len(settings))
        born = algorithm.ask()
        algorithm.evaluator.eval(problem, born)
        settings += [individual.X for individual in born]
        losses += [float(individual.F[0]) for individual in born]
        algorithm.tell(infills=born)
    return settings, losses


def history_of(settings, losses):
    """Return pymoo's search as ours."""
    plain = {"act": str, "norm": bool, "depth": int, "x": float, "y": float}
    trials = (
        Trial(k, State.COMPLETE, {n: plain[n](v) for n, v in setting.items()}, value=loss)
        for k, (setting, loss) in enumerate(zip(settings, losses, strict=True))
    )
    return History(tuple(trials), number=len(settings))


def test_each_child_is_the_one_that_pymoo_bears():
    """Given the same random streams, each suggestion is pymoo's next."""
    seed = 3

    def with_our_streams(algorithm, n):
        algorithm.random_state = stream(seed, History(number=n))

    settings, losses = from_pymoo(0, before_each=with_our_streams)
    assert len(settings) == N_TRIALS
    for n in range(POPULATION + 1, N_TRIALS):  # pymoo's very first parents are not sorted
        history = history_of(settings[:n], losses[:n])
        suggestion, child = GeneticSampler().suggest(SPACE, history, seed), settings[n]
        assert suggestion.pop("act") == child["act"]
        assert suggestion == pytest.approx({name: child[name] for name in suggestion}, rel=1e-12)


def test_searches_go_as_well_as_pymoo_s():
    """Twenty searches and twenty of pymoo cannot be told apart; twenty at random can."""

    def ours(make, seed):
        trials = searched(make, SPACE, N_TRIALS, lambda n, params: loss_of(**params), seed)
        return [trial.value for trial in trials]

    def summed_up(losses):
        return min(losses), float(np.mean(losses[N_TRIALS // 2 :]))

    own = np.array([summed_up(ours(GeneticSampler, seed)) for seed in range(N_SEEDS)])
    theirs = np.array([summed_up(from_pymoo(seed)[1]) for seed in range(N_SEEDS)])
    drawn = np.array([summed_up(ours(RandomSampler, seed)) for seed in range(N_SEEDS)])
    for column in (0, 1):
        assert ks_2samp(own[:, column], theirs[:, column]).pvalue > 0.1
    assert ks_2samp(own[:, 1], drawn[:, 1]).pvalue < 1e-4


def test_parameters_become_pymoo_s_variables():
    """Each by its kind; what has one value alone is none."""
    kinds = {name: type(v).__name__ for name, v in variables(SPACES["mixed"]).items()}
    assert kinds == {
        "lr": "Real", "units": "Real", "act": "Choice", "batch": "Integer", "norm": "Binary",
        "dropout": "Integer",
    }  # fmt: skip
    assert list(variables(SPACES["one-value ranges"])) == ["d"]
    assert {type(v).__name__ for v in variables(SPACES["extremes"]).values()} == {"Real"}


def some_trials(n, state=State.COMPLETE, first=0):
    """Return trials of a line, whose value is their distance from 0.5."""
    xs = (np.arange(first, first + n) * 0.618) % 1.0
    return tuple(
        Trial(k, state, {"x": float(x)}, value=abs(x - 0.5) if state is State.COMPLETE else None)
        for k, x in enumerate(xs, first)
    )


def test_nobody_has_children_before_there_is_a_population():
    """Until so many trials have ended, settings are drawn; those that run do not count."""
    space = space_of(x=Float(0.0, 1.0))
    few = History(some_trials(POPULATION - 1), number=99)
    running = some_trials(9, State.RUNNING, first=POPULATION - 1)
    drawn = RandomSampler().suggest(space, few, 0)
    assert GeneticSampler().suggest(space, few, 0) == drawn
    assert GeneticSampler().suggest(space, History((*few.trials, *running), number=99), 0) == drawn
    enough = History(some_trials(POPULATION), number=99)
    assert GeneticSampler().suggest(space, enough, 0) != drawn


@pytest.mark.parametrize("state", [State.FAILED, State.RUNNING, State.STOPPED])
def test_trials_without_a_value_have_no_children(state):
    """Who survives depends on the complete trials alone."""
    space = space_of(x=Float(0.0, 1.0))
    complete = some_trials(POPULATION)
    others = some_trials(5, state, first=POPULATION)
    suggestion = GeneticSampler().suggest(space, History(complete, number=99), 0)
    with_others = History((*complete, *others), number=99)
    assert GeneticSampler().suggest(space, with_others, 0) == suggestion


def test_trials_may_end_in_any_order():
    """Two workers whose trials end the other way round lead to the same population."""
    space = space_of(x=Float(0.0, 1.0))
    trials = some_trials(2 * POPULATION)
    one = GeneticSampler().suggest(space, History(trials, number=99), 0)
    other = GeneticSampler().suggest(space, History(tuple(reversed(trials)), number=99), 0)
    assert one == other


def test_the_best_have_the_children():
    """They lie where the best parents do, most of the time."""
    space = space_of(x=Float(0.0, 1.0))
    trials = some_trials(100)
    children = [
        GeneticSampler().suggest(space, History(trials, number=n), 0)["x"] for n in range(100, 140)
    ]
    assert np.median(np.abs(np.array(children) - 0.5)) < 0.06


def test_what_a_parent_did_not_reach_is_passed_on():
    """Children that come into a branch do not all have its default."""
    sgd = (("optimizer", ("sgd",)),)
    space = space_of(optimizer=ChoiceDomain(("adam", "sgd"))).declare(
        Parameter("momentum", Float(0.0, 1.0), 0.5, sgd)
    )
    trials = tuple(
        Trial(k, State.COMPLETE, {"optimizer": "adam"}, value=float(k)) for k in range(12)
    )
    children = [
        GeneticSampler().suggest(space, History(trials, number=n), 0) for n in range(12, 52)
    ]
    momenta = {c["momentum"] for c in children if c["optimizer"] == "sgd"}
    assert len(momenta) > 10
    assert max(momenta) - min(momenta) > 0.4


def test_a_pymoo_that_was_not_compiled_says_nothing():
    """Its advice to compile itself, which it prints, reaches nobody."""
    code = (
        "import pymoo.functions as f; f.is_compiled = lambda: False\n"
        "from hpo_magic.samplers.genetic import GeneticSampler\n"
        "from hpo_magic.testing.samplers import SPACES, searched\n"
        "assert len(searched(GeneticSampler, SPACES['mixed'], 20)) == 20\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")
