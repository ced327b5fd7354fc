"""How many validation rows scores are shares of: the least common denominator of the scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST_ROWS = 20_000
# Fewer different scores have too small a common denominator now and then.
FEWEST_SCORES = 3
# Keras's figures are float32; a share is a whole number of rows to this part of it.
RELATIVE = 2e-7


def n_rows_of_scores(scores: Sequence[float]) -> int | None:
    """Return the least n of which all scores are whole shares; None if there is none, or no sign.

    With few different scores the least n may be a divisor of the true one, never more.

    >>> n_rows_of_scores([0.9, 0.85, 0.95, 0.7])
    20
    >>> n_rows_of_scores([0.9, 0.8512345, 0.95, 0.7123456, 0.6543217])
    """
    known = np.unique(np.asarray(scores, dtype=np.float64))
    is_between = len(known) and known[0] >= 0 and known[-1] <= 1
    if not is_between or len(known) < FEWEST_SCORES:
        return None
    n = np.arange(1, MOST_ROWS + 1, dtype=np.float64)
    fits = np.ones(len(n), dtype=bool)
    for score in known:
        counts = score * n
        fits &= np.abs(counts - np.round(counts)) <= RELATIVE * np.maximum(counts, 1.0)
    found = np.flatnonzero(fits)
    # By chance a number is that near to a whole one with this probability, for each of the n.
    n_found = int(n[found[0]]) if len(found) else 0
    by_chance = n_found * (2 * RELATIVE * max(n_found, 1)) ** len(known)
    return n_found if n_found and by_chance < 1e-6 else None
