"""The plots: what they say in words, that they draw at any size, and what they must not do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import made_up_searches
import numpy as np
import pytest
from made_up_searches import a_search, a_search_for_several

from hpo_magic.core.domains import Choice, Float
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Goal, Kind, Point, State, Trial
from hpo_magic.views.canvas import WIDE_PX, Plot, blank, captioned, drawable, png, words
from hpo_magic.views.convergence import convergence, visible_range
from hpo_magic.views.curves import current_curve, curves
from hpo_magic.views.dependence import dependence
from hpo_magic.views.front import coverage, front
from hpo_magic.views.importance import importance, measured_importance
from hpo_magic.views.optimism import optimism
from hpo_magic.views.parallel import parallel
from hpo_magic.views.slices import slices
from hpo_magic.views.timeline import bars, timeline

KIT = Path(made_up_searches.__file__).parent
VIEWS = [
    convergence,
    current_curve,
    curves,
    parallel,
    importance,
    slices,
    dependence,
    timeline,
    optimism,
    front,
    coverage,
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("n", [0, 1, 10, 100])
def test_every_view_draws_searches_of_any_size(view: Callable[..., Plot], n: int) -> None:
    """From no trial to many, a picture and words come out."""
    for snapshot in (a_search(n), a_search_for_several(n)):
        figure = view(snapshot)
        assert png(figure).startswith(b"\x89PNG")
        assert words(figure)


def test_views_leave_pyplot_alone() -> None:
    """Drawing and encoding import no pyplot: it would choose a backend, and keep the figures."""
    code = (
        f"import sys; sys.path.append({str(KIT)!r}); from made_up_searches import a_search;"
        "from hpo_magic.views.canvas import png;"
        "from hpo_magic.views.convergence import convergence;"
        "png(convergence(a_search(10))); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("view", VIEWS)
def test_a_figure_can_be_drawn_again(view: Callable[..., Plot]) -> None:
    """Drawing into a used figure gives the same picture as into a new one."""
    used = view(a_search(3))
    png(used)
    assert png(view(a_search(30), used)) == png(view(a_search(30)))


@pytest.mark.parametrize("view", VIEWS)
def test_any_name_can_be_drawn(view: Callable[..., Plot]) -> None:
    """Formulas, foreign scripts and markup in names are only text: no error, no warning."""
    old = a_search(30)
    name = "$\\frac{ 損失 <b> _x^"
    space = old.space.declare(Parameter(name, Choice(("$a", "損")), "$a"))
    trials = tuple(
        replace(t, params={**t.params, name: "$a"}, curve=()) if k % 2 else t
        for k, t in enumerate(old.trials)
    )
    odd = replace(old, name=name, goals=(Goal(name, old.direction),), space=space, trials=trials)
    assert png(view(odd)).startswith(b"\x89PNG")


def test_background_is_transparent() -> None:
    """The page's own colour shows through, whatever the theme."""
    figure = convergence(a_search(10))
    figure.canvas.draw()
    assert np.asarray(figure.canvas.buffer_rgba())[0, 0, 3] == 0


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


def test_characters_without_a_glyph_become_boxes() -> None:
    """Without them matplotlib would warn in the user's cell."""
    assert drawable("lr 損") == "lr □"


def test_importance_finds_the_parameter_that_matters() -> None:
    """In a search whose value depends on `lr` alone, `lr` comes first."""
    found = measured_importance(a_search(150))
    assert found is not None
    assert found.names[0] == "lr"
    assert found.shares[0] > 0.9
    assert found.explained > 0.5


def test_importance_speaks_of_what_matters_and_what_does_not() -> None:
    """In a sentence, where the trials carry it."""
    text = words(importance(a_search(150)))
    assert text.startswith("Importance: lr explains ")
    idle = text.partition("; ")[2]
    assert "not matter here" in idle
    assert "act" in idle
    assert "lr" not in idle


def of_function(value: Callable[..., float], n: int) -> Snapshot:
    """Return a search of `n` random settings of x, y and z in [0, 1], without noise."""
    rng = np.random.default_rng(1)
    space = Space({name: Parameter(name, Float(0.0, 1.0), 0.5) for name in "xyz"})
    trials = []
    for k in range(n):
        params = {name: float(rng.random()) for name in "xyz"}
        trials.append(Trial(k, State.COMPLETE, params, value=value(**params), duration_s=1.0))
    return Snapshot("f", (Goal("value", Direction.MINIMIZE),), space, tuple(trials))


def test_importance_is_near_the_true_shares() -> None:
    """Of 3x + 2y, with z idle: variances 9 and 4 parts of 13."""
    found = measured_importance(of_function(lambda x, y, z: 3 * x + 2 * y, 60))
    assert found is not None
    assert found.names[:2] == ["x", "y"]
    assert np.allclose(found.shares, [9 / 13, 4 / 13, 0], atol=0.03)
    assert found.spread.max() < 0.1


