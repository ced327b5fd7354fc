"""Tables in Markdown, and the plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

import numpy as np

from benchmarks.measure import Figure, Runs, mean_regret, ratio, won
from benchmarks.speed import SIZES, Speed
from hpo_magic import __version__

__all__ = [
    "bar_table",
    "figure",
    "parallel_table",
    "problem_table",
    "regret_table",
    "speed_table",
    "versions",
    "won_table",
]

REFERENCE = "optuna-tpe"
OURS = "bayes"
CHANCE = "random"
AT = (10, 25, 50, 100)
# By sampler, the library whose version matters besides those that all are computed with.
LIBRARIES = {
    "optuna-tpe": "optuna",
    "optuna-gp": "optuna",
    "optuna-hierarchical": "optuna",
    "hyperopt": "hyperopt",
    "tpe": "hyperopt",
    "genetic": "pymoo",
    "skopt": "scikit-optimize",
    "keras-tuner": "keras-tuner",
}
EVERYWHERE = ("numpy", "scipy", "scikit-learn")


def versions(runs: Runs) -> str:
    """Return the versions of what was compared, and the problems and seeds of each sampler."""
    libraries = dict.fromkeys(LIBRARIES[s] for s in runs.samplers if s in LIBRARIES)
    told = [f"hpo_magic {__version__}"]
    told += [f"{name} {_version(name)}" for name in (*libraries, *EVERYWHERE)]
    lines = []
    for sampler in runs.samplers:
        keys = [key[1:] for key in runs.curves if key[0] == sampler]
        problems, seeds = ({key[i] for key in keys} for i in (0, 1))
        lines.append([sampler, str(len(problems)), f"{min(seeds)} to {max(seeds)}", str(len(keys))])
    head = ["sampler", "problems", "seeds", "searches"]
    return f"{', '.join(told)}, Python {python_version()}.\n\n{_table(head, lines)}"


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def regret_table(runs: Runs, at: Sequence[int] = AT) -> str:
    """Return the regrets by sampler and number of trials, and their ratio to Optuna's TPE.

    Where that did not run, to random search.
    """
    lines = []
    reference = REFERENCE if REFERENCE in runs.samplers else CHANCE
    for sampler in runs.samplers:
        # A mean over other problems than the others' would not compare; a ratio of pairs does.
        n_left_out = len(runs.problems) - len(runs.regrets(sampler, at[0]))
        regrets = [_told(None if n_left_out else mean_regret(runs, sampler, n)) for n in at]
        ratios = [_told(ratio(runs, sampler, reference, n)) for n in at if n >= 25]
        lines.append([sampler, *regrets, *ratios])
    head = ["sampler", *(f"regret at N={n}" for n in at)]
    head += [f"÷ {reference} at N={n}" for n in at if n >= 25]
    return _table(head, lines)


def won_table(runs: Runs, at: Sequence[int] = (25, 50, 100)) -> str:
    """Return the share of runs our sampler wins from each other one."""
    lines = []
    for other in runs.samplers:
        if other != OURS:
            n_runs = sum(pair.shape[1] for pair in runs.pairs(OURS, other, at[0]))
            lines.append([other, str(n_runs), *(_told(won(runs, OURS, other, n)) for n in at)])
    return _table(["against", "runs", *(f"won at N={n}" for n in at)], lines)


def problem_table(runs: Runs, n: int) -> str:
    """Return the mean regret on each problem after `n` trials."""
    regrets = {sampler: runs.regrets(sampler, n) for sampler in runs.samplers}
    shown = [sampler for sampler in runs.samplers if regrets[sampler]]
    lines = []
    for problem in runs.problems:
        means = [list(regrets[sampler].get(problem, {}).values()) for sampler in shown]
        lines.append([problem, *(f"{np.mean(m):.4f}" if m else "" for m in means)])
    return _table(["problem", *shown], lines)


def speed_table(speeds: Sequence[Speed]) -> str:
    """Return the CPU milliseconds a suggestion, 6 / 12 parameters."""
    lines = []
    for sampler in dict.fromkeys(speed.sampler for speed in speeds):
        both = [speed for speed in speeds if speed.sampler == sampler]
        cells = [" / ".join(_ms(s.cpu_s.get(n)) for s in both) for n in SIZES]
        lines.append([sampler, *cells, " / ".join(_ms(s.worst_s) for s in both)])
    return _table(["sampler", *(f"n={n}" for n in SIZES), "worst"], lines)


def parallel_table(by_workers: Mapping[int, Runs]) -> str:
    """Return the regrets with several trials running at once, and their ratio to one at a time."""
    lines = []
    for sampler in next(iter(by_workers.values())).samplers:
        for n_workers, runs in by_workers.items():
            alone = [_renamed(by_workers[1], sampler, "alone"), _renamed(runs, sampler, "several")]
            both = Runs([curve for part in alone for curve in part])
            cells = []
            for n in (50, 100):
                cells += [_told(mean_regret(runs, sampler, n)),
                          _told(ratio(both, "several", "alone", n))]  # fmt: skip
            lines.append([sampler, str(n_workers), *cells])
    head = ["sampler", "at once", "regret at N=50", "÷ one at once", "regret at N=100"]
    return _table([*head, "÷ one at once"], lines)


def bar_table(runs: Runs, speeds: Sequence[Speed]) -> str:
    """Return each line of the project's bar with its figure."""
    lines = []
    for n, goals in ((100, (2.0, 1.5)), (500, (3.5, 1.5))):
        for n_params, goal in zip((6, 12), goals, strict=True):
            told = _cost(speeds, REFERENCE, n_params, n)
            lines.append(_line(f"CPU at n={n} ÷ {REFERENCE}, {n_params} parameters", goal, told))
    worst = [speed.worst_s for speed in speeds if speed.sampler == OURS]
    lines.append(_line("worst single suggestion, s", 0.4, max(worst, default=None)))
    for n, goal in ((50, 0.8), (100, 0.45)):
        lines.append(_line(f"regret at N={n} ÷ {REFERENCE}", goal, ratio(runs, OURS, REFERENCE, n)))
    for n, goal in ((10, 0.23), (25, 0.125), (100, 0.043)):
        lines.append(_line(f"mean regret at N={n}", goal, mean_regret(runs, OURS, n)))
    for other, goal in ((REFERENCE, 0.75), ("hyperopt", 0.8), ("optuna-gp", 0.6)):
        share = won(runs, OURS, other, 100)
        lines.append(_line(f"runs won at N=100 against {other}", goal, share, is_least=True))
    for n_params in (6, 12):
        told = _cost(speeds, "optuna-gp", n_params, 100)
        lines.append(_line(f"CPU at n=100 ÷ optuna-gp, {n_params} parameters", 1 / 30, told))
    return _table(["measure", "goal", "measured", "reached"], lines)


