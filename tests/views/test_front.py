"""Several objectives as they are shown: the front and its words, the table, the headline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_searches import a_search, a_search_for_several

from hpo_magic.core.notices import Rechecks
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Goal, Kind, State
from hpo_magic.honesty.estimate import Method
from hpo_magic.honesty.recheck_results import honest_by_goal
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.views.canvas import words
from hpo_magic.views.convergence import convergence
from hpo_magic.views.front import coverage, front
from hpo_magic.views.result import result_html
from hpo_magic.views.table import ranked, sort_keys, table
from hpo_magic.views.text import progress_line, result_text, trial_lines
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.honest import how_text


def ended(n: int = 30) -> Snapshot:
    """Return a search for accuracy and size that is over."""
    return a_search_for_several(n, is_running=False)


def test_the_words_of_the_front_name_its_ends_and_the_point_that_is_taken() -> None:
    """With the metrics, so that no number stands alone."""
    snapshot = ended()
    found = snapshot.history.front
    text = words(front(snapshot))
    assert text.startswith(f"val_accuracy and n_params: {len(found)} trials of 26 on the front")
    assert f"n_params {found[-1].metrics['n_params']:,.0f}" in text
    assert "the balanced point is trial" in text
    chosen = replace(snapshot, chosen=found[0].number)
    assert f"chosen is trial {found[0].number} (" in words(front(chosen))


def test_the_line_passes_every_point_and_goes_where_nobody_was() -> None:
    """No complete trial lies on its good side."""
    snapshot = ended()
    (axes,) = front(snapshot).axes
    (line,) = axes.get_lines()
    sizes, accuracies = (np.asarray(data) for data in line.get_data())
    found = {(t.metrics["n_params"], t.value) for t in snapshot.history.front}
    assert set(zip(sizes, accuracies, strict=True)) == found
    assert line.get_drawstyle() == "steps-post"  # to the right the same accuracy, till the next
    assert (np.diff(sizes) > 0).all()
    assert (np.diff(accuracies) > 0).all()
    assert axes.get_xscale() == "linear"


def test_sizes_that_span_a_hundredfold_have_a_log_axis() -> None:
    """Else all small networks would stand in one column."""
    snapshot = ended()
    trials = tuple(
        replace(t, metrics={"n_params": 10.0 ** (1 + t.number % 5)}) if t.metrics else t
        for t in snapshot.trials
    )
    (axes,) = front(replace(snapshot, trials=trials)).axes
    assert axes.get_xscale() == "log"


def test_three_objectives_make_two_plots() -> None:
    """The first one upwards in both."""
    snapshot = ended()
    trials = tuple(
        replace(t, metrics={**t.metrics, "fit_seconds": 1.0 + t.number}) if t.metrics else t
        for t in snapshot.trials
    )
    time = Goal("fit_seconds", Direction.MINIMIZE)
    three = replace(snapshot, trials=trials, goals=(*snapshot.goals, time))
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in front(three).axes]
    up = "val_accuracy (larger is better)"
    assert labels == [
        ("n_params (smaller is better)", up),
        ("fit_seconds (smaller is better)", up),
    ]


def test_one_objective_has_no_front() -> None:
    """It says so."""
    assert "best value" in front(a_search(5)).texts[0].get_text()


def test_the_convergence_of_several_objectives_is_what_the_front_covers() -> None:
    """It never falls, and ends with everything."""
    snapshot = ended()
    assert words(convergence(snapshot)) == words(coverage(snapshot))
    (line,) = coverage(snapshot).axes[0].get_lines()
    shares = np.asarray(line.get_ydata())
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] == 1.0
    assert shares[0] < 1.0


def test_the_table_has_a_column_for_each_objective_and_marks_the_front() -> None:
    """Counts are whole numbers; the front stands first, and each objective can be sorted by."""
    snapshot = ended()
    shown = table(snapshot, ranked(snapshot))
    assert shown.header[2:4] == ("val_accuracy", "n_params")
    assert shown.best == frozenset(range(len(snapshot.history.front)))
    assert shown.rows[0][3].replace(",", "").isdigit()
    assert sort_keys(snapshot)[:3] == ["value", "val_accuracy", "n_params"]
    smallest = ranked(snapshot, "n_params")[0]
    assert smallest.metrics["n_params"] == min(
        t.metrics["n_params"] for t in snapshot.history.complete
    )
    assert ranked(snapshot, "val_accuracy")[0] is snapshot.history.front[0]


def test_lines_name_the_values_and_mark_the_front() -> None:
    """For the log and for a terminal."""
    snapshot = ended()
    best = snapshot.history.front[0]
    (line,) = trial_lines(snapshot, [best])
    assert f"n_params {best.metrics['n_params']:,.0f} ★ on the front so far" in line
    assert f"front of {len(snapshot.history.front)} trials, balanced" in progress_line(snapshot)


@pytest.mark.parametrize("show", [result_text, result_html])
def test_the_result_says_what_is_taken_and_by_whom(show) -> None:
    """The most balanced point until somebody chose."""
    snapshot = ended()
    best = snapshot.history.ranked[0].number
    assert f"the balanced point: trial {best}" in show(snapshot)
    assert "maximize val_accuracy, minimize n_params" in show(snapshot)
    other = snapshot.history.front[-1].number
    assert f"chosen by you: trial {other}" in show(replace(snapshot, chosen=other))


# Honest numbers.


def rechecked(snapshot: Snapshot, numbers: list[int], lower: float, **changes: object) -> Snapshot:
    """Return the search with these trials run again twice, `lower` by so much on average."""
    by_number = {t.number: t for t in snapshot.trials}
    again = [
        replace(
            by_number[number],
            number=100 + 2 * k + j,
            kind=Kind.RECHECK,
            seed=7 + j,
            value=(by_number[number].value or 0.0) - lower + (0.01 if j else -0.01),
            used_seed=True,
            **changes,
        )
        for k, number in enumerate(numbers)
        for j in range(2)
    ]
    return replace(snapshot, trials=(*snapshot.trials, *again))


def test_the_honest_number_is_the_mean_of_the_chosen_point_s_re_runs() -> None:
    """For each objective; what does not vary has no interval."""
    snapshot = ended()
    numbers = [t.number for t in snapshot.history.front][:4]
    snapshot = replace(rechecked(snapshot, numbers, 0.05), chosen=numbers[1])
    best = snapshot.history.best()
    assert best is not None
    found = honest_by_goal(snapshot)
    assert found["val_accuracy"].value == pytest.approx((best.value or 0.0) - 0.05)
    assert 0 < (found["val_accuracy"].half_width or 0.0) < 0.1
    assert found["n_params"].value == best.metrics["n_params"]
    assert found["n_params"].half_width is None
    (line,) = [line for line in headline_lines(snapshot) if line.label == "honest"]
    assert line.remark == "re-run on 2 new splits"
    assert line.value.endswith(f", {best.metrics['n_params']:,.0f}")


def test_a_point_that_varies_much_widens_its_own_interval_alone() -> None:
    """The smallest network of a front may be a matter of luck; the others are not."""
    snapshot = ended()
    numbers = [t.number for t in snapshot.history.front][:5]
    steady = replace(rechecked(snapshot, numbers, 0.05), chosen=numbers[1])
    wild = tuple(
        replace(t, value=(t.value or 0.0) + 0.3) if t.number == 108 else t for t in steady.trials
    )
    assert steady.trials[-2].number == 108  # of the last of these points
    shaken = replace(steady, trials=wild)
    before, after = (honest_by_goal(s)["val_accuracy"].half_width for s in (steady, shaken))
    assert after == pytest.approx(before)
    assert before is not None
    own = honest_by_goal(replace(shaken, chosen=numbers[-1]))["val_accuracy"].half_width
    assert own is not None
    assert own > 5 * before


def test_a_point_that_was_not_run_again_is_corrected_by_what_others_lost() -> None:
    """All points of a front have a selection bias."""
    snapshot = ended()
    numbers = [t.number for t in snapshot.history.front]
    snapshot = replace(rechecked(snapshot, numbers[:3], 0.05), chosen=numbers[-1])
    best = snapshot.history.best()
    assert best is not None
    found = honest_by_goal(snapshot)["val_accuracy"]
    assert found.value == pytest.approx((best.value or 0.0) - 0.05)
    assert found.half_width is None
    assert (found.method, found.n_settings) == (Method.OTHER_SETTINGS, 3)
    assert how_text(found) == (
        "not re-run (more --trials re-run it first); corrected by -0.05, the median change of 3 "
        "other front trials when re-run"
    )


def test_a_re_run_that_collapsed_is_not_what_others_lose() -> None:
    """Of two other points one lost everything in one of its runs."""
    snapshot = ended()
    numbers = [t.number for t in snapshot.history.front]
    snapshot = replace(rechecked(snapshot, numbers[:2], 0.05), chosen=numbers[-1])
    *others, last = snapshot.reruns
    lost = replace(last, value=0.1, metrics={**last.metrics, "val_accuracy": 0.1})
    trials = tuple(lost if t is last else t for t in snapshot.trials)
    found = honest_by_goal(replace(snapshot, trials=trials))["val_accuracy"]
    assert len(others) > 1
    assert found.change is not None
    assert -0.07 < found.change < -0.03


def test_without_re_runs_nothing_was_measured() -> None:
    """Failed ones say nothing of the values."""
    snapshot = ended()
    assert honest_by_goal(snapshot)["n_params"].value is None
    failed = rechecked(snapshot, [snapshot.history.front[0].number], 0.0, state=State.FAILED)
    assert honest_by_goal(failed)["n_params"].value is None


def test_the_chosen_point_and_then_points_far_apart_are_run_again() -> None:
    """All on one seed before the next; the start comes first in each round."""
    snapshot = ended()
    front_ = [t.number for t in snapshot.history.front]
    history = replace(snapshot.history, chosen=front_[1])
    check, reruns = Rechecking("3x2"), []
    for number in range(8):
        asked = check.next(history, reruns, 0, 40, 40 - number)
        assert asked is not None
        params, seed = asked
        first = next(t for t in history.trials if t.params == params)
        reruns.append(replace(first, number=100 + number, kind=Kind.RECHECK, seed=seed, value=0.1))
    order = [next(t.number for t in history.trials if t.params == again.params) for again in reruns]
    assert order[:4] == order[4:]
    assert order[0] == 0
    assert order[1] == front_[1]
    assert {front_[0], front_[-1]} & set(order[2:4])  # an end of the front is far from the middle
    assert check.next(history, reruns, 0, 40, 32) is None
    assert check.phase(history, 40) == Rechecks(3, on_new_splits=False, of_front=True)
