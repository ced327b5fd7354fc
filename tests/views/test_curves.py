"""The convergence and the learning curves: trials in training, waiting, pruned, and wild values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_up_searches import a_search

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Point, State
from hpo_magic.views.canvas import words
from hpo_magic.views.convergence import convergence, visible_range
from hpo_magic.views.curves import current_curve, curves
from hpo_magic.views.parallel import parallel


def test_convergence_says_its_numbers() -> None:
    """The words have the best, its trial, the start and the failures."""
    text = words(convergence(a_search(30)))
    for part in ("val_accuracy", "26 trials", "best seen", "start", "4 failed"):
        assert part in text


def several_in_training(n: int) -> Snapshot:
    """Return a search with `n` trials in training that report, and one that does not yet."""
    old = a_search(10)
    first = old.trials[-1]
    more = [
        replace(
            first,
            number=10 + k,
            curve=tuple(Point(e, {"val_accuracy": 0.1 * e + 0.01 * k}) for e in range(1, 3 + k)),
        )
        for k in range(n)
    ]
    silent = replace(first, number=10 + n, curve=())
    return replace(old, trials=(*old.trials[:-1], *more, silent))


def test_every_trial_in_training_has_its_curve() -> None:
    """With its number where it ends; and the words have its latest value."""
    figure = current_curve(several_in_training(3))
    axes = figure.axes[0]
    drawn = [line.get_xydata() for line in axes.lines]
    expected = [[(e, 0.1 * e + 0.01 * k) for e in range(1, 3 + k)] for k in range(3)]
    for curve in expected:
        assert any(np.array_equal(curve, found) for found in drawn)
    assert [(text.get_text(), text.xy[0]) for text in axes.texts] == [
        ("10", 2),
        ("11", 3),
        ("12", 4),
    ]
    legend = axes.get_legend()
    assert legend is not None
    assert "3 in training" in [text.get_text() for text in legend.get_texts()]
    assert words(figure) == (
        "Learning curves of trial 10: val_accuracy 0.2000 at epoch 2; "
        "trial 11: val_accuracy 0.3100 at epoch 3; trial 12: val_accuracy 0.4200 at epoch 4."
    )


def test_many_curves_in_training_have_no_numbers() -> None:
    """They would lie on each other; the curves are there."""
    axes = current_curve(several_in_training(16)).axes[0]
    assert len(axes.lines) >= 16
    assert not axes.texts


def pruned_search() -> Snapshot:
    """Return a search in which every third complete trial but the start was pruned."""
    old = a_search(30)
    trials = tuple(
        replace(t, state=State.PRUNED, value=None, curve=t.curve[:2], n_steps=5)
        if t.number % 3 == 2 and t.state is State.COMPLETE
        else t
        for t in old.trials
    )
    return replace(old, trials=trials)


def test_trials_that_wait_have_a_ring_at_the_end_of_their_curve() -> None:
    """The legend and the words count them; they are not said to be pruned."""
    old = pruned_search()
    trials = tuple(
        replace(t, state=State.WAITING) if t.state is State.PRUNED and t.number > 15 else t
        for t in old.trials
    )
    n_waiting = sum(t.state is State.WAITING for t in trials)
    assert n_waiting
    figure = curves(replace(old, trials=trials))
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert f"waiting ({n_waiting})" in labels
    assert f", {n_waiting} waiting" in str(figure.get_label())


def test_pruned_trials_are_marked_by_their_shape() -> None:
    """Colour alone would not tell them: a bar at the edge, and at the end of a cut curve."""
    search = pruned_search()
    n_pruned = sum(t.state is State.PRUNED for t in search.trials)
    assert n_pruned == 9
    for view in (convergence, curves):
        figure = view(search)
        assert f"{n_pruned} pruned" in words(figure)
        legend = figure.axes[0].get_legend()
        assert legend is not None
        assert f"pruned ({n_pruned})" in [text.get_text() for text in legend.get_texts()]
        [bars] = [c for c in figure.axes[0].collections if c.get_label() == f"pruned ({n_pruned})"]
        assert len(bars.get_offsets()) == n_pruned


def test_a_pruned_line_ends_before_the_values() -> None:
    """It is dotted, and has no place on the last axis."""
    figure = parallel(pruned_search())
    assert "and 9 pruned" in words(figure)
    dotted, *_ = figure.axes[0].collections
    ends = [segment[-1][0] for segment in dotted.get_segments()]
    n_parameters = len(figure.axes[0].get_xticks()) - 1
    assert max(ends) <= n_parameters - 1
    assert dotted.get_linestyle() != parallel(a_search(30)).axes[0].collections[-1].get_linestyle()


def test_a_wild_value_does_not_flatten_the_others() -> None:
    """A value 1000 times worse is outside the range; the best never is."""
    losses = np.array([0.3, 0.2, 300.0, 0.25, 0.21, 0.28, 0.1])
    low, high = visible_range(losses, Direction.MINIMIZE)
    assert low == 0.1
    assert 0.3 <= high < 1.0
    low, high = visible_range(-losses, Direction.MAXIMIZE)
    assert high == -0.1
    assert low > -1.0


def test_equal_values_have_a_range() -> None:
    """Where nothing differs there still is something to draw."""
    low, high = visible_range(np.array([0.5, 0.5]), Direction.MINIMIZE)
    assert low < 0.5 < high


def test_wild_values_are_counted_in_the_legend() -> None:
    """What is off the scale is said."""
    old = a_search(30)
    trials = tuple(replace(t, value=-900.0) if t.number in (5, 9) else t for t in old.trials)
    legend = convergence(replace(old, trials=trials)).axes[0].get_legend()
    assert legend is not None
    assert "off scale (2)" in [text.get_text() for text in legend.get_texts()]


def test_a_legend_is_as_wide_as_its_picture_at_most() -> None:
    """With every mark there is it takes a second row, and the axes make room."""
    old = pruned_search()
    trials = tuple(replace(t, value=-900.0) if t.number in (1, 4) else t for t in old.trials)
    figure = convergence(replace(old, trials=trials))
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 6
    figure.canvas.draw()
    box = legend.get_window_extent()
    assert box.x1 <= figure.size_px[0]
    assert figure.axes[0].get_window_extent().y1 <= box.y0
    assert box.y1 <= figure.texts[0].get_window_extent().y0


def test_a_line_with_a_gap_goes_on_in_dashes() -> None:
    """From what a trial reached to its value, past what it did not reach."""
    figure = parallel(a_search(30))
    best = max(a_search(30).history.complete, key=lambda t: t.value or 0.0)
    n_parameters = len(figure.axes[0].get_xticks()) - 1
    dashes = figure.axes[0].collections[-1].get_segments()
    if "units[1]" in best.params:
        assert dashes == []
    else:
        [bridge] = dashes
        assert [x for x, _ in bridge] == [n_parameters - 2, n_parameters]
