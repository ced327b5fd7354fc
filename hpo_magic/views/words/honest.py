"""Honest estimates in words: the same in panel, text, table and notebook.

The words are chosen with care: "expect about", "biased upwards", "not measured". An estimate is
never called true, unbiased or guaranteed.
"""

from __future__ import annotations

import math

from hpo_magic.core.trial import Direction
from hpo_magic.honesty.by_row import SelectionBias
from hpo_magic.honesty.choice import Gain
from hpo_magic.honesty.estimate import Honest, Method, WhyNot, in_metric_unit
from hpo_magic.honesty.headline import Difference
from hpo_magic.honesty.no_interval import NoInterval
from hpo_magic.honesty.resampling import N_DRAWS
from hpo_magic.honesty.selection_bias import HARMLESS
from hpo_magic.views.words.numbers import counted, number

MINUS = "\N{MINUS SIGN}"
MOST_DECIMALS = 10
SAME_SCORES = (
    "the re-runs repeat the search's scores exactly; use hp.seed() as the random_state of your "
    "split"
)
SHARED_ROWS = "the splits share rows with the search, so some selection bias may remain"
GROUPS_UNSURE = (
    "whether training rows have the same groups is not known: split the groups beside the rows, "
    "with train_test_split(X, y, groups)"
)
WHY_NOT = {
    WhyNot.NOT_YET: "no setting has been re-run yet",
    WhyNot.NO_RERUN: "no setting was re-run",
    WhyNot.TRAINING_ROWS: "measured on the training rows, the value says nothing of new data",
    WhyNot.SAME_SCORES: SAME_SCORES,
}


def how_text(honest: Honest) -> str:
    """Return how an estimate was made, and why it has no interval; or why there is no estimate."""
    if honest.why_not is not None:
        return WHY_NOT[honest.why_not]
    remarks = [_with_older(honest), _no_interval(honest), _wide(honest)]
    if honest.are_groups_unsure:
        remarks.append(GROUPS_UNSURE)
    return "; ".join(filter(None, remarks))


def _wide(honest: Honest) -> str:
    """Return what is said of an interval that leaves open half of all possible values, or more."""
    if honest.interval is None or honest.least is None or honest.most is None:
        return ""
    low, high = honest.interval
    if high - low < (honest.most - honest.least) / 2:
        return ""
    if honest.n_rows:
        return f"the interval is wide, as {honest.n_rows:,} validation rows are few"
    return "the interval is wide, as there are few re-runs or validation rows"


def _no_interval(honest: Honest) -> str:
    """Return why an estimate has no interval; "" where it has one, or the method says why."""
    n_rows = f"{honest.n_rows or 0:,} validation rows"
    match honest.no_interval:
        case NoInterval.SPLIT_GROUPS:
            return "no interval, as resampling these rows does not show how much is too good"
        case NoInterval.ORDER:
            return (
                f"no interval: neighbouring rows score alike over about {honest.n_alike or 0:.0f} "
                f"rows, and {n_rows} are too few for that"
            )
        case NoInterval.RARE_LOSSES:
            return (
                f"no interval: some predictions are so certain that a single wrong row would cost "
                f"more than all others vary, and {n_rows} cannot show how often that happens"
            )
        case NoInterval.EQUAL_ROWS:
            return (
                f"no interval: the {n_rows} score alike, which does not show how much scores vary"
            )
        case NoInterval.FEW_RERUNS if honest.method is Method.NEW_SPLITS:
            return "no interval, as there are too few re-runs to show how much they vary"
    return ""


def split_groups_text(share: float) -> str:
    """Return why numbers are too good where rows of one group are on both sides of a split.

    >>> split_groups_text(1.0)
    'all groups of the validation rows have rows in the training set, too; split by group \
(GroupKFold, GroupShuffleSplit)'
    """
    groups = "all" if share == 1 else f"{share:.0%} or more of the"
    return (
        f"{groups} groups of the validation rows have rows in the training set, too; split by "
        f"group (GroupKFold, GroupShuffleSplit)"
    )


def _with_older(honest: Honest) -> str:
    how = _how(honest)
    if honest.n_older and honest.method is Method.BOOTSTRAP:
        older = counted(honest.n_older, "older trial")
        return f"{how}, less the selection bias of {older} on the same rows"
    if honest.n_older:
        older = counted(honest.n_older, "older trial")
        return f"{how}; {older} on the search's own rows guided it, which is not corrected"
    if honest.n_older_unknown:
        older = counted(honest.n_older_unknown, "older trial")
        return f"{how}; whether the {older} that guided the search had the same rows is not known"
    return how


def _how(honest: Honest) -> str:
    match honest.method:
        case Method.NEW_SPLITS:
            how = f"{_rerun(honest)} on {counted(honest.n_reruns, 'new split')}"
            return how if honest.knows_rows else f"{how}; {SHARED_ROWS}"
        case Method.BOOTSTRAP:
            settings = counted(honest.n_settings, "setting")
            return (
                f"estimated by repeating the selection among {settings} on {N_DRAWS} bootstrap "
                f"samples of the {honest.n_rows or 0:,} validation rows"
            )
        case Method.NEW_TRAINING_SEEDS:
            return (
                f"{_rerun(honest)} with {counted(honest.n_reruns, 'new training seed')} on the "
                f"same validation rows, so still biased towards these rows"
            )
    others = counted(honest.n_settings, "other front trial")
    return (
        f"not re-run (more --trials re-run it first); corrected by {honest.change or 0.0:+.3g}, "
        f"the median change of {others} when re-run"
    )


