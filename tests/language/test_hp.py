"""`hp`: the calls of a cell, inside and outside a trial."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from asked_in_trials import a_trial, in_trial, message_of, run_cell

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.errors import NoNameError, SpaceError
from hpo_magic.language.hp import hp
from hpo_magic.language.trial_context import MARK, running


def test_outside_a_trial_calls_return_their_defaults() -> None:
    """The cell without its first line runs on the defaults."""
    assert hp.Int(1, 9, default=3) == 3
    assert hp.Float(0.0, 1.0, default=0.2) == 0.2
    assert hp.Choice(["relu", "tanh"], default="tanh") == "tanh"
    assert hp.Choice([max, min]) is max
    assert hp.Boolean(default=True) is True
    assert hp.Fixed(3) == 3
    assert hp.seed() == 0
    assert hp.values == {}


def test_outside_a_trial_calls_without_default_return_the_middle() -> None:
    """The middle of the range, geometric for log; the first choice; False."""
    assert hp.Int(1, 9) == 5
    assert hp.Float(0.0, 1.0) == 0.5
    assert hp.Float(1e-4, 1e-2, sampling="log") == 1e-3
    assert hp.Choice([64, 32]) == 64
    assert hp.Boolean() is False


def test_outside_a_trial_no_name_is_needed() -> None:
    """A call that could not be named in a search still gives its default."""
    assert [hp.Int(1, 3), hp.Int(1, 5)] == [2, 3]
    hp.report(loss=0.5)
    with hp.conditional_scope("kind", ["cnn"]):
        assert hp.Int("units", 1, 9) == 5


def test_outside_a_trial_mistakes_are_told_too() -> None:
    """A range that cannot be searched is refused before any search."""
    with pytest.raises(SpaceError, match=r"^hp\.Int\(3, 1\) on line \d+: the lower bound 3 is"):
        hp.Int(3, 1)


def test_a_trial_gives_its_values_and_records_what_was_asked() -> None:
    """Calls return the trial's values, of the types of their kinds."""
    params = {"units": 64, "lr": 0.25, "act": "tanh", "norm": True, "unused": 1}
    with in_trial(params) as trial:
        found = run_cell("""
            units = hp.Int(16, 512)
            lr = hp.Float(0, 1)
            act = hp.Choice(["relu", "tanh"])
            norm = hp.Boolean()
        """)
    assert [found[name] for name in trial.values] == [64, 0.25, "tanh", True]
    assert trial.values == {"units": 64, "lr": 0.25, "act": "tanh", "norm": True}
    assert [p.domain for p in trial.asked.values()] == [
        Int(16, 512),
        Float(0, 1),
        Choice(("relu", "tanh")),
        Choice((False, True)),
    ]


def test_the_start_takes_the_defaults() -> None:
    """Trial 0 is the cell as its author would have run it."""
    with in_trial() as trial:
        hp.Int("units", 16, 512, default=64)
        hp.Float("lr", 1e-4, 1e-2, sampling="log")
    assert trial.values == {"units": 64, "lr": 0.001}


def test_a_name_has_one_value_per_trial() -> None:
    """However often it is asked."""
    with in_trial({}) as trial:
        values = {hp.Float("lr", 0, 1) for _ in range(5)}
    assert len(values) == 1
    assert list(trial.values) == ["lr"]


def test_passes_of_a_loop_have_values_of_their_own() -> None:
    """An unnamed call in a loop is one parameter for each pass."""
    with in_trial({"units[0]": 1, "units[1]": 9, "units[2]": 5}) as trial:
        found = run_cell("""
            sizes = []
            for _ in range(3):
                units = hp.Int(1, 9)
                sizes.append(units)
        """)
    assert found["sizes"] == [1, 9, 5]
    assert list(trial.values) == ["units[0]", "units[1]", "units[2]"]


def test_a_value_outside_the_range_becomes_the_nearest() -> None:
    """A range that depends on another parameter may be narrower than the space."""
    with in_trial({"units": 400, "lr": "gone"}) as trial:
        assert hp.Int("units", 16, 256) == 256
        assert hp.Float("lr", 0, 1) == 0.5
    assert trial.values == {"units": 256, "lr": 0.5}