def figure(runs: Runs, speeds: Sequence[Speed]) -> Any:
    """Return a figure: regret by trials on the left, CPU a suggestion by trials on the right."""
    from matplotlib.figure import Figure as MatplotlibFigure

    drawn = MatplotlibFigure(figsize=(11, 4.2), layout="constrained")
    left, right = drawn.subplots(1, 2)
    colours = {name: f"C{i}" for i, name in enumerate(runs.samplers)}
    for sampler, colour in colours.items():
        curves = [c for key, c in runs.curves.items() if key[0] == sampler]
        if {c.problem for c in curves} != set(runs.problems):
            continue
        by_problem = [np.mean([c.regrets for c in curves if c.problem == p], axis=0)
                      for p in {c.problem for c in curves}]  # fmt: skip
        regrets = np.mean(by_problem, axis=0)
        left.plot(np.arange(1, len(regrets) + 1), regrets, color=colour, label=sampler)
    left.set(yscale="log", xlabel="trials", ylabel="mean regret (1: a median random setting)")
    left.legend(fontsize="small")
    for speed in speeds:
        style = "-" if speed.n_params == 6 else "--"
        label = speed.sampler if speed.n_params == 6 else None
        n, ms = list(speed.cpu_s), [1e3 * s for s in speed.cpu_s.values()]
        right.plot(n, ms, style, marker=".", color=colours.get(speed.sampler, "k"), label=label)
    right.set(xscale="log", yscale="log", xlabel="trials so far",
              ylabel="CPU ms a suggestion (dashed: 12 parameters)")  # fmt: skip
    if speeds:
        right.legend(fontsize="small")
    return drawn


def _cost(speeds: Sequence[Speed], other: str, n_params: int, n: int) -> float | None:
    found = {s.sampler: s.cpu_s[n] for s in speeds if s.n_params == n_params and n in s.cpu_s}
    return found[OURS] / found[other] if {OURS, other} <= found.keys() else None


def _line(
    measure: str, goal: float, told: Figure | float | None, *, is_least: bool = False
) -> list[str]:
    if told is None:
        return [measure, _goal(goal, is_least), "not run", ""]
    value = told.value if isinstance(told, Figure) else told
    reached = value >= goal if is_least else value <= goal
    shown = str(told) if isinstance(told, Figure) else f"{value:.3f}"
    return [measure, _goal(goal, is_least), shown, "yes" if reached else "**no**"]


def _goal(goal: float, is_least: bool) -> str:
    return f"{'≥' if is_least else '≤'} {goal:.3g}"


def _renamed(runs: Runs, sampler: str, name: str) -> list[Any]:
    return [replace(c, sampler=name) for key, c in runs.curves.items() if key[0] == sampler]


def _told(found: Figure | None) -> str:
    return "" if found is None else str(found)


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{1e3 * seconds:.0f}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
