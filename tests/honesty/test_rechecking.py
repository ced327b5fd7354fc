"""The re-check as a phase of the search: when it begins, what it runs, what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpo_magic.core.domains import Float
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Completed,
    Ended,
    Enqueued,
    Failed,
    Finish,
    Freed,
    Outcome,
    Reason,
    Run,
    StopAsked,
)
from hpo_magic.core.notices import Enough, RecheckPlanned, Rechecks, SameScores
from hpo_magic.core.plan import Plan
from hpo_magic.core.row_scores import of_rows
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Failure, Goal, History, Kind, State, Trial
from hpo_magic.honesty.recheck_results import chosen_trial, honest_of
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.testing.fakes import FakeSampler
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.honest import SAME_SCORES

X = Parameter("x", Float(0.0, 1.0), 0.5)
Score = Callable[[Run], float | None]


def noise(run: Run) -> float:
    """Return a score that says nothing of the setting, but that the start is a little worse."""
    x = float(run.params.get("x", X.default))
    selection_bias = float(np.random.default_rng([round(1e6 * x), run.seed]).normal())
    return selection_bias - 3.0 if x == X.default else selection_bias


def same(run: Run) -> float:
    """Return a score that the seed does not change."""
    return float(run.params.get("x", 0.5))


def an_engine(trials: Iterable[Trial] = (), recheck: str = "auto", **options: Any) -> Engine:
    """Return the engine of a search for large values."""
    asked: dict[str, Any] = {"goals": (Goal("value", Direction.MAXIMIZE),), **options}
    sampler = asked.pop("sampler", FakeSampler())
    known = tuple(trials)
    space = Space({"x": X}) if known else Space()
    return Engine(Plan("study", sampler, rechecker=Rechecking(recheck), **asked), space, known)


def drive(
    engine: Engine,
    score: Score = noise,
    n_workers: int = 1,
    n_most: int = 1000,
    step_s: float = 0,
    **known: bool | None,
) -> list[Run]:
    """Let a search go on, the oldest training ending first; return what was run.

    After `n_most` runs it is left with the last of them running.
    """
    runs: list[Run] = []
    active: list[Run] = []
    at = 0.0
    while True:
        at += step_s
        while len(active) < n_workers:
            commands = engine.handle(Freed(engine.next_number(), at))
            started = [c for c in commands if isinstance(c, Run)]
            runs += started
            active += started
            if any(isinstance(c, Finish) for c in commands):
                return runs
            if not started:
                break
        if len(runs) >= n_most:
            return runs
        assert active, "nothing runs, and the search does not finish"
        engine.handle(ending(active.pop(0), score, at, **known))
    return runs


def ending(run: Run, score: Score, at: float = 0.0, **known: bool | None) -> Completed | Failed:
    """Return how a training ends; None as its score: it fails before it asks for anything."""
    value = score(run)
    if value is None:
        return Failed(run.number, Failure("ValueError", "no"), Outcome(), at)
    params = {"x": run.params.get("x", X.default)}
    outcome = Outcome(params, (X,), value, Goal("value", Direction.MAXIMIZE), used_seed=True)
    outcome = replace(outcome, **known)
    return Completed(run.number, outcome, at)


def rechecks(runs: Iterable[Run]) -> list[Run]:
    """Return the runs that are re-checks."""
    return [run for run in runs if run.kind is Kind.RECHECK]


def test_the_last_trials_of_the_budget_run_the_best_again() -> None:
    """Of 40 trials, 31 search; then the start and 2 settings run on 3 seeds, round by round."""
    engine = an_engine(n_trials=40)
    runs = drive(engine)
    again = rechecks(runs)
    assert len(runs) == 40
    assert runs[31:] == again
    rounds = [[run.params["x"] for run in again[k : k + 3]] for k in (0, 3, 6)]
    assert rounds[0] == rounds[1] == rounds[2]
    searched = sorted(engine.history().trials, key=lambda t: -(t.value or 0.0))
    assert rounds[0] == [0.5, *(t.params["x"] for t in searched[:2])]


def test_the_seeds_are_new_distinct_and_common() -> None:
    """Every setting is run on the same three seeds, neither of them the study's."""
    again = rechecks(drive(an_engine(n_trials=40, seed=7)))
    seeds = {run.seed for run in again}
    assert len(seeds) == 3
    assert 7 not in seeds
    assert len({(run.params["x"], run.seed) for run in again}) == 9


def test_samplers_and_the_best_seen_know_nothing_of_it() -> None:
    """A re-run that scores more than all is no best seen, and nothing to learn from."""
    engine = an_engine(n_trials=20)
    runs = drive(engine, lambda run: 99.0 + noise(run) if run.kind is Kind.RECHECK else noise(run))
    assert rechecks(runs)
    best = engine.history().best()
    assert best is not None
    assert best.value is not None
    assert best.value < 50
    assert all(run.to_beat is None or run.to_beat < 50 for run in runs)


