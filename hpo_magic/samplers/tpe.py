"""Hyperopt's tree-structured Parzen estimator (TPE), fed from the history.

Hyperopt keeps its trials itself; here they are made from the history at each call, and its own
`tpe.suggest` is asked, with its own defaults: the first 20 trials are random. TPE looks at each
parameter by itself, among the trials that reached it. So a parameter that a trial did not reach is
simply missing there, conditional and growing spaces need no more, and the flat space that is made
here gives what nested choices give.

As in `fmin`, a trial that runs counts as a poor one, and so does one that failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hyperopt import (
    JOB_STATE_DONE,
    JOB_STATE_RUNNING,
    STATUS_FAIL,
    STATUS_OK,
    hp,
    tpe,
    trials_from_docs,
)
from hyperopt.base import Domain as HyperoptDomain

from hpo_magic.core.activity import units_of
from hpo_magic.core.domains import Choice, Domain, Int, Plain
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.random import draw_untried, stream
from hpo_magic.samplers.tried import Tried

# How often TPE is asked again where it repeats a trial; then a new setting is drawn.
N_ASKED = 4
# TPE adds up the mass of a level: of finer ones than this nothing is left of it.
MOST_LEVELS = 2**16
MOST_SEED = 2**31 - 1  # what `fmin` draws its seeds from


@dataclass(frozen=True)
class Axis:
    """One parameter in Hyperopt's space.

    `node` is its `hp.*` expression; `drawn` turns a value into what Hyperopt would have drawn for
    it, and `value` turns a draw into the value.
    """

    node: Any
    drawn: Callable[[Any], float]
    value: Callable[[float], Plain]


class TpeSampler:
    """Asks Hyperopt's `tpe.suggest`.

    >>> from hpo_magic.core.domains import Int
    >>> from hpo_magic.core.space import Parameter
    >>> space = Space().declare(Parameter("units", Int(16, 512), 64))
    >>> TpeSampler().suggest(space, History(number=1), seed=0)
    {'units': 421}
    """

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        tried = Tried.in_history(space, history)
        encoding = tried.encoding
        rng = stream(seed, history)
        by_name = axes(space)
        # Hyperopt wants an objective with a space. It is asked for settings alone: any will do.
        domain = HyperoptDomain(dict, {name: axis.node for name, axis in by_name.items()})
        trials = _trials(history, encoding, by_name)
        for _ in range(N_ASKED):
            with np.errstate(all="ignore"):
                (doc,) = tpe.suggest(
                    [history.number], domain, trials, int(rng.integers(MOST_SEED)), verbose=False
                )
            drawn = doc["misc"]["vals"]
            params = {name: axis.value(drawn[name][0]) for name, axis in by_name.items()}
            if not tried.known(encoding.settled(units_of(space, [params])))[0]:
                return params
        return draw_untried(tried, rng)


def axes(space: Space) -> dict[str, Axis]:
    """Return every parameter as Hyperopt's, with the same values as likely as the space has them.

    - choice without an order: `hp.randint`, the position among the values;
    - levels (whole numbers, steps, ordered choices): `hp.quniform` over the number of the level,
      half a level beyond both ends, which `hp.uniformint` leaves with half their share;
    - whole numbers on a log scale: `hp.qloguniform`, half a unit beyond both ends, and counted from
      the upper end where the scale is reversed;
    - the rest: `hp.uniform` over the unit interval. TPE is indifferent to shifting and stretching,
      so that is `hp.uniform(low, high)` and `hp.loguniform(log(low), log(high))`, and ranges of
      1e-300 are no trouble.
    """
    return {name: _axis(name, parameter.domain) for name, parameter in space.items()}


def _axis(name: str, domain: Domain) -> Axis:
    n = domain.n_levels
    if isinstance(domain, Choice) and not domain.ordered:
        values = domain.values
        return Axis(hp.randint(name, len(values)), domain.index, lambda k: values[int(k)])
    if n is None or n > MOST_LEVELS:
        return Axis(hp.uniform(name, 0.0, 1.0), domain.unit, lambda u: domain.value(float(u)))
    if isinstance(domain, Int) and (domain.log or domain.reverse_log) and domain.step is None:
        return _log_axis(name, domain)
    return Axis(
        hp.quniform(name, -0.5, n - 0.5, 1),
        lambda value: math.floor(domain.unit(value) * n),
        lambda k: domain.value((float(k) + 0.5) / n),
    )


def _log_axis(name: str, domain: Int) -> Axis:
    node = hp.qloguniform(name, math.log(domain.low - 0.5), math.log(domain.high + 0.5), 1)
    if domain.log:
        return Axis(node, float, lambda drawn: domain.nearest(float(drawn)))
    ends = domain.low + domain.high
    return Axis(
        node,
        lambda value: float(ends - value),
        lambda drawn: domain.nearest(ends - float(drawn)),
    )


def _trials(history: History, encoding: Encoding, by_name: dict[str, Axis]) -> Any:
    """Return the history as Hyperopt's `Trials`; a stopped trial says nothing and is left out."""
    docs = [
        _doc(trial, history.loss(trial), encoding, by_name)
        for trial in history.trials
        if trial.state is not State.STOPPED
    ]
    return trials_from_docs(docs, validate=False)


def _doc(
    trial: Trial, loss: float | None, encoding: Encoding, by_name: dict[str, Axis]
) -> dict[str, Any]:
    is_running = trial.state is State.RUNNING
    # A running trial has a value for every parameter, and will not reach them all.
    params = encoding.activity.reduced(trial.params) if is_running else trial.params
    vals = {n: [axis.drawn(params[n])] if n in params else [] for n, axis in by_name.items()}
    idxs = {name: [trial.number] * len(drawn) for name, drawn in vals.items()}
    result = {"status": STATUS_FAIL} if loss is None else {"status": STATUS_OK, "loss": loss}
    return {
        "tid": trial.number,
        "state": JOB_STATE_RUNNING if is_running else JOB_STATE_DONE,
        "spec": None,
        "result": result,
        "misc": {"tid": trial.number, "cmd": None, "workdir": None, "idxs": idxs, "vals": vals},
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }
