"""What older studies tell a new search."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Goal, History, Kind, State, Trial
from hpo_magic.errors import SpaceExhausted
from hpo_magic.samplers import SAMPLERS, make_sampler
from hpo_magic.samplers.bayes import BayesSampler, fitted
from hpo_magic.samplers.guides import MAX_TRIALS, GuideData, first_settings, in_goals
from hpo_magic.samplers.random import RandomSampler
from hpo_magic.testing.samplers import searched, space_of, trial_of

SPACE = space_of(
    lr=Float(1e-5, 1.0, log=True), units=Int(8, 512, log=True), act=Choice(("relu", "tanh"))
)


def bowl(number, params):
    """Return a loss with its minimum, 0, at lr 1e-3, 64 units, tanh."""
    far = (math.log10(params["lr"]) + 3) ** 2 + math.log2(params["units"] / 64) ** 2 / 4
    return far + (params["act"] == "relu")


def tilted(number, params):
    """Return the loss of an edited cell: a little elsewhere, on another scale."""
    far = (math.log10(params["lr"]) + 2.8) ** 2 + math.log2(params["units"] / 90) ** 2 / 4
    return 50.0 + 7.0 * far + 3.0 * (params["act"] == "relu")


def older(n=40, value=bowl, space=SPACE, **also):
    """Return an older study of so many trials."""
    return History(tuple(searched(BayesSampler, space, n, value)), **also)


def guided(guides, n, value=tilted, space=SPACE, name="bayes", seed=0, start=None):
    """Return the trials of a search that older studies guide."""
    sampler, trials = make_sampler(name), []
    params = start or {"lr": 0.5, "units": 10, "act": "relu"}
    for number in range(n):
        trials.append(trial_of(number, params, value(number, params)))
        history = History(tuple(trials), number=number + 1, guides=tuple(guides))
        params = sampler.suggest(space, history, seed)
    return trials


OLDER = older()


def best(trials):
    """Return the lowest value."""
    return min(trial.value for trial in trials)


def test_the_first_settings_are_the_best_and_two_good_ones_far_away():
    """All three are among the twelve best; the second is not next to the first."""
    settings = first_settings(SPACE, History(guides=(OLDER,)), 0)
    ranked = [dict(trial.params) for trial in OLDER.ranked]
    assert settings[0] == ranked[0]
    assert len(settings) == 3
    assert all(setting in ranked[:12] for setting in settings)
    assert len({repr(setting) for setting in settings}) == 3


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_begins_with_them(name):
    """Then it goes its own way; without older studies it does from the first trial on."""
    levels = space_of(lr=Float(1e-5, 1.0, step=10.0, log=True), units=Int(8, 64, step=8))
    value = lambda number, params: params["units"] + number / 100  # noqa: E731
    guide = older(30, value, levels)
    start = {"lr": 1e-4, "units": 16}
    trials = guided([guide], 5, value, levels, name, start=start)
    wanted = first_settings(levels, History(guides=(guide,)), 0)
    assert [dict(trial.params) for trial in trials[1:4]] == wanted
    assert trials[4].params not in [trial.params for trial in trials[:4]]
    own, history = make_sampler(name).sampler, History(tuple(trials[:2]), number=2)
    assert make_sampler(name).suggest(levels, history, 0) == own.suggest(levels, history, 0)


def test_a_related_search_is_far_ahead():
    """Three trials after an older study are better than eight without, on average over seeds."""
    ahead = [best(guided([OLDER], 4, seed=seed)) for seed in range(6)]
    alone = [best(guided([], 9, seed=seed)) for seed in range(6)]
    assert np.mean(ahead) < np.mean(alone)


def test_an_opposite_search_does_not_lead_astray():
    """Forty trials after one whose good settings are the bad ones end near the minimum."""
    opposite = older(40, lambda number, params: -bowl(number, params))
    assert best(guided([opposite], 40)) < 50.5


def test_a_best_setting_that_is_no_better_than_the_start_is_the_last_one():
    """Then the spread trials of a search without older studies follow."""
    opposite = older(40, lambda number, params: -bowl(number, params))
    start = {"lr": 1e-3, "units": 60, "act": "tanh"}
    misled, alone = guided([opposite], 5, start=start), guided([], 5, start=start)
    assert misled[1].params == first_settings(SPACE, History(guides=(opposite,)), 0)[0]
    assert [t.params for t in misled[2:]] == [t.params for t in alone[2:]]
    related = guided([OLDER], 3)
    assert related[2].params == first_settings(SPACE, History(guides=(OLDER,)), 0)[1]


@pytest.mark.parametrize("state", [State.RUNNING, State.STOPPED, State.FAILED])
def test_only_a_trial_that_has_ended_shows_that_an_older_study_misleads(state):
    """One that failed does: the older study has a value there."""
    first, second = first_settings(SPACE, History(guides=(OLDER,)), 0)[:2]
    start = trial_of(0, {"lr": 0.5, "units": 10, "act": "relu"}, 100.0)
    tried = replace(trial_of(1, first, None), state=state)
    stated = History((replace(start, kind=Kind.START), tried), number=2, guides=(OLDER,))
    again = {State.RUNNING: second, State.STOPPED: first}
    suggested = make_sampler("bayes").suggest(SPACE, stated, 0)
    assert suggested == again.get(state, suggested)
    assert (suggested in (first, second)) == (state in again)


def test_no_value_of_an_older_study_is_in_what_is_shown():
    """What explains a search is fitted to its own trials alone."""
    trials = tuple(guided([OLDER], 12))
    with_guides = fitted(SPACE, History(trials, guides=(OLDER,)))
    alone = fitted(SPACE, History(trials))
    np.testing.assert_array_equal(with_guides.surrogate.X_train_, alone.surrogate.X_train_)
    np.testing.assert_array_equal(with_guides.surrogate.y_train_, alone.surrogate.y_train_)


def test_a_resumed_search_goes_on_as_if_it_had_never_stopped():
    """Copies of all trials, older ones included, lead to the same setting."""
    trials = guided([OLDER], 15)

    def copied(history_trials):
        return tuple(Trial.from_json(trial.to_json()) for trial in history_trials)

    for n in (1, 3, 4, 9, 14):
        again = History(copied(OLDER.trials))
        history = History(copied(trials[:n]), number=n, guides=(again,))
        assert make_sampler("bayes").suggest(SPACE, history, 0) == trials[n].params


def test_other_guides_are_not_mixed_up_with_those_before():
    """The memory of a sampler holds for its older studies alone."""
    used = BayesSampler()
    trials = tuple(guided([OLDER], 8))
    opposite = older(40, lambda number, params: -bowl(number, params))
    for guides in ((OLDER,), (opposite,), (), (OLDER, opposite)):
        history = History(trials, number=8, guides=guides)
        assert used.suggest(SPACE, history, 0) == BayesSampler().suggest(SPACE, history, 0)


def test_several_older_studies_have_an_input_each():
    """Settings come of all of them, and each is data on its own scale."""
    other = older(40, tilted)
    data = GuideData.of(SPACE, History(guides=(OLDER, other)))
    assert data.n_studies == 2
    assert set(data.study) == {0, 1}
    for k in (0, 1):
        assert data.targets[data.study == k].mean() == pytest.approx(0.0, abs=1e-9)
    assert best(guided([OLDER, other], 8)) < 51


def test_a_maximized_older_study_is_turned_round():
    """The best of it are its highest values."""
    turned = tuple(replace(trial, value=-trial.value) for trial in OLDER.trials)
    guide = History(turned, (Goal("accuracy", Direction.MAXIMIZE),))
    assert first_settings(SPACE, History(guides=(guide,)), 0) == first_settings(
        SPACE, History(guides=(OLDER,)), 0
    )
    np.testing.assert_allclose(
        GuideData.of(SPACE, History(guides=(guide,))).targets,
        GuideData.of(SPACE, History(guides=(OLDER,))).targets,
    )


def test_an_older_study_is_judged_by_the_new_metric_if_it_measured_it():
    """Else by its own; a value without a name is none that two searches share."""
    loss, accuracy = Goal("loss", Direction.MINIMIZE), Goal("accuracy", Direction.MAXIMIZE)
    trials = tuple(
        replace(trial_of(k, {"lr": 0.1 / (k + 1)}, k / 10), metrics={"accuracy": k / 5})
        for k in range(5)
    )
    guide = History(trials, (loss,))
    judged = in_goals(guide, (accuracy,))
    assert judged.best().number == 4
    assert in_goals(guide, (accuracy, loss)).losses(trials).shape == (5, 2)
    assert in_goals(guide, (Goal("f1", Direction.MAXIMIZE),)) is guide
    unnamed = replace(guide, goals=(Goal("value", Direction.MINIMIZE),))
    assert in_goals(unnamed, (Goal("value", Direction.MAXIMIZE),)) is unnamed


def test_several_objectives_are_guided_too():
    """By a study of one objective, and by one of the same two."""
    goals = (Goal("a", Direction.MINIMIZE), Goal("b", Direction.MINIMIZE))
    two = tuple(replace(t, metrics={"b": float(t.params["units"])}) for t in OLDER.trials)
    for guide in (OLDER, History(two, goals)):
        trials = []
        for number in range(8):
            history = History(tuple(trials), goals, number, guides=(guide,))
            sampler = make_sampler("bayes", several=True)
            params = sampler.suggest(SPACE, history, 0) if number else SPACE.defaults()
            trial = trial_of(number, params, tilted(number, params))
            trials.append(replace(trial, metrics={"b": float(params["units"])}))
        assert [t.params for t in trials[1:4]] == first_settings(
            SPACE, History(goals=goals, guides=(guide,)), 0
        )


def test_parameters_are_the_same_by_name_alone():
    """An older study that shares no name does not guide at all."""
    new = space_of(rate=Float(1e-5, 1.0, log=True), units=Int(8, 512, log=True))
    one, other = (first_settings(new, History(guides=(OLDER,)), seed) for seed in (0, 1))
    assert [setting["units"] for setting in one] == [setting["units"] for setting in other]
    assert all(new.fits({name: setting[name] for name in new}) for setting in (*one, *other))
    stranger = space_of(depth=Int(1, 9))
    assert first_settings(stranger, History(guides=(OLDER,)), 0) == []
    assert GuideData.of(stranger, History(guides=(OLDER,))).n_studies == 0


def test_what_is_new_is_at_its_default_in_the_best_older_setting():
    """It may be what older code had; the two settings after it have it elsewhere, by the seed."""
    new = space_of(rate=Float(1e-5, 1.0, log=True), units=Int(8, 512, log=True))
    one, other = (first_settings(new, History(guides=(OLDER,)), seed) for seed in (0, 1))
    default = new["rate"].default
    assert (one[0]["rate"], other[0]["rate"]) == (default, default)
    drawn = {setting["rate"] for setting in (*one[1:], *other[1:])}
    assert len(drawn - {default}) == 4


def test_ranges_that_changed_keep_the_trials_that_have_a_place():
    """Settings are taken to the nearest allowed values; trials outside are no data."""
    narrow = space_of(
        lr=Float(1e-3, 1e-1, log=True), units=Int(8, 512, step=8), act=Choice(("tanh", "gelu"))
    )
    for setting in first_settings(narrow, History(guides=(OLDER,)), 0):
        assert narrow.fits(setting)
    data = GuideData.of(narrow, History(guides=(OLDER,)))
    inside = [
        t for t in OLDER.trials if 1e-3 <= t.params["lr"] <= 0.1 and t.params["act"] == "tanh"
    ]
    assert len(data.targets) == len(inside)
    wide = SPACE.declare(replace(SPACE["act"], domain=Choice(("relu", "tanh", "gelu"))))
    assert len(GuideData.of(wide, History(guides=(OLDER,))).targets) == len(OLDER.trials)
    assert best(guided([OLDER], 10, space=wide)) < 52


def test_a_branch_that_the_space_does_not_know_yet_comes_along():
    """The older setting may reach it: its values are there, should they be asked for."""
    trials = (
        trial_of(0, {"layers": 1, "units[0]": 8}, 1.0),
        trial_of(1, {"layers": 2, "units[0]": 8, "units[1]": 99}, 0.5),
    )
    space = space_of(layers=Int(1, 3), **{"units[0]": Int(4, 128)})
    (first, _) = first_settings(space, History(guides=(History(trials),)), 0)
    assert first == {"layers": 2, "units[0]": 8, "units[1]": 99}


def test_an_older_start_that_is_the_new_one_is_not_run_twice():
    """The next setting takes its place."""
    start = dict(OLDER.ranked[0].params)
    trials = guided([OLDER], 4, start=start)
    assert len({repr(trial.params) for trial in trials}) == 4


def test_failed_running_and_pruned_trials_of_an_older_study_do_no_harm():
    """Only what was measured counts."""
    ended = OLDER.trials[:12]
    broken = [replace(t, state=State.FAILED, value=None) for t in ended[:3]]
    open_ = [replace(t, state=State.RUNNING, value=None) for t in ended[3:5]]
    guide = History((*broken, *open_, *ended[5:]))
    assert len(GuideData.of(SPACE, History(guides=(guide,))).targets) == 7
    nothing = History(tuple(broken))
    assert first_settings(SPACE, History(guides=(nothing,)), 0) == []
    assert guided([nothing], 6) == guided([], 6)


def test_an_older_study_gives_a_bounded_number_of_trials():
    """The best are among them."""
    long = History(tuple(searched(RandomSampler, SPACE, MAX_TRIALS + 30, bowl)))
    data = GuideData.of(SPACE, History(guides=(long,)))
    assert len(data.targets) == MAX_TRIALS
    assert (
        long.best().params["lr"] in [SPACE["lr"].domain.value(unit) for unit in data.units[:, 0]]
        or data.targets.min() < -1
    )


def test_a_stopped_setting_of_an_older_study_comes_again():
    """It counts as not tried."""
    start = Trial(0, State.COMPLETE, SPACE.defaults(), Kind.START, value=60.0)
    first = first_settings(SPACE, History(guides=(OLDER,)), 0)[0]
    stopped = Trial(1, State.STOPPED, first)
    history = History((start, stopped), number=2, guides=(OLDER,))
    assert make_sampler("bayes").suggest(SPACE, history, 0) == first


def test_a_small_space_is_searched_to_its_end():
    """Settings of older studies are not tried twice there either."""
    space = space_of(act=Choice(("relu", "tanh", "gelu")), norm=Choice((False, True)))
    guide = older(6, lambda number, params: float(number), space)
    trials, sampler = [], make_sampler("bayes")
    params = space.defaults()
    for number in range(6):
        trials.append(trial_of(number, params, float(number)))
        history = History(tuple(trials), number=number + 1, guides=(guide,))
        if number == 5:
            with pytest.raises(SpaceExhausted):
                sampler.suggest(space, history, 0)
            break
        params = sampler.suggest(space, history, 0)
    assert len({repr(trial.params) for trial in trials}) == 6


def test_guides_without_a_space_in_common_change_nothing():
    """An empty intersection is no guide."""
    stranger = History((trial_of(0, {"other": 1}, 0.0),))
    space = Space({name: SPACE[name] for name in ("lr", "units")})
    value = lambda number, params: params["lr"]  # noqa: E731
    start = {"lr": 0.1, "units": 9}
    assert guided([stranger], 8, value, space, start=start) == guided(
        [], 8, value, space, start=start
    )
