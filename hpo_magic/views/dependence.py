"""Partial dependence: what a model of the trials expects of one parameter, and of two together.

On the diagonal the value expected at each place of a parameter, averaged over the others
(Friedman 2001, section 8.2), with the standard deviation of the Gaussian process around it. Below
it the same for two parameters, as a map; above it how unsure the process is there: dark where few
trials are near.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter
from hpo_magic.core.summary import best_trial
from hpo_magic.views.canvas import (
    BEST,
    INK,
    TRIAL,
    WORDS,
    Plot,
    blank,
    drawable,
    resized,
    sentence,
    titled,
    words,
)
from hpo_magic.views.importance import (
    EXPLAINED_LEAST,
    N_LEAST,
    NO_SHARE,
    Importance,
    important_names,
    learned,
    measured_importance,
)
from hpo_magic.views.scales import moving, scale, small_axes
from hpo_magic.views.words.numbers import number, shortened, shown

if TYPE_CHECKING:  # scikit-optimize takes a second to load: a study is shown without it
    from hpo_magic.samplers.learning import Fitted

MOST_PARAMETERS = 3
SIZE_PX = (780, 620)
BETWEEN_PX = 66  # for the values beside each axis
FEWEST_TRIALS = 10
N_PLACES, N_PAIR_PLACES = 25, 12
N_AROUND, N_AROUND_PAIRS = 96, 24  # settings of the others that are averaged over
N_DOTS = 300
# Better is darker; both ends are seen on white and on black.
MAP = LinearSegmentedColormap.from_list("better", ["#3d6f99", "#8fb6d3", "#e6d3b8"])
UNSURE = LinearSegmentedColormap.from_list("unsure", ["#d9d9d9", "#6b4c8f"])


class _Expected:
    """What the surrogate expects, averaged over the other parameters."""

    def __init__(self, model: Fitted, sign: int) -> None:
        self._model, self._sign = model, sign
        self._names = list(model.encoding.space)
        around = np.random.default_rng(0).random((N_AROUND, len(self._names)))
        self._around = model.encoding.snap(around)
        self._known: dict[str, tuple[FloatArray, FloatArray]] = {}

    def of(self, parameter: Parameter) -> tuple[FloatArray, FloatArray]:
        """Return the value expected at each place of a parameter, and its standard deviation.

        Shape (n_places,) each.

        That of the average: what the process does not know of the others' part evens out.
        """
        name = parameter.name
        if name not in self._known:
            places = _places(parameter, N_PLACES)
            found = [self._average(self._settings([name], place[np.newaxis])) for place in places]
            mean, std = np.array(found).T
            self._known[name] = (self._sign * mean, std)
        return self._known[name]

    def _average(self, settings: FloatArray) -> tuple[float, float]:
        features = self._model.encoding.features(settings)
        mean, covariance = self._model.surrogate.predict(features, return_cov=True)
        std = float(np.sqrt(max(covariance.mean(), 0.0)))
        inverse = self._model.warp.inverse
        half = float((inverse(mean + std) - inverse(mean - std)).mean()) / 2
        return float(inverse(mean).mean()), half

    def at_pairs(self, names: Sequence[str], grid: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the same for places of two parameters, shape (n, 2); doubt is averaged."""
        settings = [self._settings(names, places)[:N_AROUND_PAIRS] for places in grid]
        sizes = np.cumsum([len(rows) for rows in settings])[:-1]
        mean, std = self._model.at(np.vstack(settings))
        inverse = self._model.warp.inverse
        losses, unsure = inverse(mean), (inverse(mean + std) - inverse(mean - std)) / 2
        of_each = [[part.mean() for part in np.split(all_, sizes)] for all_ in (losses, unsure)]
        return self._sign * np.array(of_each[0]), np.array(of_each[1])

    def _settings(self, names: Sequence[str], places: FloatArray) -> FloatArray:
        """Return settled settings with these values, those that reach them where there are any.

        `places` has the shape (len(names),), the result (n_settings, n_params).
        """
        columns = [self._names.index(name) for name in names]
        units = self._around.copy()
        units[:, columns] = places
        encoding = self._model.encoding
        is_reached = encoding.reached(units)[:, columns].all(axis=1)
        return encoding.settled(units[is_reached] if is_reached.any() else units)


