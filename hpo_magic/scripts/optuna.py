"""`study.optimize(objective, …)`: its study gets every trial while the search runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import TrialState

from hpo_magic.core.describe import Described, describe_choice
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import AskedGoals, Direction, Goal, Kind, Trial
from hpo_magic.exports.optuna import frozen_trial
from hpo_magic.language.optuna_trial import OptunaTrial
from hpo_magic.language.trial_context import current_trial
from hpo_magic.scripts.tool_search import (
    OUR_HP,
    CannotTakeOver,
    ToolSearch,
    arguments_of,
    names_in_code,
    new_trials,
)
from hpo_magic.source.spelling import grouped
from hpo_magic.tools.interception import Call
from hpo_magic.views.words.numbers import counted

# What a script calls where it wants its trials pruned, itself or by a callback.
_PRUNING = ("should_prune", "PruningCallback", "PruningExtension", "Pruning")


# The samplers that say what is searched: ours of the same kind takes their place.
_SAMPLERS = {"RandomSampler": "random", "QMCSampler": "sobol", "BruteForceSampler": "grid"}
# So with pruners; their settings are not used. Hyperband's is not: here it lets trainings wait.
_PRUNERS = {"SuccessiveHalvingPruner": "asha"}
_MOST = 1000  # the trials of a search over all settings, which ends by itself


# Says in the script's study which trial of ours one of its trials is: a storage outlives a kernel.
_MARK = "hpo_magic"


def _mark(trial: Trial) -> list[Any]:
    return [trial.number, trial.started]


def read_optimize(call: Call) -> ToolSearch:
    """Return the search that `study.optimize(…)` asks for."""
    given = arguments_of(call)
    script = OptunaScript(given["self"], given["func"], given["callbacks"] or ())
    names = names_in_code(given["func"])
    prunes = any(word in name for name in names for word in _PRUNING)
    settings = {} if prunes or not names else {"pruner": "none"}
    pruner = type(script.study.pruner).__name__
    if pruner in ("WilcoxonPruner", "NopPruner"):
        settings = {"pruner": "none"}
    elif pruner in _PRUNERS and not settings:
        settings = {"pruner": _PRUNERS[pruner]}
    if script.sampler:
        settings["sampler"] = script.sampler
    whole = _MOST if script.sampler == "grid" and not given["timeout"] else None
    return ToolSearch(
        script.train,
        script.goals(),
        trials=whole if given["n_trials"] is None else given["n_trials"],
        time_s=given["timeout"],
        settings=settings,
        owner=script.study,
        first=script.enqueued(),
        read=given["func"],
        notes=script.notes(given),
        equivalent=_equivalent,
        ended=script.ended,
        result=lambda study: None,
    )


def _equivalent(texts: Mapping[str, str]) -> str:
    function = texts.get("func", "")
    return f"{grouped(function)}({texts.get(OUR_HP, 'hp')}.trial)" if function else ""


class ScriptTrial(OptunaTrial, optuna.Trial):  # type: ignore[misc]  # as Optuna's, by its class
    """The running trial of a script: the methods of Optuna's `Trial`, with its study.

    Parameters
    ----------
    attributes, system_attributes
        What trials were given, by the trial's number and the attribute's name.
    values
        The values of parameters whose values the study's sampler lists, by name.
    """

    __getattr__ = OptunaTrial.__getattr__

    def __init__(
        self,
        study: optuna.Study,
        attributes: dict[int, dict[str, Any]],
        system_attributes: dict[int, dict[str, Any]],
        values: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self._study = study
        self._values = values or {}
        self._attributes = attributes
        self._system_attributes = system_attributes

    def _ask(
        self,
        method: str,
        describe: Callable[..., Described],
        name: str,
        args: tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> Any:
        if name in self._values:
            return super()._ask(method, describe_choice, name, (self._values[name],), {})
        return super()._ask(method, describe, name, args, options)

    @property
    def storage(self) -> TrialAttributes:
        """What Optuna's own functions write a running trial's attributes to."""
        return TrialAttributes(self)

    @property
    def _trial_id(self) -> int:
        """The number of our trial: the script's study has no such trial before it ends."""
        running = current_trial()
        return -1 if running is None else running.run.number

    def set_system_attr(self, key: str, value: Any) -> None:
        """Store a value for integrations; the study's trial has it too."""
        super().set_system_attr(key, value)
        self._system_attributes.setdefault(self._trial_id, {})[key] = value

    @property
    def study(self) -> optuna.Study:
        """The script's study; it has the trials that have ended."""
        return self._study

    def set_user_attr(self, key: str, value: Any) -> None:
        """Store a value with the trial; the study's trial has it too."""
        super().set_user_attr(key, value)
        trial = current_trial()
        if trial is not None:
            self._attributes.setdefault(trial.run.number, {})[key] = value