def test_a_new_branch_is_drawn_by_seed_number_and_name() -> None:
    """What the sampler could not know is drawn at random, the same at each repetition."""

    def drawn(number: int, name: str) -> float:
        with in_trial({"other": 1}, number):
            return hp.Float(name, 0, 1)

    values = [drawn(n, name) for n in range(3) for name in ("a", "b")]
    assert values == [drawn(n, name) for n in range(3) for name in ("a", "b")]
    assert len(set(values)) == 6
    assert all(0 <= value <= 1 for value in values)


def test_types_of_values_are_pythons_own() -> None:
    """No NumPy scalar reaches the user from a range, and a Boolean is a bool."""
    with in_trial({}):
        assert type(hp.Int("a", np.int64(1), np.int64(9))) is int
        assert type(hp.Float("b", np.float32(0), 1)) is float
        assert type(hp.Float("c", 0, 10, step=1)) is float
        assert type(hp.Boolean("d")) is bool


class Relu:
    pass


@pytest.mark.parametrize("pick", range(6))
def test_a_choice_is_the_very_object(pick: int) -> None:
    """Classes, functions, tuples and NumPy scalars come back as themselves."""
    objects = [None, Relu, max, (64, 32), np.float32(0.1), {"depth": 2}]
    with in_trial() as trial:
        hp.Choice("thing", objects, default=objects[pick])
        assert hp.get("thing") is objects[pick]
        assert hp.values["thing"] is objects[pick]
    with in_trial(trial.values):
        assert hp.Choice("thing", objects) is objects[pick]


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_true_one_and_one_point_zero_are_three_choices(value: object) -> None:
    """A choice keeps the type of what was chosen."""
    with in_trial({"x": value}):  # type: ignore[dict-item]
        found = hp.Choice("x", [True, 1, 1.0])
    assert found == value
    assert type(found) is type(value)


def test_fixed_is_recorded() -> None:
    """A fixed value is a parameter of one value, whatever it is."""
    with in_trial() as trial:
        assert hp.Fixed("x", 3) == 3
        assert hp.Fixed("y", value="adam") == "adam"
        assert hp.Fixed("z", Relu) is Relu
        assert run_cell('optimizer = hp.Fixed("sgd")')["optimizer"] == "sgd"
    assert trial.values == {"x": 3, "y": "adam", "z": "Relu", "optimizer": "sgd"}


def test_seed_is_the_trials() -> None:
    """It is the same wherever it is asked."""
    with in_trial():
        assert hp.seed() == hp.seed() == 7


def test_report_counts_by_itself_or_takes_the_step() -> None:
    """Epochs are counted from 1, on from a step that was given."""
    reports: list[tuple[int, dict[str, float]]] = []
    with running(a_trial(reports=reports)):
        hp.report(loss=0.5)
        hp.report(loss=np.float32(0.25), accuracy=1)
        hp.report(10, loss=math.inf)
        hp.report(loss=0.125)
    assert reports == [
        (1, {"loss": 0.5}),
        (2, {"loss": 0.25, "accuracy": 1.0}),
        (10, {"loss": math.inf}),
        (11, {"loss": 0.125}),
    ]


def test_get_names_what_there_is() -> None:
    """A parameter that was not asked for is refused, with those that were."""
    with in_trial():
        hp.Int("units", 1, 9)
        with pytest.raises(SpaceError) as caught:
            hp.get("unit")
    assert str(caught.value) == "hp.get('unit'): not asked for in this trial. Known: units."


