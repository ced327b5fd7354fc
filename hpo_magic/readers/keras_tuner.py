"""Read a project folder of KerasTuner: its JSON files alone, without KerasTuner.

The files have a trial's score, and all its metrics with their directions; they do not say which
metric is the objective. It is the one that equals the score in every trial.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo_magic.core.domains import Choice, Domain, Float, Int, Plain, plain
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, State, Trial
from hpo_magic.errors import HpoError, OptionError, StudyNotFound
from hpo_magic.readers.found import Asked, Found, ended_trial, left_out

ORACLE = "oracle.json"
STATES = {
    "COMPLETED": State.COMPLETE,
    "FAILED": State.FAILED,
    "INVALID": State.FAILED,
    "STOPPED": State.STOPPED,
}
OF_THE_TUNER = "tuner/"  # such as Hyperband's brackets


def read(folder: Path, asked: Asked) -> Found:
    """Return the search of a project folder, which has `oracle.json`.

    Raises
    ------
    HpoError
        If a file cannot be read, or the objective cannot be told.
    StudyNotFound
        If there is no project, or no trial in it.
    """
    if not (folder / ORACLE).is_file():
        inside = ", ".join(sorted(str(path.parent) for path in folder.glob(f"*/{ORACLE}")))
        there = f"There are: {inside}." if inside else "It is directory/project_name of the tuner."
        raise StudyNotFound(f"read_study: {folder} is no project of KerasTuner. {there}")
    oracle = _json(folder / ORACLE)
    told = [_json(path) for path in folder.glob("trial_*/trial.json")]
    ended = [t for t in told if t["status"] in STATES]
    if not ended:
        raise StudyNotFound(f"read_study: no trial in {folder} has ended.")
    order = {name: k for k, name in enumerate(oracle.get("start_order", ()))}
    ended.sort(key=lambda t: (order.get(t["trial_id"], len(order)), t["trial_id"]))
    goal = _goal(ended, asked)
    space = _space([oracle["hyperparameters"], *(t["hyperparameters"] for t in ended)])
    trials = tuple(_trial(k, t, goal, space) for k, t in enumerate(ended))
    notes = left_out(len(told) - len(ended))
    return Found("KerasTuner", folder.resolve().name, (goal,), space, trials, notes)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HpoError(
            f"read_study: {path} cannot be read ({error}). Copy the project folder again, or "
            f"remove that trial's folder."
        ) from error


def _metrics(told: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a trial at its best step, each the mean of its executions."""
    found: dict[str, float] = {}
    for name, metric in told["metrics"]["metrics"].items():
        for seen in metric["observations"]:
            if name not in found or seen["step"] == told["best_step"]:
                found[name] = sum(seen["value"]) / len(seen["value"])
    return found


def _goal(ended: Sequence[Mapping[str, Any]], asked: Asked) -> Goal:
    """Return the objective: the one that the user named, else the metric that is the score."""
    directions: dict[str, Direction | None] = {}
    for told in ended:
        for name, metric in told["metrics"]["metrics"].items():
            known = {"min": Direction.MINIMIZE, "max": Direction.MAXIMIZE}
            directions[name] = known.get(metric["direction"])
    scored = [t for t in ended if t["score"] is not None]
    equal = [
        n for n in directions if scored and all(_metrics(t).get(n) == t["score"] for t in scored)
    ]
    if asked.goal is not None:
        told_direction = directions.get(asked.goal.metric)
        if told_direction is not None:
            return asked.checked(Goal(asked.goal.metric, told_direction))
        if asked.goal.metric in directions:
            return asked.goal
        raise OptionError(
            f"read_study: the trials have no metric {asked.goal.metric!r}. There are: "
            f"{', '.join(directions) or 'none'}."
        )
    direction = directions[equal[0]] if len(equal) == 1 else None
    if direction is None:
        raise OptionError(
            f"read_study: KerasTuner's files do not say which metric was the objective, and more "
            f"or less than one equals the score. Write minimize=… or maximize=… with one of: "
            f"{', '.join(directions) or 'none is stored'}."
        )
    return Goal(equal[0], direction)


def _space(told: Sequence[Mapping[str, Any]]) -> Space:
    space = Space()
    for hyperparameters in told:
        for entry in hyperparameters["space"]:
            config = entry["config"]
            if not config["name"].startswith(OF_THE_TUNER):
                domain = _domain(entry["class_name"], config)
                default = plain(config.get("default"))
                start = default if default in domain else domain.middle
                scopes = tuple(
                    (c["name"], tuple(map(plain, c["values"]))) for c in _parents(config)
                )
                space = space.widen(Parameter(config["name"], domain, start, scopes))
    return space


def _parents(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [condition["config"] for condition in config["conditions"]]


def _domain(kind: str, config: Mapping[str, Any]) -> Domain:
    if kind == "Fixed":
        return Choice((plain(config["value"]),))
    if kind == "Boolean":
        return Choice((False, True))
    if kind == "Choice":
        return Choice(tuple(map(plain, config["values"])), bool(config.get("ordered")))
    low, high = config["min_value"], config["max_value"]
    log, reverse = (config.get("sampling") == word for word in ("log", "reverse_log"))
    step = None if low == high else config["step"]
    if kind == "Int":
        step = step if log or step != 1 else None
        return (
            Int(low, high, step, log, reverse) if not reverse else Int(low, high, None, False, True)
        )
    if kind == "Float":
        return Float(low, high, None if reverse else step, log, reverse)
    raise HpoError(
        f"read_study: {config['name']} is a hyperparameter of the kind {kind}, which is not known. "
        f"Known: Int, Float, Choice, Boolean, Fixed."
    )


def _trial(number: int, told: Mapping[str, Any], goal: Goal, space: Space) -> Trial:
    values: dict[str, Plain] = {n: plain(v) for n, v in told["hyperparameters"]["values"].items()}
    active = {
        name: value
        for name, value in values.items()
        if name in space and all(values.get(p) in allowed for p, allowed in space[name].scopes)
    }
    message = (told.get("message") or "").strip().splitlines()
    return ended_trial(
        number,
        STATES[told["status"]],
        active,
        (goal,),
        _metrics(told),
        message=message[-1] if message else "",
    )
