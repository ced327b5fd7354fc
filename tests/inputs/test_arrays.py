"""Digests of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.inputs.arrays import BLOCK, array_digest, sampled

LONG = np.random.default_rng(0).normal(size=(3 * BLOCK + 5, 2))


@pytest.mark.parametrize("place", [0, BLOCK, 2 * BLOCK, len(LONG) - 1])
def test_any_number_counts(place: int) -> None:
    """Also where it is moved within a block, or to another one."""
    changed = LONG.copy()
    changed[place, 1] += 1e-12
    assert array_digest(changed) != array_digest(LONG)
    moved = LONG.copy()
    moved[[place, (place + 7) % len(LONG)]] = moved[[(place + 7) % len(LONG), place]]
    assert array_digest(moved) != array_digest(LONG)


def test_equal_arrays_have_equal_digests_wherever_they_lie() -> None:
    """Views, and the order of Fortran."""
    assert array_digest(np.asfortranarray(LONG)) == array_digest(LONG)
    assert array_digest(LONG[::2]) == array_digest(LONG[::2].copy())


def test_the_digest_is_the_same_for_good() -> None:
    """Recorded on CPython 3.11 with NumPy 2.4 and 3.13 with NumPy 2.5: studies last for years."""
    assert array_digest(np.arange(3 * BLOCK + 1.0)).hex() == "6a06aea347b882a4aaf56087455135a6"


def test_of_a_longer_array_a_sample_is_read() -> None:
    """First and last block included; not contiguous ones, too."""
    for array in (LONG, np.asfortranarray(LONG)):
        few = array_digest(array, most_bytes=2 * 8 * BLOCK)
        for place in (0, -1):
            changed = array.copy(order="K")
            changed[place] += 1
            assert array_digest(changed, most_bytes=2 * 8 * BLOCK) != few


def test_a_sample_is_spread_over_the_whole() -> None:
    """And is the whole where that is short."""
    assert sampled(range(5), 10) == [0, 1, 2, 3, 4]
    assert sampled(range(1001), 3) == [0, 500, 1000]
