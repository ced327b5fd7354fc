"""Compares the samplers: `python -m benchmarks.run`; `--quick` takes two minutes.

Writes the searches, the tables and the plot into `benchmarks/results`; what is not the whole
comparison is printed alone, unless `--out` names a folder.
"""

from __future__ import annotations

# ruff: noqa: E402  (the threads are set before NumPy is imported)
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # for every sampler
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # KerasTuner imports TensorFlow

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import report
from benchmarks.drive import Curve, search
from benchmarks.measure import Runs
from benchmarks.problems import NAMES, load
from benchmarks.samplers import SAMPLERS
from benchmarks.speed import SIZES, Speed, speeds

__all__ = ["main"]

RESULTS = Path(__file__).parent / "results"
N_TRIALS = 100
# How many seeds, and trials, so that the comparison takes minutes: the slow ones get fewer.
SEEDS = {
    "bayes": 5,
    "tpe": 3,
    "genetic": 3,
    "sobol": 3,
    "random": 5,
    "optuna-tpe": 5,
    "hyperopt": 3,
    "optuna-gp": 1,
    "optuna-hierarchical": 5,
    "skopt": 1,
    "keras-tuner": 1,
}
TRIALS = {"skopt": 50, "keras-tuner": 50}
# Half a second and three seconds a suggestion: some problems of each kind, and with noise.
ONLY = {
    "skopt": ("svr_friedman", "boost_diabetes", "forest_noise", "knn_grid", "svm_kernels",
              "mlp_layers"),
    "keras-tuner": ("svr_friedman", "svm_kernels"),
}  # fmt: skip
# What the whole comparison leaves out, as it downloads the sampler when it runs.
ASKED_FOR = ("optuna-hierarchical",)
WORKERS = (1, 2, 4, 8)
IN_PARALLEL = ("bayes", "random", "optuna-tpe")
QUICK_SAMPLERS, QUICK_SEEDS, QUICK_SIZES = ("bayes", "random", "optuna-tpe"), 2, (10, 25, 50, 100)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for."""
    options = _options(arguments)
    if options.parallel:
        told = {"parallel.md": report.parallel_table(_in_parallel(options))}
        _give(told, options.out)
        return
    kept = _kept((options.out or RESULTS) / "runs.npz", options.rerun) if options.rerun else []
    runs = Runs([*kept, *_searches(options)])
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        _store(options.out / "runs.npz", runs)
    measured = [] if options.no_speed else _speeds(options)
    _give(_tables(runs, measured), options.out)
    if options.out:
        report.figure(runs, measured).savefig(options.out / "regret.png", dpi=110)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, metavar="NAME")
    parser.add_argument("--problems", nargs="+", choices=NAMES, metavar="NAME", default=NAMES)
    parser.add_argument("--seeds", type=int, metavar="N", help="for every sampler")
    parser.add_argument("--first-seed", type=int, metavar="SEED", default=0)
    parser.add_argument("--trials", type=int, metavar="N", default=N_TRIALS)
    parser.add_argument("--quick", action="store_true", help="three samplers, two seeds")
    parser.add_argument("--parallel", action="store_true", help="1, 2, 4, 8 trials at once")
    parser.add_argument("--no-speed", action="store_true", help="leave out the timings")
    parser.add_argument(
        "--rerun",
        nargs="+",
        choices=SAMPLERS,
        metavar="NAME",
        help="search with these alone, and take the others' searches from the last results",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    options = parser.parse_args(arguments)
    is_whole = not (options.samplers or options.quick or options.problems != NAMES)
    if is_whole and options.out is None:
        options.out = RESULTS
    options.sizes = SIZES
    if options.quick:
        options.samplers = options.samplers or list(QUICK_SAMPLERS)
        options.seeds = options.seeds or QUICK_SEEDS
        options.sizes = QUICK_SIZES
    if options.parallel:
        options.samplers = options.samplers or list(IN_PARALLEL)
    options.samplers = options.samplers or [s for s in SAMPLERS if s not in ASKED_FOR]
    return options


def _searches(options: argparse.Namespace) -> Iterator[Curve]:
    for sampler in options.rerun or options.samplers:
        began, n_runs = time.process_time(), 0
        n_trials = min(options.trials, TRIALS.get(sampler, options.trials))
        for name in options.problems:
            if name not in ONLY.get(sampler, NAMES):
                continue
            for seed in _seeds(options, SEEDS[sampler]):
                yield search(sampler, load(name), seed, n_trials)
                n_runs += 1
        print(f"{sampler}: {n_runs} searches, {time.process_time() - began:.0f} s", flush=True)


def _speeds(options: argparse.Namespace) -> list[Speed]:
    return [speed for n in (6, 12) for speed in speeds(options.samplers, n, options.sizes)]


def _seeds(options: argparse.Namespace, n: int) -> range:
    return range(options.first_seed, options.first_seed + (options.seeds or n))


def _in_parallel(options: argparse.Namespace) -> dict[int, Runs]:
    return {
        n_workers: Runs(
            search(sampler, load(name), seed, options.trials, n_workers)
            for sampler in options.samplers
            for name in options.problems
            for seed in _seeds(options, 5)
        )
        for n_workers in WORKERS
    }


def _tables(runs: Runs, measured: Sequence[Speed]) -> dict[str, str]:
    tables = {
        "versions.md": report.versions(runs),
        "bar.md": report.bar_table(runs, measured),
        "regret.md": report.regret_table(runs),
        "won.md": report.won_table(runs),
        "problems_50.md": report.problem_table(runs, 50),
        "problems_100.md": report.problem_table(runs, 100),
    }
    return tables | ({"speed.md": report.speed_table(measured)} if measured else {})


def _give(tables: dict[str, str], folder: Path | None) -> None:
    for name, table in tables.items():
        print(f"\n{name.removesuffix('.md')}\n{table}")
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(table + "\n", encoding="utf-8")


def _store(path: Path, runs: Runs) -> None:
    """Write the searches; shorter ones are filled up with NaN."""
    curves = list(runs.curves.values())
    n = max(len(curve.regrets) for curve in curves)

    def padded(series: np.ndarray) -> np.ndarray:
        return np.pad(series, (0, n - len(series)), constant_values=np.nan).astype(np.float32)

    np.savez_compressed(
        path,
        sampler=[c.sampler for c in curves],
        problem=[c.problem for c in curves],
        seed=[c.seed for c in curves],
        regrets=np.array([padded(c.regrets) for c in curves]),
    )


def _kept(path: Path, without: Sequence[str]) -> list[Curve]:
    with np.load(path) as stored:
        rows = zip(*(stored[k].tolist() for k in ("sampler", "problem", "seed")), strict=True)
        regrets = stored["regrets"].astype(np.float64)
    return [
        Curve(sampler, problem, seed, row[~np.isnan(row)], np.empty(0))
        for (sampler, problem, seed), row in zip(rows, regrets, strict=True)
        if sampler not in without
    ]


if __name__ == "__main__":
    main()