def dependence(
    snapshot: Snapshot, figure: Plot | None = None, names: Sequence[str] | None = None
) -> Plot:
    """Return the partial dependence, drawn into `figure` where one is given.

    `names` are up to three parameters; the most important ones unless said otherwise.
    """
    from hpo_magic.samplers.gaussian_process import one_thread

    figure = resized(blank(figure), SIZE_PX)
    if len(snapshot.history.complete) < FEWEST_TRIALS:
        figure.set_label(f"Partial dependence needs {FEWEST_TRIALS} complete trials.")
        return sentence(figure, words(figure))
    model = learned(snapshot)
    found = measured_importance(snapshot, model=model)
    wanted = list(names or important_names(snapshot, found, MOST_PARAMETERS))[:MOST_PARAMETERS]
    parameters = sorted(moving(snapshot, wanted), key=lambda p: wanted.index(p.name))
    if not parameters:
        figure.set_label("Partial dependence: no parameter varies.")
        return sentence(figure, words(figure))
    expected = _Expected(model, snapshot.direction.sign)
    with one_thread():  # as where it was learned
        _draw(snapshot, figure, parameters, expected)
        figure.set_label(dependence_alt(snapshot, found, parameters, expected))
    return figure


def _draw(
    snapshot: Snapshot, figure: Plot, parameters: list[Parameter], expected: _Expected
) -> None:
    n = len(parameters)
    axes = [
        [small_axes(figure, r * n + c, n, n, top_px=30, gap_px=BETWEEN_PX) for c in range(n)]
        for r in range(n)
    ]
    metric = shortened(snapshot.metric)
    titled(figure, f"Partial dependence: {metric} as a model expects it, ± its deviation")
    _draw_single(snapshot, parameters, expected, [axes[k][k] for k in range(n)])
    maps = []
    for row in range(n):
        for column in range(row):
            pair = (parameters[column], parameters[row])
            maps += _draw_pair(snapshot, pair, expected, axes[row][column], axes[column][row])
    for same in (maps[::2], maps[1::2]):  # one scale: what makes no difference must look so
        drawn = [np.asarray(each.get_array()) for each in same]
        for each in same:
            each.set_clim(min(a.min() for a in drawn), max(a.max() for a in drawn))


def _draw_single(
    snapshot: Snapshot, parameters: list[Parameter], expected: _Expected, drawn: list[Axes]
) -> None:
    best = best_trial(snapshot)
    lows, highs = [], []
    for parameter, axes in zip(parameters, drawn, strict=True):
        places = _places(parameter, N_PLACES)
        mean, std = expected.of(parameter)
        lows.append(float((mean - std).min()))
        highs.append(float((mean + std).max()))
        if len(places) < N_PLACES:  # levels: there is nothing between them
            axes.errorbar(places, mean, std, fmt="o", color=TRIAL, ecolor=INK, ms=4, lw=1.2)
        else:
            axes.fill_between(places, mean - std, mean + std, color=TRIAL, alpha=0.25, lw=0)
            axes.plot(places, mean, color=TRIAL, lw=1.8)
        if best is not None and parameter.name in best.params:
            place = parameter.domain.unit(best.params[parameter.name])
            axes.axvline(place, color=BEST, lw=1.0, linestyle=(0, (4, 2)))
        scale(axes.xaxis, parameter)
        axes.set_xlim(-0.04, 1.04)
        axes.set_xlabel(drawable(parameter.name), labelpad=1, **WORDS)
    margin = 0.05 * (max(highs) - min(lows)) or 0.5
    for axes in drawn:
        axes.set_ylim(min(lows) - margin, max(highs) + margin)


