"""The notices of one run of a search: each once, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from hpo_magic.core.curves import judged_by, n_with_curve
from hpo_magic.core.notices import (
    ON_TRAINING_ROWS,
    TRAINING_ROWS,
    AllTried,
    Guidance,
    NothingPruned,
    Notice,
    NotStopped,
    RecheckPlanned,
)
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Announcer
from hpo_magic.core.records import OlderStudy
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, Trial

# A training ends some time after its last step: only what goes beyond that is told.
SLACK, SLACK_S = 1.1, 0.5


class NoticeLog:
    """The notices of one run of a search, in their order."""

    def __init__(self) -> None:
        self.all: list[Notice] = []
        self._announced: Space | None = None
        self._knows_guides = False

    def add(self, notice: Notice) -> None:
        """Append a notice."""
        self.all.append(notice)

    def once(self, notice: Notice | None) -> None:
        """Append a notice, unless it is None or "", or there already.

        That a value is of the training rows is said once: by its line, if the cell's text shows it.
        """
        said = (one for one in self.all if isinstance(one, str))
        if isinstance(notice, str) and any(TRAINING_ROWS in one for one in said):
            notice = notice.replace(ON_TRAINING_ROWS, "").strip()
        if notice and notice not in self.all:
            self.add(notice)

    def on_the_end(self, notice: AllTried) -> None:
        """Append why the search ends; remove the notice of a re-check that did not come."""
        if not notice.was_rechecked:
            self.all = [each for each in self.all if not isinstance(each, RecheckPlanned)]
        self.once(notice)

    def on_the_space(self, plan: Plan, space: Space, history: History) -> None:
        """Append the sampler's notice about the space, once it knows one; again when that grows."""
        sampler, n_trials = plan.sampler, plan.n_trials
        if not isinstance(sampler, Announcer) or self._announced == space:
            return
        if n_trials is not None and plan.rechecker is not None:
            n_trials -= plan.rechecker.n_runs(n_trials)
        notice = sampler.announcement(space, history, n_trials)
        if notice is not None:
            self._announced = space
            self.once(notice)

    def on_guides(self, name: str, space: Space, older: Sequence[OlderStudy]) -> None:
        """Append which older trials guide the search of the study `name`, once."""
        if self._knows_guides or not older:
            return
        self._knows_guides = True
        found: dict[str, tuple[int, int]] = {}  # revisions and trials by study
        n_without = 0
        for study in older:
            complete = study.history.complete
            n = sum(not space.keys().isdisjoint(trial.params) for trial in complete)
            n_without += len(complete) - n
            if n:
                of = "" if study.name == name else study.name
                n_revisions, n_trials = found.get(of, (0, 0))
                found[of] = n_revisions + 1, n_trials + n
        self.once(Guidance(tuple((of, *counts) for of, counts in found.items()), n_without))

    def on_the_limit(self, plan: Plan, trial: Trial, took_s: float) -> None:
        """Append a notice if a complete trial took longer than the limit; for the first one."""
        limit_s = plan.timeout_s
        is_known = any(isinstance(each, NotStopped) for each in self.all)
        if limit_s is not None and took_s > SLACK * limit_s + SLACK_S and not is_known:
            self.add(NotStopped(trial.number, took_s, limit_s))

    def on_pruning(self, plan: Plan, history: History) -> None:
        """Append a notice if pruning is on and no reported metric is the trials' value."""
        if plan.pruner is None or n_with_curve(history) < 2 or judged_by(history):
            return
        curve = next(trial for trial in history.complete if trial.curve).curve
        self.once(NothingPruned(tuple(curve[-1].metrics)))
