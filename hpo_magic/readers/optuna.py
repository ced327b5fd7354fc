"""Read a study of Optuna's: from a database by its URL, an SQLite file, or a journal file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo_magic.core.domains import Choice, Domain, Float, Int, Plain
from hpo_magic.core.labels import labels
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Goal, Point, State, Trial
from hpo_magic.errors import HpoError, OptionError, StudyNotFound, did_you_mean
from hpo_magic.readers.found import Asked, Found, declared, distinct, ended_trial, left_out

if TYPE_CHECKING:
    import optuna

SQLITE_HEADER = b"SQLite format 3\0"


def read(place: str, asked: Asked) -> Found:
    """Return a study of a storage.

    Parameters
    ----------
    place
        A URL such as `sqlite:///studies.db`, or the path of an SQLite or journal file.

    Raises
    ------
    HpoError
        If Optuna is not installed or cannot read the storage.
    StudyNotFound
        If there is no such study, or several and none is named.
    """
    if find_spec("optuna") is None:
        raise HpoError(
            "read_study() of a storage of Optuna needs optuna, which is not installed: pip install "
            '"hpo_magic[optuna]"'
        )
    import optuna

    try:
        with _opened(place) as storage:
            names = [study.study_name for study in optuna.get_all_study_summaries(storage)]
            study = optuna.load_study(study_name=_wanted(place, names, asked), storage=storage)
            return _found(study, asked)
    except HpoError:
        raise
    except Exception as error:  # of SQLAlchemy, a driver, or a storage's format
        raise HpoError(
            f"Optuna cannot read {place}: {type(error).__name__}: {error} If another version of "
            f"Optuna wrote it, run: optuna storage upgrade --storage URL."
        ) from error


@contextmanager
def _opened(place: str) -> Iterator[Any]:
    """Open the storage, and close its connections; nothing is created, although Optuna would."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    if "://" in place and not place.startswith("sqlite:///"):
        with _database(place) as database:
            yield database
        return
    path = Path(place.removeprefix("sqlite:///"))
    if not path.is_file():
        raise StudyNotFound(f"read_study: there is no file {path}. Check the path.")
    with path.open("rb") as file:
        is_sqlite = file.read(len(SQLITE_HEADER)) == SQLITE_HEADER
    if not is_sqlite:
        yield optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        return
    _check_tables(path)
    with _database(f"sqlite:///{path}") as database:
        yield database


@contextmanager
def _database(url: str) -> Iterator[Any]:
    import optuna

    database = optuna.storages.RDBStorage(url)
    try:
        yield database
    finally:
        database.remove_session()
        database.engine.dispose()


def _check_tables(path: Path) -> None:
    """Check that an SQLite file is Optuna's, which would put its tables into any other."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    finally:
        connection.close()
    if not {"study_directions", "trial_params"} <= {name for (name,) in rows}:
        raise HpoError(
            f"read_study: {path} is an SQLite file, but none of Optuna's. A study of hpo_magic is "
            f"opened with load_study(NAME, storage=FOLDER)."
        )


def _wanted(place: str, names: list[str], asked: Asked) -> str:
    if not names:
        raise StudyNotFound(f"read_study: there is no study in {place}. Is it the right file?")
    listed = ", ".join(map(repr, sorted(names)))
    if asked.study is None:
        if len(names) > 1:
            raise StudyNotFound(
                f"read_study: {place} has several studies. Name one, as study=…: {listed}."
            )
        return names[0]
    if asked.study not in names:
        hint = did_you_mean(asked.study, names)
        raise StudyNotFound(f"read_study: no study {asked.study!r}.{hint} There are: {listed}.")
    return asked.study


def _found(study: optuna.Study, asked: Asked) -> Found:
    goals = _goals(study, asked)
    space = Space()
    ended = [trial for trial in study.trials if trial.state.is_finished()]
    for trial in ended:
        for name, distribution in trial.distributions.items():
            space = declared(space, name, _domain(distribution))
    notes = left_out(len(study.trials) - len(ended))
    shift = int(any(0 in trial.intermediate_values for trial in ended))
    if shift:
        notes += ("Steps begin at 1 here, so Optuna's, which begin at 0, are one higher.",)
    trials = tuple(_trial(trial, goals, shift) for trial in ended)
    return Found("Optuna", study.study_name, goals, space, trials, notes)


def _goals(study: optuna.Study, asked: Asked) -> tuple[Goal, ...]:
    directions = [Direction(direction.name.lower()) for direction in study.directions]
    names = study.metric_names
    if len(directions) == 1:
        name = names[0] if names else str(study.user_attrs.get("metric", "value"))
        return (asked.checked(Goal(name, directions[0])),)
    if asked.goal is not None:
        raise OptionError(
            "read_study: the study has several objectives, whose directions are in the storage. "
            "Leave minimize and maximize out."
        )
    names = names or [f"value_{k}" for k in range(len(directions))]
    return tuple(Goal(name, direction) for name, direction in zip(names, directions, strict=True))


def _trial(trial: optuna.trial.FrozenTrial, goals: tuple[Goal, ...], shift: int) -> Trial:
    values = dict(zip((g.metric for g in goals), trial.values or (), strict=False))
    start, end = trial.datetime_start, trial.datetime_complete
    metric = goals[0].metric
    reported = sorted(trial.intermediate_values.items())
    return ended_trial(
        trial.number,
        _state(trial),
        {name: _value(trial, name) for name in trial.params},
        goals,
        values,
        curve=[Point(step + shift, {metric: value}) for step, value in reported],
        started=start.timestamp() if start else None,
        duration_s=(end - start).total_seconds() if start and end else None,
        message=str(trial.system_attrs.get("fail_reason", "")),
    )


def _state(trial: optuna.trial.FrozenTrial) -> State:
    """Return how the trial ended; one that breaks a constraint counts as pruned, as in a search."""
    limits = getattr(trial, "constraints", None)  # since Optuna 5, by name
    stored = limits.values() if limits else trial.system_attrs.get("constraints") or ()
    broken = any(value > 0 for value in stored)
    if trial.state.name == "COMPLETE":
        return State.PRUNED if broken else State.COMPLETE
    return State.PRUNED if trial.state.name == "PRUNED" else State.FAILED


def _value(trial: optuna.trial.FrozenTrial, name: str) -> Plain:
    distribution, value = trial.distributions[name], trial.params[name]
    if hasattr(distribution, "choices"):
        return labels(distribution.choices)[int(distribution.to_internal_repr(value))]
    return value  # type: ignore[no-any-return]


def _domain(distribution: Any) -> Domain:
    if hasattr(distribution, "choices"):
        return Choice(distinct(labels(distribution.choices)))
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(low, int):
        step = None if distribution.step == 1 or low == high else distribution.step
        return Int(low, high, step, log)
    return Float(low, high, None if low == high else distribution.step, log)
