"""What a snapshot says: the few numbers and sentences that every view shows.

A search trains on its validation set, so its best value flatters. No function here calls it the
result: it is the best value *seen*, it is said to be optimistic, and the test has its own line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Kind, State, Trial
from hpo_magic.core.wording import counted, digits_for, duration, number


class Convergence(NamedTuple):
    """The complete trials by number, and the best value up to each; all of shape (n_complete,)."""

    numbers: npt.NDArray[np.int64]
    values: FloatArray
    best: FloatArray


class Line(NamedTuple):
    """One line of the headline: what is measured, its value, and what to think of it."""

    label: str
    value: str
    remark: str


# Trials.


def best_trial(snapshot: Snapshot) -> Trial | None:
    """Return the trial with the best value seen; None if none is complete."""
    return snapshot.history.best()


def leading_trials(snapshot: Snapshot) -> list[Trial]:
    """Return the trials of the Pareto front; with one objective the best trial alone."""
    return snapshot.history.front


def start_trial(snapshot: Snapshot) -> Trial | None:
    """Return the start: the cell as its author would have run it; None before it ran.

    After a change of the ranges it runs again; the latest complete one counts.
    """
    starts = [t for t in snapshot.trials if t.kind is Kind.START]
    complete = [t for t in starts if t.state is State.COMPLETE]
    chosen = complete or starts
    return chosen[-1] if chosen else None


def running_trials(snapshot: Snapshot) -> list[Trial]:
    """Return the trials that are in training."""
    return [t for t in snapshot.trials if t.state is State.RUNNING]


def active_names(snapshot: Snapshot, trials: Iterable[Trial] | None = None) -> list[str]:
    """Return the parameters active in some of `trials` (default: all), as the space orders them."""
    chosen = snapshot.trials if trials is None else trials
    reached = {name for t in chosen for name in t.params}
    ordered = [name for name in snapshot.space if name in reached]
    return ordered + sorted(reached - set(ordered))


def counts(snapshot: Snapshot) -> dict[State, int]:
    """Return how many trials are in each state, zeros included."""
    found = dict.fromkeys(State, 0)
    for trial in snapshot.trials:
        found[trial.state] += 1
    return found


def n_done(snapshot: Snapshot) -> int:
    """Return how many trials count as done: those of the budget that have ended."""
    return sum(t.state.is_finished for t in snapshot.trials)


# Values.


def best_so_far(snapshot: Snapshot) -> Convergence:
    """Return the values of the complete trials and the best up to each."""
    complete = snapshot.history.complete
    values = np.array([t.value for t in complete], dtype=np.float64)
    running_best = np.minimum if snapshot.direction is Direction.MINIMIZE else np.maximum
    numbers = np.array([t.number for t in complete], dtype=np.int64)
    return Convergence(numbers, values, running_best.accumulate(values) if len(values) else values)


def gain(snapshot: Snapshot) -> float | None:
    """Return how much better the best value seen is than the start's; None if one is missing.

    In the metric's unit, never negative.
    """
    start, best = start_trial(snapshot), best_trial(snapshot)
    if start is None or best is None or start.value is None or best.value is None:
        return None
    return snapshot.direction.sign * (start.value - best.value)


def digits_of(snapshot: Snapshot) -> int:
    """Return the significant digits with which this study's values are written."""
    return digits_for(t.value for t in snapshot.history.complete if t.value is not None)


def curve_metric(snapshot: Snapshot) -> str | None:
    """Return the metric whose curve is shown: the study's, or the nearest that is reported."""
    for trial in reversed(snapshot.trials):
        if trial.curve:
            reported = trial.curve[-1].metrics
            preferred = (snapshot.metric, f"val_{snapshot.metric}", "val_loss", *reported)
            return next((name for name in preferred if name in reported), None)
    return None


# Time.


def elapsed_s(snapshot: Snapshot) -> float:
    """Return the seconds since this run of the search began."""
    return max(snapshot.at - snapshot.started, 0.0)


def fraction_done(snapshot: Snapshot) -> float | None:
    """Return the used share of the budget that is nearest to its end; None without a budget."""
    shares = []
    if snapshot.n_trials:
        shares.append(n_done(snapshot) / snapshot.n_trials)
    if snapshot.time_s:
        shares.append(elapsed_s(snapshot) / snapshot.time_s)
    return min(max(shares), 1.0) if shares else None


