"""The front door for Python code: search a function, open a study."""

from __future__ import annotations

import hashlib
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Listener
from hpo_magic.core.trial import Direction
from hpo_magic.errors import (
    MetricError,
    OptionError,
    SearchFailed,
    SpaceError,
    StudyNotFound,
    did_you_mean,
)
from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.frameworks import all_frameworks, kept_models, load_wanted
from hpo_magic.inputs.reads import values_read_by
from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.readers import Asked, read
from hpo_magic.readers.storing import store
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.search.options import (
    OPTIONS,
    Options,
    SearchArguments,
    as_identifier,
    checked_name,
    goals_of,
)
from hpo_magic.search.prepare import SearchedCode
from hpo_magic.search.requests import UserRequests
from hpo_magic.search.run import require_extras, run_search
from hpo_magic.search.signature import takes
from hpo_magic.storage import open_storage, storage_exists
from hpo_magic.storage.snapshots import open_snapshot
from hpo_magic.study.models import ModelStore
from hpo_magic.study.study import Study

STUDIES = Path("hpo_studies")


@takes(SearchArguments)
def search(
    objective: Callable[[], Any], name: str | None = None, trials: int = 50, **options: Any
) -> Study:
    """Search the hyperparameters of a function; what `%%hpo` does to a cell.

    Parameters
    ----------
    objective
        Takes no arguments, asks `hp` for its values, and returns the value, or what a cell may end
        in: a dict of metrics, a Keras `History`.
    name
        A Python identifier: the study's name on disk. Without it the study lives in memory.
    {options}

    `maximize` and `minimize` are "value" for the number that the function returns, else the name
    of a metric; both, or a list of names, for several objectives.

    Returns
    -------
    Study

    Raises
    ------
    OptionError
        If an option is unknown or has no such value, or `objective` needs arguments.
    MetricError, SpaceError
        If the first trial gives no such metric, or describes a space that cannot be searched.
    SearchFailed
        If the trials keep failing; its cause is the function's own exception.

    Examples
    --------
    >>> from hpo_magic import hp, search
    >>> def loss():
    ...     x = hp.Float(-10, 10)
    ...     return (x - 2) ** 2
    >>> study = search(loss, trials=20, minimize="value", ui="none")
    >>> study.best_seen < study.start.value
    True
    """
    known = [option.name for option in OPTIONS]
    for word in options:
        if word not in known:
            hint = did_you_mean(word, known)
            raise OptionError(f"search: no option {word!r}.{hint} There are: {', '.join(known)}.")
    _check_callable(objective)
    goals = goals_of(_metrics(options))
    checked = Options(trials, goals=goals, **options)
    require_extras(checked)
    storage = open_storage(None if name is None else checked.folder or STUDIES)
    load_wanted((), _globals_of(objective))
    code = SearchedCode(
        checked_name(name or "study"),
        FunctionObjective(objective),
        _mark(objective),
        InputsWatch(lambda: values_read_by(objective)),
    )
    done = run_search(
        code, checked, storage, storage.models, lambda requests: _listeners(checked, requests)
    )
    if done.finish.reason.is_failure:
        if isinstance(done.error, MetricError | SpaceError):
            raise _as_called(done.error)
        raise SearchFailed(f"The search ended: a trial {done.finish.failure}.") from done.error
    return Study(done.record, storage, done.snapshot, done.model_store, done.unsaved)


def load_study(name: str, storage: str | Path | None = None) -> Study:
    """Return the latest revision of a study on disk.

    Parameters
    ----------
    name
        The study's name.
    storage
        The folder of the studies; `hpo_studies` in the working folder unless said otherwise.

    Raises
    ------
    StudyNotFound
        If there is no study of that name in the folder.
    """
    folder = Path(storage) if storage is not None else STUDIES
    if not storage_exists(folder):
        raise StudyNotFound(f"no study {name!r}: there are no studies in {folder}.")
    opened = open_storage(folder)
    record, snapshot = open_snapshot(opened, name)
    model_store = ModelStore(opened.models, record, None, all_frameworks(), kept_models())
    return Study(record, opened, snapshot, model_store)


