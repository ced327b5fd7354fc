"""Hyperband: successive halving in brackets, whose first rungs are at different steps.

Source: Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based approach
to hyperparameter optimization", JMLR 18 (2018), algorithm 1. The brackets run at the same time, as
in the asynchronous Hyperband of ASHA's authors: each trial belongs to one bracket and is compared
with the trials of that bracket only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from hpo_magic.core.ports import Verdict
from hpo_magic.core.trial import History, Trial
from hpo_magic.pruners.halving import is_promoted, rungs_of
from hpo_magic.pruners.reference_curves import is_at_rung, length_of, reference_curves_of


@dataclass(frozen=True)
class HyperbandPruner:
    """Compares the trials of each bracket; the last bracket stops none.

    Parameters
    ----------
    factor
        η: the best 1/η of the trainings at a rung go on; 3 as in the paper.
    first
        The step of the first rung in the bracket that stops earliest.
    """

    factor: float = 3.0
    first: float = 1.0

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether the training goes on; see `core.ports.Pruner`."""
        length = length_of(trial, history)
        if not length:
            return Verdict.KEEP
        n_brackets = self.n_brackets(length)
        bracket = self.bracket(trial.number, n_brackets)
        rungs = rungs_of(length * self.factor**-bracket, self.factor, length)
        if not is_at_rung(trial, rungs):
            return Verdict.KEEP
        same = (t for t in history.trials if self.bracket(t.number, n_brackets) == bracket)
        references = reference_curves_of(trial, replace(history, trials=tuple(same)))
        is_kept = references is None or is_promoted(references, self.factor)
        return Verdict.KEEP if is_kept else Verdict.STOP

    def n_brackets(self, length: int) -> int:
        """Return how many brackets there are, s_max + 1; bracket s begins at R η^-s."""
        return int(math.log(length / self.first, self.factor) + 1e-9) + 1

    def bracket(self, number: int, n_brackets: int) -> int:
        """Return the bracket of a trial, drawn with the probability that the paper's sizes give.

        Bracket s has n = ⌈(s_max + 1) η^s / (s + 1)⌉ trials (algorithm 1, line 2).
        """
        sizes = [math.ceil(n_brackets * self.factor**s / (s + 1)) for s in range(n_brackets)]
        shares = np.cumsum(sizes) / sum(sizes)
        return int(np.searchsorted(shares, np.random.default_rng(number).random(), side="right"))