class TrialAttributes:
    """What artifacts and the terminator use of a storage: attributes of the running trial."""

    def __init__(self, trial: ScriptTrial) -> None:
        self._trial = trial

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store a value with the running trial."""
        self._trial.set_system_attr(key, value)

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        """Return the values that the running trial has."""
        return dict(self._trial.system_attrs)


def _sampler_of(sampler: Any) -> tuple[str, dict[str, list[Any]]]:
    """Return our sampler that takes the place of a study's, and the values that it lists.

    "" is the one of the line: a search that learns takes the place of one that does.
    """
    kind = type(sampler).__name__
    if kind == "GridSampler":
        return "grid", {name: list(values) for name, values in sampler._search_space.items()}
    if kind == "PartialFixedSampler":
        fixed = {name: [value] for name, value in sampler._fixed_params.items()}
        inside, values = _sampler_of(sampler._base_sampler)
        return inside, values | fixed
    return _SAMPLERS.get(kind, ""), {}


class OptunaScript:
    """A script's study, and what its trials leave in it.

    Parameters
    ----------
    study
        The script's.
    objective
        Takes a trial.
    callbacks
        Called with the study and each trial that ends.
    """

    def __init__(
        self,
        study: optuna.Study,
        objective: Callable[[Any], Any],
        callbacks: Sequence[Callable[..., None]],
    ) -> None:
        self.study = study
        self._objective = objective
        self._callbacks = callbacks
        self._after = getattr(objective, "after_tell", None)  # of a loop of ask and tell
        self._ran: set[int] = set()  # the numbers of the trials that ran now
        self._attributes: dict[int, dict[str, Any]] = {}
        self._system_attributes: dict[int, dict[str, Any]] = {}
        self._infeasible: dict[int, list[float]] = {}  # the values of infeasible trials
        self._limits: dict[int, list[float]] = {}  # the constraints of each trial
        self._known: set[int] = set()
        self._waiting: list[int] = []  # the trials that the script enqueued, by Optuna's id
        marks = (t.system_attrs.get(_MARK) for t in study.get_trials(deepcopy=False))
        self._there = [list(mark) for mark in marks if mark]
        self._constraints = getattr(study.sampler, "_constraints_func", None)
        self.sampler, self._values = _sampler_of(study.sampler)

    def goals(self) -> AskedGoals:
        """Return the study's objectives; one without a name is a direction."""
        directions = [Direction(one.name.lower()) for one in self.study.directions]
        names = self.study.metric_names
        if len(directions) == 1 and not names:
            return directions[0]
        names = names or [f"value_{number}" for number in range(len(directions))]
        return tuple(map(Goal, names, directions))

    def enqueued(self) -> list[dict[str, Any]]:
        """Return the settings that the script enqueued.

        Raises
        ------
        CannotTakeOver
            If one has a value that the study's sampler does not list.
        """
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        self._waiting = [trial._trial_id for trial in waiting]
        settings = [dict(t.system_attrs.get("fixed_params", {})) for t in waiting]
        for name, value in ((n, v) for one in settings for n, v in one.items()):
            if name in self._values and value not in self._values[name]:
                raise CannotTakeOver(
                    f"the study's sampler lists the values of {name}, and the trial that is "
                    f"enqueued has {name}={value!r}, which is none of them. Add it to those of "
                    f"the sampler, or leave the trial out."
                )
        return settings

    def notes(self, given: Mapping[str, Any]) -> list[str]:
        """Return what of the call and the study is not used, in one sentence."""
        used = []
        sampler, pruner = type(self.study.sampler).__name__, type(self.study.pruner).__name__
        is_known = self.sampler or self._values or sampler == "TPESampler"
        if not is_known and self.study.sampler is not None:
            used.append(f"the study's {sampler} (--sampler chooses another)")
        if pruner in _PRUNERS:
            used.append(f"the settings of its {pruner}")
        elif pruner not in ("MedianPruner", "NopPruner"):
            used.append(f"its {pruner} (--pruner)")
        if given["n_jobs"] not in (None, 1):
            used.append(f"n_jobs={given['n_jobs']} (--jobs N)")
        ended = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if n := sum(_MARK not in trial.system_attrs for trial in ended):
            used.append(f"the {counted(n, 'trial')} that the study has already, to learn from")
        return [f"Not used: {', '.join(used)}."] if used else []

    def train(self) -> Any:
        """Call the objective with the running trial; return its value, or a dict of several."""
        if (running := current_trial()) is not None:
            self._ran.add(running.run.number)
        value = self._objective(self._trial())
        values = list(value) if isinstance(value, list | tuple) else [value]
        self._note_constraints(values)
        goals = self.goals()
        if isinstance(goals, Direction) or len(values) != len(goals):
            return value
        return {goal.metric: one for goal, one in zip(goals, values, strict=True)}

    def _trial(self) -> ScriptTrial:
        """Return the running trial, for the script."""
        return ScriptTrial(self.study, self._attributes, self._system_attributes, self._values)

    def _note_constraints(self, values: list[Any]) -> None:
        """Have the trial end as infeasible if a constraint of the study's is above 0."""
        trial = current_trial()
        if trial is None:
            return
        if self._constraints is not None:
            attributes = self._attributes.get(trial.run.number, {})
            asked = self._trial()
            made = optuna.trial.create_trial(
                values=values,
                params=asked.params,
                distributions=asked.distributions,
                user_attrs=attributes,
            )
            limits = self._constraints(made)
            trial.constraints |= {str(k): float(one) for k, one in enumerate(limits)}
        if trial.constraints:
            self._limits[trial.run.number] = list(trial.constraints.values())
        if any(one > 0 for one in trial.constraints.values()):
            self._infeasible[trial.run.number] = [float(value) for value in values]

    def ended(self, snapshot: Snapshot) -> bool:
        """Add new trials to the script's study, and call its callbacks; return whether to stop."""
        new = [t for t in new_trials(snapshot, self._known) if _mark(t) not in self._there]
        stops = [self._added(trial, snapshot) for trial in new]  # each is added
        return any(stops)

    def _added(self, trial: Trial, snapshot: Snapshot) -> bool:
        infeasible = self._infeasible.get(trial.number)
        attributes = self._attributes.get(trial.number, {})
        frozen = frozen_trial(snapshot, trial, attributes, infeasible is not None)
        frozen.system_attrs = {**self.system_attributes(trial), _MARK: _mark(trial)}
        if trial.number in self._limits:
            frozen.system_attrs["constraints"] = self._limits[trial.number]
        if infeasible is not None:
            frozen.state, frozen.values = TrialState.COMPLETE, infeasible
            frozen.datetime_complete = frozen.datetime_complete or datetime.now()
        number = -1
        if trial.kind is Kind.ENQUEUED and self._waiting:
            number = self._fill(self._waiting.pop(0), frozen)
        else:
            self.study.add_trial(frozen)
        told = self.study.get_trials(deepcopy=False)[number]
        if self._after is not None:
            is_told = told.state is TrialState.COMPLETE
            self._after(told, is_told and trial.number in self._ran)
        return self._called_back(told)

    def system_attributes(self, trial: Trial) -> dict[str, Any]:
        """Return what integrations noted of a trial."""
        return self._system_attributes.get(trial.number, {})

    def _fill(self, trial_id: int, frozen: optuna.trial.FrozenTrial) -> int:
        """Write a trial into the one that the script enqueued; return that one's number."""
        storage = self.study._storage
        storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        for name, distribution in frozen.distributions.items():
            value = distribution.to_internal_repr(frozen.params[name])
            storage.set_trial_param(trial_id, name, value, distribution)
        for key, value in frozen.user_attrs.items():
            storage.set_trial_user_attr(trial_id, key, value)
        for key, value in frozen.system_attrs.items():
            storage.set_trial_system_attr(trial_id, key, value)
        for step, value in frozen.intermediate_values.items():
            storage.set_trial_intermediate_value(trial_id, step, value)
        storage.set_trial_state_values(trial_id, frozen.state, frozen.values)
        number: int = storage.get_trial(trial_id).number
        return number

    def _called_back(self, trial: optuna.trial.FrozenTrial) -> bool:
        lock = getattr(self.study, "_thread_local", None)
        if lock is not None:
            lock.in_optimize_loop = True  # `study.stop()` is allowed now
        self.study._stop_flag = False
        try:
            for callback in self._callbacks:
                callback(self.study, trial)
        finally:
            if lock is not None:
                lock.in_optimize_loop = False
        return bool(self.study._stop_flag)
