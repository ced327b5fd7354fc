"""How far a search is, in words: progress, counts, times, and a trial's values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.epochs_spent import trainings_worth
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import counts, elapsed_s, gain, n_done, time_left_s
from hpo_magic.core.trial import State, Trial
from hpo_magic.views.words.notices import phase_text
from hpo_magic.views.words.numbers import counted, digits_for, duration, number


def digits_of(snapshot: Snapshot) -> int:
    """Return the significant digits with which this study's values are written."""
    return digits_for(t.value for t in snapshot.history.complete if t.value is not None)


def epoch_text(trial: Trial) -> str:
    """Return how far a training has come: "epoch 3 of 30"; "" if it reported nothing."""
    if not trial.curve:
        return ""
    step = trial.curve[-1].step
    is_planned = trial.n_steps is not None and trial.n_steps >= step
    return f"epoch {step:,} of {trial.n_steps:,}" if is_planned else f"epoch {step:,}"


def ended_as(trial: Trial) -> str:
    """Return how a trial without a value ended: "pruned after epoch 3 of 30"."""
    is_cut = trial.state in (State.WAITING, State.PRUNED, State.SKIPPED, State.STOPPED)
    after = epoch_text(trial) if is_cut else ""
    return f"{trial.state.value} after {after}" if after else trial.state.value


def gain_text(snapshot: Snapshot) -> str:
    """Return the gain over the start in words; "" where there is none to speak of."""
    better = gain(snapshot)
    if not better:
        return ""
    start = snapshot.start
    assert start is not None
    assert start.value is not None
    # As many decimals as the values have: 0.861 and 0.952 are 0.091 apart, not 0.09100.
    written = number(max(abs(start.value), better), digits_of(snapshot))
    n_decimals = len(written.partition(".")[2]) if "e" not in written else 0
    apart = f"{better:.{n_decimals}f}" if n_decimals else number(better)
    return f"{apart} better than the start" if float(apart) else ""


def goal_writers(snapshot: Snapshot) -> list[Callable[[float | None], str]]:
    """Return how values are written, for each objective: counts as whole numbers."""
    history = snapshot.history
    if not snapshot.is_multi_objective:
        return [partial(number, digits=digits_of(snapshot))]
    columns = history.losses(history.complete).T
    return [_writer(column) for column in columns]


def _writer(losses: FloatArray) -> Callable[[float | None], str]:
    if len(losses) and (losses == np.rint(losses)).all():
        return lambda value: "-" if value is None else f"{value:,.0f}"
    return partial(number, digits=digits_for(losses.tolist()))


def values_text(snapshot: Snapshot, trial: Trial) -> str:
    """Return a trial's values, "0.9523, 12,010"; "" if it has none."""
    if trial.value is None:
        return ""
    pairs = zip(goal_writers(snapshot), snapshot.history.values(trial), strict=True)
    return ", ".join(write(value) for write, value in pairs)


def named_values_text(snapshot: Snapshot, trial: Trial) -> str:
    """Return a trial's values with their metrics, "acc 0.9523, n_params 12,010"."""
    pairs = zip(snapshot.goals, goal_writers(snapshot), snapshot.history.values(trial), strict=True)
    return ", ".join(f"{goal.metric} {write(value)}" for goal, write, value in pairs)


def goal_text(snapshot: Snapshot) -> str:
    """Return the objectives: "maximize val_accuracy"."""
    return ", ".join(map(str, snapshot.goals))


def progress_text(snapshot: Snapshot) -> str:
    """Return how far the search is: "12 of 40 trials done".

    Where trainings wait: "11.4 of 30 trainings' worth of epochs, 37 begun, 9 complete, 8 waiting".
    """
    done = n_done(snapshot)
    if snapshot.counts_epochs:
        text = _epochs_text(snapshot)
    elif snapshot.n_trials is None:
        text = f"{counted(done, 'trial')} done"
    else:
        text = f"{done:,} of {counted(snapshot.n_trials, 'trial')} done"
    return f"{text}, {phase_text(snapshot.phase)}" if snapshot.phase else text


def _epochs_text(snapshot: Snapshot) -> str:
    """Return the used budget in trainings' worth of epochs, and the trials by state."""
    worth = f"{trainings_worth(snapshot.trials):.1f}"
    of = worth if snapshot.n_trials is None else f"{worth} of {snapshot.n_trials:,}"
    found = counts(snapshot)
    states = [f"{found[s]:,} {s.value}" for s in (State.COMPLETE, State.WAITING) if found[s]]
    begun = f"{len(snapshot.trials):,} begun"
    return ", ".join([f"{of} trainings' worth of epochs", begun, *states])


def counts_text(snapshot: Snapshot) -> str:
    """Return the trials by state, those that there are: "11 complete, 1 failed"."""
    parts = [f"{n:,} {state.value}" for state, n in counts(snapshot).items() if n]
    if snapshot.set_aside:
        parts.append(f"{len(snapshot.set_aside):,} set aside (outside the ranges)")
    return ", ".join(parts)


def time_text(snapshot: Snapshot) -> str:
    """Return the time used and left: "2 min 31 s elapsed, about 6 min left"."""
    elapsed = f"{duration(elapsed_s(snapshot))} elapsed"
    left = time_left_s(snapshot)
    return elapsed if left is None else f"{elapsed}, about {duration(left)} left"
