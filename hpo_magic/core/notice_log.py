"""The notices of one run of a search: each once, in their order."""

from __future__ import annotations

from hpo_magic.core.curves import judged_by, n_with_curve
from hpo_magic.core.notices import AllTried, NothingPruned, Notice, RecheckPlanned
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Announcer
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History


class NoticeLog:
    """The notices of one run of a search, in their order."""

    def __init__(self) -> None:
        self.all: list[Notice] = []
        self._announced: Space | None = None

    def add(self, notice: Notice) -> None:
        """Append a notice."""
        self.all.append(notice)

    def once(self, notice: Notice | None) -> None:
        """Append a notice, unless it is None or "", or there already."""
        if notice and notice not in self.all:
            self.add(notice)

    def on_the_end(self, notice: AllTried) -> None:
        """Append why the search ends; remove the notice of a re-check that did not come."""
        if not notice.was_rechecked:
            self.all = [each for each in self.all if not isinstance(each, RecheckPlanned)]
        self.once(notice)

    def on_the_space(self, plan: Plan, space: Space, history: History) -> None:
        """Append the sampler's notice about the space; again whenever the space has grown."""
        sampler, n_trials = plan.sampler, plan.n_trials
        if not isinstance(sampler, Announcer) or self._announced == space:
            return
        self._announced = space
        if n_trials is not None and plan.rechecker is not None:
            n_trials -= plan.rechecker.n_runs(n_trials)
        self.once(sampler.announcement(space, history, n_trials))

    def on_pruning(self, plan: Plan, history: History) -> None:
        """Append a notice if pruning is on and no reported metric is the trials' value."""
        if plan.pruner is None or n_with_curve(history) < 2 or judged_by(history):
            return
        curve = next(trial for trial in history.complete if trial.curve).curve
        self.once(NothingPruned(tuple(curve[-1].metrics)))
