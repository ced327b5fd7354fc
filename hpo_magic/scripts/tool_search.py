"""A search that another tool's call asked for, as one of ours."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hpo_magic.core.events import Run
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import AskedGoals, Kind, Trial
from hpo_magic.errors import SpaceError
from hpo_magic.inputs.reads import values_read_by
from hpo_magic.language.trial_context import TrialContext, running
from hpo_magic.source.spelling import grouped
from hpo_magic.study.study import Study
from hpo_magic.tools.entries import Entry
from hpo_magic.tools.interception import Call

# Among the texts of a call's arguments: what our `hp` is called where the training is written.
OUR_HP = "our hp"


class EndsSearch(SpaceError):
    """A failure after which no further setting is tried, such as KerasTuner's `FatalError`."""


class CannotTakeOver(SpaceError):
    """A call of another tool's cannot be read as a search; the message says what to write."""


def _goes_on(snapshot: Snapshot) -> bool:
    return False


def _nothing(study: Study) -> None:
    return None


@dataclass(frozen=True)
class ToolSearch:
    """What a call of another tool's asked for.

    Attributes
    ----------
    objective
        Trains once and returns the value, or a dict of metrics. It asks `hp` for its values.
    goals
        The objectives, or a direction.
    trials
        The number of trainings that the script asks for; None: it does not say.
    time_s
        Its time budget in seconds; None: it has none.
    settings
        Options of the search that follow from the script, such as the sampler of a grid.
    owner
        The tool's object that the trials are added to; a second call on it goes on with the same
        study of ours, and its trials are added. None: each call has a study of its own.
    first
        The settings to try first.
    read
        The function whose outside values are watched and fingerprinted.
    cell
        The text of a cell that is searched in place of `objective`; "" for none. Hyperas's.
    notes
        What the user must know: what of the call is not used.
    equivalent
        Returns, from the texts of the call's arguments, the statements that train once; "" where
        nothing is written. `study.freeze()` freezes them.
    ended
        Called with the snapshot after each trial, and before `result`; takes over the trials that
        are new, and returns whether the search ends now.
    result
        Returns what the call returns, from the study at the end.
    """

    objective: Callable[[], Any]
    goals: AskedGoals
    trials: int | None = None
    time_s: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    owner: Any = None
    first: Sequence[Mapping[str, Any]] = ()
    read: Callable[..., Any] | None = None
    cell: str = ""
    notes: Sequence[str] = ()
    equivalent: Callable[[Mapping[str, str]], str] = lambda texts: ""
    ended: Callable[[Snapshot], bool] = _goes_on
    result: Callable[[Study], Any] = _nothing

    def values_read(self) -> dict[str, Any]:
        """Return what the objective reads from outside, by name."""
        return {} if self.read is None else values_read_by(self.read)


@contextmanager
def replayed(trial: Trial) -> Iterator[TrialContext]:
    """Have `hp` calls give the values of a finished trial while this is open."""
    run = Run(trial.number, trial.params, trial.kind, trial.seed)
    with running(TrialContext(run, _unreported)) as context:
        yield context


def _unreported(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
    """Take a report and do nothing: no training runs."""


def on_space(function: str, space: str) -> Callable[[Mapping[str, str]], str]:
    """Return what writes one training of a function on a space's values.

    `function` and `space` are the parameters of the tool's call that have them.

    >>> on_space("fn", "space")({"fn": "loss", "space": "ranges"})
    'loss(hp.from_space(ranges))'
    """

    def written(texts: Mapping[str, str]) -> str:
        if not texts.get(function) or not texts.get(space):
            return ""
        if texts[space] in ("'annotated'", '"annotated"'):
            return ""  # the space stands in the function's parameters
        return f"{grouped(texts[function])}({texts.get(OUR_HP, 'hp')}.from_space({texts[space]}))"

    return written


def new_trials(snapshot: Snapshot, known: set[int]) -> list[Trial]:
    """Return the ended trials that are not among the `known` ones, and add them there.

    Re-runs and trials that were stopped before their end are left out.
    """
    ended = [t for t in snapshot.history.trials if t.state.is_finished and t.number not in known]
    known |= {trial.number for trial in ended}
    return [trial for trial in ended if trial.kind is not Kind.RECHECK]


def arguments_of(call: Call) -> dict[str, Any]:
    """Return the arguments of a call by the names of its parameters, defaults included.

    Raises
    ------
    CannotTakeOver
        If they do not fit; the sentence is Python's.
    """
    signature = inspect.signature(call.original)
    try:
        bound = signature.bind(*call.args, **call.options)
    except TypeError as error:
        raise CannotTakeOver(f"{call.text} on line {call.frame.f_lineno}: {error}.") from None
    bound.apply_defaults()
    return dict(bound.arguments)


def names_in_code(function: Any, depth: int = 4) -> set[str]:
    """Return the names that a function's code mentions, those of functions that it calls included.

    An empty set where it has no Python code.
    """
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    if code is None:
        inside = vars(type(function)).get("__call__")
        return names_in_code(inside, depth - 1) if inside is not None and depth else set()
    found = _names_of(code)
    known = getattr(function, "__globals__", {})
    for name in tuple(found) if depth else ():
        if hasattr(known.get(name), "__code__"):
            found |= names_in_code(known[name], depth - 1)
    return found


def _names_of(code: Any) -> set[str]:
    found = {*code.co_names, *code.co_freevars, *code.co_cellvars}
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            found |= _names_of(constant)
    return found


def not_taken_over(entry: Entry, line: int) -> CannotTakeOver:
    """Return the error of a call that begins a search which cannot be ours."""
    return CannotTakeOver(
        f"{entry.call} on line {line}: a search of {entry.tool}'s is not taken over. Write the "
        f"training without it: {entry.instead}."
    )


def search_of(call: Call) -> ToolSearch:
    """Return the search that a call asks for.

    Raises
    ------
    CannotTakeOver
        If it cannot be read; the message says what to write.
    """
    if not call.entry.reader:
        raise not_taken_over(call.entry, call.frame.f_lineno)
    module, _, name = call.entry.reader.partition(":")
    found: ToolSearch = getattr(importlib.import_module(module), name)(call)
    return found
