"""scikit-optimize: `gp_minimize(…)` and its sisters return its own result, `Optimizer.run` too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, State, Trial
from hpo_magic.language.spaces import names_of_parts, value_from
from hpo_magic.language.trial_context import current_trial
from hpo_magic.samplers.bayes import FittedModels, to_optimize_result
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

_NEVER_PRUNED = {"pruner": "none"}
_TOLD = "_hpo_magic_told"  # an attribute of an `Optimizer`
# What of an `Optimizer` chooses the next point, and its defaults.
_CHOOSING = {"base_estimator": "gp", "acq_func": "gp_hedge"}


def read_minimize(call: Call) -> ToolSearch:
    """Return the search that `gp_minimize(…)`, `forest_minimize(…)` or a sister asks for."""
    given = arguments_of(call)
    script, is_random = _Script(given), call.entry.call == "dummy_minimize"
    return ToolSearch(
        script.train,
        Direction.MINIMIZE,
        trials=int(given["n_calls"]),
        settings=_NEVER_PRUNED | ({"sampler": "random"} if is_random else {}),
        first=script.first(),
        read=given["func"],
        notes=script.notes(),
        equivalent=on_space("func", "dimensions"),
        ended=script.ended,
        result=script.result,
    )


def read_run(call: Call) -> ToolSearch:
    """Return the search that `Optimizer.run(func, n_iter)` asks for.

    Raises
    ------
    CannotTakeOver
        If the optimizer wants times beside the values ("EIps").
    """
    given = arguments_of(call)
    optimizer = given["self"]
    if "ps" in optimizer.acq_func:
        raise CannotTakeOver(
            f"{call.text} on line {call.frame.f_lineno}: the optimizer's acq_func "
            f"{optimizer.acq_func!r} takes the time of each training, which is not taken over. "
            f'Leave it out, and return the value alone; or write acq_func="EI".'
        )
    run = _Run(optimizer, given["func"])
    return ToolSearch(
        run.train,
        Direction.MINIMIZE,
        trials=int(given["n_iter"]),
        settings=_NEVER_PRUNED | {"recheck": "0"},  # each point is one that the optimizer is told
        owner=optimizer,
        read=given["func"],
        notes=run.notes(),
        equivalent=_on_dimensions,
        ended=run.ended,
        result=run.result,
    )


def _on_dimensions(texts: Mapping[str, str]) -> str:
    """Return one training on the dimensions that the optimizer was made with."""
    made = texts.get("new dimensions") or texts.get("new 0", "")
    return on_space("func", "dimensions")({**texts, "dimensions": made})


class _Points:
    """A function of a point, and the dimensions that points have.

    Parameters
    ----------
    function
        The script's; takes a point, a list.
    dimensions
        Of scikit-optimize.
    is_allowed
        Says of a point whether it may be tried; None: all may.
    """

    def __init__(
        self,
        function: Callable[[list[Any]], Any],
        dimensions: Sequence[Any],
        is_allowed: Callable[[list[Any]], bool] | None,
    ) -> None:
        self._function = function
        self._dimensions = list(dimensions)
        self._is_allowed = is_allowed
        self._known: set[int] = set()
        self._ran: set[int] = set()  # the numbers of the trials that ran now

    def point(self) -> list[Any]:
        """Return the trial's values in the order of the dimensions."""
        point: list[Any] = value_from(self._dimensions)
        return point

    def train(self) -> Any:
        """Call the function with the trial's point; one that is not allowed is infeasible."""
        point, trial = self.point(), current_trial()
        if trial is not None:
            self._ran.add(trial.run.number)
        if trial is not None and self._is_allowed is not None and not self._is_allowed(point):
            trial.constraints["space_constraint"] = 1.0
            return np.inf
        return self._function(point)

    def point_of(self, trial: Trial) -> list[Any]:
        """Return the point of a finished trial."""
        with replayed(trial):
            return self.point()


