"""How long each plot takes to draw, with 10, 100 and 1,000 trials.

    python -m benchmarks.plots

Drawn is into a figure that is there already, as in the panel, and encoded as PNG at one pixel for
one of CSS. The median of five, after one that is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from made_up_searches import a_search

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.views.canvas import Plot, png
from hpo_magic.views.convergence import convergence
from hpo_magic.views.curves import current_curve, curves
from hpo_magic.views.dependence import dependence
from hpo_magic.views.importance import importance
from hpo_magic.views.optimism import optimism
from hpo_magic.views.parallel import parallel
from hpo_magic.views.slices import slices
from hpo_magic.views.timeline import timeline

View = Callable[..., Plot]
VIEWS: tuple[View, ...] = (
    convergence,
    current_curve,
    curves,
    parallel,
    importance,
    slices,
    dependence,
    timeline,
    optimism,
)
SIZES = (10, 100, 1000)
N_TIMES = 5


def drawing_s(view: View, snapshot: Snapshot) -> float:
    """Return the seconds that a plot takes."""
    figure = view(snapshot)
    png(figure)
    took = []
    for _ in range(N_TIMES):
        began = time.perf_counter()
        png(view(snapshot, figure))
        took.append(time.perf_counter() - began)
    return float(np.median(took))


def main() -> None:
    """Print the milliseconds, a line for each plot."""
    searches = [a_search(n, is_running=False) for n in SIZES]
    print("| ms | " + " | ".join(f"{n:,} trials" for n in SIZES) + " |\n|---|---|---|---|")
    for view in VIEWS:
        took = (f"{1000 * drawing_s(view, search):.0f}" for search in searches)
        print(f"| {view.__name__} | {' | '.join(took)} |", flush=True)


if __name__ == "__main__":
    main()
