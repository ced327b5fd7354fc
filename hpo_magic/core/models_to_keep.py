"""Which models stay on disk: those of the best trials, or of a whole Pareto front."""

from __future__ import annotations

from hpo_magic.core.plan import Plan
from hpo_magic.core.trial import History, named_goals


def to_keep(plan: Plan, history: History) -> tuple[float | None, tuple[int, ...]]:
    """Return the value that keeps the next trial's model, and whose other models stay then.

    The value is in the metric's unit; None: any value does. With several objectives the models
    of the whole Pareto front stay: the user may choose any of them.

    Parameters
    ----------
    history
        The trials before that one.
    """
    if len(named_goals(plan.goals)) > 1:
        return None, tuple(trial.number for trial in history.front)
    leaders, n_kept = history.ranked, _n_kept(plan)
    to_beat = leaders[n_kept - 1].value if len(leaders) >= n_kept else None
    return to_beat, tuple(trial.number for trial in leaders[: n_kept - 1])


def _n_kept(plan: Plan) -> int:
    """Return the number of models to keep: at least those that a re-check may choose from."""
    if plan.rechecker is None or plan.n_trials is None:
        return plan.n_keep
    return max(plan.rechecker.n_settings(plan.n_trials), plan.n_keep)