class _Script(_Points):
    """The arguments of a call of `gp_minimize` or a sister, and its callbacks."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given["func"], given["dimensions"], given.get("space_constraint"))
        self._given = given
        callbacks = given.get("callback") or ()
        listed: Sequence[Any] = callbacks if isinstance(callbacks, Sequence) else [callbacks]
        self._callbacks: list[Callable[[Any], Any]] = list(listed)
        self._points = _as_points(given.get("x0"))
        told = given.get("y0")
        self._values = [] if told is None else [float(one) for one in np.ravel(told)]

    def first(self) -> list[dict[str, Any]]:
        """Return the points of `x0` by the names of the dimensions; with a `y0` none is run."""
        if self._values:
            return []
        names = names_of_parts(self._dimensions)
        return [dict(zip(names, point, strict=False)) for point in self._points]

    def notes(self) -> list[str]:
        """Return what of the call is not used, in one sentence."""
        if not self._values:
            return []
        told = counted(len(self._values), "point")
        return [f"Not used: the {told} of x0 with their y0, to learn from. The result has them."]

    def ended(self, snapshot: Snapshot) -> bool:
        """Call the script's callbacks after each trial; return whether one of them says stop."""
        is_new = bool(new_trials(snapshot, self._known))
        if not is_new or not self._callbacks or snapshot.history.best() is None:
            return False
        result = self._result(snapshot)
        answers = [bool(callback(result)) for callback in self._callbacks]  # each is called
        return any(answers)

    def result(self, study: Study) -> Any:
        """Return scikit-optimize's result: points in the order of the dimensions."""
        return self._result(study.snapshot)

    def _n_first(self) -> int:
        """Return the number of trials that the first model of scikit-optimize's has."""
        given = self._given
        asked = given.get("n_random_starts") or given.get("n_initial_points") or 0
        return int(asked) + (0 if self._values else len(self._points))

    def _result(self, snapshot: Snapshot) -> Any:
        result = to_optimize_result(snapshot.space, snapshot.history)
        result.specs = {"args": dict(self._given), "function": "base_minimize"}  # plots read it
        best = snapshot.history.best()
        if best is not None:
            result.x = self.point_of(best)
        if len(result.models):
            result.models = FittedModels(snapshot.space, snapshot.history, self._n_first())
        if self._values:
            result.x_iters = [*map(list, self._points), *result.x_iters]
            result.func_vals = np.array([*self._values, *result.func_vals])
            lowest = int(np.argmin(self._values))
            if self._values[lowest] < result.fun:
                result.x, result.fun = list(self._points[lowest]), self._values[lowest]
        return result


def _as_points(given: Any) -> list[Any]:
    """Return the points of `x0`, which may be one point."""
    if not given:
        return []
    return list(given) if isinstance(given[0], list | tuple) else [given]


class _Run(_Points):
    """A run of a script's `Optimizer`, which is told each point and its value."""

    def __init__(self, optimizer: Any, function: Callable[[list[Any]], Any]) -> None:
        super().__init__(function, optimizer.space.dimensions, optimizer.space.constraint)
        self._optimizer = optimizer
        self._after = getattr(function, "after_tell", None)  # of a loop of ask and tell
        self._new: list[Trial] = []  # not told yet
        # Which trials of ours the optimizer has: it may run again, or be pickled.
        self._told: set[tuple[int, float | None]] = vars(optimizer).setdefault(_TOLD, set())

    def notes(self) -> list[str]:
        """Return what of the optimizer is not used, in one sentence."""
        asked = self._optimizer.specs["args"]
        used = [
            f"{name}={_short(asked[name])}"
            for name, usual in _CHOOSING.items()
            if str(asked.get(name, usual)).lower() != usual
        ]
        notes = [f"Not used: the optimizer's {' and '.join(used)} (--sampler)."] if used else []
        if n := len(self._optimizer.Xi) - len(self._told):
            has = counted(n, "point")
            notes.append(f"Not used: the {has} that the optimizer was told before, to learn from.")
        return notes

    def ended(self, snapshot: Snapshot) -> bool:
        """Tell the optimizer the new trials; fit its model each time only for code that asks."""
        for trial in new_trials(snapshot, self._known):
            mark = trial.number, trial.started
            is_told = trial.state is State.COMPLETE and mark not in self._told
            if is_told:
                self._told.add(mark)
                self._new.append(trial)
            if self._after is not None:
                told = self._tell() if is_told and self._after.reads else None
                self._after(told, is_told and trial.number in self._ran)
        return False

    def _tell(self) -> Any:
        """Tell the optimizer what it was not told yet; return its result."""
        new, self._new = self._new, []
        if not new:
            return self._optimizer.get_result()
        values = [float(trial.value) for trial in new if trial.value is not None]
        return self._optimizer.tell([self.point_of(trial) for trial in new], values)

    def result(self, study: Study) -> Any:
        """Return the optimizer's result."""
        return self._tell()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else type(value).__name__
