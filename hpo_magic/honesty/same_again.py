"""Whether the re-runs of a search only repeat its scores, and so tell nothing new."""

from __future__ import annotations

from collections.abc import Sequence

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.honesty.repeated_scores import (
    Randomness,
    Repeat,
    chance_of_score,
    chance_of_share,
    repeats_itself,
)
from hpo_magic.honesty.rerun_table import reruns_of, rows_and_columns, shared_metrics

# One score that comes again may be chance; while the search runs, the odds decide.
FEWEST_OF_ENDED = 2


def tells_nothing(snapshot: Snapshot) -> bool:
    """Return whether the re-runs only repeat the search; of an ended one two of them tell."""
    fewest = None if snapshot.is_live else FEWEST_OF_ENDED
    return is_same_again(snapshot.history, snapshot.reruns, fewest)


def is_same_again(history: History, reruns: Sequence[Trial], fewest: int | None = None) -> bool:
    """Return whether the re-runs only repeat the search: in all metrics, and for each row.

    `fewest`: as many equal re-runs are enough, however likely chance is, as no more will come.
    """
    ended = [trial for trial in reruns if trial.state.is_finished]
    settings, seeds = rows_and_columns(history, reruns)
    places = reruns_of(settings, seeds, ended)
    if not places or any(trial.state is not State.COMPLETE for *_, trial in places):
        return False
    again = [trial for *_, trial in places]
    names = shared_metrics([*settings, *again])
    pairs = [_rerun_beside(settings[row], trial, names) for row, _, trial in places]
    chances = [_chance(history, settings[row], names) for row, *_ in places]
    randomness = _randomness([*history.complete, *again])
    if repeats_itself(pairs, randomness, chances):
        return True
    # Nothing but these re-runs will be known of a search that has ended.
    is_over = fewest is not None and len(pairs) >= fewest
    on_other_rows = any(one.same_rows is False or one.rows_are_equal is False for one in pairs)
    return is_over and not on_other_rows and all(one.is_equal for one in pairs)


def _rerun_beside(before: Trial, again: Trial, names: Sequence[str]) -> Repeat:
    """Return how a re-run compares with the search's run of its setting."""
    is_equal = before.value == again.value and all(
        before.metrics[name] == again.metrics[name] for name in names
    )
    one, other = before.row_scores, again.row_scores
    if one is None or other is None:
        return Repeat(is_equal)
    same_rows, rows_are_equal = one.rows == other.rows, one.data == other.data
    if same_rows and one.label_chance is not None and rows_are_equal:
        return Repeat(is_equal)  # other rows may have the same labels, and the same scores
    return Repeat(is_equal, same_rows, rows_are_equal)


def _randomness(trials: Sequence[Trial]) -> Randomness:
    """Return what is known of the random numbers of a cell, from its trials."""
    if any(trial.used_seed for trial in trials):
        return Randomness.SEED_ASKED
    drew = [trial.drew_random for trial in trials]
    if any(drew):
        return Randomness.DRAWN
    return Randomness.UNKNOWN if None in drew or not drew else Randomness.NONE


def _chance(history: History, setting: Trial, names: Sequence[str]) -> float:
    """Return how likely a re-run of a setting is to give its numbers by chance.

    With several metrics that of the least likely one.
    """
    others = [trial for trial in history.complete if trial is not setting]
    known = [[t.value for t in others if t.value is not None]]
    known += [[t.metrics[name] for t in others if name in t.metrics] for name in names]
    own = [setting.value, *(setting.metrics[name] for name in names)]
    chances = [
        chance_of_score(value, values)
        for value, values in zip(own, known, strict=True)
        if value is not None
    ]
    rows = setting.row_scores
    if rows is not None and rows.is_share:
        chances[0] = chance_of_share(rows.mean, rows.n_rows)
    return min(chances)
