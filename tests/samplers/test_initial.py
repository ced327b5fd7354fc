"""The first settings of a search."""

import numpy as np

from hpo_magic.samplers.initial import n_initial, sobol_point


def test_how_many_there_are():
    """Two more than there are parameters, from 8 to 12."""
    assert [n_initial(d) for d in (1, 6, 8, 10, 40)] == [8, 8, 10, 12, 12]


def test_the_points_fill_the_cube_evenly():
    """Of eight points, one lies in each eighth of each axis."""
    points = np.array([sobol_point(5, k, seed=3) for k in range(8)])
    for column in (points * 8).astype(int).T:
        assert sorted(column) == list(range(8))


def test_seeds_make_different_points_and_any_number_is_there():
    """In as many dimensions as a space may have."""
    assert (sobol_point(2, 0, seed=0) != sobol_point(2, 0, seed=1)).all()
    assert sobol_point(200, 1000, seed=2**64 - 1).shape == (200,)
