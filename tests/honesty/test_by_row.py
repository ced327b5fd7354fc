"""What the rows of a search's trials say, and what is made of them in the headline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hpo_magic.core.records import OlderStudy
from hpo_magic.core.row_scores import RowScores, of_rows
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Goal, History, Kind, State, Trial
from hpo_magic.honesty.bbc import bbc
from hpo_magic.honesty.by_row import (
    bbc_of,
    enough_of,
    n_rows_of_accuracies,
    n_rows_of_shares,
    n_selected_before,
    precision_of,
    selection_bias_of,
)
from hpo_magic.honesty.estimate import Method
from hpo_magic.honesty.intervals import share_variance, wilson_interval
from hpo_magic.honesty.recheck_results import honest_of, is_rechecked
from hpo_magic.honesty.resplit_intervals import distinct_rows, effective_rows
from hpo_magic.honesty.selection_bias import selection_bias
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.honest import how_text

MAX, MIN = Direction.MAXIMIZE, Direction.MINIMIZE
UP, DOWN = (Goal("accuracy", MAX),), (Goal("loss", MIN),)
N_ROWS = 80
Draw = Callable[[np.random.Generator], np.ndarray]


def coin(rng: np.random.Generator) -> np.ndarray:
    """Return rows that are right by chance alone."""
    return rng.random(N_ROWS) < 0.5


def losses(rng: np.random.Generator) -> np.ndarray:
    """Return a loss for each row."""
    return rng.gamma(2.0, 1.0, N_ROWS)


def row_scores(values: np.ndarray, truth: int = 0) -> RowScores:
    """Return the outcomes of the rows that `truth` stands for."""
    found = of_rows(values, np.full(len(values), truth))
    assert found is not None
    return found


def trials(n: int, draw: Draw = coin, seed: int = 0) -> tuple[Trial, ...]:
    """Return the complete trials of a search."""
    rng = np.random.default_rng(seed)
    drawn = [row_scores(draw(rng)) for _ in range(n)]
    kinds = [Kind.START] + [Kind.SEARCH] * (n - 1)
    return tuple(
        Trial(i, State.COMPLETE, {"x": i}, kinds[i], value=found.mean, row_scores=found)
        for i, found in enumerate(drawn)
    )


def ended(found: tuple[Trial, ...], direction: Direction = MAX) -> Snapshot:
    """Return the end of a search."""
    return Snapshot("study", (Goal("accuracy", direction),), Space(), found, is_live=False)


def test_the_choice_is_made_again_on_resampled_rows() -> None:
    """The number is BBC's, of all trials, in the metric's unit."""
    found = trials(30)
    expected = bbc(np.stack([trial.row_scores.values for trial in found if trial.row_scores]))
    assert bbc_of(History(found, UP)) == expected
    honest = honest_of(ended(found))
    assert (honest.value, honest.half_width) == (expected.value, expected.half_width)
    assert (honest.method, honest.n_settings, honest.n_rows) == (Method.BOOTSTRAP, 30, 80)


@pytest.mark.parametrize("draw", [coin, losses])
def test_what_is_minimized_is_turned_round(draw: Draw) -> None:
    """An error rate and a loss: the honest number is positive, and above the best seen."""
    found = trials(30, draw)
    honest = honest_of(ended(found, MIN))
    assert honest.value is not None
    assert honest.half_width is not None
    truth = 0.5 if draw is coin else 2.0
    assert min(trial.value or 9 for trial in found) < honest.value
    assert abs(honest.value - truth) < honest.half_width
    assert "so biased downwards (by up to" in headline_lines(ended(found, MIN))[1].remark


def test_an_error_rate_has_the_interval_of_the_accuracy() -> None:
    """Wilson's, from either side."""
    right = trials(10)
    wrong = [replace(t, row_scores=row_scores(~t.row_scores.values)) for t in right if t.row_scores]
    one, other = bbc_of(History(right, UP)), bbc_of(History(tuple(wrong), DOWN))
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value - 1)
    assert other.half_width == pytest.approx(one.half_width)


@pytest.mark.parametrize(
    "odd", [None, row_scores(np.ones(N_ROWS, dtype=bool), 1), row_scores(np.ones(N_ROWS))]
)
def test_all_trials_must_have_them(odd: RowScores | None) -> None:
    """One without, or with other rows, was part of the choice too: then nothing is said."""
    found = trials(10)
    mixed = (*found[:-1], replace(found[-1], row_scores=odd))
    assert bbc_of(History(mixed, UP)) is None
    assert selection_bias_of(History(mixed, UP)) is None
    assert honest_of(ended(mixed)).value is None
    assert headline_lines(ended(mixed))[1].remark.startswith(
        "highest of 10 validation scores, so biased upwards;"
    )
    assert bbc_of(History((), UP)) is None


