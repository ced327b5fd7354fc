"""How promising untried settings are."""

import numpy as np

from hpo_magic.core.domains import Float
from hpo_magic.core.trial import History
from hpo_magic.samplers.bayes import BayesSampler, fitted
from hpo_magic.samplers.improvement import MOST_WEIGHED, Improvement
from hpo_magic.samplers.tried import Tried
from hpo_magic.testing.samplers import searched, space_of

SPACE = space_of(x=Float(0.0, 1.0), y=Float(0.0, 1.0))


def valley(number, params):
    """Return a smooth loss with its minimum at the middle."""
    return (params["x"] - 0.5) ** 2 + (params["y"] - 0.5) ** 2


def noisy(number, params):
    """Return the same, with a noise of half its range."""
    return valley(number, params) + 0.25 * np.random.default_rng(number).standard_normal()


def improvement(value, n=25, seed=3):
    """Return the score after `n` trials, and where they were."""
    history = History(tuple(searched(BayesSampler, SPACE, n, value)), number=n)
    tried = Tried.in_history(SPACE, history)
    model = fitted(SPACE, history)
    return Improvement.of(model, tried, np.random.default_rng(seed)), model.best_units


def test_what_was_tried_is_out_of_the_question():
    """With noise and without."""
    points = np.random.default_rng(0).random((20, 2))
    for value in (valley, noisy):
        score, tried = improvement(value)
        assert (score(tried) == -np.inf).all()
        assert np.isfinite(score(points)).all()


def test_draws_are_for_noise_alone():
    """Where the best trial is known, the improvement is the one on it."""
    assert improvement(valley)[0].draws is None
    assert improvement(noisy)[0].draws is not None


def test_of_very_many_settings_the_most_promising_are_weighed():
    """They have the scores that they have alone, and the others are left out."""
    score, _ = improvement(noisy)
    many = np.random.default_rng(0).random((300, 2))
    scores = score(many)
    kept = np.isfinite(scores)
    assert kept.sum() == MOST_WEIGHED
    np.testing.assert_allclose(score(many[kept]), scores[kept])


def test_the_same_stream_gives_the_same_scores():
    """A resumed search goes on as it would have, and draws do not move what is drawn after them."""
    points = np.random.default_rng(0).random((20, 2))
    np.testing.assert_array_equal(improvement(noisy)[0](points), improvement(noisy)[0](points))
    other = improvement(noisy, seed=4)[0]
    assert not np.array_equal(other(points), improvement(noisy)[0](points))
    used, unused = np.random.default_rng(3), np.random.default_rng(3)
    score, _ = improvement(noisy)
    Improvement.of(score.model, score.tried, used)
    assert used.random() == unused.random()
