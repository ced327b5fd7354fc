"""What it costs that trainers report by themselves: `python -m benchmarks.trainers`.

    python -m benchmarks.trainers hook                      # LightGBM and XGBoost, per round
    python -m benchmarks.trainers memory lightgbm -n 500    # small trials in one process
    python -m benchmarks.trainers memory lightgbm -n 500 --isolate

**hook**: each trial of a search trains the same by turns: watched, and in an empty context, in
which nobody watches. Counted is the CPU time of the thread that trains (one thread). The load of
the machine is printed: what others run displaces from the caches what a report needs.

**memory**: the cells of `tests/kit/trainers.py`, one short training each. Printed is the resident
memory at some trials, and its growth per trial since the row before: with `--isolate` that of the
kernel, whose workers are renewed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["main"]

N_TRIALS, N_FIRST = 12, 6  # the first ones do not count: after five the pruner is at work
N_ROUNDS = 1000
MARKS = (50, 100, 200, 300, 400, 500)
# Rows, columns and leaves: a thousand rounds a second and more, and those of a common table.
SIZES = {"small": (1_000, 10, 8), "middle": (10_000, 20, 31)}


def lightgbm_training(n_rows: int, n_columns: int, n_leaves: int) -> Callable[[], None]:
    """Return a training of LightGBM with an evaluation set."""
    import lightgbm

    x, y = _table(n_rows, n_columns)
    cut = n_rows * 3 // 4
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": n_leaves}

    def train() -> None:
        rows = lightgbm.Dataset(x[:cut], y[:cut])
        held_out = lightgbm.Dataset(x[cut:], y[cut:], reference=rows)
        lightgbm.train(settings, rows, N_ROUNDS, [held_out], ["valid"])

    return train


def xgboost_training(n_rows: int, n_columns: int, n_leaves: int) -> Callable[[], None]:
    """Return a training of XGBoost with an evaluation set."""
    import xgboost

    x, y = _table(n_rows, n_columns)
    cut = n_rows * 3 // 4
    depth = int(np.log2(n_leaves + 1))
    settings = {"objective": "binary:logistic", "nthread": 1, "max_depth": depth}

    def train() -> None:
        rows, held_out = xgboost.DMatrix(x[:cut], y[:cut]), xgboost.DMatrix(x[cut:], y[cut:])
        sets = [(held_out, "valid")]
        xgboost.train(settings, rows, N_ROUNDS, evals=sets, verbose_eval=False)

    return train


LIBRARIES = {
    "lightgbm": (lightgbm_training, "valid-binary_logloss"),
    "xgboost": (xgboost_training, "valid-logloss"),
}


def _table(n_rows: int, n_columns: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, n_columns))
    return x, (x[:, 0] + rng.normal(size=n_rows) > 0).astype(int)


def hook() -> None:
    """Print the table of the hook's cost."""
    print("load", *(f"{one:.1f}" for one in os.getloadavg()), flush=True)
    print("| | rounds a second | bare, µs a round | watched | share |", flush=True)
    print("|---|---|---|---|---|", flush=True)
    for library, (training_of, metric) in LIBRARIES.items():
        for size, shape in SIZES.items():
            found = np.array(costs(training_of(*shape), metric)[N_FIRST:]) / N_ROUNDS * 1e6
            bare, watched = np.median(found, axis=0)
            share = np.median(found[:, 1] / found[:, 0]) - 1
            figures = f"{1e6 / bare:.0f} | {bare:.0f} | {watched:.0f} | {share:+.1%}"
            print(f"| {library}, {size} | {figures} |", flush=True)


def costs(train: Callable[[], None], metric: str) -> list[tuple[float, float]]:
    """Return the CPU seconds of each trial's training: bare and watched."""
    from hpo_magic import hp, search

    found: list[tuple[float, float]] = []

    def objective() -> None:
        hp.Float("x", 0.0, 1.0)
        first, second = _bare_cpu_s(train), _cpu_s(train)
        third, fourth = _cpu_s(train), _bare_cpu_s(train)
        found.append(((first + fourth) / 2, (second + third) / 2))

    search(objective, trials=N_TRIALS, minimize=metric, ui="none", recheck="0", sampler="random")
    return found


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _bare_cpu_s(work: Callable[[], None]) -> float:
    """Return the CPU seconds in an empty context, in which nobody watches."""
    return Context().run(_cpu_s, work)


def memory(name: str, n_trials: int, *, is_isolated: bool) -> None:
    """Run a search of small trainings, and print the resident memory of this process."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kit"))
    from IPython.core.interactiveshell import InteractiveShell
    from trainers import TRAINERS

    trainer = TRAINERS[name]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "hpo_magic")
        shell.run_cell(trainer.setup)
        shell.run_cell("n = 3")
        watch = Watch(f"{name}{', --isolate' if is_isolated else ''}")
        _each_trial(watch)
        options = f"-n {n_trials} --pruner none {'--isolate' if is_isolated else ''}"
        shell.run_cell(trainer.magic(options))
        os.chdir("/")


def _each_trial(watch: Watch) -> None:
    """Have the watch note each trial that ends, in whatever process it runs."""
    from hpo_magic.core.events import Completed
    from hpo_magic.notebook import magic

    class Noting:
        def __init__(self, *given: object) -> None: ...

        def notice(self, event: object, snapshot: object) -> None:
            if isinstance(event, Completed):
                watch.note()

        def poll(self) -> None: ...

        def close(self, snapshot: object) -> None: ...

    magic.make_listener = lambda ui, shell, controls: Noting()  # type: ignore[assignment]


class Watch:
    """Prints a row of the table at some trials."""

    def __init__(self, name: str) -> None:
        self._name, self._n = name, 0
        self._at = (0, 0.0)

    def note(self) -> None:
        """Note one trial."""
        self._n += 1
        if self._n not in MARKS:
            return
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        now = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        growth = f"{(now - self._at[1]) / (self._n - self._at[0]):.2f}" if self._at[0] else ""
        row = f"| {self._name} | {self._n} | {now:.0f} | {growth} |"
        print(row, file=sys.__stdout__, flush=True)
        self._at = (self._n, now)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["hook", "memory"])
    parser.add_argument("trainer", nargs="?")
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("--isolate", action="store_true")
    asked = parser.parse_args()
    if asked.what == "hook":
        hook()
    else:
        memory(asked.trainer, asked.n, is_isolated=asked.isolate)


if __name__ == "__main__":
    main()
