"""What a long search of small Keras networks costs in one process, beside a bare loop.

    python -m benchmarks.memory [--trials 200]

Both train the same network as often, each in a process of its own: the search with its storage on
disk and nothing shown, the loop with `keras.utils.clear_session()` before each training. Printed
are the resident memory and the seconds per trial at the 20th and at the last trial.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MARKS = 10  # trials over which seconds are averaged


def train(units: int, lr: float) -> float:
    """Train a small network on random data; return its validation loss."""
    import keras

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 20)), rng.integers(0, 2, 2000)
    model = keras.Sequential(
        [keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.compile(keras.optimizers.Adam(lr), "binary_crossentropy")
    fit = model.fit(x, y, validation_split=0.25, epochs=3, batch_size=64, verbose=0)
    return float(fit.history["val_loss"][-1])


def resident_mb() -> float:
    """Return this process's resident memory in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watch:
    """Notes memory and time after each training."""

    def __init__(self) -> None:
        self.memory: list[float] = []
        self.ended: list[float] = [time.perf_counter()]

    def note(self) -> None:
        """Note one training."""
        self.memory.append(resident_mb())
        self.ended.append(time.perf_counter())

    def row(self, name: str) -> str:
        """Return the figures as a row of the table."""
        took = np.diff(self.ended)
        early, late = took[20 - MARKS : 20].mean(), took[-MARKS:].mean()
        growth = (self.memory[-1] - self.memory[19]) / (len(self.memory) - 20)
        return (
            f"| {name} | {self.memory[19]:.0f} | {self.memory[-1]:.0f} | {growth:.2f} "
            f"| {early:.2f} | {late:.2f} |"
        )


def bare(n_trials: int) -> str:
    """Train in a plain loop."""
    import keras

    rng, watch = np.random.default_rng(0), Watch()
    for _ in range(n_trials):
        keras.utils.clear_session()
        train(int(rng.integers(8, 64)), float(10 ** rng.uniform(-4, -2)))
        watch.note()
    return watch.row("bare loop")


def searched(n_trials: int) -> str:
    """Train under a search."""
    import keras  # noqa: F401  (so that the first trial is like the others)

    from hpo_magic import hp, search

    watch = Watch()

    def objective() -> float:
        units, lr = hp.Int(8, 64), hp.Float(1e-4, 1e-2, sampling="log")
        loss = train(units, lr)
        watch.note()
        return loss

    with tempfile.TemporaryDirectory() as folder:
        options = {"minimize": "value", "ui": "none", "storage": folder}
        search(objective, "memory", n_trials, **options)
    return watch.row("search")


def main() -> None:
    """Run both, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--only", choices=["bare", "searched"])
    asked = parser.parse_args()
    if asked.only:
        print({"bare": bare, "searched": searched}[asked.only](asked.trials))
        return
    print("| | MB at 20 | MB at the end | MB per trial | s per trial, 11-20 | s, last 10 |")
    print("|---|---|---|---|---|---|", flush=True)
    for which in ("bare", "searched"):
        command = [sys.executable, "-m", "benchmarks.memory", "--trials", str(asked.trials)]
        ended = subprocess.run(
            [*command, "--only", which], capture_output=True, text=True, check=True
        )
        print(ended.stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
