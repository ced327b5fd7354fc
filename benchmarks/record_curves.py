"""Records the curves: `python -m benchmarks.record_curves [name ...]`; some five minutes for all.

Each file has the validation score of every setting of a grid after every epoch, as `curves`, shape
(n_settings, n_epochs), the last parameter of the space running fastest.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported

import argparse
import itertools
import time

import numpy as np

from benchmarks.problems.curve_tables import CURVES, TRAININGS
from benchmarks.problems.curve_trainings import CurveTraining, trained
from hpo_magic.core.domains import Choice

__all__ = ["main"]


def main() -> None:
    """Record the tables that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name")
    CURVES.mkdir(exist_ok=True)
    for name in parser.parse_args().names or TRAININGS:
        began = time.process_time()
        curves = record(TRAININGS[name])
        path = CURVES / f"{name}.npz"
        np.savez_compressed(path, curves=curves)
        cpu_s, size = time.process_time() - began, path.stat().st_size / 1e3
        print(f"{name:16s} {len(curves)} settings {cpu_s:6.1f} s {size:5.0f} kB", flush=True)


def record(training: CurveTraining) -> np.ndarray:
    """Return the curves of every setting; five digits are more than any of the scores means."""
    domains = [parameter.domain for parameter in training.space.values()]
    grid = itertools.product(*(d.values for d in domains if isinstance(d, Choice)))
    settings = [dict(zip(training.space, values, strict=True)) for values in grid]
    if training.together is not None:
        rows = list(training.together(settings))
    else:
        rows = [trained(training, values) for values in settings]
    curves: np.ndarray = np.array(rows).round(5).astype(np.float32)
    return curves


if __name__ == "__main__":
    main()
