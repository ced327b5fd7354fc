"""Read a pickle of Hyperopt's `Trials`, if the user trusts it.

Loading a pickle runs whatever code is in it. The pickle itself imports Hyperopt, no line here does.
Hyperopt stores neither ranges nor the options of a choice, only the position of the chosen one.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hpo_magic.core.domains import Choice, Plain
from hpo_magic.core.labels import labels, python_number
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Goal, State, Trial
from hpo_magic.errors import HpoError, OptionError, StudyNotFound
from hpo_magic.readers.found import (
    RANGES_NOT_STORED,
    Asked,
    Found,
    declared,
    distinct,
    ended_trial,
    left_out,
    tried_space,
)

DONE, ERROR = 2, 3  # hyperopt.JOB_STATE_DONE and JOB_STATE_ERROR
OK = "ok"  # hyperopt.STATUS_OK


def read(path: Path, asked: Asked) -> Found:
    """Return the search of a `Trials` object.

    Raises
    ------
    OptionError
        If the user did not say that the file can be trusted, or `choices` do not fit.
    HpoError
        If the pickle cannot be loaded, or has something else.
    StudyNotFound
        If no trial in it has ended.
    """
    if not asked.trust_pickle:
        raise OptionError(
            f"read_study: {path} is a pickle, and loading a pickle runs whatever code is in it. If "
            f"you made the file yourself, or trust who did, write trust_pickle=True."
        )
    documents = _documents(path)
    ended = [document for document in documents if document["state"] in (DONE, ERROR)]
    if not ended:
        raise StudyNotFound(f"read_study: no trial in {path} has ended.")
    goal = asked.checked(Goal("loss", Direction.MINIMIZE))
    settings = [_params(document, asked.choices) for document in ended]
    _check_names(asked.choices, settings)
    space = _space(settings, asked.choices)
    trials = tuple(
        _trial(k, document, params, goal)
        for k, (document, params) in enumerate(zip(ended, settings, strict=True))
    )
    notes = (*left_out(len(documents) - len(ended)), RANGES_NOT_STORED, *_positions(space))
    return Found("Hyperopt", path.stem, (goal,), space, trials, notes)


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            loaded = pickle.load(file)  # noqa: S301  # the user trusts it
    except ModuleNotFoundError as error:
        raise HpoError(
            f"read_study: the pickle needs {error.name}, which is not installed: pip install "
            f"{str(error.name).partition('.')[0]}"
        ) from error
    except Exception as error:  # unpickling may raise anything
        raise HpoError(
            f"read_study: {path} cannot be loaded: {type(error).__name__}: {error} Load it with "
            f"the versions of Python and Hyperopt that wrote it, and pickle it again."
        ) from error
    documents = getattr(loaded, "trials", None)
    if not isinstance(documents, list) or not all(_is_document(one) for one in documents):
        raise HpoError(
            f"read_study: {path} has a {type(loaded).__name__}, no Trials of Hyperopt. Pickle the "
            f"object that fmin(…, trials=trials) filled."
        )
    return documents


def _is_document(thing: Any) -> bool:
    return isinstance(thing, Mapping) and {"state", "result", "misc"} <= thing.keys()


def _params(document: Mapping[str, Any], choices: Mapping[str, Any]) -> dict[str, Plain]:
    """Return the setting of a trial: what was not drawn has no value in it."""
    drawn = {name: python_number(v[0]) for name, v in document["misc"]["vals"].items() if len(v)}
    return {name: _chosen(name, value, choices) for name, value in drawn.items()}


def _chosen(name: str, value: Any, choices: Mapping[str, Any]) -> Plain:
    if name not in choices:
        return value  # type: ignore[no-any-return]
    options = labels(list(choices[name]))
    if not isinstance(value, int) or not 0 <= value < len(options):
        raise OptionError(
            f"read_study: {name} is {value!r} in a trial, no position among the {len(options)} "
            f"options of choices[{name!r}]. Write the options as in hp.choice, all, in its order."
        )
    return options[value]


def _check_names(choices: Mapping[str, Any], settings: list[dict[str, Plain]]) -> None:
    names = sorted({name for params in settings for name in params})
    for name in choices:
        if name not in names:
            raise OptionError(
                f"read_study: no trial has the parameter {name!r} of choices. There are: "
                f"{', '.join(names)}."
            )


def _space(settings: list[dict[str, Plain]], choices: Mapping[str, Any]) -> Space:
    space = tried_space(settings)
    for name in choices.keys() & space.keys():
        space = declared(space, name, Choice(distinct(labels(list(choices[name])))))
    return space


def _positions(space: Space) -> tuple[str, ...]:
    """Return the sentence about whole numbers, which may be positions; none without any."""
    names = [name for name, parameter in space.items() if parameter.domain.kind == "int"]
    if not names:
        return ()
    return (
        f"Hyperopt stores a choice as its position: if one of {', '.join(names)} is an hp.choice, "
        f"give its options, as choices={{{names[0]!r}: […]}}.",
    )


def _trial(number: int, document: Mapping[str, Any], params: dict[str, Plain], goal: Goal) -> Trial:
    result = document["result"]
    numbers = {n: python_number(v) for n, v in result.items() if n != "loss"}
    metrics = {n: float(v) for n, v in numbers.items() if type(v) in (int, float)}
    loss = python_number(result.get("loss"))
    metrics[goal.metric] = float(loss) if type(loss) in (int, float) else math.nan
    is_ok = document["state"] == DONE and result.get("status") == OK
    start, end = _utc(document.get("book_time")), _utc(document.get("refresh_time"))
    error = document["misc"].get("error")
    return ended_trial(
        number,
        State.COMPLETE if is_ok else State.FAILED,
        params,
        (goal,),
        metrics,
        started=start.timestamp() if start else None,
        duration_s=(end - start).total_seconds() if start and end else None,
        message=str(error[-1]) if error else f"Hyperopt's status is {result.get('status')!r}",
    )


def _utc(time: datetime | None) -> datetime | None:
    """Return a time of Hyperopt's with its zone: it stores UTC without one."""
    return None if time is None else time.replace(tzinfo=UTC)
