"""A test set in a line of a ledger: enough of its rows' fingerprints to know it again.

The 1,024 smallest fingerprints are a random sample of the rows that does not depend on their order,
and a sample of a part of them is a part of the sample (Broder, "On the resemblance and containment
of documents", 1997). So permuted rows, slices and sets that share rows are known again; of sets of
up to 1,024 rows every row counts.
"""

from __future__ import annotations

import numpy as np

from hpo_magic.honesty.leaks import Fingerprints, overlap

N_KEPT = 1_024
# Two test sets that share a row or two of many are two test sets.
LEAST_SHARE = 0.05


def sketch(rows: Fingerprints) -> Fingerprints:
    """Return the smallest fingerprints, sorted; rows that are alike count each.

    `rows` has the shape (n_rows,), the result (min(n_rows, 1024),).
    """
    return np.sort(rows)[:N_KEPT]


def are_same_rows(rows: Fingerprints, sketched: Fingerprints) -> bool:
    """Return whether rows are those, or a good part of those, that a sketch was made of.

    Parameters
    ----------
    rows : shape (n_rows,)
        Fingerprints of all rows of one set.
    sketched : shape (n_kept,)
        The sketch of another.
    """
    if len(sketched) >= N_KEPT:  # of rows with larger fingerprints it does not know
        rows = rows[rows <= sketched.max()]
    if not len(rows) or not len(sketched):
        return False
    found = overlap(rows, [sketched])
    return found.is_leak and found.n_found >= LEAST_SHARE * min(len(rows), len(sketched))


def text_of_rows(rows: Fingerprints) -> str:
    """Return fingerprints as text: 16 digits each.

    `rows` has the shape (n_rows,).

    >>> text_of_rows(np.array([1, 255], dtype=np.uint64))
    '0000000000000001 00000000000000ff'
    """
    return " ".join(f"{row:016x}" for row in rows.tolist())


def rows_of_text(text: str) -> Fingerprints:
    """Return the fingerprints that a text stands for.

    Shape (n_rows,).
    """
    return np.array([int(word, 16) for word in text.split()], dtype=np.uint64)
