"""The plots: what they say in words, that they draw at any size, and what they must not do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hpo_magic.core.domains import Choice
from hpo_magic.core.ports import Snapshot
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Direction, State
from hpo_magic.testing.searches import a_search
from hpo_magic.views.canvas import Plot, drawable, png, words
from hpo_magic.views.convergence import convergence, visible_range
from hpo_magic.views.curves import current_curve, curves
from hpo_magic.views.importance import importance, measured_importance
from hpo_magic.views.parallel import parallel

VIEWS = [convergence, current_curve, curves, parallel, importance]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("n", [0, 1, 10, 100])
def test_every_view_draws_searches_of_any_size(view: Callable[..., Plot], n: int) -> None:
    """From no trial to many, a picture and words come out."""
    figure = view(a_search(n))
    assert png(figure).startswith(b"\x89PNG")
    assert words(figure)


def test_views_leave_pyplot_alone() -> None:
    """Drawing and encoding import no pyplot: it would choose a backend, and keep the figures."""
    code = (
        "import sys; from hpo_magic.testing.searches import a_search;"
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
    odd = replace(old, name=name, metric=name, space=space, trials=trials)
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
    assert found.drops[0] > 3 * found.drops[1]
    assert found.explained > 0.5


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
