"""`fmin(fn, space, …)`: its `Trials` get every trial, and it returns the best point as Hyperopt."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import hyperopt
from hyperopt.base import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK, Domain
from hyperopt.pyll import Apply, as_apply

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Goal, State, Trial
from hpo_magic.language.hyperopt_space import expression_value, option_of
from hpo_magic.language.trial_context import current_trial
from hpo_magic.scripts.tool_search import (
    CannotTakeOver,
    ToolSearch,
    arguments_of,
    new_trials,
    on_space,
    replayed,
)
from hpo_magic.study.study import Study
from hpo_magic.tools.interception import Call
from hpo_magic.views.words.numbers import counted

# What `hyperopt.fmin` does without `max_evals`: it goes on; ours has a budget of its own.
_NO_LIMIT = float("inf")


def read_fmin(call: Call) -> ToolSearch:
    """Return the search that `fmin(…)` asks for.

    Raises
    ------
    CannotTakeOver
        If the function takes Hyperopt's expressions (`pass_expr_memo_ctrl`).
    """
    given = arguments_of(call)
    if given["pass_expr_memo_ctrl"]:
        raise CannotTakeOver(
            "fmin: a function that takes pass_expr_memo_ctrl evaluates the space itself, which "
            "only Hyperopt's own search can give it. Have it take the values."
        )
    if isinstance(given["space"], str) and given["space"] == "annotated":
        given = _with_annotated_space(given)
    script = _Script(given)
    n = given["max_evals"]
    points = given["points_to_evaluate"] or ()
    return ToolSearch(
        script.train,
        (Goal("loss", Direction.MINIMIZE),),
        trials=None if n is None or n == _NO_LIMIT else max(int(n) - script.n_before, 1),
        time_s=given["timeout"],
        settings={"pruner": "none"} | ({"sampler": "random"} if script.is_random() else {}),
        first=[script.named(point) for point in points],
        read=given["fn"],
        notes=script.notes(),
        equivalent=on_space("fn", "space"),
        ended=script.ended,
        result=script.result,
    )


def _with_annotated_space(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the space that the function's annotations are, as Hyperopt has it.

    Raises
    ------
    CannotTakeOver
        If a parameter is not annotated with an expression.
    """
    function = given["fn"]
    space = inspect.getfullargspec(function).annotations
    wrong = [name for name, part in space.items() if not isinstance(part, Apply)]
    if wrong or not space:
        raise CannotTakeOver(
            f"fmin: space='annotated' needs each parameter of the function annotated with an "
            f"expression, def f(x: hp.uniform('x', -1, 1)); {', '.join(wrong) or 'none'} is not."
        )

    @functools.wraps(function)
    def of_dict(values: dict[str, Any]) -> Any:
        return function(**values)

    return given | {"fn": of_dict, "space": space}


class _Script:
    """The arguments of `fmin`, and what its trials leave."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._space = as_apply(given["space"])
        self._returned: dict[int, dict[str, Any]] = {}
        self._known: set[int] = set()
        self._trials = given["trials"]
        if not isinstance(self._trials, hyperopt.Trials):
            self._trials = hyperopt.Trials()
        # Those that `trials` has already count in `max_evals`, as in Hyperopt.
        self.n_before = len(self._trials.trials)
        self._domain = Domain(lambda values: 0.0, given["space"])
        self._stops = given["early_stop_fn"]
        self._stop_args: list[Any] = []

    def is_random(self) -> bool:
        """Return whether the script asks for a random search, `rand.suggest`."""
        return getattr(self._given["algo"], "__module__", "") == "hyperopt.rand"

    def notes(self) -> list[str]:
        """Return what of the call is not used, in one sentence."""
        algo = getattr(self._given["algo"], "__module__", "") or ""
        other = algo.startswith("hyperopt.") and not algo.endswith(("tpe", "base", "rand"))
        used = [f"{algo.rpartition('.')[2]}.suggest (--sampler chooses)"] if other else []
        if type(self._trials).__name__ not in ("Trials",):
            used.append(f"{type(self._trials).__name__} (--jobs N trains side by side)")
        if self.n_before:
            used.append(
                f"the {counted(self.n_before, 'trial')} that trials has already, to learn from"
            )
        return [f"Not used: {', '.join(used)}."] if used else []

    def named(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return a point of Hyperopt's as a setting of ours: a choice by its option."""
        return {label: self._option(label, value) for label, value in point.items()}

    def _option(self, label: str, value: Any) -> Any:
        return option_of(self._space, label, value)

    def train(self) -> dict[str, Any]:
        """Call the function with the trial's values; return its loss, by that name.

        Raises
        ------
        FailedByStatus
            If it returns the status "fail".
        """
        value = self._given["fn"](expression_value(self._space))
        returned = dict(value) if isinstance(value, Mapping) else {"loss": value}
        returned.setdefault("status", STATUS_OK)
        trial = current_trial()
        if trial is not None:
            self._returned[trial.run.number] = returned
        if returned["status"] != STATUS_OK:
            raise FailedByStatus(f"the function returned the status {returned['status']!r}")
        return {"loss": returned["loss"]} if "loss" in returned else returned

    def ended(self, snapshot: Snapshot) -> bool:
        """Add new trials to the script's `Trials`; return whether its limits end the search."""
        stops = [self._added(trial) for trial in new_trials(snapshot, self._known)]
        return any(stops)

    def _added(self, trial: Trial) -> bool:
        self._add(trial)
        value, limit = trial.value, self._given["loss_threshold"]
        if limit is not None and value is not None and value <= limit:
            return True
        if self._stops is None:
            return False
        stop, self._stop_args = self._stops(self._trials, *self._stop_args)
        return bool(stop)

    def _add(self, trial: Trial) -> None:
        (tid,) = self._trials.new_trial_ids(1)
        raw = self._raw_of(trial)
        labels = self._domain.params
        misc = {
            "tid": tid,
            "cmd": self._domain.cmd,
            "workdir": self._domain.workdir,
            "idxs": {label: [tid] if label in raw else [] for label in labels},
            "vals": {label: [raw[label]] if label in raw else [] for label in labels},
        }
        result = self._returned.get(trial.number, {"status": STATUS_OK, "loss": trial.value})
        if trial.state is not State.COMPLETE:
            result = {"status": STATUS_FAIL}
        kept = {name: value for name, value in result.items() if name != "attachments"}
        (document,) = self._trials.new_trial_docs([tid], [None], [kept], [misc])
        document["state"] = JOB_STATE_DONE
        if trial.started is not None:
            document["book_time"] = datetime.fromtimestamp(trial.started)
            ended = trial.started + (trial.duration_s or 0.0)
            document["refresh_time"] = datetime.fromtimestamp(ended)
        self._trials.insert_trial_docs([document])
        self._trials.refresh()
        attachments = self._trials.trial_attachments(document)
        for name, value in result.get("attachments", {}).items():
            attachments[name] = value

    def _raw_of(self, trial: Trial) -> dict[str, Any]:
        """Return the values of a trial as Hyperopt stores them."""
        raw: dict[str, Any] = {}
        with replayed(trial):
            expression_value(self._space, raw)
        return raw

    def result(self, study: Study) -> Any:
        """Return what `fmin` returns: the best point by label, a choice by its position."""
        if not self._given["return_argmin"]:
            return self._trials
        return self._trials.argmin if STATUS_OK in self._trials.statuses() else {}


class FailedByStatus(Exception):
    """The function returned another status than "ok"."""