def test_without_it_every_trial_is_the_searchs() -> None:
    """`--recheck 0` runs nothing again, and `auto` does not below six trials."""
    assert rechecks(drive(an_engine(n_trials=30, recheck="0"))) == []
    assert rechecks(drive(an_engine(n_trials=5))) == []
    assert len(rechecks(drive(an_engine(n_trials=6)))) == 2


@pytest.mark.parametrize("n_before", [5, 30, 33, 37])
def test_resumed_anywhere_it_is_the_same_search(n_before: int) -> None:
    """What a search that was cut runs after it went on is what it would have run."""
    whole = drive(an_engine(n_trials=40))
    first = an_engine(n_trials=40)
    drive(first, n_most=n_before)
    stopped = [
        replace(t, state=State.STOPPED) if t.state is State.RUNNING else t
        for t in first.snapshot(0.0).trials
    ]
    again = rechecks(drive(an_engine(stopped, n_trials=40)))
    made = {(t.params["x"], t.seed) for t in stopped if t.state is State.COMPLETE}
    wanted = [(r.params["x"], r.seed) for r in rechecks(whole)]
    if n_before > 30:  # all of the search was there
        assert [(r.params["x"], r.seed) for r in again] == [w for w in wanted if w not in made]
    else:
        assert {r.seed for r in again} == {seed for _, seed in wanted}


def test_an_interrupted_rerun_is_run_again() -> None:
    """It is stopped, counts as not run, and keeps its setting."""
    engine = an_engine(n_trials=20)
    runs = drive(engine, n_most=16)
    cut = runs[-1]
    assert cut.kind is Kind.RECHECK
    engine.handle(StopAsked(0.0))
    engine.handle(Ended(cut.number, Outcome(), 0.0))
    trials = engine.snapshot(0.0).trials
    assert trials[-1].state is State.STOPPED
    assert trials[-1].params == cut.params
    assert drive(an_engine(trials, n_trials=20))[0].params == cut.params


def test_failing_reruns_end_nothing_and_are_not_tried_for_ever() -> None:
    """Their setting is not chosen; the others' re-check goes on."""
    engine = an_engine(n_trials=40)
    bad = {}

    def score(run: Run) -> float | None:
        if run.kind is Kind.RECHECK:
            if run.params["x"] != X.default:
                bad.setdefault("x", run.params["x"])  # the best seen
            return None if run.params["x"] == bad.get("x") else noise(run)
        return noise(run)

    runs = drive(engine, score)
    assert len(runs) == 40
    assert len(rechecks(runs)) == 9
    chosen = chosen_trial(engine.snapshot(0.0))
    assert chosen is not None
    assert chosen.params["x"] != bad["x"]


def test_a_cell_that_gives_the_same_again_is_told_so() -> None:
    """After two repeats of rare numbers the runs go back to the search, and no ± is printed."""
    engine = an_engine(n_trials=40)
    runs = drive(engine, same)
    assert len(rechecks(runs)) == 2
    assert len(runs) == 40
    assert engine.notices == (SameScores(),)
    snapshot = engine.snapshot(0.0)
    assert honest_of(snapshot).value is None
    assert chosen_trial(snapshot) == snapshot.history.best()
    assert not any("±" in line.value for line in headline_lines(snapshot))
    assert ("honest", "not measured", SAME_SCORES) in headline_lines(snapshot)


@pytest.mark.parametrize(
    ("drew_random", "is_share", "n_spent"), [(False, True, 1), (False, False, 1), (None, True, 2)]
)
def test_a_deterministic_cell_is_told_by_one_run(
    drew_random: bool | None, is_share: bool, n_spent: int
) -> None:
    """Where no random number was drawn; accuracies of an older study need two."""
    engine = an_engine(n_trials=40)

    def score(run: Run) -> float:
        # Of the setting alone.
        value = (7919 * run.params.get("x", X.default)) % 1
        return round(5 * value) / 5 if is_share else value

    runs = drive(engine, score, used_seed=False, drew_random=drew_random)
    again = rechecks(runs)
    assert len(again) == n_spent
    assert again[0].params["x"] == X.default
    assert len(runs) == 40


