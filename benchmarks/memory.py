"""What a long search of small Keras networks costs in one process, beside a bare loop.

    python -m benchmarks.memory [--trials 500]
    python -m benchmarks.memory --trials 200 --only waits     # trainings of 12 epochs that wait
    python -m benchmarks.memory --trials 200 --only unpruned  # the same without

Both train the same network as often, each in a process of its own: the search with its storage on
disk and nothing shown, the loop with `keras.utils.clear_session()` before each training. Printed
are the resident memory at some trials, and the CPU seconds of the trials since the row before: of
all threads, what the search does between trainings included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

# Trials after which figures are printed.
MARKS = (10, 20, 30, 40, 50, 75, 100, 125, 150, 175, 200, 300, 400, 500)


def train(units: int, lr: float, n_epochs: int = 2) -> float:
    """Train a small network on random data; return its validation loss."""
    import keras

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(500, 20)), rng.integers(0, 2, 500)
    model = keras.Sequential(
        [keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.compile(keras.optimizers.Adam(lr), "binary_crossentropy")
    fit = model.fit(x, y, validation_split=0.25, epochs=n_epochs, batch_size=64, verbose=0)
    return float(fit.history["val_loss"][-1])


def resident_mb() -> float:
    """Return this process's resident memory in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watch:
    """Prints a row of the table after some of the trainings."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.n = 0
        self._at: tuple[int, float, float] | None = None  # trial, MB and CPU seconds of a row

    def note(self) -> None:
        """Note one training."""
        self.n += 1
        if self.n not in MARKS:
            return
        now = (self.n, resident_mb(), time.process_time())
        if self._at is not None:
            n = now[0] - self._at[0]
            growth, cpu_s = (now[1] - self._at[1]) / n, (now[2] - self._at[2]) / n
            row = f"| {self._name} | {now[0]} | {now[1]:.0f} | {growth:.2f} | {cpu_s:.2f} |"
            # What a trial prints is kept with the trial.
            print(row, file=sys.__stdout__, flush=True)
        self._at = now


def bare(n_trials: int) -> None:
    """Train in a plain loop."""
    import keras

    rng, watch = np.random.default_rng(0), Watch("bare loop")
    for _ in range(n_trials):
        keras.utils.clear_session()
        train(int(rng.integers(8, 64)), float(10 ** rng.uniform(-4, -2)))
        watch.note()


def searched(n_trials: int, pruner: str | None = None) -> None:
    """Train under a search.

    With a pruner, trainings are longer and counted when they begin, as some do not end; the process
    ends when `n_trials` have begun.
    """
    import keras  # noqa: F401  (so that the first trial is like the others)

    from hpo_magic import hp, search

    watch = Watch(pruner or "search")

    def objective() -> float:
        units, lr = hp.Int(8, 64), hp.Float(1e-4, 1e-2, sampling="log")
        if pruner is None:
            loss = train(units, lr)
            watch.note()
            return loss
        watch.note()
        if watch.n == n_trials:
            os._exit(0)  # those that wait are not to be ended first
        return train(units, lr, 12)

    with tempfile.TemporaryDirectory() as folder:
        options = {"minimize": "value", "ui": "none", "storage": folder}
        if pruner is not None:
            options |= {"pruner": pruner, "recheck": "0"}
        search(objective, "memory", n_trials, **options)


def main() -> None:
    """Run both, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=500)
    modes = {
        "bare": bare,
        "searched": searched,
        "waits": partial(searched, pruner="wait"),
        "unpruned": partial(searched, pruner="none"),
    }
    parser.add_argument("--only", choices=modes)
    asked = parser.parse_args()
    if asked.only:
        modes[asked.only](asked.trials)
        return
    print("| | trials | MB | MB per trial | CPU s per trial |")
    print("|---|---|---|---|---|", flush=True)
    for which in ("bare", "searched"):
        command = [sys.executable, "-m", "benchmarks.memory", "--trials", str(asked.trials)]
        subprocess.run([*command, "--only", which], stderr=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
