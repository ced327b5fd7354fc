"""Measures pruning: `python -m benchmarks.pruning [--quick]`; the table goes to `results/`.

A problem's target is what the unpruned search has come to after `N` trials, in the median of the
seeds. Every search goes on until it has a finished training as good, and its epochs are counted.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.problems.curve_tables import CURVE_NAMES, load_curves
from benchmarks.pruned_search import SEARCHES, Spent
from hpo_magic.core.domains import FloatArray

__all__ = ["epochs_to", "main", "run", "table"]

N = 30
N_SEEDS = 5
# A search that has not got there after so many times the unpruned budget is given up.
MOST = 2.0
MOST_TRIALS = 300
RESULTS = Path(__file__).parent / "results" / "pruning.md"


def main() -> None:
    """Run all searches and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two problems, two seeds")
    quick = parser.parse_args().quick
    names, n_seeds = (CURVE_NAMES[:2], 2) if quick else (CURVE_NAMES, N_SEEDS)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = pool.map(run, names, [n_seeds] * len(names))
        text = table(dict(zip(names, found, strict=True)))
    print(text)
    if not quick:
        RESULTS.write_text(text, encoding="utf-8")


def run(name: str, n_seeds: int, searches: tuple[str, ...] = tuple(SEARCHES)) -> FloatArray:
    """Return the full trainings' worth of epochs to the target: shape (n_searches, n_seeds)."""
    problem = load_curves(name)
    unpruned = [_spent("none", name, seed, None) for seed in range(n_seeds)]
    target = float(np.median([min(_ends(trials[:N])) for trials in unpruned]))
    rows = [
        [epochs_to(target, _spent(search, name, seed, target)) for seed in range(n_seeds)]
        for search in searches
    ]
    found = np.minimum(np.array(rows, dtype=np.float64) / problem.n_epochs, MOST * N)
    print(f"{name:16s}", *(f"{np.median(row):6.1f}" for row in found), flush=True)
    return found


def _spent(search: str, name: str, seed: int, target: float | None) -> list[Spent]:
    """Return the trials of a search up to the target; without one, `N` of them."""
    problem = load_curves(name)
    spent: list[Spent] = []
    n_epochs = 0
    for trial in SEARCHES[search](problem, seed):
        spent.append(trial)
        n_epochs += trial.n_epochs
        is_there = target is not None and trial.loss is not None and trial.loss <= target
        is_over = n_epochs >= MOST * N * problem.n_epochs or len(spent) >= MOST_TRIALS
        if is_there or is_over or (target is None and len(spent) == N):
            break
    return spent


def _ends(trials: list[Spent]) -> list[float]:
    return [trial.loss for trial in trials if trial.loss is not None]


def epochs_to(target: float, trials: list[Spent]) -> float:
    """Return the epochs until a training ends at least as low as `target`; infinite if none does.

    >>> epochs_to(0.2, [Spent(9, 0.3), Spent(2, None), Spent(9, 0.1)])
    20.0
    """
    n_epochs = 0.0
    for trial in trials:
        n_epochs += trial.n_epochs
        if trial.loss is not None and trial.loss <= target:
            return n_epochs
    return np.inf


def table(found: dict[str, FloatArray]) -> str:
    """Return the medians over the seeds as a table in Markdown, and the shares of `none`."""
    names = list(SEARCHES)
    head = ["problem", *names]
    lines = [head, ["---"] * len(head)]
    medians = {problem: np.median(rows, axis=1) for problem, rows in found.items()}
    for problem, row in medians.items():
        cells = [f"≥ {v:.0f}" if v >= MOST * N else f"{v:.1f}" for v in row]
        lines.append([problem, *cells])
    shares = np.array([row / row[0] for row in medians.values()])  # (n_problems, n_searches)
    lines.append(["share of none, median", *(f"{s:.2f}" for s in np.median(shares, axis=0))])
    lines.append(["worst problem", *(f"{s:.2f}" for s in shares.max(axis=0))])
    pairs = np.concatenate([rows / rows[0] for rows in found.values()], axis=1)
    lines.append(["pairs of seeds, median", *(f"{s:.2f}" for s in np.median(pairs, axis=1))])
    asha = names.index("asha")
    won = [
        np.concatenate([_won(rows[asha], rows[i]) for rows in found.values()])
        for i in range(len(names))
    ]
    lines.append(["pairs that asha wins", *(f"{w.mean():.2f}" for w in won)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _won(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Return 1 where ours needed fewer epochs, 1/2 where as many."""
    return np.asarray((ours < theirs) + 0.5 * (ours == theirs))


if __name__ == "__main__":
    main()
