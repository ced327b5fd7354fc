"""How often the interval covers where neighbouring rows are alike, and how often there is one.

    python -m benchmarks.ordered_rows        # two minutes

Thirty settings that are all alike, scored on rows that follow an autoregression: a share of right
rows, or a loss. The truth is known.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hpo_magic.core.row_scores import RowOrder
from hpo_magic.honesty.bbc import bbc
from hpo_magic.honesty.quantiles import z_half
from hpo_magic.honesty.recheck_rows import blocks_of_time

RESULTS = Path(__file__).parent / "results" / "ordered_rows.json"
N_ROWS, PHIS, SHARED = (30, 60, 100, 200, 400), (0.0, 0.5, 0.7, 0.8, 0.9, 0.95), (0.2, 0.7)
N_SETTINGS, N_REPEATS, WARM_UP = 30, 40, 200
SIGMA, SHARE = 0.8, 0.7  # of the logarithm of a loss; of right rows


def in_time(rng: np.random.Generator, n_settings: int, n_rows: int, phi: float) -> np.ndarray:
    """Return normal numbers of which neighbours correlate by phi; shape (n_settings, n_rows)."""
    z = rng.standard_normal((n_settings, n_rows + WARM_UP))
    for t in range(1, z.shape[1]):
        z[:, t] = phi * z[:, t - 1] + np.sqrt(1 - phi**2) * z[:, t]
    return z[:, WARM_UP:]


def run(kind: str, n_rows: int, phi: float, shared: float, repeat: int) -> tuple[bool, bool | None]:
    """Return whether there is an interval, and whether it covers; None without one."""
    rng = np.random.default_rng([n_rows, round(100 * phi), round(10 * shared), repeat, len(kind)])
    z = np.sqrt(shared) * in_time(rng, 1, n_rows, phi)
    z = z + np.sqrt(1 - shared) * in_time(rng, N_SETTINGS, n_rows, phi)
    if kind == "share":
        # The quantile of the normal distribution below which a share of 0.7 lies.
        rows, truth = (z < z_half(2 * SHARE - 1)).astype(float), SHARE
    else:
        rows, truth = -np.exp(SIGMA * z), -float(np.exp(SIGMA**2 / 2))
    found = bbc(rows, units=blocks_of_time(n_rows), order=RowOrder.TIME)
    if found.half_width is None:
        return False, None
    return True, bool(abs(found.value - truth) <= found.half_width)


def main() -> None:
    """Print the table and store it."""
    rows = []
    print("| rows | of | has a ± by φ = " + ", ".join(map(str, PHIS)) + " | which covers |")
    print("| --- | --- | --- | --- |")
    for n_rows in N_ROWS:
        for kind in ("share", "loss"):
            found = {
                phi: [run(kind, n_rows, phi, a, r) for a in SHARED for r in range(N_REPEATS)]
                for phi in PHIS
            }
            printed = {phi: float(np.mean([has for has, _ in all_])) for phi, all_ in found.items()}
            covers = np.mean([c for all_ in found.values() for has, c in all_ if has])
            rows.append({"rows": n_rows, "of": kind, "printed": printed, "covers": float(covers)})
            by_phi = ", ".join(f"{share:.0%}" for share in printed.values())
            print(f"| {n_rows} | {kind} | {by_phi} | {covers:.0%} |", flush=True)
    RESULTS.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
