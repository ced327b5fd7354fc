"""Asynchronous successive halving (ASHA) that stops only trainings without a chance to become best.

Source of the halving: Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A
system for massively parallel hyperparameter tuning" (ASHA), MLSys 2020, algorithm 2. A training
that is not promoted at a rung is stopped there, and is not resumed later.

Difference to the paper: a training is stopped only if it also is hopeless, that is if even the
largest improvement seen would not make it the best (`optimistic_extrapolation`). The paper takes
the order at a rung for the order at the end. With a sampler that learns, a wrong stop costs more
than one training: from then on the sampler avoids the stopped setting and its neighbours.
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
    """Stops a training at a rung if it is not among the best 1/η there, and is hopeless.

    Parameters
    ----------
    factor
        η: the best 1/η of the trainings at a rung go on; the next rung is at η times the steps. The
        paper's experiments have 4. With the second condition many rungs are better than few
        (benchmarks/README.md).
    first
        r: the step of the first rung.
    is_careful
        Whether a training must also be hopeless to be stopped; False is the paper's algorithm.
    """

    factor: float = 2.0
    first: float = 1.0
    is_careful: bool = True

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether the training goes on; see `core.ports.Pruner`."""
        step = trial.curve[-1].step
        if not is_at_rung(trial, rungs_of(self.first, self.factor, step + 1)):
            return Verdict.KEEP  # as at most reports of a fast training: nothing else is computed
        length = length_of(trial, history)
        if not is_at_rung(trial, rungs_of(self.first, self.factor, length)):
            return Verdict.KEEP
        references = reference_curves_of(trial, history)
        if references is None or is_promoted(references, self.factor):
            return Verdict.KEEP
        if self.is_careful and not is_hopeless(references):
            return Verdict.KEEP
        return Verdict.STOP
