"""Grid search."""

from dataclasses import replace

import pytest

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.errors import SpaceError
from hpo_magic.samplers.grid import MOST_LEVELS, GridSampler
from hpo_magic.testing.samplers import SamplerContract, searched, space_of
from hpo_magic.views.words.notices import notice_text

TWO = space_of(layers=Int(1, 3), act=Choice(("relu", "tanh")))


def stepped(space: Space) -> Space:
    """Return the space with steps where a range has no end of values."""
    found = {}
    for name, parameter in space.items():
        domain = parameter.domain
        if not isinstance(domain, Choice) and (domain.n_levels or MOST_LEVELS + 1) > MOST_LEVELS:
            whole = isinstance(domain, Int)
            by = 10 if domain.log else (domain.high - domain.low) / 4
            domain = replace(domain, step=int(by) if whole else by, reverse_log=False)
        default = domain.nearest(parameter.default)
        found[name] = replace(parameter, domain=domain, default=default)
    return Space(found)


class TestGridSampler(SamplerContract):
    """The contract, on spaces with an end."""

    is_random = False

    @pytest.fixture
    def make(self):
        return GridSampler

    def adapted(self, space):
        return stepped(space)


def grid(space, n_trials=1000):
    """Return the settings in the order in which they come after the start."""
    return [dict(trial.params) for trial in searched(GridSampler, space, n_trials)[1:]]


def announced(space, n_searched, trials=()):
    """Return what is told before the search, in words."""
    notice = GridSampler().announcement(space, History(tuple(trials)), n_searched)
    return "" if notice is None else notice_text(notice)


def test_settings_come_in_the_order_of_nested_loops():
    """The last parameter changes fastest; the start, layers 2 and relu, is not repeated."""
    assert [tuple(setting.values()) for setting in grid(TWO)] == [
        (1, "relu"), (1, "tanh"), (2, "tanh"), (3, "relu"), (3, "tanh"),
    ]  # fmt: skip


def test_steps_are_the_levels():
    """Also on a log scale, where the step multiplies; no level is skipped or rounded."""
    space = space_of(lr=Float(1e-4, 1e-1, step=10.0, log=True), rate=Float(0.0, 0.3, step=0.1))
    settings = [space.defaults(), *grid(space)]
    assert {s["lr"] for s in settings} == {1e-4, 1e-3, 1e-2, 1e-1}
    assert {s["rate"] for s in settings} == {0.0, 0.1, 0.2, 0.3}
    assert len(settings) == 16


def test_whole_numbers_on_a_log_scale_all_come():
    """Without a step, every whole number is a level, whatever the scale."""
    assert [s["n"] for s in grid(space_of(n=Int(1, 9, log=True)))] == [1, 2, 4, 5, 6, 7, 8, 9]


def test_a_parent_s_loop_is_outside_its_child_s():
    """Also where the child is asked for first; what is not reached has no loop at all."""
    sgd = (("optimizer", ("sgd",)),)
    momentum = Parameter("momentum", Choice((0.0, 0.9), ordered=True), 0.9, sgd)
    space = Space({"momentum": momentum, **space_of(optimizer=Choice(("adam", "sgd")))})
    assert grid(space) == [
        {"momentum": 0.0, "optimizer": "sgd"},
        {"momentum": 0.9, "optimizer": "sgd"},
    ]
    assert announced(space, 50) == "The grid has 3 settings."


def test_a_failed_setting_is_not_tried_again():
    """It is done, like the others."""
    failed = Trial(0, State.FAILED, {"layers": 1, "act": "relu"})
    next_one = GridSampler().suggest(TWO, History((failed,), number=1), seed=0)
    assert next_one == {"layers": 1, "act": "tanh"}


@pytest.mark.parametrize(
    ("domain", "why", "step"),
    [
        (Float(0.0, 0.5), "(0 to 0.5) is continuous", "hp.Float(0.0, 0.5, step=0.05)"),
        (Float(-1.0, 2.0), "(-1 to 2) is continuous", "hp.Float(-1.0, 2.0, step=0.3)"),
        (
            Float(1e-5, 0.1, log=True),
            "(1e-05 to 0.1, log) is continuous",
            'hp.Float(1e-05, 0.1, step=10, sampling="log")',
        ),
        (
            Float(1.0, 1.05, log=True),
            "(1 to 1.05, log) is continuous",
            'hp.Float(1.0, 1.05, step=1.05, sampling="log")',
        ),
        (
            Float(0.5, 1.0, reverse_log=True),
            "(0.5 to 1, reverse log) is continuous",
            "hp.Float(0.5, 1.0, step=0.05)",
        ),
        (Int(0, 10**7), "(0 to 10000000) has 1e+07 values", "hp.Int(0, 10000000, step=1000000)"),
    ],
)  # fmt: skip
def test_a_range_without_end_is_refused(domain, why, step):
    """With the reason, and a step that works."""
    space = space_of(act=Choice(("relu", "tanh")), lr=domain)
    assert announced(space, 50) == ""
    with pytest.raises(SpaceError) as caught:
        GridSampler().suggest(space, History(number=1), seed=0)
    assert str(caught.value) == (
        f"a grid needs ranges with few values, and lr {why}. "
        f"Give it a step, as in {step}, or search with the sampler sobol."
    )
    by = float(step.split("step=")[1].split(",")[0].rstrip(")"))
    whole = isinstance(domain, Int)
    given = replace(domain, step=int(by) if whole else by, reverse_log=False)
    assert 2 <= given.n_levels <= 20


def test_the_number_of_settings_is_said_before_the_search():
    """And what there are trials for, if that is less."""
    assert announced(TWO, 40) == announced(TWO, None) == "The grid has 6 settings."
    assert announced(space_of(one=Int(3, 3)), 40) == "The grid has 1 setting."
    assert announced(space_of(a=Int(1, 40), b=Int(1, 50)), 40) == (
        "The grid has 2,000 settings; the search tries the first 40, in the order of nested loops. "
        "Raise --trials, or use --sampler sobol, which covers the whole space evenly."
    )


def test_what_cannot_be_counted_is_bounded():
    """A conditional space with many settings has at most so many."""
    deep = (("layers", (2,)),)
    space = space_of(layers=Int(1, 2), a=Int(1, 500)).declare(Parameter("b", Int(1, 500), 1, deep))
    assert announced(space, None) == "The grid has at most 500,000 settings."
    assert announced(space_of(a=Int(1, 10**6), b=Int(1, 10**6)), None) == (
        "The grid has 1e+12 settings."
    )


def test_several_grids_are_counted_when_each_was_tried():
    """What a grid reaches that was not tried is not known, so nothing is told before."""
    whole = space_of(grid=Choice((0, 1), ordered=False), C=Choice((1, 10, 100)))
    first = Trial(0, State.COMPLETE, {"grid": 0, "C": 1}, value=1.0)
    assert announced(whole, 4, [first]) == ""
    other = Trial(1, State.COMPLETE, {"grid": 1}, value=1.0)
    assert announced(whole, 4, [first, other]) == "The grid has 4 settings."
