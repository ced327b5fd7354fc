"""What a search tells its user in words, while it goes on."""

from __future__ import annotations

from hpo_magic.core.curves import judged_by, n_with_curve
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Announcer
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History


class Notices:
    """The sentences of one run of a search, in their order."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._announced: Space | None = None

    def add(self, text: str) -> None:
        """Tell this."""
        self.texts.append(text)

    def once(self, text: str) -> None:
        """Tell this, unless it is empty or was told."""
        if text and text not in self.texts:
            self.add(text)

    def on_the_space(self, plan: Plan, space: Space, history: History) -> None:
        """Tell what the sampler has to say of the space, and again when it has grown."""
        sampler, n_trials = plan.sampler, plan.n_trials
        if not isinstance(sampler, Announcer) or self._announced == space:
            return
        self._announced = space
        if n_trials is not None and plan.rechecker is not None:
            n_trials -= plan.rechecker.n_runs(n_trials)
        self.once(sampler.announcement(space, history, n_trials))

    def on_pruning(self, plan: Plan, history: History) -> None:
        """Tell that no reported metric can stand for the trial's value, where none can."""
        if plan.pruner is None or n_with_curve(history) < 2 or judged_by(history):
            return
        reported = ", ".join(next(t for t in history.complete if t.curve).curve[-1].metrics)
        self.once(
            f"Nothing is pruned: the value of a trial is none of what it reports ({reported}). To "
            f"have trainings that are not worth finishing stopped, name one of these as the metric."
        )
