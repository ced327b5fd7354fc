"""The scale on which losses are learned."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hpo_magic.samplers.warp import Warp

LOSSES = st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=30).map(np.array)


@given(LOSSES)
@example(np.array([0.0] * 6 + [1950.0] * 6 + [-1.4e157]))
def test_it_keeps_the_order_and_stays_finite(losses):
    """Whatever the losses: a lower loss is never warped to a higher one."""
    warp = Warp.of(losses)
    assert np.isfinite(warp.warped).all()
    assert (np.diff(warp.warped[np.argsort(losses, kind="stable")]) >= -1e-9).all()


def test_it_has_mean_zero_and_variance_one():
    """That is what the priors of the surrogate are made for."""
    warped = Warp.of(np.random.default_rng(0).exponential(size=50)).warped
    assert warped.mean() == pytest.approx(0, abs=1e-12)
    assert warped.std() == pytest.approx(1)


def test_equal_losses_say_nothing():
    """All 0, and the way back leads to the loss."""
    warp = Warp.of(np.full(5, 7.0))
    np.testing.assert_array_equal(warp.warped, 0)
    np.testing.assert_array_equal(warp.inverse(np.array([-1.0, 0.0, 1.0])), 7.0)


def test_the_better_half_keeps_its_shape():
    """Distances among the good trials are in proportion."""
    losses = np.array([0.0, 0.1, 0.4, 1.0, 5.0, 6.0, 7.0])
    warped = Warp.of(losses).warped[:4]
    np.testing.assert_allclose((warped - warped[0]) / (warped[3] - warped[0]), losses[:4])


def test_where_the_search_has_been_makes_no_difference_to_the_scale():
    """Many trials in one valley do not push what is around it among the bad."""
    first = np.random.default_rng(0).uniform(0.5, 1.0, 12)
    few = np.concatenate([first, [0.3, 0.1]])
    many = np.concatenate([first, [0.3, 0.1], np.full(50, 0.1)])

    def place(losses):  # of 0.3, between the best and the best of the first
        warped = Warp.of(losses).warped
        return (warped[12] - warped[13]) / (warped[:12].min() - warped[13])

    assert place(many) == pytest.approx(place(few))


@pytest.mark.parametrize("n_diverged", [7, 11, 12])
def test_the_good_are_told_apart_where_most_diverged(n_diverged):
    """However many of the first trials diverged, the scale is that of the others."""
    losses = np.array([1e8] * n_diverged + [0.6, 0.5, 0.4, 0.3, 0.2])
    warped = Warp.of(losses).warped[-3:]
    assert np.diff(-warped).min() > 0.2


def test_how_bad_the_bad_are_does_not_matter():
    """A training that diverged to 1e8 counts like one that ended at 10."""
    losses = np.array([0.0, 0.1, 0.4, 1.0, 5.0, 6.0, 10.0])
    diverged = np.array([0.0, 0.1, 0.4, 1.0, 5.0, 6.0, 1e8])
    np.testing.assert_allclose(Warp.of(losses).warped, Warp.of(diverged).warped, atol=1e-6)


def test_there_is_a_way_back():
    """Exact at the losses, and beyond the best the slope goes on."""
    losses = np.random.default_rng(0).exponential(size=31)
    warp = Warp.of(losses)
    np.testing.assert_allclose(warp.inverse(warp.warped), losses)
    best = warp.warped.min()
    beyond = warp.inverse(np.array([best - 1.0]))
    np.testing.assert_allclose(losses.min() - beyond, warp.slope)


@pytest.mark.parametrize(
    "losses", [[0.0, -1.79e308, 1.73e308], [-1.79e308, 0.0, 1.79e308, 5.0], [1.7e308, -1.7e308]]
)
def test_losses_at_the_ends_of_what_a_float_can_be(losses):
    """The slope and the way back stay finite, without a warning."""
    with np.errstate(all="raise", under="ignore"):
        warp = Warp.of(np.array(losses))
        assert np.isfinite(warp.slope)
        assert np.isfinite(warp.inverse(np.array([-50.0, -1.0, 1.0]))).all()
