"""Sobol search: a scrambled Sobol sequence, which fills the space more evenly than chance.

The sequence belongs to the study's seed. Each trial takes its first point that was not tried yet:
so trials that run, that were asked for by the user, or that repeat another on a coarse range are
passed over, and a point whose trial was stopped is taken up again.
"""

from __future__ import annotations

from hpo_magic.core.domains import Plain
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History
from hpo_magic.samplers.initial import sobol_points
from hpo_magic.samplers.random import draw_untried, stream
from hpo_magic.samplers.tried import Tried

# Where so many points are all tried, what is left is drawn: few settings are.
MOST_POINTS_LOG2 = 12


class SobolSampler:
    """Takes the points of a scrambled Sobol sequence in turn, any number of them.

    A space that grows begins another sequence, with a dimension more.

    >>> from hpo_magic.core.domains import Float
    >>> from hpo_magic.core.space import Parameter
    >>> space = Space().declare(Parameter("dropout", Float(0.0, 0.5, step=0.1), 0.2))
    >>> SobolSampler().suggest(space, History(number=1), seed=0)
    {'dropout': 0.2}
    """

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        tried = Tried.in_history(space, history)
        encoding = tried.encoding
        # Among more points than there are trials one is new, unless ranges are coarse.
        fewest = len(history.trials).bit_length()
        for log2 in range(fewest, max(fewest, MOST_POINTS_LOG2) + 1):
            points = encoding.snap(sobol_points(len(space), log2, seed))
            is_new = ~tried.known(encoding.settled(points))
            if is_new.any():
                return encoding.params(points[is_new.argmax()])
        return draw_untried(tried, stream(seed, history))
