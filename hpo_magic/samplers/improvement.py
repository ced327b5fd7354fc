"""How promising untried settings are: the score that `proposal` searches the highest of.

Expected improvement needs to know what to improve on. Where scores are noisy, it is not known which
trial is the best: then the improvement is the mean over draws of what the best trials are worth
(`acquisition`, `gaussian_process.Draws`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.samplers.acquisition import (
    log_expected_improvement,
    log_noisy_expected_improvement,
)
from hpo_magic.samplers.gaussian_process import Draws
from hpo_magic.samplers.learning import Fitted
from hpo_magic.samplers.tried import Tried

# What counts as an improvement, in standard deviations of the warped losses: at most so much, which
# is scikit-optimize's default too, and so much of the noise's standard deviation. With 0, half of a
# long search goes into digits that the next training would not repeat; with 0.01 whatever the
# noise, a smooth loss is searched no finer than to a thousandth of its range.
LEAST_GAIN = 0.01
LEAST_GAIN_IN_NOISE = 0.2
# With more noise than this it is drawn which trial is the best.
NOISY = LEAST_GAIN
# Of more settings than this, so many are weighed by draws: those with the highest improvement on
# the lowest mean. The others are left out.
MOST_WEIGHED = 100


@dataclass(frozen=True)
class Improvement:
    """Scores settings by what has been learned; -inf for those that are out of the question.

    `draws` is None where there is hardly any noise.
    """

    model: Fitted
    tried: Tried
    draws: Draws | None
    least: float

    @classmethod
    def of(cls, model: Fitted, tried: Tried, rng: np.random.Generator) -> Improvement:
        """Return the score; `rng` draws, and gives the same numbers afterwards as before."""
        noise = float(np.exp(model.surrogate.theta.noise / 2))
        draws = model.drawn(rng.spawn(1)[0]) if noise > NOISY else None
        return cls(model, tried, draws, min(LEAST_GAIN, LEAST_GAIN_IN_NOISE * noise))

    def __call__(self, settled: FloatArray) -> FloatArray:
        """Return the scores, shape (n,), of settled units, shape (n, n_params)."""
        scores = np.full(len(settled), -np.inf)
        new = np.flatnonzero(~self.tried.known(settled))
        if self.draws is None:
            scores[new] = self._on_lowest_mean(settled[new])
            return scores
        if len(new) > MOST_WEIGHED:
            ranked = np.argsort(-self._on_lowest_mean(settled[new]), kind="stable")
            new = new[ranked[:MOST_WEIGHED]]
        means, std = self.draws.mean_std(self.model.features(settled[new]))
        best = self.draws.lowest - self.least
        scores[new] = log_noisy_expected_improvement(means, std, best)
        return scores

    def _on_lowest_mean(self, settled: FloatArray) -> FloatArray:
        mean, std = self.model.at(settled)
        return log_expected_improvement(mean, std, self.model.best - self.least)
