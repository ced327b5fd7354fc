"""What it costs to look at what a cell reads: before the search, and after each trial.

`python benchmarks/inputs.py` prints, for some notebooks, the CPU time of the first look, of the
full comparison after the first trial and of the later ones, and the share of these in trials of
2 s. The search skips comparisons that would take more than 1% of its time.
"""

from __future__ import annotations

import ast
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from hpo_magic.inputs.reads import values_read
from hpo_magic.inputs.state import quick_state_of, state_of
from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.source.cell_text import CellText

TRIAL_S = 2.0
N_RUNS = 7


def quickstart() -> dict[str, Any]:
    """Return the digits of the quickstart."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x / 16.0, y, random_state=0)
    return {"x_train": x_train, "x_val": x_val, "y_train": y_train, "y_val": y_val}


def large_arrays() -> dict[str, Any]:
    """Return 200 MB in two arrays."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50_000, 400))
    return {"x_train": x, "x_val": rng.normal(size=(12_500, 400))}


def many_objects() -> dict[str, Any]:
    """Return 1,000 objects with three attributes each."""
    objects = [SimpleNamespace(i=i, name=f"n{i}", at=[i, i + 1]) for i in range(1_000)]
    return {"objects": objects}


def keras_model() -> dict[str, Any]:
    """Return a model of Keras with 1.2 million weights."""
    import keras

    layers = [keras.Input((64,)), *(keras.layers.Dense(512) for _ in range(5))]
    return {"teacher": keras.Sequential(layers)}


def forest() -> dict[str, Any]:
    """Return a fitted forest of 100 trees."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier

    return {"model": RandomForestClassifier(100).fit(*load_digits(return_X_y=True))}


NOTEBOOKS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "quickstart": quickstart,
    "200 MB of arrays": large_arrays,
    "1,000 objects": many_objects,
    "Keras model, 1.2 M weights": keras_model,
    "forest of 100 trees": forest,
}


def milliseconds(action: Callable[[], object]) -> float:
    """Return the median CPU time of an action, which runs in one thread."""
    times = []
    for _ in range(N_RUNS):
        begun = time.process_time()
        action()
        times.append(time.process_time() - begun)
    return 1000 * statistics.median(times)


def main() -> None:
    """Print the table."""
    head = ("notebook", "first look", "first trial", "later trials", "of 2 s")
    sys.stdout.write("{:<28}{:>12}{:>13}{:>14}{:>9}\n".format(*head))
    for name, make in NOTEBOOKS.items():
        namespace = make()
        text = f"train({', '.join(namespace)})"
        cell = CellText(text, ast.parse(text))

        def read(cell: CellText = cell, namespace: dict[str, Any] = namespace) -> dict[str, Any]:
            return values_read(cell, namespace)

        first = milliseconds(lambda: InputsWatch(read))
        full = milliseconds(lambda: (state_of(read()), quick_state_of(read())))
        later = milliseconds(lambda: quick_state_of(read()))
        share = later / (1000 * TRIAL_S)
        sys.stdout.write(
            f"{name:<28}{first:>9.1f} ms{full:>10.1f} ms{later:>11.1f} ms{share:>9.2%}\n"
        )


if __name__ == "__main__":
    main()
