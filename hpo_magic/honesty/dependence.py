"""Validation rows that depend on each other: groups, and neighbours in time.

Rows of one patient, or of one hour, tell less than as many rows from different ones.
"""

from __future__ import annotations

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.honesty.resampling import Units


def design_effect(rows: FloatArray, units: Units) -> float:
    """Return how many rows are worth one independent row; at least 1.

    Parameters
    ----------
    rows : shape (n_settings, n_rows)
        What each setting got on each row.
    units : shape (n_rows,)
        The number of each row's group.

    Notes
    -----
    The variance of the mean over groups that are drawn whole, by that over rows that are drawn
    singly: Kish, "Survey Sampling" (1965), section 8.2. Both are averaged over the settings: the
    best one may have no wrong row at all, by its luck.
    """
    n_units, n = int(units.max()) + 1, rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)
    variance = float((centred**2).mean()) / n
    if n_units < 2 or variance == 0:
        return 1.0
    totals = np.stack([np.bincount(units, weights=row, minlength=n_units) for row in centred])
    by_group = float((totals**2).sum(axis=1).mean()) * n_units / (n_units - 1) / n**2
    return float(max(1.0, by_group / variance))


def correlation_time(rows: FloatArray) -> float:
    """Return over how many neighbouring rows the scores agree: 1 where they are independent.

    Parameters
    ----------
    rows : shape (n_settings, n_rows)
        What each setting got on each row, in the order of time.

    Notes
    -----
    1 + 2 Σ r_k, summed as long as r_k + r_(k+1) is positive: Geyer, "Practical Markov chain Monte
    Carlo" (Statistical Science 1992), section 3.3. The autocovariances are averaged over settings.
    """
    centred = rows - rows.mean(axis=1, keepdims=True)
    n = rows.shape[1]
    padded = np.fft.rfft(centred, 2 * n, axis=1)
    covariances = np.fft.irfft(np.abs(padded) ** 2, 2 * n, axis=1)[:, :n].mean(axis=0) / n
    if covariances[0] <= 0:
        return 1.0
    r = covariances / covariances[0]
    pairs = r[: n - n % 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    n_pairs = int(ends[0]) if len(ends) else len(pairs)
    return max(1.0, 2 * float(pairs[:n_pairs].sum()) - 1)
