"""`tuner.search(…)` of KerasTuner's tuners: builds, fits and scores as the tuner does.

The tuner's own `run_trial` trains each trial, so `HyperModel.fit`, callbacks, checkpoints and
subclasses work as they are. Its oracle gets every trial, and is asked for none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.src import errors
from keras_tuner.src.engine import trial as keras_tuner_trial
from keras_tuner.src.engine import tuner_utils
from keras_tuner.src.engine.hyperparameters import hp_types

from hpo_magic.core.describe import (
    Described,
    describe_boolean,
    describe_choice,
    describe_fixed,
    describe_float,
    describe_int,
)
from hpo_magic.core.metric_directions import usual_direction
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Goal, Kind, State, Trial
from hpo_magic.errors import MissingMetric
from hpo_magic.language.asking import value_of
from hpo_magic.language.trial_context import current_trial
from hpo_magic.scripts.tool_search import OUR_HP, EndsSearch, ToolSearch, new_trials
from hpo_magic.tools.interception import Call

_STATUS = keras_tuner_trial.TrialStatus


def read_search(call: Call) -> ToolSearch:
    """Return the search that `tuner.search(…)` asks for."""
    tuner, *args = call.args
    script = _Script(tuner, tuple(args), call.options)
    return ToolSearch(
        script.train,
        script.goals(),
        trials=script.n_trials(),
        read=_build_of(tuner),
        notes=script.notes(),
        equivalent=script.equivalent,
        ended=script.ended,
        result=lambda study: None,
    )


def _build_of(tuner: Any) -> Any:
    hypermodel = tuner.hypermodel
    return getattr(hypermodel, "_build", None) or getattr(hypermodel, "build", hypermodel)


def described(parameter: Any) -> Described:
    """Return the parameter that one of KerasTuner's describes."""
    if isinstance(parameter, hp_types.Int | hp_types.Float):
        describe = describe_int if isinstance(parameter, hp_types.Int) else describe_float
        step = parameter.step
        if isinstance(parameter, hp_types.Int) and step == 1 and parameter.sampling == "linear":
            step = None
        return describe(
            parameter.min_value,
            parameter.max_value,
            step,
            parameter.sampling,
            parameter.default,
        )
    if isinstance(parameter, hp_types.Choice):
        return describe_choice(parameter.values, parameter.ordered, parameter.default)
    if isinstance(parameter, hp_types.Boolean):
        return describe_boolean(parameter.default)
    return describe_fixed(parameter.value)


class TrialHyperParameters(keras_tuner.HyperParameters):  # type: ignore[misc]  # has no types
    """KerasTuner's `HyperParameters`, whose values are those of the running trial.

    Its rules hold: the first range of a name stays, a value that is set is not asked for, and a
    name that is not active has no value.

    Parameters
    ----------
    declared
        What the tuner was given: ranges to search in, and values that are fixed.
    tunes_new
        Whether a name that is not among them is searched, or keeps its default.
    """

    def __init__(self, declared: Any, *, tunes_new: bool = True) -> None:
        super().__init__()
        self._tunes_new = True
        for parameter in declared.space:
            self._retrieve(parameter)
        self._tunes_new = tunes_new

    def _register(self, hyperparameter: Any, overwrite: bool = False) -> Any:
        self._validate_name(hyperparameter.name)
        parameter = hyperparameter.__class__.from_config(hyperparameter.get_config())
        self._hps[parameter.name].append(parameter)
        self._space.append(parameter)
        if not self.is_active(parameter):
            return None
        if parameter.name not in self.values:
            fixed = isinstance(parameter, hp_types.Fixed) or not self._tunes_new
            self.values[parameter.name] = (
                parameter.default if fixed else value_of(parameter.name, described(parameter))
            )
        return self.values[parameter.name]


