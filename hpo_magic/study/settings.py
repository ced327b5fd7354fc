"""Settings as a user has them: dicts, trials, rows and tables, made into values by parameter.

A table has columns that are no parameters, and empty cells: both are passed over. In a dict each
name must be a parameter, or a column that `Study.to_frame` writes: else it is a mistake.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hpo_magic.core.domains import Choice, Int, Plain
from hpo_magic.core.labels import label_of
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, describe
from hpo_magic.core.summary import TRIAL_COLUMNS, trial_columns
from hpo_magic.core.trial import Trial
from hpo_magic.errors import HpoError, SpaceError

Setting = dict[str, Plain]


def settings_of(
    given: Iterable[Any], params: Mapping[str, Any], snapshot: Snapshot
) -> list[Setting]:
    """Return the settings in `given`, and the one in `params` if there is one; each is checked.

    Parameters
    ----------
    given
        Dicts, trials, rows or frames of pandas or polars, and lists of these.
    params
        A setting by keywords.
    snapshot
        The study's: its parameters with their ranges.

    Raises
    ------
    SpaceError
        If a name is not a parameter of the study, or a value is outside its range.
    HpoError
        If something holds no setting.
    """
    settings = [setting for one in given for setting in _settings_in(one, snapshot)]
    if params:
        settings.append(_of_dict(params, snapshot))
    for setting in settings:
        for name, value in setting.items():
            _check_value(snapshot.space[name], value)
    return settings


def _settings_in(given: Any, snapshot: Snapshot) -> Iterator[Setting]:
    """Yield the settings of one argument of the user's."""
    if isinstance(given, Trial):
        yield _of_row(given.params, snapshot, "the trial", is_table=False)
    elif isinstance(given, Mapping):
        yield _of_dict(given, snapshot)
    elif rows := _rows_of(given):
        yield from (_of_row(row, snapshot, "the table", is_table=True) for row in rows)
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        for one in given:
            yield from _settings_in(one, snapshot)
    else:
        raise HpoError(
            f"enqueue takes settings: x=1, a dict, a trial or a table; got an object of type "
            f"{type(given).__name__}. The settings of a study are in its best_params, trials and "
            f"to_frame()."
        )


def _rows_of(given: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a frame, a row of one, or a named tuple; empty for anything else."""
    if hasattr(given, "to_dicts"):  # polars
        return list(given.to_dicts())
    if hasattr(given, "to_dict"):  # pandas: a row has no columns
        return list(given.to_dict("records")) if hasattr(given, "columns") else [given.to_dict()]
    return [given._asdict()] if hasattr(given, "_asdict") else []


def _of_dict(given: Mapping[str, Any], snapshot: Snapshot) -> Setting:
    """Return the setting of a dict; the columns of `to_frame` are no mistake in it."""
    metrics = (goal.metric for goal in snapshot.goals)
    written = {*TRIAL_COLUMNS, *trial_columns(snapshot).values(), *metrics}
    for name in given:
        if name not in written:
            snapshot.check_name(name)
    return {
        name: typed(snapshot.space[name], value)
        for name, value in given.items()
        if name in snapshot.space
    }


def _of_row(row: Mapping[str, Any], snapshot: Snapshot, what: str, *, is_table: bool) -> Setting:
    """Return the setting of a row or a trial: what is no parameter here is passed over.

    Raises
    ------
    HpoError
        If nothing in it is a parameter.
    """
    space = snapshot.space
    names = [name for name in space if name in row]
    if not names:
        columns = ", ".join(map(str, row))
        raise HpoError(
            f"no column of {what} is a parameter of study {snapshot.name!r}. It has: "
            f"{', '.join(space)}; {what}: {columns}."
        )
    is_there = [n for n in names if not (is_table and _is_empty(space[n], row[n]))]
    return {name: typed(space[name], row[name]) for name in is_there}


def _is_empty(parameter: Parameter, value: Any) -> bool:
    """Return whether a cell of a table is empty: None may also be one of the choices."""
    if value is None:
        return None not in parameter.domain
    return bool(value != value) if isinstance(value, float) else str(value) == "<NA>"


def typed(parameter: Parameter, value: Any) -> Plain:
    """Return the value as the parameter has it: 64 for 64.0 of an `hp.Int`, 1.0 for 1 of a Float.

    A value that equals none of the parameter's comes back as its label.
    """
    domain = parameter.domain
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(domain, Choice):
        plain = label_of(value)
        equal = [] if plain in domain else [each for each in domain.values if each == plain]
        return equal[0] if len(equal) == 1 else plain
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        return label_of(value)
    number = float(value)
    if not isinstance(domain, Int):
        return number
    return int(value) if math.isfinite(number) and number.is_integer() else number


def _check_value(parameter: Parameter, value: Plain) -> None:
    """Check that a value is one of the parameter's.

    Raises
    ------
    SpaceError
        If it is not.
    """
    if value in parameter.domain:
        return
    name, allowed = parameter.name, describe(parameter.domain)
    if isinstance(parameter.domain, Int) and isinstance(value, float):
        raise SpaceError(f"{name}: {value!r} is not a whole number. Its range is {allowed}.")
    raise SpaceError(f"{name}: {value!r} is not in its range ({allowed}).")
