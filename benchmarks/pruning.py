"""Measures pruning: `python -m benchmarks.pruning [--quick]`; the table goes to `results/`.

A problem's target is what the unpruned search has come to after `N` trials, in the median of the
seeds. Every search goes on until it has a finished training as good, and its epochs are counted.
`--searches` runs some of them anew and takes the others from the last results.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported

import argparse
import itertools
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.problems.curve_tables import CURVE_NAMES, load_curves
from benchmarks.pruned_search import SEARCHES, Spent
from hpo_magic.core.domains import FloatArray

__all__ = ["Measured", "epochs_to", "main", "measured", "table", "unpruned_best"]

N = 30
# The rules were chosen on the seeds before.
SEEDS = range(12, 24)
# A search that has not got there after so many times the unpruned budget is given up.
MOST = 2.0
MOST_TRIALS = 200
MOST_PARTS = 500  # KerasTuner counts the parts of a training
RESULTS = Path(__file__).parent / "results"


class Measured(NamedTuple):
    """What one search cost to the target, and how it stood after `N` trials.

    Epochs are in full trainings' worth, infinite where the search was given up.
    """

    epochs: float
    epochs_at_n: float
    best_at_n: float


Found = dict[str, dict[str, list[Measured]]]  # by search and problem, one for each seed


def main() -> None:
    """Run the searches, or some of them, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two problems, two seeds")
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=list(SEARCHES))
    asked = parser.parse_args()
    names, seeds = (CURVE_NAMES[:2], SEEDS[:2]) if asked.quick else (CURVE_NAMES, SEEDS)
    stored = RESULTS / "pruning.json"
    found = _read(stored) if stored.exists() and not asked.quick else {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for search in asked.searches:
            found[search] = {}
            for name in names:
                best = list(pool.map(partial(unpruned_best, name), seeds))
                run = partial(measured, search, name, float(np.median(best)))
                found[search][name] = list(pool.map(run, seeds))
            if not asked.quick:
                stored.write_text(json.dumps(found), encoding="utf-8")
    text = table({search: found[search] for search in SEARCHES if search in found})
    print(text)
    if not asked.quick:
        (RESULTS / "pruning.md").write_text(text, encoding="utf-8")


def _read(path: Path) -> Found:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {
        search: {name: [Measured(*one) for one in rows] for name, rows in problems.items()}
        for search, problems in stored.items()
    }


def unpruned_best(name: str, seed: int) -> float:
    """Return what the unpruned search has come to after `N` trials."""
    search = SEARCHES["none"](load_curves(name), seed)
    first = itertools.islice(search, N)
    return min(trial.loss for trial in first if trial.loss is not None)


def measured(search: str, name: str, target: float, seed: int) -> Measured:
    """Return what a search costs to a loss of at most `target`; it has `N` trials at least."""
    problem = load_curves(name)
    trials: list[Spent] = []
    n_epochs, is_there = 0, False
    most_trials = MOST_PARTS if search.startswith("KerasTuner") else MOST_TRIALS
    for trial in SEARCHES[search](problem, seed):
        trials.append(trial)
        n_epochs += trial.n_epochs
        is_there = is_there or (trial.loss is not None and trial.loss <= target)
        is_over = n_epochs >= MOST * N * problem.n_epochs or len(trials) >= most_trials
        if is_over or (is_there and len(trials) >= N):
            break
    first = trials[:N]
    return Measured(
        epochs_to(target, trials) / problem.n_epochs,
        sum(trial.n_epochs for trial in first) / problem.n_epochs,
        min((trial.loss for trial in first if trial.loss is not None), default=np.inf),
    )


def epochs_to(target: float, trials: Sequence[Spent]) -> float:
    """Return the epochs until a training ends at least as low as `target`; infinite if none does.

    >>> epochs_to(0.2, [Spent(9, 0.3), Spent(2, None), Spent(9, 0.1)])
    20
    """
    n_epochs = 0
    for trial in trials:
        n_epochs += trial.n_epochs
        if trial.loss is not None and trial.loss <= target:
            return n_epochs
    return np.inf


def table(found: Found) -> str:
    """Return the medians over the seeds as a table in Markdown, and what they are of `none`."""
    searches = list(found)
    most = MOST * N
    epochs, at_n, best = (_arrays(found, field) for field in Measured._fields)
    medians = np.median(np.minimum(epochs, most), axis=2)  # (n_searches, n_problems)
    lines = [["problem", *searches], ["---"] * (len(searches) + 1)]
    for name, row in zip(found["none"], medians.T, strict=True):
        lines.append([name, *(f"≥ {v:.0f}" if v >= most else f"{v:.1f}" for v in row)])

    def add(what: str, values: FloatArray) -> None:
        lines.append([what, *(f"{value:.2f}" for value in values)])

    shares = medians / medians[0]
    capped = np.minimum(epochs, most)
    add("÷ none, median of the problems", np.median(shares, axis=1))
    add("÷ none, worst problem", shares.max(axis=1))
    add("÷ none, median of all pairs", np.median(capped / capped[0], axis=(1, 2)))
    add("÷ the 30 of none, median of the problems", np.median(medians / N, axis=1))
    ours = searches.index("asha")
    add("pairs that asha wins", _won(capped[ours], capped).mean(axis=(1, 2)))
    add("30 trials: epochs ÷ none", (at_n / at_n[0]).mean(axis=(1, 2)))
    add("30 trials: as good as none, of all pairs", _won(best, best[0]).mean(axis=(1, 2)))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _arrays(found: Found, field: str) -> FloatArray:
    """Return one field of all searches, shape (n_searches, n_problems, n_seeds)."""
    return np.array(
        [[[getattr(m, field) for m in ms] for ms in row.values()] for row in found.values()]
    )


def _won(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Return 1 where ours is lower, 1/2 where they are alike."""
    return np.asarray((ours < theirs) + 0.5 * (ours == theirs))


if __name__ == "__main__":
    main()