def test_a_parameter_that_is_rarely_reached_matters_less() -> None:
    """The same parameter makes fewer differences where a branch hides it in nine of ten trials."""

    def searched(low: float) -> Snapshot:
        old = of_function(lambda x, y, z: 0.0, 120)
        trials = []
        for trial in old.trials:
            params = dict(trial.params)
            x, y = float(str(params["x"])), float(str(params["y"]))
            if x < low:
                del params["y"]
            value = x + (3 * y if x >= low else 1.5)
            trials.append(replace(trial, params=params, value=value))
        return replace(old, trials=tuple(trials))

    shares = []
    for low in (0.1, 0.9):
        found = measured_importance(searched(low))
        assert found is not None
        shares.append(found.shares[found.names.index("y")])
    assert shares[1] < 0.6 * shares[0]


def test_slices_say_where_the_good_trials_are() -> None:
    """Of a parameter that decides, and of no other; too few trials say nothing."""
    text = words(slices(of_function(lambda x, y, z: (x - 0.3) ** 2, 100)))
    assert "the best 10 have x 0." in text
    assert " y " not in text
    assert "too few" in words(slices(a_search(10)))


def test_slices_leave_out_what_was_not_reached() -> None:
    """A trial without `units[1]` has no dot in its plot."""
    search = a_search(60)
    figure = slices(search)
    n_dots = {axes.get_xlabel(): len(axes.collections[0].get_offsets()) for axes in figure.axes}
    complete = search.history.complete
    assert n_dots["lr"] == len(complete)
    assert n_dots["units[1]"] == sum("units[1]" in t.params for t in complete) < len(complete)


def test_dependence_says_where_the_best_is_expected() -> None:
    """Near the true best; a parameter without effect is not spoken of."""
    text = words(dependence(of_function(lambda x, y, z: (x - 0.3) ** 2, 60), names=["x", "z"]))
    assert "best near x 0." in text
    assert "z" not in text.partition(":")[2]
    place = float(text.partition("best near x ")[2].split()[0])
    assert abs(place - 0.3) < 0.1


def test_dependence_draws_what_is_expected_and_how_unsure_that_is() -> None:
    """Three parameters: three curves, three maps and three maps of the doubt."""
    figure = dependence(of_function(lambda x, y, z: x * y + z, 30))
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert sorted(label.partition(":")[0] for label in labels)[:3] == ["expected"] * 3
    assert sum(label.startswith("unsure") for label in labels) == 3