def time_left_s(snapshot: Snapshot) -> float | None:
    """Return the seconds that the search will go on for; None while that cannot be told.

    The median trial takes as long as those before; the time budget ends it earlier.
    """
    if not snapshot.is_live:
        return None
    bounds = []
    if snapshot.time_s is not None:
        bounds.append(snapshot.time_s - elapsed_s(snapshot))
    took = [t.duration_s for t in snapshot.trials if t.duration_s is not None]
    if took and snapshot.n_trials is not None:
        running = running_trials(snapshot)
        spent = sum(min(snapshot.at - (t.started or snapshot.at), median(took)) for t in running)
        work = median(took) * (snapshot.n_trials - n_done(snapshot)) - spent
        bounds.append(work / max(len(running), 1))
    return max(min(bounds), 0.0) if bounds else None


# Sentences.


def three_numbers(snapshot: Snapshot) -> list[Line]:
    """Return the headline: the start, the best seen, and the test, each with its remark."""
    digits = digits_of(snapshot)
    start, best = start_trial(snapshot), best_trial(snapshot)
    lines = [Line("start", _start_value(start, digits), "the cell as you wrote it")]
    if best is not None:
        remark = f"best of {len(snapshot.history.complete):,}, optimistic"
        if better := gain_text(snapshot):
            remark += f"; {better}"
        lines.append(Line("best seen", number(best.value, digits), remark))
    return [*lines, test_line(snapshot)]


def _start_value(start: Trial | None, digits: int) -> str:
    if start is None:
        return "not run yet"
    return start.state.value if start.value is None else number(start.value, digits)


def test_line(snapshot: Snapshot) -> Line:
    """Return the last line of the headline: what a test said, or how to make one."""
    measured = [evaluation for evaluation in snapshot.evaluations if evaluation.value is not None]
    if not measured:
        return Line("test", "not measured", f"%%hpo_test {snapshot.name}")
    last = measured[-1]
    remarks = []
    if last.n_leaked:
        remarks.append(f"no test: the search knew {last.n_leaked:,} of its rows")
    if last.number > 1:
        remarks.append(f"look {last.number} at this test set: treat it as validation")
    if last.low is not None and last.high is not None and not remarks:
        remarks.append(f"{number(last.low)} to {number(last.high)} (95%)")
    return Line("test", number(last.value), "; ".join(remarks))


def epoch_text(trial: Trial) -> str:
    """Return how far a training has come: "epoch 3 of 30"; "" if it reported nothing."""
    if not trial.curve:
        return ""
    step = trial.curve[-1].step
    is_planned = trial.n_steps is not None and trial.n_steps >= step
    return f"epoch {step:,} of {trial.n_steps:,}" if is_planned else f"epoch {step:,}"


def ended_as(trial: Trial) -> str:
    """Return what became of a trial without a value: "pruned after epoch 3 of 30"."""
    is_cut = trial.state in (State.PRUNED, State.SKIPPED, State.STOPPED)
    after = epoch_text(trial) if is_cut else ""
    return f"{trial.state.value} after {after}" if after else trial.state.value


def gain_text(snapshot: Snapshot) -> str:
    """Return the gain over the start in words; "" where there is none to speak of."""
    better = gain(snapshot)
    if not better:
        return ""
    start = start_trial(snapshot)
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


def value_columns(snapshot: Snapshot) -> list[str]:
    """Return what the columns of values are called in a table with a row for each trial.

    "value", or with several objectives their metrics; `value_error` where `error` is a column's
    name already.
    """
    if not snapshot.is_multi_objective:
        return ["value"]
    taken = {"number", "state", "kind", "duration_s", "error", "front", *active_names(snapshot)}
    metrics = [goal.metric for goal in snapshot.goals]
    return [f"value_{metric}" if metric in taken else metric for metric in metrics]


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
    """Return what the search wants: "maximize val_accuracy"."""
    return ", ".join(map(str, snapshot.goals))


def progress_text(snapshot: Snapshot) -> str:
    """Return how far the search is: "12 of 40 trials done"."""
    done = n_done(snapshot)
    if snapshot.n_trials is None:
        text = f"{counted(done, 'trial')} done"
    else:
        text = f"{done:,} of {counted(snapshot.n_trials, 'trial')} done"
    return f"{text}, {snapshot.phase}" if snapshot.phase else text


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
