"""The lowest point of a parabola."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.samplers.parabola import lowest_of_parabola


@given(st.floats(0.0, 1.0), st.permutations([0.0, 0.1, 0.45, 0.7, 1.0]))
def test_the_minimum_of_a_parabola_is_found(lowest, places):
    """From three points or more, in any order, at an end of the range too."""
    found = lowest_of_parabola(np.array(places), (np.array(places) - lowest) ** 2)
    nearest = np.abs(np.array(places) - lowest).min()
    assert found is None if nearest < 2e-4 else nearest < 3e-4 or abs(found - lowest) < 1e-6


@pytest.mark.parametrize(
    ("places", "losses"),
    [
        ([0.2, 0.8], [1.0, 2.0]),
        ([0.2, 0.5, 0.5], [1.0, 2.0, 3.0]),
        ([0.0, 0.5, 1.0], [1.0, 1.0, 1.0]),
        ([0.0, 0.5, 1.0], [0.0, 2.0, 0.0]),
    ],
)
def test_there_is_none_where_nothing_curves_upwards(places, losses):
    """Two places, a flat line, a hill."""
    assert lowest_of_parabola(np.array(places), np.array(losses)) is None


def test_values_of_any_size_will_do():
    """No warning, no NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for losses in ([1e308, -1e308, 1e308], [0.0, 0.0, 5e-324], [1e308, 0.0, -1e308]):
            found = lowest_of_parabola(np.array([0.0, 0.4, 1.0]), np.array(losses))
            assert found is None or 0.0 <= found <= 1.0
