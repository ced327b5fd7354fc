"""Asynchronous successive halving, held back where early values do not tell the end.

Source of the halving: Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A
system for massively parallel hyperparameter tuning" (ASHA), MLSys 2020, algorithm 2. A training
that is not promoted is stopped there and then, and not taken up again.

Where we differ: it must be hopeless too (`outlook`). Halving takes the order at a rung for that at
the end. With a sampler that learns, one such error costs more than the training: what was stopped
is shunned from then on, and so is all that is like it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo_magic.core.ports import Verdict
from hpo_magic.core.trial import History, Trial
from hpo_magic.pruners.halving import is_promoted, rungs_of
from hpo_magic.pruners.optimistic_extrapolation import is_hopeless
from hpo_magic.pruners.reference_curves import is_at_rung, length_of, reference_curves_of


@dataclass(frozen=True)
class AshaPruner:
    """Stops at each rung what is not among the best 1/η of those that came to it, and hopeless.

    Parameters
    ----------
    factor
        η: of those that come to a rung one in so many goes on, and the next rung is so many times
        as far. The paper's experiments have 4. Where being hopeless decides, many rungs are better
        than few (benchmarks/README.md).
    first
        r: the first rung, in steps.
    is_careful
        Whether a training must be hopeless too; False is the paper's algorithm.
    """

    factor: float = 2.0
    first: float = 1.0
    is_careful: bool = True

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether the training goes on; see `core.ports.Pruner`."""
        length = length_of(trial, history)
        if not is_at_rung(trial, rungs_of(self.first, self.factor, length)):
            return Verdict.KEEP
        references = reference_curves_of(trial, history)
        if references is None or is_promoted(references, self.factor):
            return Verdict.KEEP
        if self.is_careful and not is_hopeless(references):
            return Verdict.KEEP
        return Verdict.STOP