def sentence_of(honest: Honest) -> str:
    """Return an estimate in one sentence.

    >>> sentence_of(Honest(0.9138, 0.0352, Method.NEW_SPLITS, n_settings=4, n_reruns=2))
    'expect about 0.914 ± 0.035: 4 best settings re-run on 2 new splits'
    """
    if honest.value is None:
        return f"not measured: {how_text(honest)}"
    text = f"expect about {value_text(honest)}: {how_text(honest)}"
    if not honest.split_groups:
        return text
    return f"{text}; this number is too good: {split_groups_text(honest.split_groups)}"


def value_text(honest: Honest, digits: int = 4) -> str:
    """Return an estimate's value and half-width, or its interval where that has a bound.

    >>> value_text(Honest(0.9138, 0.0352)), value_text(Honest(0.9138, 0.152, least=0.0, most=1.0))
    ('0.914 ± 0.035', '0.91 (0.76 to 1.00)')
    """
    if honest.value is None:
        return "not measured"
    if honest.is_cut and honest.interval is not None and honest.half_width:
        low, high = honest.interval
        n = _decimals(honest.half_width)
        return f"{honest.value:.{n}f} ({low:.{n}f} to {high:.{n}f})"
    return plus_minus(honest.value, honest.half_width, digits)


def plus_minus(value: float, half_width: float | None, digits: int = 4, *, sign: str = "") -> str:
    """Return a value with its half-width, two digits of that; `sign="+"` shows the value's sign.

    >>> plus_minus(0.9138, 0.0352), plus_minus(0.0213, 0.0182, sign="+"), plus_minus(0.9138, None)
    ('0.914 ± 0.035', '+0.021 ± 0.018', '0.9138')
    """
    if not half_width or not math.isfinite(half_width):
        text = number(value, digits)
        return f"+{text}" if sign and value > 0 else text
    n_decimals = _decimals(half_width)
    return f"{value:{sign}.{n_decimals}f} ± {half_width:.{n_decimals}f}"


def _decimals(half_width: float) -> int:
    """Return with how many decimals a half-width has two digits."""
    return min(max(1 - math.floor(math.log10(half_width)), 0), MOST_DECIMALS)


def of_training_text(n_settings: int, direction: Direction) -> str:
    """Return what the best of `n_settings` scores on training rows is worth."""
    best = "highest" if direction is Direction.MAXIMIZE else "lowest"
    return f"{best} of {counted(n_settings, 'score')} on the training rows: not a validation score"


def bias_text(n_settings: int, direction: Direction, bias: SelectionBias | None = None) -> str:
    """Return what the best of `n_settings` validation scores is worth.

    Parameters
    ----------
    n_settings
        Complete trials, among which the best was selected.
    direction
        Selection biases a maximized score upwards, a minimized one downwards.
    bias
        Its size, an upper figure; None if not known.

    >>> bias_text(32, Direction.MAXIMIZE, SelectionBias(0.0712, is_share=True))
    'highest of 32 validation scores, so biased upwards (by up to 0.07 by chance alone)'
    """
    if n_settings == 1:
        return "the only complete trial, so no selection bias"
    is_max = direction is Direction.MAXIMIZE
    best = f"{'highest' if is_max else 'lowest'} of {n_settings:,} validation scores"
    biased = f"so biased {'upwards' if is_max else 'downwards'}"
    if bias is None:
        return f"{best}, {biased}"
    if bias.is_share and bias.added < HARMLESS:
        return f"{best}; selection bias below {HARMLESS}"
    amount = f"{bias.added:.2f}" if bias.is_share else number(bias.added, 2)
    return f"{best}, {biased} (by up to {amount} by chance alone)"


def gain_value_text(gain: Gain, direction: Direction) -> str:
    """Return the gain over the start in the metric's unit: "+0.021 ± 0.018"."""
    if gain.value == 0 and gain.half_width is None:
        return "0"
    return plus_minus(in_metric_unit(gain.value, direction), gain.half_width, 2, sign="+")


def gain_remark(gain: Gain, direction: Direction, *, on_new_splits: bool) -> str:
    """Return what a gain was measured on, and how sure its interval is."""
    same = "same splits" if on_new_splits else "same training seeds"
    if gain.value == 0 and gain.half_width is None:
        return f"{same}: no setting did better than the start"
    remark = same if gain.half_width is None else f"{same}, about 90% confidence"
    return f"{remark}; lower is better" if direction is Direction.MINIMIZE else remark


def difference_text(difference: Difference) -> str:
    """Return how far the honest estimate is from a test value.

    >>> from hpo_magic.honesty.intervals import newcombe_interval
    >>> apart = Difference(56 / 70 - 48 / 80, newcombe_interval(56 / 70, 70, 48 / 80, 80))
    >>> print(difference_text(apart).partition(": ")[2])
    +0.200, 95% interval +0.052 to +0.334
    """
    low, high = difference.interval
    value = f"{difference.value:+.3f}"
    return f"honest {MINUS} test: {value}, 95% interval {low:+.3f} to {high:+.3f}"


def best_settings_text(n_settings: int) -> str:
    """Return "best setting" or "4 best settings"."""
    return "best setting" if n_settings == 1 else f"{n_settings} best settings"


def _rerun(honest: Honest) -> str:
    if honest.n_settings == 1:
        return "re-run"
    return f"{best_settings_text(honest.n_settings)} re-run"
