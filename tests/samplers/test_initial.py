"""The first settings of a search."""

from hpo_magic.core.domains import Float, Int
from hpo_magic.samplers.initial import n_initial, sobol_points
from hpo_magic.testing.samplers import space_of


def test_how_many_there_are():
    """Two more than there are parameters, six at most."""
    for n, expected in ((1, 3), (2, 4), (4, 6), (6, 6), (40, 6)):
        space = space_of(fixed=Int(3, 3), **{f"p{k}": Float(0.0, 1.0) for k in range(n)})
        assert n_initial(space) == expected


def test_the_points_fill_the_cube_evenly():
    """Of eight points, one lies in each eighth of each axis."""
    for column in (sobol_points(5, 3, seed=3) * 8).astype(int).T:
        assert sorted(column) == list(range(8))


def test_a_longer_sequence_begins_with_the_shorter_one():
    """So the next point does not depend on how many are drawn at once."""
    assert (sobol_points(3, 5, seed=1)[:8] == sobol_points(3, 3, seed=1)).all()


def test_seeds_make_different_points_and_any_number_is_there():
    """In as many dimensions as a space may have."""
    assert (sobol_points(2, 0, seed=0) != sobol_points(2, 0, seed=1)).all()
    assert sobol_points(200, 10, seed=2**64 - 1).shape == (1024, 200)
