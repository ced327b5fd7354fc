"""The context of a running trial: where `hp` calls get their values and leave their parameters.

`hp` finds it by a context variable, so that a cell needs no argument for it and several trials can
run in threads at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from zlib import crc32

import numpy as np

from hpo_magic.core.domains import Plain
from hpo_magic.core.events import Run
from hpo_magic.core.ports import Report
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Kind
from hpo_magic.errors import SpaceError
from hpo_magic.language.scores import Scored
from hpo_magic.source.call_names import CallNames

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
    scopes, prefixes
        The open `hp.conditional_scope`s and `hp.name_scope`s, outermost first.
    noted
        What the code set by Optuna's `set_user_attr`, by name.
    metric
        The study's metric; None: not known yet.
    """

    def __init__(
        self,
        run: Run,
        report: Report,
        call_names: CallNames | None = None,
        metric: str | None = None,
    ) -> None:
        self.run = run
        self.call_names = call_names or CallNames()
        self.asked: dict[str, Parameter] = {}
        self.values: dict[str, Plain] = {}
        self.objects: dict[str, Any] = {}
        self.known: set[str] = set()
        self.used_seed = False
        self.scored: list[Scored] = []
        self.scopes: list[Scope] = []
        self.prefixes: list[str] = []
        self.noted: dict[str, Any] = {}
        self.metric = metric
        self.reported: dict[str, float] = {}  # what each metric was reported as last
        self._report = report
        self._n_reports = 0

    def ask(self, parameter: Parameter) -> Plain:
        """Return the trial's value of `parameter`; the same one at each call."""
        name = parameter.name
        self.known.add(name)
        if not all(self._is_open(scope) for scope in parameter.scopes):
            # Inactive, so not recorded. KerasTuner gives None; the default lets code below run.
            return parameter.default
        if name in self.asked:
            if self.asked[name].domain != parameter.domain:
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
        numbers = {name: float(value) for name, value in metrics.items()}
        self.reported |= numbers
        self._report(self._n_reports, numbers)

    def _is_open(self, scope: Scope) -> bool:
        parent, values = scope
        return parent in self.values and self.values[parent] in values

    def _chosen(self, parameter: Parameter) -> Plain:
        if parameter.name in self.run.params:
            return parameter.domain.nearest(self.run.params[parameter.name])
        if self.run.kind is Kind.START:
            return parameter.default
        # No trial has reached this parameter before, so the sampler did not choose a value for it.
        entropy = (self.run.seed, self.run.number, crc32(parameter.name.encode()))
        return parameter.domain.value(np.random.default_rng(entropy).random())


_current: ContextVar[TrialContext | None] = ContextVar("hpo_magic_trial", default=None)
# The running trials of this process: a thread that a cell starts does not inherit the context.
_running: list[TrialContext] = []


@contextmanager
def running(trial: TrialContext) -> Iterator[TrialContext]:
    """Make `trial` the current trial of `hp` calls in this context."""
    token = _current.set(trial)
    _running.append(trial)
    try:
        yield trial
    finally:
        _running.remove(trial)
        _current.reset(token)


def current_trial() -> TrialContext | None:
    """Return the trial that is running here; None outside a trial."""
    trial = _current.get()
    return _running[0] if trial is None and len(_running) == 1 else trial
