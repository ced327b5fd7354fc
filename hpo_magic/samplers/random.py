"""Random search: every setting equally likely, none twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hpo_magic.core.domains import FloatArray, Plain
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.tried import Tried, every_setting, exhausted

N_DRAWS = 64
# If none of those is new, so many settings are listed; where there are more, drawing goes on.
MOST_LISTED = 50_000


class RandomSampler:
    """Draws each setting uniformly, on each parameter's own scale, and never one twice.

    >>> from hpo_magic.core.domains import Int
    >>> from hpo_magic.core.space import Parameter
    >>> space = Space().declare(Parameter("units", Int(16, 512), 64))
    >>> RandomSampler().suggest(space, History(number=1), seed=0)
    {'units': 458}
    """

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        tried = Tried.in_history(space, history)
        return draw_untried(tried, stream(seed, history))


def stream(seed: int, history: History) -> np.random.Generator:
    """Return the random stream of one suggestion: it depends on the seed and the trial's number."""
    return np.random.default_rng([seed % 2**64, history.number])


def draw_untried(tried: Tried, rng: np.random.Generator) -> dict[str, Plain]:
    """Return a setting, drawn uniformly among those that were not tried.

    Raises
    ------
    SpaceExhausted
        If there is none.
    """
    encoding = tried.encoding
    for units in _draws(encoding, rng):
        is_new = ~tried.known(encoding.settled(units))
        if is_new.any():
            return encoding.params(units[is_new.argmax()])
    raise exhausted(encoding.space)


def _draws(encoding: Encoding, rng: np.random.Generator) -> Iterator[FloatArray]:
    n_params = len(encoding.space)
    yield encoding.snap(rng.random((N_DRAWS, n_params)))
    listed = every_setting(encoding, MOST_LISTED)
    if listed is None:
        yield encoding.snap(rng.random((MOST_LISTED, n_params)))
    else:
        yield rng.permutation(listed)