def read_study(
    place: str | Path,
    name: str | None = None,
    *,
    storage: str | Path | None = None,
    study: str | None = None,
    minimize: str | None = None,
    maximize: str | None = None,
    params: Sequence[str] | None = None,
    choices: Mapping[str, Sequence[Any]] | None = None,
    trust_pickle: bool = False,
) -> Study:
    """Read the trials that another tool ran, and store them as a study.

    `%hpo NAME` shows it, and `--from NAME` lets its trials guide a new search. A search under the
    same name begins a revision of its own: it never continues the trials of another tool. What the
    files do not tell is said in a warning. Files that have more trials when they are read again
    give a new revision; unchanged files give the revision that is there.

    Parameters
    ----------
    place
        A storage of Optuna: a URL such as `sqlite:///studies.db`, an SQLite file or a journal file.
        A project folder of KerasTuner, which has `oracle.json`. A pickle of Hyperopt's `Trials`. A
        `.csv` of MLflow (`search_runs().to_csv()`, or of the web page) or of W&B.
    name
        A Python identifier: the study's name here. Without it the name there is taken, with `_` for
        what cannot stand in an identifier.
    storage
        The folder of the studies; `hpo_studies` in the working folder unless said otherwise.
    study
        The name of the study in a storage of Optuna that has several.
    minimize, maximize
        The metric by which the trials are judged; a CSV needs one of the two. For the other files
        only where they do not tell it; for Optuna and Hyperopt it gives the value a name.
    params
        The columns of a CSV that are hyperparameters. Needed where the columns have no prefixes, as
        in tables from the web pages of W&B and MLflow. In a CSV, "None" is read as None.
    choices
        For Hyperopt, which stores a choice as its position: the options by parameter, as in
        `hp.choice`.
    trust_pickle
        Whether a pickle may be loaded, which runs whatever code is in it.

    Returns
    -------
    Study
        With the trials that have ended: complete, pruned, failed, stopped. An infeasible trial of
        Optuna's is pruned. There are no models in it, and no source.

    Raises
    ------
    StudyNotFound
        If there is no such file, no search in it, or no trial that has ended.
    OptionError
        If an argument does not fit what the files have, a needed one is missing, or a search here
        has the name.
    HpoError
        If the files cannot be read, or a needed package is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import optuna
    >>> from hpo_magic import read_study
    >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
    >>> folder = tempfile.mkdtemp()
    >>> url = f"sqlite:///{folder}/studies.db"
    >>> theirs = optuna.create_study(storage=url, study_name="old_study")
    >>> theirs.optimize(lambda trial: trial.suggest_float("x", -10, 10) ** 2, n_trials=5)
    >>> read_study(url, storage=folder).best_params == theirs.best_params
    True
    """
    asked = Asked(study, minimize, maximize, params, choices or {}, trust_pickle)
    if name is not None:
        checked_name(name)
    found = read(place, asked)
    folder = Path(storage) if storage is not None else STUDIES
    record = store(found, open_storage(folder), name or as_identifier(found.name))
    if found.notes:
        warnings.warn(f"read_study: {' '.join(found.notes)}", stacklevel=2)
    return load_study(record.name, folder)


class FunctionObjective:
    """A Python function as an objective."""

    filename: str | None = None

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def train(self) -> ObjectiveResult:
        """Call the function; its return value is used like a cell's last expression."""
        return ObjectiveResult(self._function())

    def carried(self) -> Mapping[str, Any]:
        """Return what the function reads from outside, by name."""
        return values_read_by(self._function)

    def surroundings(self) -> Iterable[Any]:
        """Return the values that the function can read: those of its module and its closure."""
        function = inspect.unwrap(self._function)
        yield from getattr(function, "__globals__", {}).values()
        for cell in getattr(function, "__closure__", None) or ():
            with suppressed("a variable of the closure is not bound yet", ValueError):
                yield cell.cell_contents

    def codes(self) -> Iterable[Any]:
        """Return the compiled function."""
        return (getattr(inspect.unwrap(self._function), "__code__", None),)

    def strings(self) -> Iterable[str]:
        """Return the texts that the function reads from outside."""
        yield from (v for v in values_read_by(self._function).values() if isinstance(v, str))

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return None for the line, and the frames from the function on as text."""
        code = getattr(inspect.unwrap(self._function), "__code__", None)
        entry = error.__traceback__
        while entry is not None and entry.tb_frame.f_code is not code:
            entry = entry.tb_next
        lines = traceback.format_exception(type(error), error, entry or error.__traceback__)
        return None, "".join(lines)


def _check_callable(objective: Any) -> None:
    """Check that a function can be called as it is.

    Raises
    ------
    OptionError
        If it is no function, or needs arguments.
    """
    try:
        inspect.signature(objective).bind()
    except TypeError as error:
        raise OptionError(
            f"search: the objective must be a function of no arguments that asks hp for its "
            f"values, got {objective!r} ({error})."
        ) from None
    except ValueError:  # built in, without a signature
        return


def _as_called(error: MetricError | SpaceError) -> MetricError | SpaceError:
    """Return the error without a traceback, with options spelled as keywords."""
    if isinstance(error, MetricError):
        return error.in_python()
    return error.with_traceback(None)


def _metrics(given: dict[str, Any]) -> list[tuple[str | None, Direction]]:
    """Take the objectives out of the options, in their order; None where one has no name."""
    found: list[tuple[str | None, Direction]] = []
    for key in [key for key in given if key in ("minimize", "maximize")]:
        value = given.pop(key)
        metrics = [m for m in (value if isinstance(value, list) else [value]) if m is not None]
        found += [(m if isinstance(m, str) else None, Direction(key)) for m in metrics]
    return found


def _globals_of(function: Callable[..., Any]) -> list[object]:
    """Return the variables of its module that a function names."""
    inner: Any = inspect.unwrap(function)
    names = getattr(getattr(inner, "__code__", None), "co_names", ())
    known = getattr(inner, "__globals__", {})
    return [known[name] for name in names if name in known]


def _mark(function: Callable[[], Any]) -> Fingerprint:
    """Return the fingerprint of a function's source; an empty one if it has no source."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt, or built in
        return Fingerprint()
    return Fingerprint(code=hashlib.blake2b(source.encode(), digest_size=16).hexdigest())


def _listeners(options: Options, requests: UserRequests) -> list[Listener]:
    """Return the listener that shows the search: the panel, lines of text, or none."""
    if options.ui == "none":
        return []
    shell = None
    if options.ui != "text" and "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
    from hpo_magic.notebook.listener import make_listener

    return [make_listener(options.ui, shell, requests)]
