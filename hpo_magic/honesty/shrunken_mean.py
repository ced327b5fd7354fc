"""What to expect of the re-check's choice, from the scores of the re-runs alone.

The chosen setting's mean is drawn towards the mean of all settings that were run again, by the part
of their differences that the re-runs' own spread explains.
"""

from __future__ import annotations

from hpo_magic.core.domains import FloatArray
from hpo_magic.honesty.intervals import RATIO


def shrunken_mean(reruns: FloatArray, chosen: int, ratio: float = RATIO) -> float:
    """Return the expected score of the chosen setting.

    Parameters
    ----------
    reruns : shape (k, m)
        f, the scores of k settings on m new seeds, the start included; higher is better.
    chosen
        c, the row of the setting that was chosen by the scores of the search and the re-runs.
    ratio
        Validation rows for each training row.

    Raises
    ------
    ValueError
        If there is one seed only, so that nothing tells the seeds' spread from the settings'.

    Notes
    -----
    H = f̄ + max(0, 1 - σ²/τ²)(f̄_c - f̄), τ² the variance of the settings' means, σ² = s²(1/m + ratio)
    with the residual variance s² of the two-way table (setting, seed). Shrinkage as in James and
    Stein, "Estimation with quadratic loss" (1961), with the variance of means over re-splits of
    Nadeau and Bengio, "Inference for the generalization error" (Machine Learning 2003).
    """
    k, m = reruns.shape
    means = reruns.mean(axis=1)
    centre = float(means.mean())
    if k < 2:
        return centre
    if m < 2:
        raise ValueError("the scores of one re-run each do not show their own spread")
    between = float(means.var(ddof=1))
    within = two_way_variance(reruns) * (1 / m + ratio)
    kept = max(0.0, 1 - within / between) if between > 0 else 0.0
    return centre + kept * (float(means[chosen]) - centre)


def two_way_variance(reruns: FloatArray) -> float:
    """Return the residual variance of a table settings by seeds, without both main effects.

    What a seed does to all settings (an easy split) is no part of it; shape (k, m), k and m >= 2.
    """
    k, m = reruns.shape
    residual = reruns - reruns.mean(axis=1, keepdims=True) - reruns.mean(axis=0) + reruns.mean()
    return float((residual**2).sum() / ((k - 1) * (m - 1)))
