"""Which parameters mattered: the share of the differences that each of them makes.

The Gaussian process of a Bayesian search learns the value from the setting. Asked all over the
space, not only where the search went, its variance is taken apart (functional analysis of variance,
Sobol 1993): a parameter's share is what changing it alone changes, its interactions included (the
total index, by the estimator of Jansen 1999), out of the sum for all parameters. Where a parameter
is not reached it changes nothing. The worst values count as bad, and no more: a diverged
training must not decide what matters.

The bands come from halves of the trials: the deviation of such estimates is that of the whole one
(the delete-half jackknife, Shao & Wu 1989). The plot says how much of the differences the process
foresees for trials that it was not shown, and shows nothing where that is too little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import History
from hpo_magic.views.canvas import (
    INK,
    TRIAL,
    WORDS,
    Plot,
    blank,
    drawable,
    new_axes,
    sentence,
    titled,
)
from hpo_magic.views.scales import moving
from hpo_magic.views.words.numbers import counted, shortened

if TYPE_CHECKING:  # scikit-optimize takes a second to load: a study is shown without it
    from hpo_magic.samplers.learning import Fitted
    from hpo_magic.samplers.surrogate import Surrogate

# Below this a model of settings with some six parameters explains noise.
N_LEAST = 20
# Foreseen of trials not shown; below it the order of the parameters changes from seed to seed.
EXPLAINED_LEAST = 0.1
N_SETTINGS = 512  # at which the model is evaluated, for each parameter
N_HALVES = 8
# The words: what makes most of the differences, and what makes none to speak of.
MOST_SHARE, NO_SHARE = 0.8, 0.03
MOST_NAMED = 3
MOST_BARS, NAME_LENGTH = 12, 14  # that fit beside each other in the picture
# Worse values count as this one: two in a hundred may have diverged.
NOT_WILD = 0.98


class Importance(NamedTuple):
    """What the process found.

    `names` by falling importance; `shares` of the differences, which sum to 1, and their standard
    deviations `spread`; `explained` is the leave-one-out R², at most 1.
    """

    names: list[str]
    shares: FloatArray
    spread: FloatArray
    explained: float


def learned(snapshot: Snapshot) -> Fitted:
    """Return the Gaussian process of the complete trials, of which there is at least one.

    From hundreds of trials it takes the best and a spread of the rest. The latest would not do: a
    search that has concentrated on what is good shows no differences any more.
    """
    from hpo_magic.samplers.bayes import fitted

    return fitted(snapshot.space, History(snapshot.history.complete, snapshot.goals[:1]))


def measured_importance(
    snapshot: Snapshot, seed: int = 0, model: Fitted | None = None
) -> Importance | None:
    """Return the importance of the parameters that vary; None where the trials are too few.

    `model` is what was `learned` of them, where that is known already.
    """
    from hpo_magic.samplers.gaussian_process import one_thread

    trials = snapshot.history.complete
    names = [
        p.name for p in moving(snapshot) if len({str(t.params.get(p.name)) for t in trials}) > 1
    ]
    if len(trials) < N_LEAST or not names:
        return None
    model = model or learned(snapshot)
    history = snapshot.history
    losses = np.array([history.loss(t) for t in trials], dtype=np.float64)
    worst = float(np.quantile(losses, NOT_WILD, method="higher"))
    rng = np.random.default_rng(seed)
    columns = [list(snapshot.space).index(name) for name in names]
    asked = _Asked(model, columns, worst, rng)
    with one_thread():  # small matrices: on a busy machine more threads take ten times as long
        whole = asked.shares(model.surrogate)
        halves = np.array([asked.shares(half) for half in _halves(model.surrogate, rng)])
        foreseen = _foreseen(model.surrogate)
    order = np.argsort(-whole, kind="stable")
    return Importance(
        [names[k] for k in order],
        whole[order],
        np.sqrt(((halves - whole) ** 2).mean(axis=0))[order],
        foreseen,
    )


class _Asked:
    """Pairs of settings that differ in one parameter, all over the space."""

    def __init__(
        self, model: Fitted, columns: list[int], worst: float, rng: np.random.Generator
    ) -> None:
        encoding, self._warp, self._worst = model.encoding, model.warp, worst
        shape = (N_SETTINGS, len(encoding.space))
        here, other = encoding.snap(rng.random(shape)), encoding.snap(rng.random(shape))
        asked = [here]
        for column in columns:
            changed = here.copy()
            changed[:, column] = other[:, column]
            asked.append(changed)
        self._features = encoding.features(encoding.settled(np.vstack(asked)))

    def shares(self, surrogate: Surrogate) -> FloatArray:
        """Return the share of each parameter; equal shares where nothing differs.

        Shape (n_params,).
        """
        losses = self._warp.inverse(surrogate.predict(self._features))
        values = np.minimum(losses, self._worst).reshape(-1, N_SETTINGS)
        totals: FloatArray = ((values[1:] - values[0]) ** 2).mean(axis=1)
        whole = totals.sum()
        return totals / whole if whole > 0 else np.full(len(totals), 1 / len(totals))


def _halves(surrogate: Surrogate, rng: np.random.Generator) -> list[Surrogate]:
    """Return surrogate models of random halves of the trials, with the same kernel."""
    from hpo_magic.samplers.surrogate import Surrogate

    features, targets = surrogate.X_train_, surrogate.y_train_
    chosen = [rng.permutation(len(targets))[: len(targets) // 2] for _ in range(N_HALVES)]
    make: Callable[[], Surrogate] = lambda: Surrogate(surrogate.owner, surrogate.theta)  # noqa: E731
    return [make().fit(features[half], targets[half]) for half in chosen]


def _foreseen(surrogate: Surrogate) -> float:
    """Return the leave-one-out R², of Rasmussen & Williams 2006, equation 5.12."""
    targets = surrogate.y_train_
    missed = surrogate.alpha_ / np.diag(surrogate.K_inv_)
    return float(1 - (missed**2).mean() / max(targets.var(), 1e-12))


def important_names(snapshot: Snapshot, found: Importance | None, n: int) -> list[str]:
    """Return the `n` most important parameters; the first of the space where that is not known."""
    if found is None or found.explained < EXPLAINED_LEAST:
        return [parameter.name for parameter in moving(snapshot)][:n]
    return found.names[:n]


def importance(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the importance of the parameters as bars, or the sentence that says why not."""
    figure = blank(figure)
    found = measured_importance(snapshot)
    figure.set_label(importance_alt(found))
    if found is None or found.explained < EXPLAINED_LEAST:
        return sentence(figure, importance_alt(found))
    titled(figure, f"Importance: a model foresees {found.explained:.0%} of new trials")
    n = min(len(found.names), MOST_BARS)
    shares, spread = found.shares[:n], found.spread[:n]
    names = [drawable(shortened(name, NAME_LENGTH)) for name in found.names[:n]]
    axes = new_axes(figure, (0.24, 0.17, 0.97, 0.9))
    places = np.arange(n)[::-1]
    axes.barh(places, shares, 0.6, color=TRIAL, xerr=spread, ecolor=INK)
    axes.set_yticks(places, names, **WORDS)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(0, max(float((shares + spread).max()) * 1.05, 1e-3))
    rest = len(found.names) - n
    more = f"; {counted(rest, 'parameter')} with less not shown" if rest else ""
    axes.set_xlabel(f"share of the differences{more}", **WORDS)
    return figure


def importance_alt(found: Importance | None) -> str:
    """Return the importances in words, as far as the number of trials supports them."""
    if found is None:
        return f"Importance needs {N_LEAST} complete trials."
    if found.explained < EXPLAINED_LEAST:
        return "Importance: the trials do not tell yet which parameter matters."
    n_most = min(int((np.cumsum(found.shares) < MOST_SHARE).sum()) + 1, MOST_NAMED)
    share = float(found.shares[:n_most].sum())
    verb = "explains" if n_most == 1 else "explain"
    text = f"Importance: {_listed(found.names[:n_most])} {verb} {share:.0%} of the differences"
    above = found.shares + 2 * found.spread
    idle = [name for name, most in zip(found.names, above, strict=True) if most < NO_SHARE]
    if idle:
        does = "does" if len(idle) == 1 else "do"
        text += f"; {_listed(idle)} {does} not matter here"
    return f"{text}. A model of the trials foresees {found.explained:.0%} of new ones."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
