"""The fast fit of the surrogate."""
# ruff: noqa: N806 -- the symbols of the book

import numpy as np
import pytest
import threadpoolctl

from hpo_magic.samplers.gaussian_process import (
    LOG_LENGTH,
    Draws,
    Posterior,
    Theta,
    _negative_log_posterior,
    fit,
    one_thread,
)

RNG = np.random.default_rng(0)
OWNER = np.array([0, 1, 1, 1, 2])


def wave(n, n_features=5):
    """Return inputs, and targets that depend on the first feature alone."""
    X = RNG.random((n, n_features))
    y = np.sin(6 * X[:, 0]) + 0.05 * RNG.standard_normal(n)
    return X, (y - y.mean()) / y.std()


def test_the_gradient_is_that_of_the_objective():
    """Against differences of the objective, features that share a length scale included."""
    X, y = wave(20)
    vector = RNG.normal(size=5) * 0.3 + [-0.5, -0.5, -0.5, 0.0, -3.0]
    _, gradient = _negative_log_posterior(vector, X, y, OWNER)
    for k, step in enumerate(1e-6 * np.eye(5)):
        above, _ = _negative_log_posterior(vector + step, X, y, OWNER)
        below, _ = _negative_log_posterior(vector - step, X, y, OWNER)
        assert gradient[k] == pytest.approx((above - below) / 2e-6, rel=1e-4, abs=1e-5)


def test_what_matters_gets_a_short_length_scale():
    """The first parameter alone moves the targets."""
    X, y = wave(60)
    lengths = np.exp(fit(X, y, OWNER, 3).lengths)
    assert lengths[0] < 0.6 * lengths[1:].min()


def test_where_it_starts_does_not_matter():
    """The priors leave one mode: what is found is equally good."""
    X, y = wave(60)
    ends = [
        fit(X, y, OWNER, 3, start).vector
        for start in (None, Theta(np.array([1.0, -2.0, 2.0]), 1.0, -1.0))
    ]
    first, second = (_negative_log_posterior(end, X, y, OWNER)[0] for end in ends)
    assert first == pytest.approx(second, abs=0.1)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_equal_inputs_and_equal_targets_are_no_trouble(n):
    """Repeats of one setting, and targets that are all 0."""
    X, y = np.zeros((n, 5)), np.zeros(n)
    theta = fit(X, y, OWNER, 3)
    assert (np.abs(theta.lengths) <= LOG_LENGTH[1]).all()
    mean, std = Posterior(X, y, OWNER, theta).mean_std(RNG.random((3, 5)))
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    assert (std > 0).all()


def test_it_interpolates_and_is_unsure_far_away():
    """Near the trials the mean follows them; away from them it is uncertain."""
    X, y = wave(60, 1)
    posterior = Posterior(X, y, np.array([0]), fit(X, y, np.array([0]), 1))
    mean, std = posterior.mean_std(np.vstack([X, [[4.0]]]))
    np.testing.assert_allclose(mean[:-1], y, atol=0.3)
    assert std[-1] > 5 * std[:-1].max()


def noisy_posterior(noise=-1.0):
    """Return a posterior that is unsure of its trials' true values, and the trials."""
    X, y = wave(40, 2)
    return Posterior(X, y, np.array([0, 1]), Theta(np.array([-0.6, 0.0]), 0.0, noise)), X


def test_draws_agree_with_the_posterior():
    """Their means average to its mean; what they differ by is what knowing the values explains."""
    posterior, X = noisy_posterior()
    draws = Draws.of(posterior, X[:10], 4_000, np.random.default_rng(1))
    points = RNG.random((50, 2))
    (means, std), (mean, whole) = draws.mean_std(points), posterior.mean_std(points)
    np.testing.assert_allclose(means.mean(axis=0), mean, atol=1e-9)
    np.testing.assert_allclose(means.var(axis=0) + std**2, whole**2, rtol=0.1)


def test_a_draw_knows_its_values_without_noise():
    """At the inputs nothing is left to know, and the lowest value is the lowest of the means."""
    posterior, X = noisy_posterior()
    draws = Draws.of(posterior, X[:10], 8, np.random.default_rng(1))
    means, std = draws.mean_std(X[:10])
    assert std.max() < 1e-3
    np.testing.assert_allclose(means.min(axis=1), draws.lowest, atol=1e-6)
    assert np.ptp(draws.lowest) > 0.01


def test_without_noise_all_draws_are_alike():
    """The values are known: so are the lowest of them, and what is expected elsewhere."""
    posterior, X = noisy_posterior(noise=-16.0)
    draws = Draws.of(posterior, X[:10], 8, np.random.default_rng(1))
    assert np.ptp(draws.lowest) < 1e-2


def test_one_thread_is_used_inside_and_all_of_them_after():
    """So that the search does not fight a training for the processor."""

    def n_threads():
        return [lib["num_threads"] for lib in threadpoolctl.threadpool_info()
                if lib["user_api"] == "blas"]  # fmt: skip

    before = n_threads()
    with one_thread():
        assert set(n_threads()) == {1}
    assert n_threads() == before
