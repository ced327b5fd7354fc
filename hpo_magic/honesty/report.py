"""The honest number and the words for it: the same in panel, text, table and notebook.

The words are chosen: "optimistic", "expect about", "luck", "not measured". What is estimated here
is never said to be more than that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpo_magic.core.summary import Line
from hpo_magic.core.trial import Direction
from hpo_magic.core.wording import counted, number
from hpo_magic.honesty.bbc import Bbc
from hpo_magic.honesty.choice import Gain, Rechecked, oriented
from hpo_magic.honesty.intervals import newcombe_interval
from hpo_magic.honesty.recheck import Recheck
from hpo_magic.honesty.selection_bias import HARMLESS

SAME_AGAIN = (
    "the cell gives the same score again, so re-running tells nothing; put hp.seed() into your "
    "split"
)
NO_RECHECK = "nothing was re-run"
MINUS = "\N{MINUS SIGN}"
MOST_DECIMALS = 10


@dataclass(frozen=True)
class Honest:
    """What to expect of the chosen setting on data that the search never saw.

    Parameters
    ----------
    value
        In the metric's unit; None where it was not measured.
    half_width
        Of the 95% interval, in the metric's unit; None where there is none.
    how
        How it was measured, or why it was not, in words.
    """

    value: float | None
    half_width: float | None
    how: str

    @property
    def sentence(self) -> str:
        """The number in one sentence.

        >>> Honest(0.9138, 0.0352, "4 best settings re-run on 2 new splits").sentence
        'expect about 0.914 ± 0.035: 4 best settings re-run on 2 new splits'
        """
        if self.value is None:
            return f"not measured: {self.how}"
        return f"expect about {plus_minus(self.value, self.half_width)}: {self.how}"


def honest(
    direction: Direction,
    recheck: Rechecked | None = None,
    bbc: Bbc | None = None,
    *,
    on_new_splits: bool = True,
    cross_validated: bool = False,
    why_not: str = NO_RECHECK,
) -> Honest:
    """Return the best honest number that there is.

    Re-runs on new splits come before resampled rows, and those before re-runs with new training
    seeds on the same rows: these leave in what luck the choice had with the rows, and so get no ±.

    Parameters
    ----------
    direction
        Turns the scores into the metric's unit again.
    recheck, bbc
        What there is; None: nothing.
    on_new_splits
        Whether the re-runs were scored on other validation rows than the search.
    cross_validated
        Whether the search's scores are those of a cross-validation: new folds deal the same rows
        again, so that resampled rows come first.
    why_not
        Why nothing was measured, where nothing was; `SAME_AGAIN` for one.
    """
    if recheck is not None and on_new_splits and not (cross_validated and bbc):
        how = f"{_rerun(recheck.n_settings)} on {counted(recheck.n_reruns, 'new split')}"
        if not recheck.knows_rows:
            how = f"{how}; they share rows with the search: some of its luck may remain"
        return Honest(_unit(recheck.value, direction), recheck.half_width, how)
    if bbc is not None:
        how = f"choice of {bbc.n_settings:,} made again on resampled validation rows"
        return Honest(_unit(bbc.value, direction), bbc.half_width, f"{how} ({bbc.n_rows:,})")
    if recheck is not None:
        seeds = counted(recheck.n_reruns, "new training seed")
        how = (
            f"{_rerun(recheck.n_settings)} on {seeds}: luck of training removed, luck of these "
            f"validation rows not"
        )
        return Honest(_unit(recheck.value, direction), None, how)
    return Honest(None, None, why_not)


def plus_minus(value: float, half_width: float | None, digits: int = 4, *, sign: str = "") -> str:
    """Return a value with its half-width, two digits of that; `sign="+"` shows the value's sign.

    >>> plus_minus(0.9138, 0.0352), plus_minus(0.0213, 0.0182, sign="+"), plus_minus(0.9138, None)
    ('0.914 ± 0.035', '+0.021 ± 0.018', '0.9138')
    """
    if not half_width or not math.isfinite(half_width):
        text = number(value, digits)
        return f"+{text}" if sign and value > 0 else text
    n_decimals = min(max(1 - math.floor(math.log10(half_width)), 0), MOST_DECIMALS)
    return f"{value:{sign}.{n_decimals}f} ± {half_width:.{n_decimals}f}"


def best_seen_remark(
    n_settings: int,
    added: float | None = None,
    *,
    is_share: bool = True,
    direction: Direction = Direction.MAXIMIZE,
) -> str:
    """Return what to think of the best score of the search.

    Parameters
    ----------
    n_settings
        How many were scored.
    added
        What luck alone could add; None if not known.
    is_share
        Whether the score is a share of rows: luck below half a point is then harmless.
    direction
        Luck adds to what is maximized, and takes from what is minimized.

    >>> best_seen_remark(32, 0.0712)
    'best of 32, optimistic: luck alone could add 0.07'
    """
    best = f"best of {n_settings:,}"
    verb = "add" if direction is Direction.MAXIMIZE else "take off"
    if n_settings == 1:
        return "one setting, so no choice and no luck in it"
    if added is None:
        return f"{best}, optimistic"
    if is_share and added < HARMLESS:
        return f"{best}; luck could {verb} less than half a point"
    amount = f"{added:.2f}" if is_share else number(added, 2)
    return f"{best}, optimistic: luck alone could {verb} {amount}"


def honest_line(result: Honest, digits: int = 4) -> Line:
    """Return the honest number as a line of the headline."""
    if result.value is None:
        return Line("honest", "not measured", result.how)
    return Line("honest", plus_minus(result.value, result.half_width, digits), result.how)


def gain_line(gain: Gain, direction: Direction, *, on_new_splits: bool = True) -> Line:
    """Return the chosen setting's gain over the start as a line of the headline.

    In the metric's unit: below 0 is better where lower values are.
    """
    label = f"tuned {MINUS} start"
    same = "same splits" if on_new_splits else "same training seeds"
    if gain.value == 0 and gain.half_width is None:
        return Line(label, "0", f"{same}: no setting did better than the start")
    value = plus_minus(_unit(gain.value, direction), gain.half_width, 2, sign="+")
    remark = same if gain.half_width is None else f"{same}, about 90%"
    if direction is Direction.MINIMIZE:
        remark += "; lower is better"
    return Line(label, value, remark)


def difference_from_test(share: float, n_rows: int, test_share: float, n_test: int) -> str:
    """Return how far the honest number and the test are apart; both are shares of rows.

    >>> print(difference_from_test(56 / 70, 70, 48 / 80, 80).partition(": ")[2])
    +0.200, luck of the rows leaves +0.052 to +0.334
    """
    low, high = newcombe_interval(share, n_rows, test_share, n_test)
    apart = f"honest {MINUS} test: {share - test_share:+.3f}"
    return f"{apart}, luck of the rows leaves {low:+.3f} to {high:+.3f}"


def announcement(recheck: Recheck, n_trials: int | None, *, of_front: bool = False) -> str:
    """Return what is said of the re-check before the search starts.

    `of_front`: there are several objectives, and it is points of their front that are run again.

    >>> announcement(Recheck(4, 2), 40)
    '10 of the 40 trials are kept to run the 4 best settings and the start again on 2 new seeds.'
    """
    of = "trials" if n_trials is None else f"of the {counted(n_trials, 'trial')}"
    points = f"{counted(recheck.n_settings, 'point')} of the front"
    best = points if of_front else _best(recheck.n_settings)
    again = best + (" and the start" if recheck.with_start else "")
    seeds = counted(recheck.n_reruns, "new seed")
    the = "" if of_front else "the "
    return f"{recheck.n_runs} {of} are kept to run {the}{again} again on {seeds}."


def phase(n_settings: int, *, on_new_splits: bool = True, of_front: bool = False) -> str:
    """Return what the panel says while settings are re-run."""
    where = "splits" if on_new_splits else "training seeds"
    if of_front:
        return f"re-checking points of the front on new {where}"
    return f"re-checking the {_best(n_settings).removesuffix(' settings')} on new {where}"


def _best(n_settings: int) -> str:
    return "best setting" if n_settings == 1 else f"{n_settings} best settings"


def _rerun(n_settings: int) -> str:
    return f"{_best(n_settings)} re-run"


def _unit(score: float, direction: Direction) -> float:
    """Return an oriented score as a value of the metric."""
    return float(oriented(score, direction))