@pytest.mark.parametrize(("draw", "direction"), [(coin, MAX), (coin, MIN), (losses, MIN)])
def test_older_trials_on_the_same_rows_count_in_the_selection_bias(
    draw: Draw, direction: Direction
) -> None:
    """The honest number is worse by what their number adds; no value of theirs is in it."""
    found, older = trials(30, draw), trials(40, draw, seed=1)
    goals = (Goal("accuracy", direction),)
    alone = ended(found, direction)
    before = OlderStudy("study", 1, History(older, goals))
    guided = replace(alone, guides=(before,))
    one, other = honest_of(alone), honest_of(guided)
    assert one.value is not None
    assert other.value is not None
    precision = precision_of(History(found, goals))
    assert precision is not None
    error = precision.standard_error
    added = selection_bias(error, 70) - selection_bias(error, 30)
    assert other.value == pytest.approx(one.value - direction.sign * -added)
    assert (other.half_width, other.n_settings, other.n_older) == (one.half_width, 30, 40)
    assert how_text(other).endswith(", less the selection bias of 40 older trials on the same rows")
    other_values = trials(40, draw, seed=2)
    again = replace(alone, guides=(replace(before, history=History(other_values, goals)),))
    assert honest_of(again) == other
    bias = selection_bias_of(guided.history)
    assert bias is not None
    assert bias.added == pytest.approx(selection_bias(error, 70))


def test_older_trials_on_other_rows_or_without_rows_change_no_number() -> None:
    """That is said where the rows are not known."""
    found, goals = trials(30), UP
    other = tuple(
        replace(t, row_scores=row_scores(t.row_scores.values, 1)) for t in found if t.row_scores
    )
    unknown = tuple(replace(t, row_scores=None) for t in found)
    alone = ended(found)
    for older, counts in ((other, (0, 0)), (unknown, (0, 30))):
        guided = replace(alone, guides=(OlderStudy("study", 1, History(older, goals)),))
        assert n_selected_before(guided.history) == counts
        assert honest_of(guided).value == honest_of(alone).value
    assert how_text(honest_of(guided)).endswith(
        "; whether the 30 older trials that guided the search had the same rows is not known"
    )


def test_the_selection_bias_is_told_with_the_best_seen() -> None:
    """From the rows, the number of settings, and what the best is worth without that bias."""
    found = trials(30)
    best = max(trial.value or 0 for trial in found)
    corrected = best - selection_bias(math.sqrt(share_variance(best, N_ROWS)), 30)
    added = selection_bias(math.sqrt(share_variance(corrected, N_ROWS)), 30)
    assert selection_bias_of(History(found, UP)) == (added, True)
    assert headline_lines(ended(found))[1].remark == (
        f"highest of 30 validation scores, so biased upwards (by up to {added:.2f} by chance alone)"
    )


def test_quiet_when_harmless() -> None:
    """A bias below half a point is one line, and no warning."""
    rng = np.random.default_rng(0)
    many = trials(5, lambda _: rng.random(20_000) < 0.99)
    remark = headline_lines(ended(many))[1].remark
    assert remark == "highest of 5 validation scores; selection bias below 0.005"


def test_the_error_of_a_loss_is_that_of_its_mean() -> None:
    """s/√n of the best trial's rows."""
    found = trials(5, losses)
    best = History(found, DOWN).best()
    assert best is not None
    assert best.row_scores is not None
    precision = precision_of(History(found, DOWN))
    assert precision is not None
    assert precision.standard_error == pytest.approx(
        best.row_scores.values.std(ddof=1) / np.sqrt(N_ROWS)
    )
    assert precision.n_rows == N_ROWS


def test_a_best_seen_of_one_is_no_certainty() -> None:
    """All rows right: the bias is that of what is expected, not nothing."""
    found = trials(20, lambda rng: rng.random(20) < 0.9)
    perfect = replace(found[3], value=1.0, row_scores=row_scores(np.ones(20, dtype=bool)))
    history = History((*found[:3], perfect, *found[4:]), UP)
    selection_bias = selection_bias_of(history)
    assert selection_bias is not None
    assert selection_bias.added > 0.05


def rerun(of: Trial, seed: int, draw: Draw, *, used_seed: bool = True) -> Trial:
    """Return a re-run of a trial on a seed."""
    rows = seed if used_seed else 0  # the search's
    found = row_scores(draw(np.random.default_rng([of.number, seed])), rows)
    number = 100 + 10 * of.number + seed
    return Trial(number, State.COMPLETE, of.params, Kind.RECHECK, seed, found.mean,
                 row_scores=found, used_seed=used_seed)  # fmt: skip