class _Script:
    """A tuner, and the arguments of its `search`."""

    def __init__(self, tuner: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        self._tuner, self._args, self._options = tuner, args, dict(options)
        self._oracle = tuner.oracle
        self._known: set[int] = set()
        self._scores: dict[int, tuple[Any, dict[str, Any], int]] = {}
        # Hyperband chooses the epochs of each trial itself: here all of them, with our pruner.
        epochs = getattr(self._oracle, "max_epochs", None)
        if epochs is not None and "epochs" not in self._options:
            self._options["epochs"] = epochs

    def goals(self) -> tuple[Goal, ...] | Direction:
        """Return the tuner's objective."""
        objective = self._oracle.objective
        direction = Direction.MAXIMIZE if objective.direction == "max" else Direction.MINIMIZE
        if type(objective).__name__ in ("MultiObjective", "DefaultObjective"):
            return direction
        return (Goal(objective.name, direction),)

    def n_trials(self) -> int | None:
        """Return the tuner's number of trials; None: it follows from epochs, or has no end."""
        number = getattr(self._oracle, "max_trials", None)
        is_hyperband = hasattr(self._oracle, "max_epochs")
        return number if isinstance(number, int) and not is_hyperband else None

    def equivalent(self, texts: Mapping[str, str]) -> str:
        """Return one training as text; "" where the tuner does more than build and fit."""
        build = texts.get("new hypermodel") or texts.get("new 0", "")
        is_plain = (
            type(self._tuner).__module__.startswith("keras_tuner.")
            and getattr(self._tuner, "executions_per_trial", 0) == 1
            and "new hyperparameters" not in texts
        )
        goals = self.goals()
        if not build.isidentifier() or not is_plain or isinstance(goals, Direction):
            return ""
        best = "max" if goals[0].direction is Direction.MAXIMIZE else "min"
        return (
            "import keras\n\nkeras.utils.clear_session()  # as the tuner does each time\n"
            f"model = {build}({texts.get(OUR_HP, 'hp')})\n"
            f"history = model.fit({self._fit_text(texts)})\n"
            f"{best}(history.history[{goals[0].metric!r}])"  # the tuner keeps the best epoch
        )

    def _fit_text(self, texts: Mapping[str, str]) -> str:
        given = texts.get("*", "")
        added = self._options.get("epochs") if "epochs" not in texts else None
        return given if added is None else f"{given}, epochs={added}"

    def notes(self) -> list[str]:
        """Return what of the tuner is not used."""
        if hasattr(self._oracle, "max_epochs"):
            return ["Not used: Hyperband's brackets of few epochs; --pruner hyperband stops early."]
        return []

    def train(self) -> Any:
        """Build, fit and score as the tuner does; return its objective's value.

        Raises
        ------
        EndsSearch
            If the code raises KerasTuner's `FatalError`.
        """
        for attempt in range(1 + int(self._oracle.max_retries_per_trial)):
            try:
                return self._attempt()
            except errors.FatalError as error:
                raise EndsSearch(f"{type(error).__name__}: {error}") from error
            except (errors.FailedTrialError, MissingMetric):
                raise
            except Exception:
                if attempt == self._oracle.max_retries_per_trial:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _refuse_missing(self, error: KeyError) -> None:
        """Raise what is missing, if a fit has not logged the objective.

        KerasTuner looks it up in the logs of an epoch, and says its name alone.

        Raises
        ------
        MissingMetric
            With the metrics that were logged.
        """
        entry = error.__traceback__
        while entry is not None and entry.tb_next is not None:
            entry = entry.tb_next
        logs = entry.tb_frame.f_locals.get("logs") if entry is not None else None
        name = error.args[0] if error.args else None
        if isinstance(logs, Mapping) and isinstance(name, str) and name not in logs:
            better = usual_direction(name) or Direction.MAXIMIZE
            raise MissingMetric(name, [*map(str, logs)], better.value) from None

    def _attempt(self) -> Any:
        running = current_trial()
        number = 0 if running is None else running.run.number
        is_recheck = running is not None and running.run.kind is Kind.RECHECK
        values = TrialHyperParameters(
            self._oracle.hyperparameters, tunes_new=self._oracle.tune_new_entries
        )
        name = f"hpo_recheck_{number:04d}" if is_recheck else _id(number)
        trial = keras_tuner_trial.Trial(values, name, _STATUS.RUNNING)
        self._oracle.trials[name] = trial
        try:
            results = self._tuner.run_trial(trial, *self._args, **self._options)
        except KeyError as error:
            self._refuse_missing(error)
            raise
        finally:
            self._oracle.trials.pop(name, None)
            trial.hyperparameters = _plain(values)
        objective = self._oracle.objective
        tuner_utils.validate_trial_results(results, objective, "Tuner.run_trial()")
        metrics = tuner_utils.convert_to_metrics_dict(results, objective)
        step = tuner_utils.get_best_step(results, objective)
        if not is_recheck:
            self._scores[number] = trial, metrics, step
        if isinstance(self.goals(), Direction):
            return objective.get_value(metrics)
        return {key: float(value) for key, value in metrics.items()}

    def ended(self, snapshot: Snapshot) -> bool:
        """Give new trials to the tuner's oracle, which has the best ones afterwards."""
        for trial in new_trials(snapshot, self._known):
            self._give(trial)
        return False

    def _give(self, trial: Trial) -> None:
        kept, metrics, step = self._scores.get(trial.number, (None, {}, 0))
        if kept is None:
            kept = self._trial_of(trial)
            metrics = dict(trial.metrics)
            if trial.value is not None:
                metrics.setdefault(self._oracle.objective.name, trial.value)
        self._oracle.trials[kept.trial_id] = kept
        if trial.state is State.COMPLETE:
            self._oracle.update_trial(kept.trial_id, metrics, step)
            kept.score, kept.best_step = trial.value, step
            kept.status = _STATUS.COMPLETED
        else:
            kept.status, kept.message = _STATUS.FAILED, str(trial.failure or trial.state.value)
        for order in (self._oracle.start_order, self._oracle.end_order):
            if kept.trial_id not in order:
                order.append(kept.trial_id)
        self._oracle.update_space(kept.hyperparameters)
        self._tuner.save()

    def _trial_of(self, trial: Trial) -> Any:
        """Return a trial that an earlier run trained, as KerasTuner's."""
        values = keras_tuner.HyperParameters()
        values.values = dict(trial.params)
        return keras_tuner_trial.Trial(values, _id(trial.number), _STATUS.COMPLETED)


def _id(number: int) -> str:
    """Return the name of a trial in the tuner's folder, which may have trials of its own."""
    return f"hpo_{number:04d}"


def _plain(values: Any) -> Any:
    """Return hyperparameters that ask for nothing, as KerasTuner stores them."""
    return keras_tuner.HyperParameters.from_config(values.get_config())