def test_equal_accuracies_on_new_labels_never_stop() -> None:
    """All score alike on every split: no number tells, but the rows do."""
    labels = np.random.default_rng(0).integers(0, 5, (4, 20))
    rows = [of_rows(np.array([True, False] * 10), labels[seed]) for seed in range(4)]
    trials = [Trial(i, State.COMPLETE, {"x": i}, value=0.5, row_scores=rows[0]) for i in range(9)]
    reruns = [
        Trial(10 + seed, State.COMPLETE, {"x": 0}, Kind.RECHECK, seed, 0.5, row_scores=rows[seed])
        for seed in (1, 2, 3)
    ]
    assert not Rechecking().only_repeats(History(tuple(trials)), reruns)
    same = [replace(trial, row_scores=rows[0]) for trial in reruns]
    assert Rechecking().only_repeats(History(tuple(trials)), same)
    of_one = of_rows(np.array([True, False] * 10), np.zeros(20))  # other rows may have these labels
    trials = [replace(trial, row_scores=of_one) for trial in trials]
    same = [replace(trial, row_scores=of_one, used_seed=True) for trial in reruns]
    assert not Rechecking().only_repeats(History(tuple(trials)), same)


def test_an_exhausted_space_is_re_checked_too() -> None:
    """The budget is larger than the space: a share of what was found is run again."""
    settings = [{"x": i / 20} for i in range(1, 16)]
    engine = an_engine(n_trials=100, sampler=FakeSampler(settings))
    runs = drive(engine)
    assert [run.kind for run in runs].count(Kind.SEARCH) == 15
    assert len(rechecks(runs)) == 6
    assert engine.ending is Reason.EXHAUSTED


def test_under_a_time_budget_it_has_the_last_fifth() -> None:
    """The search ends when four fifths have gone; the settings are a twentieth of those."""
    engine = an_engine(n_trials=1000, time_s=100.0)
    runs = drive(engine, step_s=2.5, n_most=40)
    kinds = [run.kind for run in runs]
    first = kinds.index(Kind.RECHECK)
    assert 30 <= first <= 32
    assert set(kinds[first:]) == {Kind.RECHECK}
    assert len({run.params["x"] for run in runs[first:]}) == 3  # 2 and the start


@pytest.mark.parametrize("n_workers", [2, 3])
def test_several_workers_wait_for_the_search_and_share_the_rest(n_workers: int) -> None:
    """No re-run begins while a search trial is running, and none is made twice."""
    engine = an_engine(n_trials=40)
    again = rechecks(drive(engine, n_workers=n_workers))
    assert len(again) == len({(run.params["x"], run.seed) for run in again}) == 9
    assert min(run.number for run in again) == 31


def test_what_the_user_asks_for_goes_first() -> None:
    """A setting that was enqueued when the re-check began is run all the same."""
    engine = an_engine(n_trials=20)
    drive(engine, n_most=16)
    engine.handle(Ended(15, Outcome(), 0.0))
    engine.handle(Enqueued({"x": 0.25}))
    runs = drive(engine)
    assert runs[0].kind is Kind.ENQUEUED


def test_more_trials_later_re_check_what_they_find() -> None:
    """New settings among the best are run again; those of before are not run twice."""
    first = an_engine(n_trials=20)
    before = rechecks(drive(first))
    runs = drive(an_engine(first.snapshot(0.0).trials, n_trials=40))
    done = {(r.params["x"], r.seed) for r in before}
    assert runs[0].kind is not Kind.RECHECK
    assert not done & {(r.params["x"], r.seed) for r in rechecks(runs)}


def snapshot_of(score: Score, **options: Any) -> Snapshot:
    """Return the end of a search."""
    engine = an_engine(**options)
    drive(engine, score)
    return engine.snapshot(0.0)


def test_on_noise_the_honest_number_is_near_zero_and_the_best_seen_is_not() -> None:
    """All settings are worth 0: the best seen is two sigma high, the honest number is not."""
    ends = [snapshot_of(noise, n_trials=40, seed=seed) for seed in range(20)]
    best = [end.history.best() for end in ends]
    seen = np.mean([trial.value for trial in best if trial is not None and trial.value is not None])
    expected = np.mean([honest_of(end).value or 0.0 for end in ends])
    assert seen > 1.5
    assert abs(expected) < 0.5


def test_the_headline_has_all_numbers_in_order() -> None:
    """Start, best seen, honest number, gain, test; the best seen without a gain of its own."""
    lines = headline_lines(snapshot_of(noise, n_trials=40))
    assert [line.label for line in lines] == [
        "start", "best seen", "honest", "tuned \N{MINUS SIGN} start", "test",
    ]  # fmt: skip
    assert lines[1].remark == "highest of 31 validation scores, so biased upwards"
    assert lines[2].remark.startswith("2 best settings re-run on 3 new splits; ")


def test_a_start_among_the_best_leaves_room_for_another_setting() -> None:
    """The budget of the re-check is used all the same."""
    runs = drive(an_engine(n_trials=40), lambda run: noise(run) + 6 * (run.number == 0))
    again = rechecks(runs)
    assert len(again) == 9
    assert len({run.params["x"] for run in again}) == 3
    assert again[0].params["x"] == X.default