@pytest.mark.parametrize(
    ("used_seed", "method"), [(True, Method.NEW_SPLITS), (False, Method.BOOTSTRAP)]
)
def test_new_splits_come_first_and_rows_before_new_training_seeds(
    used_seed: bool, method: Method
) -> None:
    """The order of preference; the choice is the re-check's either way."""
    found = trials(30)
    best = sorted(found, key=lambda trial: -(trial.value or 0))[:3]
    reruns = [rerun(t, seed, coin, used_seed=used_seed) for t in best for seed in (1, 2)]
    snapshot = ended((*found, *reruns))
    assert honest_of(snapshot).method is method
    assert is_rechecked(snapshot)


def test_few_re_runs_that_agree_by_chance_have_the_width_of_their_rows() -> None:
    """The floor of the half-width: a share of so many rows cannot be known better."""
    found = trials(30)
    best = max(found, key=lambda trial: trial.value or 0)
    half = np.arange(N_ROWS) < N_ROWS / 2

    def width(one: np.ndarray) -> float | None:
        made = [replace(rerun(best, seed, lambda _: one), value=0.5 + seed / 1e4)
                for seed in (1, 2, 3)]  # fmt: skip
        return honest_of(ended((*found, *made))).half_width

    with_rows = width(half)
    n = distinct_rows(N_ROWS, 4, 0.25)
    assert with_rows is not None
    assert with_rows >= 0.95 * wilson_interval(0.5, n).half_around(0.5)
    assert n_rows_of_shares(found) == N_ROWS
    assert n_rows_of_shares(trials(3, losses)) is None


def test_a_mean_over_rows_has_their_width() -> None:
    """Re-runs that agree by chance are not known better than their rows are."""
    found = trials(4, losses)
    variances = [t.row_scores.values.var(ddof=1) for t in found if t.row_scores]
    best = min(found, key=lambda trial: trial.value or 0)
    made = [replace(rerun(best, seed, losses), value=2.0 + seed / 1e4) for seed in (1, 2, 3)]
    width = honest_of(ended((*found, *made), MIN)).half_width
    assert width is not None
    assert width > 1.9 * np.sqrt(min(variances) / effective_rows(N_ROWS, 4, 0.25))


def test_scores_alone_tell_their_rows_where_they_are_accuracies() -> None:
    """By their common denominator and the metric's name."""
    found = [replace(t, row_scores=None) for t in trials(30)]
    assert n_rows_of_accuracies(found, History(tuple(found), UP)) == N_ROWS
    other = History(tuple(found), (Goal("value", Direction.MAXIMIZE),))
    assert n_rows_of_accuracies(found, other) is None


def test_a_cross_validation_takes_the_searchs_rows() -> None:
    """New folds deal the same rows again, so what the re-runs say of the choice comes second."""
    found = tuple(
        replace(t, row_scores=replace(t.row_scores, n_folds=5)) for t in trials(30) if t.row_scores
    )
    best = sorted(found, key=lambda trial: -(trial.value or 0))[:3]
    reruns = [rerun(t, seed, coin) for t in best for seed in (1, 2, 3)]
    honest = honest_of(ended((*found, *reruns)))
    assert honest.method is Method.BOOTSTRAP
    assert honest.value == bbc_of(History(found, UP)).value  # type: ignore[union-attr]
    assert is_rechecked(ended((*found, *reruns)))


def test_enough_is_said_where_more_trials_hardly_help() -> None:
    """After twenty trials of which the later ones gained less than a score is good to."""
    found = trials(24)
    best = max(trial.value or 0 for trial in found)
    early = (replace(found[0], value=best), *found[1:])
    notice = enough_of(History(early, UP))
    assert notice is not None
    assert (notice.n_last, notice.gained, notice.n_rows, notice.metric) == (12, 0.0, 80, "accuracy")
    assert enough_of(History(early[:19], UP)) is None
    late = (*found[:-1], replace(found[-1], value=best + 0.2))
    assert enough_of(History(late, UP)) is None
    unknown = (replace(early[0], row_scores=None), *early[1:])
    assert enough_of(History(unknown, UP)) is None


def test_while_the_search_runs_nothing_is_resampled() -> None:
    """It would take a second after each of many trials; the selection bias is told all the same."""
    live = replace(ended(trials(30)), is_live=True)
    assert honest_of(live).value is None
    assert "so biased upwards (by up to" in headline_lines(live)[1].remark


def test_the_bias_that_is_told_is_no_less_than_what_there_is() -> None:
    """Forty equal settings, a hundred times: the best seen is not further off on average."""
    told, was = [], []
    for seed in range(100):
        found = trials(40, seed=seed)
        selection_bias = selection_bias_of(History(found, UP))
        assert selection_bias is not None
        told.append(selection_bias.added)
        was.append(max(trial.value or 0 for trial in found) - 0.5)
    assert 0.9 * np.mean(was) < np.mean(told) < 1.3 * np.mean(was)
