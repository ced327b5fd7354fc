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

from hpo_magic.core.domains import Choice
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Goal, Kind
from hpo_magic.views.canvas import WIDE_PX, Plot, blank, captioned, drawable, png, words
from hpo_magic.views.convergence import convergence
from hpo_magic.views.curves import current_curve, curves
from hpo_magic.views.dependence import dependence
from hpo_magic.views.front import coverage, front
from hpo_magic.views.importance import importance
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


def test_characters_without_a_glyph_become_boxes() -> None:
    """Without them matplotlib would warn in the user's cell."""
    assert drawable("lr 損") == "lr □"


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


def test_a_plot_has_its_size_in_a_figure_of_another() -> None:
    """As in the panel, where all wide ones are begun alike."""
    for view in (slices, dependence):
        search = a_search(30)
        assert view(search, blank(size_px=WIDE_PX)).size_px == view(search).size_px


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