def test_a_log_scale_from_zero() -> None:
    """The sentence has the call, its line and its name, what is wrong, and what to try."""
    with in_trial(), pytest.raises(SpaceError) as caught:
        run_cell("""
            import math

            lr = hp.Float(0, 0.1, sampling="log")
        """)
    assert str(caught.value) == (
        'hp.Float(0, 0.1, sampling="log") on line 3 (lr): '
        "a log scale needs a lower bound above 0, got 0. Try 1e-6."
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: hp.Int("units", 512, 32),
            "hp.Int(512, 32) on line 1 (units): "
            "the lower bound 512 is above the upper bound 32. Swap them.",
        ),
        (
            lambda: hp.Int("units", 1, 5, step=10),
            "hp.Int(1, 5, step=10) on line 1 (units): the step 10 does not fit between 1 and 5: "
            "only 1 would be left. Use a smaller step.",
        ),
        (
            lambda: hp.Int("units", 1, 5, default=9),
            "hp.Int(1, 5, default=9) on line 1 (units): "
            "the default 9 is not among the values: 1 to 5. The nearest one is 5.",
        ),
        (
            lambda: hp.Float("lr", 0, 1, default="big"),
            'hp.Float(0, 1, default="big") on line 1 (lr): '
            "the default 'big' is not among the values: 0 to 1. The nearest one is 0.5.",
        ),
        (
            lambda: hp.Choice("act", []),
            "hp.Choice([]) on line 1 (act): "
            "there is nothing to choose from: the list of values is empty.",
        ),
        (
            lambda: hp.Choice("act", "relu"),
            'hp.Choice("act", "relu") on line 1: the values must be one list. '
            'Write hp.Choice(["act", "relu"]), or hp.Choice("act", ["relu", …]) for a name.',
        ),
        (
            lambda: hp.Choice("act", ["relu"], default="gelu"),
            "hp.Choice(['relu'], default=\"gelu\") on line 1 (act): "
            "the default 'gelu' is not among the values: 'relu'.",
        ),
        (
            lambda: hp.Int("units"),
            "hp.Int() on line 1 (units): missing a required argument: 'min_value'. "
            "It takes min_value, max_value, step, sampling, default, name.",
        ),
        (
            lambda: hp.Int("units", 1, 9, stepp=2),
            "hp.Int(1, 9, stepp=2) on line 1 (units): got an unexpected keyword argument 'stepp'. "
            "stepp= is step here.",
        ),
        (
            lambda: hp.Float("lr", low=1, high=9, log=True),
            "hp.Float(low=1, high=9, log=True) on line 1 (lr): missing a required argument: "
            "'min_value'. low= is min_value here; high= is max_value here; "
            'log= is sampling="log" here.',
        ),
        (
            lambda: hp.Float("lr", 1, 9, "log"),
            "hp.Float(1, 9, \"log\") on line 1 (lr): write sampling='log'.",
        ),
        (
            lambda: hp.Choice("act", options=["relu"]),
            "hp.Choice(options=['relu']) on line 1 (act): "
            "missing a required argument: 'values'. options= is values here.",
        ),
        (
            lambda: hp.Boolean("norm", default=1),
            "hp.Boolean(default=1) on line 1 (norm): the default must be True or False, got 1.",
        ),
        (
            lambda: hp.Int("", 1, 9),
            "hp.Int(\"\", 1, 9) on line 1: the name must be a string that is not empty, got ''.",
        ),
        (
            lambda: hp.Int(1, 9, name=3),
            "hp.Int(1, 9, name=3) on line 1: the name must be a string that is not empty, got 3.",
        ),
        (
            lambda: hp.Choice("act", [f"a long choice number {n}" for n in range(9)], default=""),
            "hp.Choice(['a long choice number 0', 'a long ch…, default=\"\") on line 1 (act): "
            "the default '' is not among the values: "
            + ", ".join(repr(f"a long choice number {n}") for n in range(9))
            + ".",
        ),
    ],
)
def test_bad_calls(call: Callable[[], object], message: str) -> None:
    """Each mistake is told by the call and its line."""
    assert message_of(call) == message


def test_one_name_with_two_ranges() -> None:
    """A given name means one value per trial, so it has one range."""

    def cell() -> None:
        hp.Int("units", 1, 9)
        hp.Int("units", 1, 8)

    assert message_of(cell) == (
        "hp.Int(1, 8) on line 1 (units): 'units' was asked for with another range before: "
        'a name has one range. Give this one a name of its own, such as hp.…("units_b", …).'
    )


