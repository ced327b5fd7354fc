"""When parameters are reached: declared, or learned from the trials."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.activity import Activity, Condition, units_of
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import State, Trial

OPTIMIZER = Choice(("adam", "sgd", "rms"))
MOMENTUM = Float(0.0, 0.99)
UNITS = Int(16, 512, log=True)


def space_of(**domains):
    """Return a space with middles for defaults."""
    return Space({name: Parameter(name, d, d.middle) for name, d in domains.items()})


def complete(*settings):
    """Return a complete trial for each setting."""
    return [Trial(k, State.COMPLETE, params, value=0.0) for k, params in enumerate(settings)]


def active(space, trials, **params):
    """Return what a setting reaches; it has the defaults in all else."""
    return Activity.of(space, trials).active({**space.defaults(), **params})


def test_without_trials_everything_is_reached():
    """What is not known to be off counts as on."""
    space = space_of(lr=Float(0.0, 1.0), momentum=MOMENTUM)
    assert active(space, []) == ("lr", "momentum")


def test_a_declared_scope_needs_no_trial():
    """`hp.conditional_scope` says when its parameters are reached, nested scopes too."""
    space = space_of(model=Choice(("cnn", "mlp")), optimizer=OPTIMIZER)
    scopes = (("model", ("cnn",)), ("optimizer", ("sgd", "rms")))
    space = space.declare(Parameter("momentum", MOMENTUM, 0.9, scopes))
    assert active(space, [], model="cnn", optimizer="rms")[-1] == "momentum"
    assert active(space, [], model="mlp", optimizer="rms") == ("model", "optimizer")
    assert active(space, [], model="cnn", optimizer="adam") == ("model", "optimizer")


def test_a_scope_whose_parent_is_gone_is_passed_over():
    """A parent that is not in the space cannot switch anything off."""
    space = Space({"momentum": Parameter("momentum", MOMENTUM, 0.9, (("gone", (1,)),))})
    assert active(space, []) == ("momentum",)


def test_a_branch_is_learned_from_one_trial_of_each_side():
    """`if optimizer == "sgd": momentum = hp.Float(...)`."""
    space = space_of(lr=Float(0.0, 1.0), optimizer=OPTIMIZER, momentum=MOMENTUM)
    trials = complete(
        {"lr": 0.1, "optimizer": "adam"}, {"lr": 0.2, "optimizer": "sgd", "momentum": 0.5}
    )
    assert active(space, trials, optimizer="adam") == ("lr", "optimizer")
    assert active(space, trials, optimizer="sgd") == ("lr", "optimizer", "momentum")
    assert active(space, trials, optimizer="rms") == ("lr", "optimizer", "momentum")  # not seen


def test_an_accident_is_given_up_when_a_trial_speaks_against_it():
    """With two candidates for the parent, trials decide."""
    space = space_of(norm=Choice((False, True)), optimizer=OPTIMIZER, momentum=MOMENTUM)
    trials = complete(
        {"norm": False, "optimizer": "adam"},
        {"norm": True, "optimizer": "sgd", "momentum": 0.5},
        {"norm": True, "optimizer": "adam"},
    )
    assert "momentum" not in active(space, trials, norm=True, optimizer="adam")
    assert "momentum" in active(space, trials, norm=False, optimizer="sgd")


@pytest.mark.parametrize("pattern", ["units[{}]", "units_{}"])
def test_a_loop_is_learned_from_its_names(pattern):
    """`units[2]` is reached from three layers on, though no trial had two or three."""
    names = [pattern.format(k) for k in range(4)]
    space = space_of(layers=Int(1, 4), **dict.fromkeys(names, UNITS))
    trials = complete({"layers": 1, names[0]: 32}, {"layers": 4, **dict.fromkeys(names, 64)})
    for layers in range(1, 5):
        assert active(space, trials, layers=layers) == ("layers", *names[:layers])


def test_a_threshold_lies_between_the_trials():
    """`if layers > 2:` with a name that says nothing."""
    space = space_of(layers=Int(1, 9), skip=Choice(("add", "cat")))
    trials = complete({"layers": 2}, {"layers": 6, "skip": "add"})
    assert "skip" not in active(space, trials, layers=3)
    assert "skip" in active(space, trials, layers=5)


def test_at_most_is_learned_as_well():
    """`if depth <= 2:`."""
    space = space_of(depth=Int(1, 9), wide=Choice((False, True)))
    trials = complete({"depth": 2, "wide": True}, {"depth": 6})
    assert "wide" in active(space, trials, depth=1)
    assert "wide" not in active(space, trials, depth=9)


def test_one_value_in_the_middle_is_learned():
    """`if layers == 2:` has no threshold."""
    space = space_of(layers=Int(1, 3), skip=Choice(("add", "cat")))
    trials = complete({"layers": 1}, {"layers": 2, "skip": "add"}, {"layers": 3})
    assert [("skip" in active(space, trials, layers=n)) for n in (1, 2, 3)] == [False, True, False]


def test_nested_branches_go_off_together():
    """A parameter is not reached if its parent is not."""
    space = space_of(model=Choice(("cnn", "mlp")), pool=Choice((False, True)), size=Int(2, 4))
    trials = complete(
        {"model": "mlp"},
        {"model": "cnn", "pool": False},
        {"model": "cnn", "pool": True, "size": 3},
    )
    assert active(space, trials, model="mlp", pool=True) == ("model",)
    assert active(space, trials, model="cnn", pool=False) == ("model", "pool")
    assert active(space, trials, model="cnn", pool=True) == ("model", "pool", "size")


def test_two_conditions_may_have_to_hold():
    """`if a and b:` with both known beforehand."""
    flag = Choice((False, True))
    space = space_of(a=flag, b=flag, c=Int(1, 5))
    trials = complete(
        {"a": False, "b": True},
        {"a": True, "b": False},
        {"a": True, "b": True, "c": 1},
        {"a": False, "b": False},
    )
    assert [
        "c" in active(space, trials, a=a, b=b) for a in (False, True) for b in (False, True)
    ] == [False, False, False, True]


def test_what_no_rule_explains_counts_as_reached():
    """Trials of a cell that was another then: same setting, another parameter."""
    space = space_of(act=Choice(("relu", "tanh")), slope=Float(0.0, 1.0))
    trials = complete(
        {"act": "relu"},
        {"act": "tanh"},
        {"act": "relu", "slope": 0.1},
        {"act": "tanh", "slope": 0.5},
    )
    assert active(space, trials, act="relu") == ("act", "slope")


def test_a_failed_trial_tells_nothing_about_what_it_did_not_get_to():
    """It may have failed before; a running trial has not got there yet."""
    space = space_of(act=Choice(("relu", "tanh")), lr=Float(0.0, 1.0), slope=Float(0.0, 1.0))
    trials = [
        Trial(0, State.COMPLETE, {"act": "relu", "lr": 0.5, "slope": 0.1}, value=0.0),
        Trial(1, State.FAILED, {"act": "tanh"}),
        Trial(2, State.RUNNING, {"act": "tanh", "lr": 0.1}),
    ]
    assert active(space, trials, act="tanh") == ("act", "lr", "slope")


def test_a_failed_trial_that_went_by_a_parameter_counts():
    """It reached `slope`, which comes after `lr`: so it had passed `lr` by."""
    space = space_of(act=Choice(("relu", "tanh")), lr=Float(0.0, 1.0), slope=Float(0.0, 1.0))
    trials = [
        Trial(0, State.COMPLETE, {"act": "relu", "lr": 0.5, "slope": 0.1}, value=0.0),
        Trial(1, State.FAILED, {"act": "tanh", "slope": 0.1}),
    ]
    assert active(space, trials, act="tanh") == ("act", "slope")


def test_a_mask_says_the_same_for_many_settings_at_once():
    """Rows are settings, columns parameters in the order of the space."""
    space = space_of(layers=Int(1, 3), **{f"units[{k}]": UNITS for k in range(3)})
    units = {f"units[{k}]": 64 for k in range(3)}
    trials = complete({"layers": 1, "units[0]": 32}, {"layers": 3, **units})
    activity = Activity.of(space, trials)
    settings = [{**space.defaults(), "layers": n} for n in (1, 2, 3)]
    mask = activity.mask(units_of(space, settings))
    np.testing.assert_array_equal(mask, np.tri(3, 4, 1, dtype=bool))
    assert [tuple(np.array(list(space))[row]) for row in mask] == [
        activity.active(setting) for setting in settings
    ]


def test_a_parameter_that_is_not_there_is_not_reached():
    """NaN stands for it, and its children are not reached either."""
    space = space_of(optimizer=OPTIMIZER)
    space = space.declare(Parameter("momentum", MOMENTUM, 0.9, (("optimizer", ("sgd",)),)))
    assert Activity.of(space).active({"momentum": 0.3}) == ()
    assert np.isnan(units_of(space, [{"optimizer": "sgd"}])[0, 1])


def test_reduced_settings_tell_trainings_apart():
    """Two settings that differ in what is not reached are one."""
    space = space_of(optimizer=OPTIMIZER)
    space = space.declare(Parameter("momentum", MOMENTUM, 0.9, (("optimizer", ("sgd",)),)))
    activity = Activity.of(space)
    assert activity.reduced({"optimizer": "adam", "momentum": 0.1}) == {"optimizer": "adam"}


def test_parents_come_before_children_and_circles_end():
    """Scopes that contradict each other do not hang the search."""
    space = space_of(c=Int(1, 3), b=Int(1, 3), a=Int(1, 3))
    above = {"c": (Condition("b"),), "b": (Condition("a"),)}
    assert Activity(space, above).from_parents_down() == ("a", "b", "c")
    circle = {"c": (Condition("b"),), "b": (Condition("c"),)}
    assert sorted(Activity(space, circle).from_parents_down()) == ["a", "b", "c"]


PARTS = st.fixed_dictionaries(
    {
        "layers": st.integers(1, 4),
        "optimizer": st.sampled_from(OPTIMIZER.values),
        "nested": st.booleans(),
        "lr": st.floats(0.0, 1.0),
    }
)


def cell(setting):
    """Return what a cell with a loop, a branch and a nested branch reaches."""
    reached = {"layers": setting["layers"], "lr": setting["lr"]}
    reached |= {f"units[{k}]": 64 for k in range(setting["layers"])}
    reached["optimizer"] = setting["optimizer"]
    if setting["optimizer"] == "sgd":
        reached["nested"] = setting["nested"]
        if setting["nested"]:
            reached["momentum"] = 0.5
    return reached


CELL = space_of(
    layers=Int(1, 4), lr=Float(0.0, 1.0), **{f"units[{k}]": UNITS for k in range(4)},
    optimizer=OPTIMIZER, nested=Choice((False, True)), momentum=MOMENTUM,
)  # fmt: skip


@given(st.lists(PARTS, min_size=1, max_size=25))
def test_what_is_learned_agrees_with_every_trial(settings):
    """Whatever trials there are, each is explained as it was."""
    trials = complete(*(cell(setting) for setting in settings))
    known = {name for trial in trials for name in trial.params}
    space = Space({name: parameter for name, parameter in CELL.items() if name in known})
    activity = Activity.of(space, trials)
    for trial in trials:
        reached = activity.active({**space.defaults(), **trial.params})
        assert reached == tuple(name for name in space if name in trial.params)
