"""A genetic algorithm for mixed spaces: pymoo's `MixedVariableGA`, in its steady state.

pymoo's algorithm keeps a population; here it is made from the history at each call, of the best
complete trials. pymoo's own operators select two parents, cross them and mutate the child, one
child a trial. Who survives depends on the trials alone, in whatever order they end, so trials in
parallel need no more. Trials that run or failed have no children.

With several objectives it is NSGA-II (Deb et al., IEEE Trans. Evol. Comput. 6, 2002), by pymoo's
own functions: those survive that are on the foremost fronts, and of the last one those that stand
the most alone; parents win a tournament of two by the same order.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from zlib import crc32

import numpy as np
from pymoo.algorithms.moo.nsga2 import binary_tournament
from pymoo.algorithms.soo.nonconvex.ga import FitnessSurvival
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mixed import MixedVariableMating
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.variable import Binary, Integer, Real
from pymoo.core.variable import Choice as Option
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding

from hpo_magic.core.domains import Choice, Domain, FloatArray, Int, Plain
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, Trial
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.random import draw_untried, stream
from hpo_magic.samplers.tried import Tried

# pymoo's default of 50 is for thousands of trials; a search has fifty, and all were left to chance.
# On made-up problems 10, 15 and 20 were alike after 100 trials, and 10 was ahead after 50.
POPULATION = 10
# With several objectives so many trials come first: of ten hardly any is near the front, and those
# who come of them stay where they are. On three problems (benchmarks/objectives.py) 10 of 20 were
# ahead of 20 of 20, 20 of 30 and 30 of 30.
FIRST_OF_SEVERAL = 20
# How many children are born where they repeat trials; then a new setting is drawn.
N_BIRTHS = 20
# pymoo crosses and mutates numbers as floats: finer levels than this are a continuous range.
MOST_LEVELS = 2**16


class GeneticSampler:
    """Crosses and mutates the best settings so far, once there are enough trials.

    >>> from hpo_magic.core.domains import Int
    >>> from hpo_magic.core.space import Parameter
    >>> space = Space().declare(Parameter("units", Int(16, 512), 64))
    >>> GeneticSampler().suggest(space, History(number=1), seed=0)
    {'units': 458}
    """

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        tried = Tried.in_history(space, history)
        encoding = tried.encoding
        rng = stream(seed, history)
        problem = Problem(vars=variables(space), n_obj=len(history.goals))
        parents = _survivors(problem, history, space, seed, rng)
        if len(parents) < 2:
            return draw_untried(tried, rng)
        mating = MixedVariableMating(eliminate_duplicates=_New(tried), n_max_iterations=N_BIRTHS)
        if history.is_multi_objective:
            mating.selection = TournamentSelection(binary_tournament)
        by_rank = SimpleNamespace(tournament_type="comp_by_rank_and_crowding", random_state=rng)
        children = mating.do(problem, parents, 1, random_state=rng, algorithm=by_rank)
        if not len(children):
            return draw_untried(tried, rng)
        return encoding.params(_units(encoding, children[0].X))


def variables(space: Space) -> dict[str, Any]:
    """Return the parameters that have a choice of values, as pymoo's variables.

    - choice without an order: `Binary` for two values, else `Choice`, of the position;
    - levels (whole numbers, steps, ordered choices): `Integer`, the number of the level;
    - the rest, whole numbers on a log scale among them: `Real`, the place in the unit interval.
    """
    found = {name: _variable(parameter.domain) for name, parameter in space.items()}
    return {name: variable for name, variable in found.items() if variable is not None}


def _variable(domain: Domain) -> Any:
    n = domain.n_levels
    if n == 1:
        return None
    if isinstance(domain, Choice) and not domain.ordered:
        return Binary() if n == 2 else Option(options=list(range(n or 0)))
    if n is None or n > MOST_LEVELS:
        return Real(bounds=(0.0, 1.0))
    if isinstance(domain, Int) and (domain.log or domain.reverse_log) and domain.step is None:
        return Real(bounds=(0.0, 1.0))
    return Integer(bounds=(0, n - 1))


def _survivors(
    problem: Any, history: History, space: Space, seed: int, rng: np.random.Generator
) -> Any:
    """Return the population: the best complete trials; nobody before enough trials have ended."""
    n_ended = sum(trial.state.is_finished for trial in history.trials)
    n_first = FIRST_OF_SEVERAL if history.is_multi_objective else POPULATION
    if n_ended < n_first or not problem.vars:
        return Population()
    complete = history.complete
    genomes = [_genome(problem, trial, space, seed) for trial in complete]
    everybody = Population.new(X=genomes, F=history.losses(complete))
    if history.is_multi_objective:
        ranked = RankAndCrowding()
        return ranked.do(problem, everybody, n_survive=POPULATION, random_state=rng)
    return FitnessSurvival().do(problem, everybody, n_survive=POPULATION)


def _genome(problem: Any, trial: Trial, space: Space, seed: int) -> dict[str, Any]:
    """Return a trial's setting as values of pymoo's variables.

    What the trial did not reach is drawn, the same at every call: its children may reach it.
    """
    genome = {}
    for name, variable in problem.vars.items():
        domain = space[name].domain
        if name in trial.params:
            unit = domain.unit(trial.params[name])
        else:
            entropy = (seed % 2**64, trial.number, crc32(name.encode()))
            unit = domain.unit(domain.value(np.random.default_rng(entropy).random()))
        if isinstance(variable, Real):
            genome[name] = unit
        else:
            level = int(unit * (domain.n_levels or 1))
            genome[name] = bool(level) if isinstance(variable, Binary) else level
    return genome


class _New(DuplicateElimination):  # type: ignore[misc]  # pymoo has no types
    """Lets those children live whose settings were not tried."""

    def __init__(self, tried: Tried) -> None:
        super().__init__()
        self.tried = tried

    def do(self, pop: Any, *others: Any, **options: Any) -> Any:
        """Return the children that are new; `others` are among the trials."""
        encoding = self.tried.encoding
        units = np.array([_units(encoding, child.X) for child in pop])
        return pop[~self.tried.known(encoding.settled(encoding.snap(units)))]


def _units(encoding: Encoding, genome: dict[str, Any]) -> FloatArray:
    """Return a setting of pymoo's variables as units, shape (n_params,)."""
    units = encoding.defaults.copy()
    for j, (name, domain) in enumerate(zip(encoding.space, encoding.domains, strict=True)):
        if name in genome:
            is_place = isinstance(genome[name], float)
            units[j] = genome[name] if is_place else (genome[name] + 0.5) / domain.n_levels
    return units
