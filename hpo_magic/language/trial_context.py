"""The context of a running trial: where `hp` calls get their values and leave their parameters.

`hp` finds it by a context variable, so that a cell needs no argument for it and several trials can
run in threads at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from zlib import crc32

import numpy as np

from hpo_magic.core.domains import Choice, Plain
from hpo_magic.core.events import Run
from hpo_magic.core.ports import Report
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Direction, Kind
from hpo_magic.errors import HpoError, SpaceError
from hpo_magic.language.scores import Scored, Split
from hpo_magic.source.call_names import CallNames

# How to write a choice among things that have hyperparameters of their own.
CHOOSE_A_NAME = (
    'Choose a name, kind = hp.Choice(["svm", "tree"]), and make what belongs to it afterwards: '
    'if kind == "svm": C = hp.Float(…).'
)

# Of a cell that fits or evaluates in a long loop the last ones are kept.
MOST_KEPT = 50

Scope = tuple[str, tuple[Plain, ...]]


class TrialContext:
    """The state of one running trial.

    Attributes
    ----------
    asked
        The parameters that the code has declared, by name.
    values
        Their values as plain values, by name.
    objects
        Their values as the user's own objects, by name.
    known
        The names of all declared parameters, inactive ones included.
    used_seed
        Whether the code called `hp.seed()`.
    scored
        The results of `hp.score()`, in the order of the calls.
    observed
        The scores that a watched library computed, those of one cross-validation together.
    splits
        The columns that a watched library split into training and validation rows.
    trained
        What watched models were fitted to, for each of the last fits: the true values, or the data
        set that has them.
    evaluated
        The numbers of watched evaluations by name, each with the true values or the data set that
        it is of.
    random_state
        Returns where the random streams are, as a value.
    idle_draws
        Where they were before and after draws that no result depends on.
    scopes, prefixes
        The open `hp.conditional_scope`s and `hp.name_scope`s, outermost first.
    noted
        What the code set by Optuna's `set_user_attr`, by name.
    metric
        The study's metric; None: not known yet.
    directions
        Of the study's objectives.
    constraints
        What Optuna's `set_constraint` noted, by name; above 0 the trial is infeasible.
    system_noted, noted_of_study
        What Optuna's `set_system_attr`, and `set_user_attr` of the study, noted in this trial.
    started
        When the trial began.
    refused
        The error of the first `hp` call that describes no range, or has no name; None without one.
    """

    def __init__(
        self,
        run: Run,
        report: Report,
        call_names: CallNames | None = None,
        metric: str | None = None,
        directions: tuple[Direction, ...] = (Direction.MINIMIZE,),
    ) -> None:
        self.run = run
        self.directions = directions
        self.constraints: dict[str, float] = {}
        self.system_noted: dict[str, Any] = {}
        self.noted_of_study: dict[str, Any] = {}
        self.started = datetime.now()
        self.refused: HpoError | None = None
        self.process = os.getpid()
        self.call_names = call_names or CallNames()
        self.asked: dict[str, Parameter] = {}
        self.values: dict[str, Plain] = {}
        self.objects: dict[str, Any] = {}
        self.known: set[str] = set()
        self.fixed: set[str] = set()  # by hp.Fixed: a later range of the name is not asked for
        self.used_seed = False
        self.scored: list[Scored] = []
        self.observed: list[tuple[Scored, ...]] = []
        self.splits: list[Split] = []
        self.trained: list[Any] = []
        self.evaluated: list[tuple[Mapping[str, float], Any]] = []
        self.random_state: Callable[[], Hashable] = lambda: None
        self.idle_draws: list[tuple[Hashable, Hashable]] = []
        self.scopes: list[Scope] = []
        self.prefixes: list[str] = []
        self.noted: dict[str, Any] = {}
        self.metric = metric
        self.reported: dict[str, float] = {}  # what each metric was reported as last
        self._report = report
        self._n_reports = 0

    def fits_to(self, target: Any) -> None:
        """Note the true values that a model is fitted to, or the data set that has them.

        A class of several models gives its own to one of them: these are noted once.
        """
        if target is not None and not (self.trained and self.trained[-1] is target):
            self.trained = [*self.trained, target][-MOST_KEPT:]

    def evaluates(self, numbers: Mapping[str, float], target: Any) -> None:
        """Note the numbers of an evaluation, and the true values or the data set that it is of."""
        self.evaluated = [*self.evaluated, (numbers, target)][-MOST_KEPT:]

    def drew_random(self, begun: Hashable) -> bool:
        """Return whether a random stream moved since `begun`, but for draws without an effect."""
        at = begun
        for before, after in self.idle_draws:
            if before != at:
                return True
            at = after
        return self.random_state() != at

    def ask(self, parameter: Parameter) -> Plain:
        """Return the trial's value of `parameter`; the same one at each call."""
        name = parameter.name
        self.known.add(name)
        if not all(self._is_open(scope) for scope in parameter.scopes):
            # Inactive, so not recorded. KerasTuner gives None; the default lets code below run.
            return parameter.default
        if name in self.asked:
            if name not in self.fixed and self.asked[name].domain != parameter.domain:
                raise SpaceError(
                    f"{name!r} was asked for with another range before: a name has one range. "
                    f'Give this one a name of its own, such as hp.…("{name}_b", …).'
                )
            return self.values[name]
        self.asked[name] = parameter
        self.values[name] = value = self._chosen(parameter)
        return value

    def report(self, step: int | None, metrics: Mapping[str, float]) -> None:
        """Report the metrics of an epoch; `step` None: the one after the last reported."""
        self._n_reports = self._n_reports + 1 if step is None else int(step)
        self.reported |= metrics
        self._report(self._n_reports, metrics)

    @property
    def reports_its_objective(self) -> bool:
        """Whether the code reports by itself what the search compares: libraries need not then."""
        return (self.metric or "val_loss") in self.reported

    def _is_open(self, scope: Scope) -> bool:
        parent, values = scope
        return parent in self.values and self.values[parent] in values

    def _chosen(self, parameter: Parameter) -> Plain:
        if parameter.name in self.run.params:
            wanted = self.run.params[parameter.name]
            _refuse_changing_objects(parameter, wanted)
            return parameter.domain.nearest(wanted)
        if self.run.kind is Kind.START:
            return parameter.default
        # No trial has reached this parameter before, so the sampler did not choose a value for it.
        entropy = (self.run.seed, self.run.number, crc32(parameter.name.encode()))
        return parameter.domain.value(np.random.default_rng(entropy).random())


