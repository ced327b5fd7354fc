"""Re-check: which of the runs are kept to try the best settings again, and on which seeds.

All are functions of their arguments: a resumed search, or several processes, get the same
settings and seeds. What the re-runs say is in `choice`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.errors import OptionError

# Under a time budget, the search ends here and the re-check begins.
SEARCH_SHARE = 0.8
# A twentieth of the trials' number of settings, three times each: measured against 4x2 at equal
# cost the choice is as good, and the half-width smaller.
MOST_SETTINGS, SHARE_OF_SETTINGS = 5, 1 / 20
RERUNS, FEWEST_RERUNS = 3, 2
# `auto` leaves two thirds of a small budget to the search.
MOST_SHARE = 1 / 3
# Seeds up to here are taken by every library, those with signed 32-bit seeds included.
MOST_SEED = 2**31 - 1

_FORM = re.compile(r"(\d+)(?:x(\d+))?")


@dataclass(frozen=True)
class Recheck:
    """How much is re-run: `n_settings` best settings, each on the same `n_reruns` new seeds.

    `with_start`: so is the start, for the gain over it.
    """

    n_settings: int
    n_reruns: int
    with_start: bool = True

    @property
    def n_runs(self) -> int:
        """How many of the trials that takes."""
        return (self.n_settings + self.with_start) * self.n_reruns


@dataclass(frozen=True)
class Rerun:
    """One run of a re-check: the setting of that trial once more, on that seed."""

    trial: int
    seed: int


def recheck_of(text: str, n_trials: int) -> Recheck | None:
    """Return what `--recheck` asks for; None for no re-check.

    Parameters
    ----------
    text
        "auto", "0", "K" (settings) or "KxM" (settings x re-runs each).
    n_trials
        All runs of the study, re-runs included; at least 1. Under a time budget alone, what the
        runs so far let expect.

    Raises
    ------
    OptionError
        If the text is none of these, or the trials are too few for it.

    Notes
    -----
    `auto` re-runs a twentieth of the trials' number of settings, five at most, three times each.
    Where that would take more than a third of the trials, the start is not re-run,
    then re-runs are dropped; five trials or fewer are all search.

    >>> recheck_of("auto", 40)
    Recheck(n_settings=2, n_reruns=3, with_start=True)
    >>> recheck_of("5x3", 50).n_runs
    18
    """
    wanted = text.strip().lower()
    if wanted == "auto":
        return _auto(n_trials)
    match = _FORM.fullmatch(wanted)
    if match is None:
        raise OptionError(
            f"expected auto, 0, a number of settings such as 4, or settings x re-runs such as 4x2, "
            f"got {text!r}.",
            "recheck",
        )
    n_settings = int(match[1])
    n_reruns = int(match[2]) if match[2] else RERUNS
    if n_settings == 0 or n_reruns == 0:
        return None
    asked = Recheck(n_settings, n_reruns)
    # The search has to have found the settings, the start among them.
    if asked.n_runs + n_settings > n_trials:
        raise OptionError(
            f"{n_settings} settings and the start, {n_reruns} times each, are "
            f"{asked.n_runs} runs, and too few of the {n_trials} trials are left to find the "
            f"settings. Try auto, or {asked.n_runs * 4} trials.",
            "recheck",
        )
    return asked


def seeds(study_seed: int, n_reruns: int) -> tuple[int, ...]:
    """Return the seeds of the re-runs, the same for all settings.

    Distinct, and none is the study's own, on which the search was run. More re-runs begin with the
    seeds of fewer.
    """
    found: list[int] = []
    for seed in _stream(study_seed):
        if len(found) == n_reruns:
            break
        if seed != study_seed and seed not in found:
            found.append(seed)
    return tuple(found)


def best_settings(
    search_scores: FloatArray, n_settings: int, settings: Sequence[Hashable] | None = None
) -> list[int]:
    """Return the trials with the best scores, best first, the earliest among equals.

    Parameters
    ----------
    search_scores : shape (n_trials,)
        Higher is better. Not finite for trials that take no part: pruned, failed, stopped.
    n_settings
        How many at most.
    settings : length n_trials
        What tells settings apart, each counted once, at its first trial; None: all are different.
    """
    scores = np.asarray(search_scores, dtype=np.float64)
    keys: Sequence[Hashable] = range(len(scores)) if settings is None else settings
    taking_part = [i for i in range(len(scores)) if np.isfinite(scores[i])]
    first: dict[Hashable, int] = {}
    for trial in taking_part:
        first.setdefault(keys[trial], trial)
    ranked = sorted(first.values(), key=lambda trial: (-scores[trial], trial))
    return ranked[:n_settings]


def plan(
    recheck: Recheck,
    search_scores: FloatArray,
    study_seed: int,
    start: int | None = None,
    settings: Sequence[Hashable] | None = None,
) -> list[Rerun]:
    """Return the runs of a re-check, in the order in which they are to be made.

    `search_scores` has the shape (n_trials,).

    All settings on the first seed, then all on the second: wherever it ends, what is complete is a
    table of settings by seeds. The start comes first in each round: it is known to work, and tells
    at once whether the cell gives the same score again. It is not run twice where it is among the
    best.

    Parameters
    ----------
    start
        The start's trial; None, or one without a score: it is left out.

    Other parameters are those of `best_settings` and `seeds`.
    """
    trials = best_settings(search_scores, recheck.n_settings, settings)
    has_score = start is not None and bool(np.isfinite(search_scores[start]))
    if recheck.with_start and has_score and start is not None:
        trials = [start, *(trial for trial in trials if trial != start)]
    return [Rerun(trial, seed) for seed in seeds(study_seed, recheck.n_reruns) for trial in trials]


def _auto(n_trials: int) -> Recheck | None:
    n_settings = min(max(1, round(n_trials * SHARE_OF_SETTINGS)), MOST_SETTINGS)
    smaller = (
        Recheck(n_settings, RERUNS),
        Recheck(n_settings, RERUNS, with_start=False),
        Recheck(1, FEWEST_RERUNS, with_start=False),
    )
    return next((one for one in smaller if one.n_runs <= n_trials * MOST_SHARE), None)


def _stream(study_seed: int) -> Iterator[int]:
    """Yield numbers that follow from the seed alone; NumPy keeps `SeedSequence` as it is."""
    position = 0
    while True:
        word = np.random.SeedSequence([study_seed, position]).generate_state(1)[0]
        yield int(word) & MOST_SEED
        position += 1