def _draw_pair(
    snapshot: Snapshot,
    pair: tuple[Parameter, Parameter],
    expected: _Expected,
    below: Axes,
    above: Axes,
) -> list[Any]:
    """Draw what is expected below the diagonal, and how unsure that is above; return both maps."""
    first, second = pair
    x, y = _places(first, N_PAIR_PLACES), _places(second, N_PAIR_PLACES)
    grid = np.array([(a, b) for b in y for a in x])
    mean, std = expected.at_pairs([first.name, second.name], grid)
    better = snapshot.direction.sign * mean.reshape(len(y), len(x))
    unsure = std.reshape(len(y), len(x)).T
    maps = [
        below.pcolormesh(_edges(x), _edges(y), better, cmap=MAP, rasterized=True),
        above.pcolormesh(_edges(y), _edges(x), unsure, cmap=UNSURE, rasterized=True),
    ]
    best, trials = best_trial(snapshot), snapshot.history.complete[-N_DOTS:]
    if best is not None and best not in trials:
        trials = (*trials, best)
    for axes, (across, up) in ((below, (first, second)), (above, (second, first))):
        spots = [
            (across.domain.unit(t.params[across.name]), up.domain.unit(t.params[up.name]), t)
            for t in trials
            if across.name in t.params and up.name in t.params
        ]
        if spots:
            axes.scatter([s[0] for s in spots], [s[1] for s in spots], s=4, c="#222222", lw=0)
        for a, b, trial in spots:
            if trial is best:
                axes.scatter([a], [b], marker="*", s=90, color=BEST, zorder=4, ec="white", lw=0.4)
        scale(axes.xaxis, across)
        scale(axes.yaxis, up)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        kind = "expected: " if axes is below else "unsure: "
        label = drawable(f"{kind}{across.name} and {up.name}")
        axes.set_xlabel(label, labelpad=1, **WORDS)
    return maps


def _places(parameter: Parameter, n: int) -> FloatArray:
    """Return places that exist: of each level where there are few, else evenly spread ones.

    Shape (min(n, n_levels),).
    """
    levels = parameter.domain.n_levels
    if levels is not None and levels < n:
        return (np.arange(levels) + 0.5) / levels
    return np.linspace(0, 1, n)


def _edges(places: FloatArray) -> FloatArray:
    """Return the edges of the cells around the places.

    `places` has the shape (n,), the result (n + 1,).
    """
    middles = (places[1:] + places[:-1]) / 2
    return np.concatenate([[0.0], middles, [1.0]])


def dependence_alt(
    snapshot: Snapshot,
    found: Importance | None,
    parameters: Sequence[Parameter],
    expected: _Expected,
) -> str:
    """Return where the model expects the best value of each parameter, where it expects one."""
    head = f"Partial dependence of {snapshot.metric}"
    names = ", ".join(parameter.name for parameter in parameters)
    if found is None or found.explained < EXPLAINED_LEAST:
        few = len(snapshot.history.complete) < N_LEAST
        why = "too few trials" if few else "the trials do not tell"
        return f"{head} on {names}: {why} to say where it is best."
    matters = {n for n, share in zip(found.names, found.shares, strict=True) if share >= NO_SHARE}
    told = []
    for parameter in parameters:
        if parameter.name not in matters:
            continue
        places = _places(parameter, N_PLACES)
        mean, std = expected.of(parameter)
        k = int(np.argmin(snapshot.direction.sign * mean))
        if np.ptp(mean) > 2 * float(std.mean()):
            at = shown(parameter.domain.value(float(places[k])))
            told.append(
                f"best near {parameter.name} {at} ({number(mean[k])} ± {number(std[k], 2)})"
            )
    if not told:
        return f"{head} on {names}: no difference is larger than the model's doubt."
    return f"{head}, the other parameters averaged: {'; '.join(told)}."
