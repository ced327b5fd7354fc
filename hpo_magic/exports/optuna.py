"""Export to an Optuna study, for Optuna's plots, parameter importance and dashboard.

Optuna has no reverse log scale: such a parameter becomes linear. It has no steps on a log scale and
no tuples as choices: such a parameter becomes categorical, with texts in place of tuples.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo_magic.core.domains import Choice, Domain, Int, Plain
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params, Space
from hpo_magic.core.summary import curve_metric
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.exports.logging import require

if TYPE_CHECKING:
    import optuna


def to_optuna(
    snapshot: Snapshot, storage: str | Path | None = None, name: str | None = None
) -> optuna.Study:
    """Return the search as a new study of Optuna; see `Study.to_optuna`."""
    require("optuna", "to_optuna()")
    import optuna

    where = str(storage) if storage is not None else None
    if where is not None and "://" not in where:
        where = f"sqlite:///{where}"
    database = None if where is None else optuna.storages.RDBStorage(where)
    wanted = name or snapshot.name
    try:
        study = optuna.create_study(
            study_name=wanted,
            storage=database,
            directions=[goal.direction.value for goal in snapshot.goals],
        )
    except optuna.exceptions.DuplicatedStudyError:
        assert database is not None
        database.remove_session()
        database.engine.dispose()
        raise HpoError(
            f"{storage} has a study {wanted!r} already. Give another name: to_optuna(…, name=…)."
        ) from None
    study.set_user_attr("metric", snapshot.metric)
    if snapshot.is_multi_objective:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([goal.metric for goal in snapshot.goals])
    distributions = {n: _distribution(p.domain) for n, p in snapshot.space.items()}
    metric = curve_metric(snapshot)
    for trial in snapshot.history.trials:
        if not trial.state.is_open:
            values = snapshot.history.values(trial)
            # Optuna has no intermediate values in a study with several objectives.
            curve_of = None if snapshot.is_multi_objective else metric
            study.add_trial(_frozen(trial, values, snapshot.space, distributions, curve_of))
    return study


def frozen_trial(
    snapshot: Snapshot, trial: Trial, attributes: Mapping[str, Any], is_infeasible: bool = False
) -> optuna.trial.FrozenTrial:
    """Return one trial of a search as a trial of Optuna's, with these user attributes.

    Parameters
    ----------
    attributes
        By name.
    is_infeasible
        Whether the trial has values that its search does not have, so that none is set here.
    """
    distributions = {n: _distribution(p.domain) for n, p in snapshot.space.items()}
    metric = None if snapshot.is_multi_objective or is_infeasible else curve_metric(snapshot)
    values = snapshot.history.values(trial)
    frozen = _frozen(trial, values, snapshot.space, distributions, metric)
    frozen.user_attrs = dict(attributes)
    return frozen


def _frozen(
    trial: Trial,
    values: tuple[float | None, ...],
    space: Space,
    distributions: dict[str, Any],
    metric: str | None,
) -> optuna.trial.FrozenTrial:
    import optuna

    states = optuna.trial.TrialState
    state = {
        State.COMPLETE: states.COMPLETE,
        State.PRUNED: states.PRUNED,
        State.SKIPPED: states.PRUNED,
    }.get(trial.state, states.FAIL)
    points = trial.curve if metric is not None else ()
    reported = {p.step: p.metrics[str(metric)] for p in points if metric in p.metrics}
    params = _params(trial.params, space)
    frozen = optuna.trial.create_trial(
        state=state,
        values=None if trial.value is None else list(values),
        params=params,
        distributions={name: distributions[name] for name in params},
        intermediate_values=reported,
        user_attrs=_attributes(trial),
    )
    if trial.started is not None:
        frozen.datetime_start = datetime.fromtimestamp(trial.started)
        frozen.datetime_complete = datetime.fromtimestamp(trial.started + (trial.duration_s or 0.0))
    return frozen


def _attributes(trial: Trial) -> dict[str, Any]:
    """Return the attributes of a trial for which Optuna has no field."""
    told: dict[str, Any] = {"number": trial.number, "kind": trial.kind.value, "seed": trial.seed}
    if trial.failure:
        told["error"] = str(trial.failure)
    if trial.state in (State.SKIPPED, State.STOPPED):
        told["state"] = trial.state.value
    return told | {f"metric {name}": value for name, value in trial.metrics.items()}


def _params(params: Params, space: Space) -> dict[str, Plain]:
    """Return the values in the form of their distributions, without those outside the space."""
    known = {name: value for name, value in params.items() if name in space}
    return {
        name: _labels(space[name].domain)[_level(space[name].domain, value)]
        if _is_categorical(space[name].domain)
        else space[name].domain.nearest(value)
        for name, value in known.items()
    }


def _is_categorical(domain: Domain) -> bool:
    return isinstance(domain, Choice) or (domain.log and domain.step is not None)


def _level(domain: Domain, value: Plain) -> int:
    if isinstance(domain, Choice):
        return domain.index(value)
    n = domain.n_levels or 1
    return min(int(domain.unit(value) * n), n - 1)


def _labels(domain: Domain) -> list[Plain]:
    """Return the values of a categorical parameter; texts if Optuna cannot tell them apart."""
    if isinstance(domain, Choice):
        values = list(domain.values)
    else:
        n = domain.n_levels or 1
        values = [domain.value((k + 0.5) / n) for k in range(n)]
    plain = all(value is None or isinstance(value, bool | int | float | str) for value in values)
    is_clear = plain and len(set(values)) == len(values)  # 1 and True are one to a set
    return values if is_clear else [repr(value) for value in values]


def _distribution(domain: Domain) -> Any:
    import optuna

    if _is_categorical(domain):
        return optuna.distributions.CategoricalDistribution(_labels(domain))
    assert not isinstance(domain, Choice)
    low: Any = domain.low
    high: Any = domain.high if domain.step is None else domain.value(1.0)  # the last step
    if isinstance(domain, Int):
        step = int(domain.step or 1)
        return optuna.distributions.IntDistribution(low, high, log=domain.log, step=step)
    return optuna.distributions.FloatDistribution(low, high, log=domain.log, step=domain.step)
