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
from typing import NamedTuple

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
N_RESAMPLES = 200

# A complete training: the epochs of all until its end, its loss, the trainings begun until then.
Ended = tuple[float, float, int]
# By search, problem and seed: the complete trainings, and CPU s.
Stored = dict[str, tuple[list[Ended], float]]


def best_by_epochs(search: str, name: str, seed: int) -> tuple[list[Ended], float]:
    """Return each complete training within `N` trainings' worth, and CPU s."""
    problem = load_curves(name)
    n_epochs, n_begun, found = 0, 0, []
    began = time.process_time()
    for spent in itertools.islice(SEARCHES[search](problem, seed), MOST_PARTS):
        n_epochs, n_begun = n_epochs + spent.n_epochs, n_begun + spent.is_new
        if n_epochs > N * problem.n_epochs:
            break
        if spent.loss is not None:
            found.append((n_epochs, float(spent.loss), n_begun))
    return found, time.process_time() - began


def _best(found: Sequence[Ended], epochs: float) -> float:
    return min((loss for at, loss, _ in found if at <= epochs), default=np.inf)


def main() -> None:
    """Run the searches and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=["none", "asha", "wait"])
    parser.add_argument("--seeds", nargs=2, type=int, default=(100, 120), metavar=("FROM", "TO"))
    parser.add_argument("--out", default="waiting")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--start", type=float, default=0.0, help="cost of a beginning")
    asked = parser.parse_args()
    path = RESULTS / f"{asked.out}.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    tasks = [
        (search, name, seed)
        for seed in range(*asked.seeds)
        for family in asked.families
        for name in FAMILIES[family]
        for search in asked.searches
        if f"{search}|{name}|{seed}" not in stored
    ]
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for task, result in zip(tasks, pool.map(_of, tasks, chunksize=2), strict=True):
            stored["|".join(map(str, task))] = result
            if len(stored) % 20 == 0:
                path.write_text(json.dumps(stored), encoding="utf-8")
    path.write_text(json.dumps(stored), encoding="utf-8")
    text = "\n".join(
        table(stored, family, asked.searches, range(*asked.seeds), asked.start)
        for family in asked.families
    )
    (RESULTS / f"{asked.out}.md").write_text(text, encoding="utf-8")
    print(text)


def _of(task: tuple[str, str, int]) -> tuple[list[Ended], float]:
    return best_by_epochs(*task)


def table(
    stored: Stored, family: str, searches: Sequence[str], seeds: Sequence[int], start: float = 0.0
) -> str:
    """Return the measures of one family of problems as a table in Markdown, base first.

    ± is one standard error, by `N_RESAMPLES` draws of the seeds, targets included. `start` is what
    it costs to begin a training, as a share of a whole one, of the searches' and the base's.
    """
    stored = _with_starts(stored, FAMILIES[family], searches, start)
    found = _measures(stored, FAMILIES[family], searches, seeds)
    rng = np.random.default_rng(0)
    drawn = [
        _measures(stored, FAMILIES[family], searches, rng.choice(seeds, len(seeds)).tolist())
        for _ in range(N_RESAMPLES)
    ]
    rows = [
        f"| {family}, {len(seeds)} seeds | ÷ {searches[0]}, median | worst | geometric | ÷ the {N} "
        f"| there | regret at 25, 40, 50% | as good at 40% | CPU s | complete |",
        "| --- " * 10 + "|",
    ]
    for k, search in enumerate(searches):
        one, errors = found[k], [float(e) for e in np.std([d[k].summary for d in drawn], axis=0)]
        median, worst, geometric, share, there, *regrets, good = (
            f"{v:.2f} ± {e:.2f}" if k else f"{v:.2f}"
            for v, e in zip(one.summary, errors, strict=True)
        )
        rows.append(
            f"| {search} | {median} | {worst} | {geometric} | {share} | {there} "
            f"| {', '.join(regrets)} | {good} | {one.cpu_s:.1f} | {one.n_complete:.1f} |"
        )
        rows.append(f"| | {' '.join(f'{v:.2f}' for v in one.ratios)} |")
    return "\n".join(rows) + "\n"


def _with_starts(
    stored: Stored, names: Sequence[str], searches: Sequence[str], start: float
) -> Stored:
    """Return the searches on a scale on which to begin costs a part of a training's worth."""
    found = {}
    for key, (runs, cpu_s) in stored.items():
        search, name, _ = key.split("|")
        if search in searches and name in names:
            cost, length = start * load_curves(name).n_epochs, 1.0 + start
            scaled = [((at + cost * n) / length, loss, n) for at, loss, n in map(_ended, runs)]
            found[key] = scaled, cpu_s
    return found