def test_the_timeline_has_a_row_for_each_worker() -> None:
    """Trials that overlap are in different rows; others are listed by number."""
    search = a_search(12, is_running=False)
    drawn, pauses, n_rows = bars(search)
    assert [bar.row for bar in drawn] == list(range(12))
    assert (pauses, n_rows) == ([], 1)
    both = tuple(replace(t, started=1000.0 + 2 * (t.number // 2)) for t in search.trials)
    drawn, _, n_rows = bars(replace(search, trials=both))
    assert n_rows == 2
    assert "up to 2 at once" in words(timeline(replace(search, trials=both)))


def test_the_night_between_two_runs_is_cut_out() -> None:
    """Ten hours in which nothing ran take no room, and are said."""
    search = a_search(12, is_running=False)
    night = 36_000.0
    trials = tuple(
        replace(t, started=(t.started or 0.0) + (night if t.number > 5 else 0.0))
        for t in search.trials
    )
    drawn, pauses, _ = bars(replace(search, trials=trials))
    assert [round(length, -2) for _, length in pauses] == [night]
    assert max(bar.end for bar in drawn) < 40
    figure = timeline(replace(search, trials=trials))
    assert any("10 h" in text.get_text() for text in figure.axes[0].texts)


def test_honest_against_best_seen_has_a_dot_for_each_rerun() -> None:
    """Settings that were run again are the columns, the best seen first."""
    search = a_search(20, is_running=False)
    ranked = sorted(search.history.complete, key=lambda t: -(t.value or 0.0))[:2]
    again = tuple(
        replace(t, number=100 + k, kind=Kind.RECHECK, seed=k, value=(t.value or 0.0) - 0.01 * k)
        for k in (1, 2)
        for t in ranked
    )
    figure = optimism(replace(search, trials=(*search.trials, *again)))
    labels = [text.get_text().split()[0] for text in figure.axes[0].get_xticklabels()]
    assert labels == [str(t.number) for t in ranked]
    dots, seen = figure.axes[0].collections[-2:]
    assert len(dots.get_offsets()) == 4
    assert len(seen.get_offsets()) == 2


def test_settings_that_look_alike_have_columns_of_their_own() -> None:
    """Two settings that differ in the fifth digit, each run again once: a dot in each column."""
    search = a_search(20, is_running=False)
    trials = tuple(
        replace(search.history.complete[0], number=k, params={"lr": lr}, kind=kind, value=0.5)
        for k, (lr, kind) in enumerate(
            [
                (0.00123441, Kind.SEARCH),
                (0.00123444, Kind.SEARCH),
                (0.00123441, Kind.RECHECK),
                (0.00123444, Kind.RECHECK),
            ]
        )
    )
    figure = optimism(replace(search, trials=trials))
    dots = figure.axes[0].collections[-2].get_offsets()
    assert sorted(float(x) for x, _ in dots) == [0.0, 1.0]


def test_a_caption_stands_beneath_the_plot() -> None:
    """The words of the figure, below the lowest axes; the plot keeps its size."""
    figure = convergence(a_search(30))
    text, height = words(figure), figure.size_px[1]
    axes_px = figure.axes[0].get_position().height * height
    captioned(figure)
    assert figure.texts[-1].get_text().replace("\n", " ") == text
    assert figure.axes[0].get_position().height * figure.size_px[1] == pytest.approx(axes_px)
    figure.canvas.draw()
    assert figure.texts[-1].get_window_extent().y1 < figure.axes[0].get_tightbbox().y0
    assert figure.texts[-1].get_window_extent().x1 <= figure.size_px[0]


def test_importance_is_silent_on_few_trials_and_on_noise() -> None:
    """Too few trials, or values that have nothing to do with the settings: a sentence, no bars."""
    assert "needs 20" in words(importance(a_search(10)))
    old = a_search(60)
    rng = np.random.default_rng(0)
    noise = tuple(
        replace(t, value=float(rng.random())) if t.state is State.COMPLETE else t
        for t in old.trials
    )
    assert "do not tell" in words(importance(replace(old, trials=noise)))


def test_a_plot_shows_itself() -> None:
    """A figure that ends a cell is shown with its words, without pyplot."""
    data, metadata = convergence(a_search(10))._repr_png_()
    assert data.startswith(b"\x89PNG")
    assert "best seen" in metadata["alt"]


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_cut_at_the_edge(view: Callable[..., Plot]) -> None:
    """Numbers of six characters leave room for the name of their axis."""
    old = a_search(60)
    trials = tuple(
        t if t.value is None else replace(t, value=0.9400 + t.value / 100) for t in old.trials
    )
    figure = view(replace(old, trials=trials))
    figure.canvas.draw()
    boxes = [box for axes in figure.axes if (box := axes.get_tightbbox()) is not None]
    assert all(box.x0 >= 0 for box in boxes)
    assert all(box.y0 >= 0 for box in boxes)
    assert boxes or view is front


@pytest.mark.parametrize("view", VIEWS)
def test_every_plot_says_in_its_title_what_it_shows(view: Callable[..., Plot]) -> None:
    """On one line above the axes, and not cut."""
    figure = view(a_search(60))
    title = figure.texts[0]
    figure.canvas.draw()
    assert len(title.get_text()) > 20
    assert "…" not in title.get_text()
    box = title.get_window_extent()
    assert box.x1 <= figure.size_px[0]
    assert all(box.y0 >= axes.get_window_extent().y1 for axes in figure.axes)


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


def test_importance_sees_what_a_search_has_left_behind() -> None:
    """A search that stayed near the best for hundreds of trials knows what made the difference."""
    old = of_function(lambda x, y, z: (x - 0.5) ** 2, 900)
    rng = np.random.default_rng(2)
    near = tuple(
        replace(t, params={**t.params, "x": 0.5}, value=1e-4 * float(rng.random()))
        if t.number >= 400
        else t
        for t in old.trials
    )
    found = measured_importance(replace(old, trials=near))
    assert found is not None
    assert found.names[0] == "x"
    assert found.shares[0] > 0.9


def test_a_plot_has_its_size_in_a_figure_of_another() -> None:
    """As in the panel, where all wide ones are begun alike."""
    for view in (slices, dependence):
        search = a_search(30)
        assert view(search, blank(size_px=WIDE_PX)).size_px == view(search).size_px


def test_slices_grow_with_the_space() -> None:
    """A figure that is drawn again has room for the parameters that came."""
    used = slices(of_function(lambda x, y, z: x, 10))
    png(used)
    slices(a_search(30), used)
    assert used.size_px[1] > slices(of_function(lambda x, y, z: x, 10)).size_px[1]


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_ten_times_the_trials_take_less_than_ten_times_as_long(view: Callable[..., Plot]) -> None:
    """The best of three each, in one process: from 100 to 1,000 trials."""

    def drawing_s(n: int) -> float:
        search, took = a_search(n, is_running=False), []
        for _ in range(3):
            began = time.process_time()
            png(view(search))
            took.append(time.process_time() - began)
        return min(took)

    assert drawing_s(1000) < 10 * drawing_s(100)
