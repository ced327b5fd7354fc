"""Measures trainings that wait: `python -m benchmarks.waiting`; the tables go to `results/`.

Epochs are in full trainings' worth. A problem's target is the median of the seeds' best of `N`
unpruned trainings; what does not get there within `N` counts as `N`, the unpruned search, too. So
the worst problem is a lower bound.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.problems.curve_tables import FAMILIES, load_curves
from benchmarks.pruned_search import SEARCHES
from hpo_magic.core.domains import FloatArray

__all__ = ["best_by_epochs", "main", "table"]

N = 30
FIRST = 9  # the unpruned trainings whose median is a regret of 1
SHARES = (0.25, 0.4, 0.5)
RESULTS = Path(__file__).parent / "results"
MOST_PARTS = 5000


def best_by_epochs(search: str, name: str, seed: int) -> tuple[list[tuple[int, float]], float]:
    """Return (epochs, loss) of each complete training within `N` trainings' worth, and CPU s."""
    problem = load_curves(name)
    n_epochs, found = 0, []
    began = time.process_time()
    for spent in itertools.islice(SEARCHES[search](problem, seed), MOST_PARTS):
        n_epochs += spent.n_epochs
        if n_epochs > N * problem.n_epochs:
            break
        if spent.loss is not None:
            found.append((n_epochs, float(spent.loss)))
    return found, time.process_time() - began


def _best(found: Sequence[tuple[int, float]], epochs: float) -> float:
    return min((loss for at, loss in found if at <= epochs), default=np.inf)


def main() -> None:
    """Run the searches and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=["none", "asha", "wait"])
    parser.add_argument("--seeds", nargs=2, type=int, default=(100, 120), metavar=("FROM", "TO"))
    parser.add_argument("--out", default="waiting")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    path = RESULTS / f"{asked.out}.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    tasks = [
        (search, name, seed)
        for family in asked.families
        for name in FAMILIES[family]
        for seed in range(*asked.seeds)
        for search in asked.searches
        if f"{search}|{name}|{seed}" not in stored
    ]
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for task, result in zip(tasks, pool.map(_of, tasks, chunksize=4), strict=True):
            stored["|".join(map(str, task))] = result
            if len(stored) % 40 == 0:
                path.write_text(json.dumps(stored), encoding="utf-8")
    path.write_text(json.dumps(stored), encoding="utf-8")
    text = "\n".join(
        table(stored, family, asked.searches, range(*asked.seeds)) for family in asked.families
    )
    (RESULTS / f"{asked.out}.md").write_text(text, encoding="utf-8")
    print(text)


def _of(task: tuple[str, str, int]) -> tuple[list[tuple[int, float]], float]:
    return best_by_epochs(*task)


def table(
    stored: dict[str, tuple[list[tuple[int, float]], float]],
    family: str,
    searches: Sequence[str],
    seeds: Sequence[int],
) -> str:
    """Return the measures of one family of problems as a table in Markdown."""
    names = FAMILIES[family]
    rows = [
        f"| {family}, {len(seeds)} seeds | ÷ none, median | worst | geometric | ÷ the 30 | there "
        f"| regret at 25, 40, 50% | as good at 40% | CPU s |",
        "| --- " * 9 + "|",
    ]
    base: FloatArray | None = None
    for search in searches:
        to, regrets, good, cpu = [], [], [], []
        for name in names:
            length = load_curves(name).n_epochs
            plain = [stored[f"none|{name}|{seed}"][0] for seed in seeds]
            ends = np.array([_best(found, N * length) for found in plain])
            firsts = [np.median([loss for _, loss in found[:FIRST]]) for found in plain]
            target, one = float(np.median(ends)), float(np.median(firsts))
            here = [stored[f"{search}|{name}|{seed}"] for seed in seeds]
            to.append([_epochs_to(found, target, length) for found, _ in here])
            best = np.array([[_best(f, share * N * length) for share in SHARES] for f, _ in here])
            regrets.append(((best - target) / (one - target)).clip(-1, 3).mean(axis=0))
            good.append(np.mean([_best(f, 0.4 * N * length) for f, _ in here] <= ends))
            cpu.append(np.mean([seconds for _, seconds in here]))
        epochs = np.array(to)
        base = epochs if base is None else base
        medians = np.median(epochs, axis=1)
        ratio = medians / np.median(base, axis=1)
        regret = " ".join(f"{v:.2f}" for v in np.mean(regrets, axis=0))
        rows.append(
            f"| {search} | {np.median(ratio):.2f} | {ratio.max():.2f} "
            f"| {np.exp(np.log(epochs / base).mean()):.2f} | {np.median(medians / N):.2f} "
            f"| {(epochs < N).mean():.2f} | {regret} | {np.mean(good):.2f} | {np.mean(cpu):.1f} |"
        )
        rows.append(f"| | {' '.join(f'{v:.2f}' for v in ratio)} |")
    return "\n".join(rows) + "\n"


def _epochs_to(found: Sequence[tuple[int, float]], target: float, length: int) -> float:
    there = [at for at, loss in found if loss <= target]
    return min(min(there, default=N * length) / length, N)


if __name__ == "__main__":
    main()