_current: ContextVar[TrialContext | None] = ContextVar("hpo_magic_trial", default=None)
# The running trials of this process: a thread that a cell starts does not inherit the context.
_running: list[TrialContext] = []


# Tells child processes of a trial, which inherit it, that they are no place to ask for values.
MARK = "HPO_MAGIC_TRIAL_IN_PROCESS"


@contextmanager
def running(trial: TrialContext) -> Iterator[TrialContext]:
    """Make `trial` the current trial of `hp` calls in this context."""
    token = _current.set(trial)
    _running.append(trial)
    os.environ[MARK] = str(trial.process)
    try:
        yield trial
    finally:
        _running.remove(trial)
        _current.reset(token)
        if not _running:  # trials in threads may end in any order
            os.environ.pop(MARK, None)


def current_trial() -> TrialContext | None:
    """Return the trial that is running here; None outside a trial.

    Raises
    ------
    SpaceError
        In a child process of a trial (a worker of a data loader, of joblib): what is asked for
        there, the search would not see.
    """
    trial = _current.get()
    found = _running[0] if trial is None and len(_running) == 1 else trial
    of = str(found.process) if found is not None else os.environ.get(MARK)
    if of is not None and of != str(os.getpid()):
        raise SpaceError(
            f"hp was used in process {os.getpid()}, a child of the trial's process {of}: the "
            f"search would not see it. Ask for the value before the work is handed to the "
            f"child process, and pass it on."
        )
    return found


def _refuse_changing_objects(parameter: Parameter, wanted: Plain) -> None:
    """Refuse choices whose objects are other ones in each trial: none could be chosen twice.

    Raises
    ------
    SpaceError
        If the value that the search chose is an object that is not among them any more.
    """
    domain = parameter.domain
    if not isinstance(domain, Choice) or not domain.objects or wanted in domain:
        return
    if not isinstance(wanted, str | tuple):
        return
    raise SpaceError(
        f"the search chose {wanted!r}, an object that is not among the choices of this trial "
        f"({', '.join(map(repr, domain.objects[:3]))}). {CHOOSE_A_NAME}"
    )