def test_the_phase_is_shown_while_it_lasts() -> None:
    """The panel says what is going on, and nothing of it before and after."""
    engine = an_engine(n_trials=40)
    drive(engine, n_most=20)
    assert engine.snapshot(0.0).phase is None
    engine = an_engine(n_trials=40)
    drive(engine, n_most=33)
    assert engine.snapshot(0.0).phase == Rechecks(2)
    engine = an_engine(n_trials=40)
    drive(engine)
    assert engine.snapshot(0.0).phase is None


def test_the_models_of_all_that_may_be_chosen_are_kept() -> None:
    """A training's model is kept if it is among the best two, with that of the one before."""
    engine = an_engine(n_trials=40)
    first = drive(engine, n_most=5)
    assert [run.to_beat for run in first[:2]] == [None] * 2
    values = sorted(t.value for t in engine.history().complete if t.value is not None)
    assert first[4].to_beat == values[-2]


def test_it_is_announced_with_what_it_takes() -> None:
    """Under a time budget with the share of time; not at all where there is none."""
    planned = RecheckPlanned(9, 40, 2, 3, with_start=True)
    assert Rechecking().announcement(40) == planned
    timed = Rechecking().announcement(40, is_timed=True)
    assert timed == replace(planned, search_share=0.8)
    assert Rechecking().announcement(5) is None
    assert Rechecking("0").announcement(40) is None


def test_lower_values_are_better_where_they_are_minimized() -> None:
    """Choice, honest number and gain are in the metric's unit, and turned round."""
    engine = an_engine(n_trials=40, goals=(Goal("value", Direction.MINIMIZE),))
    drive(engine, lambda run: 5.0 - noise(run))
    snapshot = engine.snapshot(0.0)
    best, value = snapshot.history.best(), honest_of(snapshot).value
    assert best is not None
    assert best.value is not None
    assert value is not None
    assert best.value < 4.0 < value < 6.0
    gain = headline_lines(snapshot)[3]
    assert gain.value.startswith("-")
    assert gain.remark.endswith("lower is better")


ENOUGH = Enough(10, 0.0, 0.1)


def enough_after(n: int) -> Callable[[History], Enough | None]:
    """Return what says that it is enough after so many trials."""
    return lambda history: ENOUGH if len(history.complete) >= n else None


def test_a_search_that_has_enough_says_so_once_and_goes_on() -> None:
    """A note alone stops nothing."""
    engine = an_engine(n_trials=40, enough=enough_after(22))
    assert len(drive(engine)) == 40
    assert engine.notices == (ENOUGH,)


@pytest.mark.parametrize("recheck", ["auto", "0"])
def test_a_search_that_stops_at_noise_re_checks_and_ends(recheck: str) -> None:
    """What the re-check would have taken of a budget that ends here is still spent on it."""
    engine = an_engine(n_trials=100, recheck=recheck, enough=enough_after(24), stop_at_noise=True)
    runs = drive(engine)
    again = rechecks(runs)
    assert len(runs) - len(again) == 24
    assert bool(again) == (recheck == "auto")
    assert runs[24:] == again
    assert engine.ending is Reason.NOISE


def test_a_study_that_has_enough_still_runs_what_is_asked_for() -> None:
    """An enqueued setting comes first."""
    engine = an_engine(n_trials=100, enough=enough_after(5), stop_at_noise=True)
    drive(engine, n_most=5)
    engine.handle(Enqueued({"x": 0.25}))
    engine.handle(ending(Run(4, {}, Kind.SEARCH, 0), noise))
    started = [c for c in engine.handle(Freed(5, 0.0)) if isinstance(c, Run)]
    assert started[0].kind is Kind.ENQUEUED


def test_a_rerun_that_was_ended_early_has_no_metrics() -> None:
    """One that was skipped spoils its setting, and nothing else."""
    params = [{"x": 0.5}, {"x": 0.25}]
    search = [
        Trial(n, State.COMPLETE, p, (Kind.START, Kind.SEARCH)[n], 0, n / 2, {"f1": n / 2})
        for n, p in enumerate(params)
    ]
    reruns = [
        Trial(2 + 2 * i + n, State.COMPLETE, p, Kind.RECHECK, seed, 0.6, {"f1": 0.6})
        for i, seed in enumerate((7, 8))
        for n, p in enumerate(params)
    ]
    reruns[0] = replace(reruns[0], state=State.SKIPPED, value=None, metrics={})
    space = Space({"x": X})
    trials = (*search, *reruns)
    snapshot = Snapshot("study", (Goal("f1", Direction.MAXIMIZE),), space, trials, is_live=False)
    chosen = chosen_trial(snapshot)
    assert chosen is not None
    assert chosen.params == {"x": 0.25}
    assert honest_of(snapshot).value == pytest.approx(0.6)
