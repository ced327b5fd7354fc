"""What being watched costs a Keras fit, per batch and per epoch: `python -m benchmarks.hook`.

Each trial of a search fits one and the same compiled model by turns: as a cell does, watched, and
in a thread of its own, which nobody watches. Counted is the CPU time of the thread that calls
`fit`, in which all of the hook runs: callback, engine, pruner and wishes. Nothing is shown. The
hook alone is what the fit calls, called by itself: a guard for a batch, a report for an epoch. Each
figure is the median of the trials.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import threading
import time
from collections.abc import Callable

import numpy as np

__all__ = ["main"]

N_TRIALS = 9
N_FIRST = 6  # trials before those that count: after five complete ones the pruner is at work
SHAPES = {"batch": (1, 100), "epoch of one batch": (10, 1)}  # epochs, batches
N_CALLS = 200


def main() -> None:
    """Measure both, and print the table."""
    print("| | bare, µs | watched, µs | share | the hook alone, µs |\n|---|---|---|---|---|")
    for name, (n_epochs, n_batches) in SHAPES.items():
        found = np.array(costs(n_epochs, n_batches)[N_FIRST:]) * 1e6
        bare, watched, alone = np.median(found, axis=0)
        share = np.median(found[:, 1] / found[:, 0]) - 1
        print(f"| {name} | {bare:.0f} | {watched:.0f} | {share:+.1%} | {alone:.0f} |", flush=True)


def costs(n_epochs: int, n_batches: int) -> list[tuple[float, float, float]]:
    """Return the seconds per batch or epoch of each trial: bare, watched, and the hook alone."""
    import keras

    from hpo_magic import hp, search
    from hpo_magic.frameworks import keras_fit

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8 * n_batches, 20)), rng.integers(0, 2, 8 * n_batches)
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.SGD(1e-3), "binary_crossentropy")

    def fit() -> None:
        model.fit(
            x, y, validation_data=(x[:8], y[:8]), epochs=n_epochs, batch_size=8, shuffle=False,
            verbose=0,
        )  # fmt: skip

    found: list[tuple[float, float, float]] = []

    def objective() -> None:
        hp.Float("x", 0.0, 1.0)
        in_a_thread(fit)  # traces: a trial begins with a new session
        first, second = in_a_thread(fit), cpu_s(fit)
        third, fourth = cpu_s(fit), in_a_thread(fit)
        guard = keras_fit._THIS_THREAD.watch.guard
        call = guard if n_epochs == 1 else lambda: hp.report(val_loss=1.0, loss=1.0)
        alone = cpu_s(lambda: [call() for _ in range(N_CALLS)]) / N_CALLS
        hp.report(val_loss=rng.random())
        n = 2 * n_epochs * n_batches
        found.append(((first + fourth) / n, (second + third) / n, alone))

    search(objective, trials=N_TRIALS, minimize="val_loss", ui="none", recheck="0")
    return found


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this thread."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def in_a_thread(work: Callable[[], None]) -> float:
    """Return the CPU seconds of a thread of its own."""
    took: list[float] = []
    thread = threading.Thread(target=lambda: took.append(cpu_s(work)))
    thread.start()
    thread.join()
    return took[0]


if __name__ == "__main__":
    main()