def test_a_call_without_a_name() -> None:
    """The sentence shows the line and the fix."""
    with in_trial(), pytest.raises(NoNameError) as caught:
        run_cell("""
            if hp.Boolean():
                pass
        """)
    assert str(caught.value) == (
        "hp.Boolean() on line 1 has no name: it is neither assigned to a variable nor passed to a "
        'parameter. Write hp.Boolean("norm").'
    )


def test_names_are_put_into_name_scopes() -> None:
    """As KerasTuner does, with `hp.get` and conditional scopes inside; places keep their names."""
    with in_trial({"a/units": 64, "a/b/act": "tanh"}) as trial:
        with hp.name_scope("a"):
            assert hp.Int("units", 16, 512) == 64
            assert hp.get("units") == 64
            with hp.name_scope("b"):
                assert hp.Choice("act", ["relu", "tanh"]) == "tanh"
                with hp.conditional_scope("act", ["tanh"]):
                    hp.Float("rate", 0, 1)
            hp.Int("more", 1, 9, parent_name="units", parent_values=[64])
        hp.Int("units", 1, 2)
    assert list(trial.values) == ["a/units", "a/b/act", "a/b/rate", "a/more", "units"]
    with hp.name_scope("a"):
        assert hp.Int("units", 1, 9) == 5


def test_a_reverse_log_scale() -> None:
    """Its middle is near the upper end."""
    assert hp.Float(0.001, 1, sampling="reverse_log") == pytest.approx(1.001 - 0.001**0.5)


def test_a_value_can_be_looked_up_by_brackets() -> None:
    """`hp["units"]` and `in` are KerasTuner's too."""
    assert "units" not in hp
    with in_trial({"units": 64}):
        assert "units" not in hp
        hp.Int("units", 16, 512)
        assert "units" in hp
        assert hp["units"] == 64


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("quniform", "Write hp.Float(low, high, step=q), or hp.Int."),
        ("suggest_int", "Write hp.Int(low, high), or hp.trial.suggest_int."),
        ("space", "The study has it, once the search has ended: study.space."),
        ("int", "Did you mean hp.Int?"),
        ("ensure_active_values", "There are: Boolean, Choice, Fixed, Float, Int, "),
    ],
)
def test_what_hp_does_not_have_says_what_it_has(name: str, way_out: str) -> None:
    """In the words of those who come from Hyperopt, KerasTuner or Optuna."""
    with pytest.raises(AttributeError) as caught:
        exec(f"\nhp.{name}", {"hp": hp})
    assert str(caught.value).startswith(f"hp.{name} on line 2: there is none. {way_out}")
    assert not hasattr(hp, "_repr_html_")


def test_trials_in_threads_leave_no_mark_in_the_environment() -> None:
    """Child processes that are started later are not taken for those of a trial."""
    both_run, first_ended = threading.Barrier(2), threading.Event()

    def first() -> None:
        with running(a_trial()):
            both_run.wait()
        first_ended.set()

    def second() -> bool:
        with running(a_trial()):
            both_run.wait()
            first_ended.wait()
            return MARK in os.environ

    with ThreadPoolExecutor(2) as threads:
        ended, is_marked = threads.submit(first), threads.submit(second)
        ended.result(timeout=30)
        assert is_marked.result(timeout=30)
    assert MARK not in os.environ


def test_what_is_fixed_is_not_asked_for() -> None:
    """KerasTuner's overrides: by `hp.Fixed` before the range, or by setting a value."""
    with running(a_trial({"lr": 0.5})) as trial:
        hp.Fixed("units", 33)
        hp.values["act"] = "tanh"
        assert hp.Int("units", 8, 64) == 33
        assert hp.Choice("act", ["relu", "tanh"]) == "tanh"
        assert hp.Float("lr", 0.0, 1.0) == 0.5
        assert hp.values == {"units": 33, "act": "tanh", "lr": 0.5}
    assert {name: p.domain.n_levels for name, p in trial.asked.items() if name != "lr"} == {
        "units": 1,
        "act": 1,
    }
    with pytest.raises(SpaceError, match=r"^hp\.values\['act'\] = … fixes a value in a trial; out"):
        hp.values["act"] = "tanh"
