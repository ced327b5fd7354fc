"""`gp_minimize(func, dimensions, …)` and its sisters: they return scikit-optimize's own result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction
from hpo_magic.language.spaces import names_of_parts, value_from
from hpo_magic.samplers.bayes import to_optimize_result
from hpo_magic.scripts.tool_search import ToolSearch, arguments_of, new_trials, on_space, replayed
from hpo_magic.study.study import Study
from hpo_magic.tools.interception import Call


def read_minimize(call: Call) -> ToolSearch:
    """Return the search that `gp_minimize(…)`, `forest_minimize(…)` or a sister asks for."""
    given = arguments_of(call)
    script = _Script(given)
    return ToolSearch(
        script.train,
        Direction.MINIMIZE,
        trials=int(given["n_calls"]),
        first=script.first(),
        read=given["func"],
        equivalent=on_space("func", "dimensions"),
        ended=script.ended,
        result=script.result,
    )


class _Script:
    """The arguments of the call, and its callbacks."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._function = given["func"]
        self._dimensions = list(given["dimensions"])
        self._given = given
        callbacks = given.get("callback") or ()
        listed: Sequence[Any] = callbacks if isinstance(callbacks, Sequence) else [callbacks]
        self._callbacks: list[Callable[[Any], Any]] = list(listed)
        self._known: set[int] = set()

    def point(self) -> list[Any]:
        """Return the trial's values in the order of the dimensions."""
        point: list[Any] = value_from(self._dimensions)
        return point

    def train(self) -> Any:
        """Call the function with the trial's point."""
        return self._function(self.point())

    def first(self) -> list[dict[str, Any]]:
        """Return the points of `x0`, by the names of the dimensions."""
        given = self._given.get("x0")
        if not given:
            return []
        points = given if isinstance(given[0], list | tuple) else [given]
        names = names_of_parts(self._dimensions)
        return [dict(zip(names, point, strict=False)) for point in points]

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

    def _result(self, snapshot: Snapshot) -> Any:
        result = to_optimize_result(snapshot.space, snapshot.history)
        result.specs = {"args": dict(self._given), "function": "base_minimize"}  # plots read it
        best = snapshot.history.best()
        if best is not None:
            with replayed(best):
                result.x = self.point()
        return result
