"""What many Keras trials on workers cost: memory of the kernel and of the workers, and time.

    python -m benchmarks.workers isolate --trials 1000 --folder FOLDER [--time 14m]
    python -m benchmarks.workers "jobs 2" --cell larger --trials 16
    python -m benchmarks.workers here --cell larger --trials 16

A `%%hpo` cell in an IPython shell, with its study in FOLDER: run again, it goes on, and the table
has what all runs noted. Memory is resident, that of the workers is the largest of one since the row
before. The kernel is a new one with each run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from hpo_magic.storage.sqlite import SqliteStorage

EVERY_S = 1.0
MARKS = (1, 10, 50, 100, 200, 300, 500, 750, 1000)

DATA = """
import keras
import numpy as np
rng = np.random.default_rng(0)
x, y = rng.normal(size=({rows}, 20)), rng.integers(0, 2, {rows})
"""
CELL = """
units = hp.Int(8, 64)
lr = hp.Float(1e-4, 1e-2, sampling="log")
model = keras.Sequential(
    [keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
)
model.compile(keras.optimizers.Adam(lr), "binary_crossentropy")
model.fit(x, y, validation_split=0.25, epochs={epochs}, batch_size={batch})
"""
LIGHT = """
x = hp.Float(0.0, 1.0)
for step in range(1, 11):
    hp.report(step, val_loss=x / step)
val_loss = x
"""
# A trial of the first is all building and tracing, one of the second some seconds of training; the
# third, without Keras, is what the search itself takes.
SIZES = {
    "tiny": {"rows": 256, "epochs": 1, "batch": 256},
    "larger": {"rows": 20_000, "epochs": 4, "batch": 32},
    "light": {},
}


def n_ended(folder: Path) -> int:
    """Return how many trials on disk have ended."""
    with closing(SqliteStorage(folder)) as storage:
        found = storage.revisions("keras_trials")
        return sum(t.state.is_finished for t in storage.trials(found[-1].id)) if found else 0


@contextmanager
def noting(folder: Path) -> Iterator[None]:
    """Write down time, trials ended, megabytes of the kernel and of the largest worker."""
    kernel, is_over = psutil.Process(), threading.Event()

    def note() -> None:
        while not is_over.wait(EVERY_S):
            sizes = [0]
            for child in kernel.children(recursive=True):
                try:
                    sizes.append(child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            line = (time.time(), n_ended(folder), kernel.memory_info().rss, max(sizes), kernel.pid)
            with (folder / "notes").open("a") as file:
                file.write(json.dumps(line) + "\n")

    thread = threading.Thread(target=note)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def search(line: str, cell: str, n_trials: int, folder: Path, more: str) -> float:
    """Run the search, or go on with it; return the seconds that it took."""
    from IPython.core.interactiveshell import InteractiveShell

    shell, size = InteractiveShell.instance(), SIZES[cell]
    shell.run_line_magic("load_ext", "hpo_magic")
    if size:
        shell.run_cell(DATA.format(**size)).raise_error()
    options = f"--minimize val_loss -n {n_trials} --sampler random --recheck 0 --pruner none"
    began = time.perf_counter()
    shell.run_cell(
        f"%%hpo keras_trials {options} --ui none --storage {folder} {line} {more}\n"
        + (CELL.format(**size) if size else LIGHT)
    ).raise_error()
    return time.perf_counter() - began


def table(folder: Path) -> str:
    """Return the notes as a table: a row for each mark that was reached."""
    lines = (folder / "notes").read_text().splitlines()
    notes = [tuple(json.loads(line)) for line in lines]
    rows = ["| trials | kernel, MB | worker, MB | s per trial |", "|---|---|---|---|"]
    before: tuple[float, ...] | None = None
    for mark in MARKS:
        reached = next((note for note in notes if note[1] >= mark), None)
        if reached is None:
            break
        since = [n for n in notes if (before is None or n[0] > before[0]) and n[0] <= reached[0]]
        pairs = list(itertools.pairwise(since))
        took = sum(b[0] - a[0] for a, b in pairs if a[4] == b[4])  # not from run to run
        trained = sum(b[1] - a[1] for a, b in pairs if a[4] == b[4])
        each = f"{took / trained:.2f}" if trained and before is not None else ""
        worker = max((note[3] for note in since), default=0) / 1e6
        rows.append(f"| {reached[1]} | {reached[2] / 1e6:.0f} | {worker:.0f} | {each} |")
        before = reached
    return "\n".join(rows)


def main() -> None:
    """Search, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("where", help='"here", or an option of %%%%hpo without its dashes')
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--cell", choices=SIZES, default="tiny")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--time", default="", help="of this run, as in --time 14m of %%%%hpo")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as new:
        folder = asked.folder or Path(new)
        folder.mkdir(exist_ok=True, parents=True)
        line = "" if asked.where == "here" else f"--{asked.where}"
        more = f"--time {asked.time}" if asked.time else ""
        before = n_ended(folder)
        with noting(folder):
            took = search(line, asked.cell, asked.trials, folder, more)
        n_new = n_ended(folder) - before
        print(f"{n_new} trials in {took:.0f} s: {60 * n_new / took:.1f} a minute")
        print(table(folder))


if __name__ == "__main__":
    main()
