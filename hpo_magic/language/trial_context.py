"""A running trial, as the `hp` calls inside it see it: who they ask for their values.

It is found by a context variable, so that a cell needs no argument for it and several trials can
run side by side in threads.
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
    """What the `hp` calls of one running trial talk to.

    After the trial `values` holds what was asked for, by name, and `asked` how it was declared;
    `objects` are the user's own, and `known` has the names of inactive parameters too.
    `used_seed`: `hp.seed()` was called. `scored` are the results of `hp.score()`, `observed`
    the scores that a watched library computed, those of one cross-validation together.
    `prefixes` are the name scopes that are open, `noted` is what the code wants kept with the
    trial. `metric` is the study's, None where it is not known.
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
        self.observed: list[tuple[Scored, ...]] = []
        self.scopes: list[Scope] = []
        self.prefixes: list[str] = []
        self.noted: dict[str, Any] = {}
        self.metric = metric
        self.reported: dict[str, float] = {}  # what each metric was reported as last
        self._report = report
        self._n_reports = 0

    def ask(self, parameter: Parameter) -> Plain:
        """Return the trial's value of `parameter`, the same each time it is asked for."""
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
        """Pass on what an epoch measured; `step` counts on from the last one if None."""
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
        # A branch that no trial has reached before: the sampler could not know of it.
        entropy = (self.run.seed, self.run.number, crc32(parameter.name.encode()))
        return parameter.domain.value(np.random.default_rng(entropy).random())


_current: ContextVar[TrialContext | None] = ContextVar("hpo_magic_trial", default=None)
# The trials of this process, for threads that a cell starts itself: they get no context.
_running: list[TrialContext] = []


@contextmanager
def running(trial: TrialContext) -> Iterator[TrialContext]:
    """Make `trial` the one that `hp` calls talk to."""
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