def _ended(run: Sequence[float]) -> Ended:
    at, loss, n_begun = run
    return at, loss, int(n_begun)


class Measures(NamedTuple):
    """What one search needs on a family of problems.

    Attributes
    ----------
    summary
        Median, worst and geometric mean of the epochs to the target as a share of the base's; as a
        share of the whole budget; how many got there; the regrets at `SHARES`; how many are as good
        at 40% as the base of the same seed at the end.
    ratios
        The medians' ratio of each problem.
    n_complete
        Trainings that came to their end, in the mean.
    """

    summary: tuple[float, ...]
    ratios: tuple[float, ...]
    cpu_s: float
    n_complete: float


def _measures(
    stored: Stored, names: Sequence[str], searches: Sequence[str], seeds: Sequence[int]
) -> list[Measures]:
    """Return the measures of each search; the first one is the base of the ratios."""
    targets = [_target(stored, searches[0], name, seeds) for name in names]
    found: list[Measures] = []
    base: FloatArray | None = None
    for search in searches:
        to, regrets, good, cpu, complete = [], [], [], [], []
        for name, (target, one, ends) in zip(names, targets, strict=True):
            length = load_curves(name).n_epochs
            here = [stored[f"{search}|{name}|{seed}"] for seed in seeds]
            to.append([_epochs_to(runs, target, length) for runs, _ in here])
            best = np.array([[_best(f, share * N * length) for share in SHARES] for f, _ in here])
            regrets.append(((best - target) / (one - target)).clip(-1, 3).mean(axis=0))
            good.append(np.mean([_best(f, 0.4 * N * length) for f, _ in here] <= ends))
            cpu.append(np.mean([seconds for _, seconds in here]))
            complete.append(np.mean([len(runs) for runs, _ in here]))
        epochs = np.array(to)
        base = epochs if base is None else base
        medians = np.median(epochs, axis=1)
        ratios = medians / np.median(base, axis=1)
        summary = (
            float(np.median(ratios)),
            float(ratios.max()),
            float(np.exp(np.log(epochs / base).mean())),
            float(np.median(medians / N)),
            float((epochs < N).mean()),
            *np.mean(regrets, axis=0).tolist(),
            float(np.mean(good)),
        )
        means = float(np.mean(cpu)), float(np.mean(complete))
        found.append(Measures(summary, tuple(ratios.tolist()), *means))
    return found


def _target(
    stored: Stored, base: str, name: str, seeds: Sequence[int]
) -> tuple[float, float, FloatArray]:
    """Return the losses that are a regret of 0 and 1, and what each seed of the base ended with."""
    length = load_curves(name).n_epochs
    plain = [stored[f"{base}|{name}|{seed}"][0] for seed in seeds]
    ends = np.array([_best(found, N * length) for found in plain])
    firsts = [np.median([loss for _, loss, _ in found[:FIRST]]) for found in plain]
    return float(np.median(ends)), float(np.median(firsts)), ends


def _epochs_to(found: Sequence[Ended], target: float, length: int) -> float:
    there = [at for at, loss, _ in found if loss <= target]
    return min(min(there, default=N * length) / length, N)


if __name__ == "__main__":
    main()
