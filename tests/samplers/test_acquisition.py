"""Expected improvement."""

import numpy as np
import pytest
from skopt.acquisition import gaussian_ei

from hpo_magic.samplers.acquisition import log_expected_improvement


class Model:
    """What scikit-optimize asks for means and standard deviations."""

    def predict(self, points, return_std):
        return points[:, 0], points[:, 1]


def test_it_is_scikit_optimizes_expected_improvement_as_a_logarithm():
    """Where that can be told from 0."""
    mean, std = np.random.default_rng(0).normal(size=(2, 200))
    points = np.column_stack([3 * mean, np.abs(std) + 0.05])
    theirs = gaussian_ei(points, Model(), y_opt=-1.0, xi=0.0)
    seen = theirs > 1e-12
    assert seen.sum() > 100
    ours = log_expected_improvement(points[:, 0], points[:, 1], -1.0)
    np.testing.assert_allclose(ours[seen], np.log(theirs[seen]), rtol=1e-4)


def test_it_tells_hopeless_settings_apart():
    """Where the improvement itself is 0 to the computer, the nearer is still the better."""
    mean = np.array([1.0, 10.0, 1e3, 1e5, 1e9])
    values = log_expected_improvement(mean, np.ones(5), 0.0)
    assert np.isfinite(values).all()
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("z", [-1.0, -1e4])
def test_its_pieces_meet(z):
    """No jump where one formula takes over from another."""
    around = -z + np.array([-1e-9, 1e-9])
    below, above = log_expected_improvement(around, np.ones(2), 0.0)
    assert below == pytest.approx(above, rel=1e-6)
