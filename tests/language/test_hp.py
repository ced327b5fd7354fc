"""`hp`: the calls of a cell, inside and outside a trial."""

from __future__ import annotations

import inspect
import linecache
import math
import os
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import pytest

from hpo_magic.core.domains import Choice, Float, Int, Plain
from hpo_magic.core.events import Run
from hpo_magic.core.trial import Kind
from hpo_magic.errors import NoNameError, SpaceError
from hpo_magic.language.hp import HyperParameters, hp
from hpo_magic.language.trial_context import MARK, TrialContext, current_trial, running

_cells = count()


def a_trial(
    params: Mapping[str, Plain] | None = None,
    number: int = 1,
    reports: list[tuple[int, dict[str, float]]] | None = None,
) -> TrialContext:
    """Return a trial with these values; without any, the start."""
    kind = Kind.START if params is None else Kind.SEARCH
    kept = [] if reports is None else reports
    return TrialContext(
        Run(number, params or {}, kind, seed=7), lambda step, m: kept.append((step, dict(m)))
    )


@contextmanager
def in_trial(params: Mapping[str, Plain] | None = None, number: int = 1) -> Iterator[TrialContext]:
    """Run the block inside a trial."""
    with running(a_trial(params, number)) as trial:
        yield trial


def run_cell(text: str) -> dict[str, Any]:
    """Run the text of a cell, which may ask for unnamed parameters; return its variables."""
    text = textwrap.dedent(text).lstrip()
    filename = f"<cell {next(_cells)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    variables: dict[str, Any] = {"hp": hp}
    exec(compile(text, filename, "exec"), variables)
    return variables


def message_of(call: Callable[[], object]) -> str:
    """Return what a call in a trial is refused with; its line is always 1."""
    start = inspect.getsourcelines(call)[1]
    with in_trial(), pytest.raises(SpaceError) as caught:
        call()
    line = next(n for n in range(start, start + 9) if f" on line {n}" in str(caught.value))
    return str(caught.value).replace(f" on line {line}", " on line 1")


# Outside a trial.


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


# Inside a trial.


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


# What is refused.


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
            "hp.Int() on line 1 (units): missing a required argument: 'min_value'.",
        ),
        (
            lambda: hp.Int("units", 1, 9, stepp=2),
            "hp.Int(1, 9, stepp=2) on line 1 (units): got an unexpected keyword argument 'stepp'.",
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


# KerasTuner's spelling.


# keras_tuner 1.4.8: the parameters of `keras_tuner.HyperParameters`' methods, in their order.
KERAS_TUNER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "Int": {
        "name": "x",
        "min_value": 2,
        "max_value": 8,
        "step": 2,
        "sampling": "linear",
        "default": 6,
    },
    "Float": {
        "name": "x",
        "min_value": 2.0,
        "max_value": 8.0,
        "step": 2.0,
        "sampling": "linear",
        "default": 6.0,
    },
    "Choice": {"name": "x", "values": [2, 6], "ordered": True, "default": 6},
    "Boolean": {"name": "x", "default": True},
    "Fixed": {"name": "x", "value": 6},
}


@pytest.mark.parametrize("method", KERAS_TUNER_ARGUMENTS)
def test_arguments_are_spelled_as_kerastuners(method: str) -> None:
    """Each argument is taken by position and by keyword, `parent_name` by keyword."""
    arguments = KERAS_TUNER_ARGUMENTS[method]
    call = getattr(hp, method)
    for n in range(len(arguments) + 1):
        first, rest = list(arguments.values())[:n], dict(list(arguments.items())[n:])
        with in_trial() as trial:
            value = call(*first, **rest, parent_name=None, parent_values=None)
        assert value == (True if method == "Boolean" else 6)
        assert trial.values == {"x": value}


def test_kerastuner_calls() -> None:
    """The calls of KerasTuner's documentation."""
    with in_trial() as trial:
        assert hp.Int("units", 32, 512, step=32) == 288
        assert hp.Int("units", min_value=32, max_value=512, step=32) == 288
        assert hp.Int(name="depth", min_value=1, max_value=3) == 2
        assert hp.Choice("act", ["relu", "tanh"]) == "relu"
        assert hp.Choice("size", values=[1, 2, 4], default=2) == 2
        assert hp.Boolean("norm") is False
        assert hp.Boolean("drop", True) is True
        assert hp.Fixed("x", 3) == 3
        assert hp.Float("lr", 1e-4, 1e-2, sampling="log") == 1e-3
        assert hp.Float("rate", 0.0, 0.5, 0.1, "linear", 0.2) == 0.2
    assert list(trial.values) == [
        "units", "depth", "act", "size", "norm", "drop", "x", "lr", "rate",
    ]  # fmt: skip


def build_mlp(hp: HyperParameters) -> list[object]:
    """Build a model as KerasTuner's guide does: named in a loop, with a branch."""
    layers: list[object] = []
    for i in range(hp.Int("num_layers", 1, 3)):
        layers.append(hp.Int(f"units_{i}", min_value=32, max_value=512, step=32))
        layers.append(hp.Choice("activation", ["relu", "tanh"]))
    if hp.Boolean("dropout"):
        layers.append(0.25)
    layers.append(hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log"))
    return layers


def test_a_kerastuner_build_function_runs_unchanged() -> None:
    """It is handed `hp`, and asks for names of its own making."""
    with in_trial() as trial:
        assert build_mlp(hp) == [288, "relu", 288, "relu", 1e-3]
    assert list(trial.values) == [
        "num_layers", "units_0", "activation", "units_1", "dropout", "lr",
    ]  # fmt: skip
    with in_trial({"num_layers": 1, "units_0": 64, "dropout": True, "lr": 0.01}):
        layers = build_mlp(hp)
    assert [layers[0], *layers[2:]] == [64, 0.25, 0.01]


def build_either(hp: HyperParameters) -> tuple[str, object]:
    """Build one of two models, each with the same name in a scope of its own."""
    kind = hp.Choice("model_type", ["mlp", "cnn"])
    with hp.conditional_scope("model_type", ["mlp"]):
        if kind == "mlp":
            return kind, hp.Int("units", 1, 5)
    with hp.conditional_scope("model_type", ["cnn"]):
        return kind, hp.Int("units", 10, 20)


def test_conditional_scope_of_a_build_function() -> None:
    """Two scopes that exclude each other may give one name two ranges."""
    with in_trial({"model_type": "cnn", "units": 12}) as trial:
        assert build_either(hp) == ("cnn", 12)
    assert trial.asked["units"].scopes == (("model_type", ("cnn",)),)
    with in_trial({"model_type": "mlp", "units": 12}):
        assert build_either(hp) == ("mlp", 5)


def test_a_closed_scope_gives_defaults_and_records_nothing() -> None:
    """Code inside runs all the same, as KerasTuner's does; the parameter is not active."""
    with in_trial({"kind": "mlp", "filters": 9}) as trial:
        hp.Choice("kind", ["mlp", "cnn"])
        with hp.conditional_scope("kind", ["cnn"]):
            assert hp.Int("filters", 1, 9, default=2) == 2
            with hp.conditional_scope("filters", [2]):
                assert hp.Int("size", 1, 9) == 5
        with hp.conditional_scope("kind", "mlp"):
            units = hp.Int("units", 1, 9)
        assert hp.Int("filters", 1, 9) == 9
    assert trial.values == {"kind": "mlp", "units": units, "filters": 9}
    assert trial.scopes == []


def test_one_name_in_two_scopes_without_a_branch() -> None:
    """The closed scope is passed over, before or after the open one."""
    for kind, value in (("mlp", 3), ("cnn", 15)):
        with in_trial({"kind": kind}) as trial:
            hp.Choice("kind", ["mlp", "cnn"])
            with hp.conditional_scope("kind", ["mlp"]):
                hp.Int("units", 3, 3)
            with hp.conditional_scope("kind", ["cnn"]):
                hp.Int("units", 15, 15)
        assert trial.values["units"] == value


def test_parent_arguments_are_a_scope() -> None:
    """`parent_name` and `parent_values` do for one call what a scope does for several."""
    with in_trial({"opt": "sgd", "momentum": 0.5, "beta": 0.5}) as trial:
        hp.Choice("opt", ["sgd", "adam"])
        momentum = hp.Float("momentum", 0, 1, parent_name="opt", parent_values=["sgd"])
        beta = hp.Float("beta", 0, 1, default=0.9, parent_name="opt", parent_values="adam")
        norm = hp.Boolean("norm", parent_name="opt", parent_values=["adam"])
        fixed = hp.Fixed("x", 3, parent_name="opt", parent_values=["sgd"])
        choice = hp.Choice("y", [1, 2], parent_name="opt", parent_values=["sgd"], default=2)
    assert (momentum, beta, norm, fixed, type(choice)) == (0.5, 0.9, False, 3, int)
    assert list(trial.values) == ["opt", "momentum", "x", "y"]


def test_a_scope_needs_a_parent_that_was_asked_for() -> None:
    """A parent of a wrong name would close the scope for good."""
    with in_trial():
        hp.Choice("model_type", ["mlp", "cnn"])
        with pytest.raises(SpaceError) as caught, hp.conditional_scope("model_typ", ["mlp"]):
            pass
    assert str(caught.value) == (
        "hp.conditional_scope('model_typ', …): no parameter of that name was asked for before. "
        "Known here: model_type. Did you mean model_type?"
    )


# Threads.


def test_threads_that_a_cell_starts_ask_its_trial() -> None:
    """They get no context of their own, and need none while one trial runs."""
    with in_trial({"units": 64}) as trial, ThreadPoolExecutor(2) as pool:
        values = list(pool.map(lambda _: hp.Int("units", 16, 512), range(4)))
    assert values == [64] * 4
    assert trial.values == {"units": 64}


def test_trials_side_by_side_keep_to_themselves() -> None:
    """Each thread that runs a trial asks its own."""
    ready = threading.Barrier(4)

    def train(number: int) -> list[int]:
        with in_trial({"units": number}):
            ready.wait(10)
            return [hp.Int("units", 0, 512) for _ in range(100)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == [[number] * 100 for number in range(4)]
    assert current_trial() is None


def test_a_thread_that_could_be_of_either_of_two_trials_asks_none() -> None:
    """It gets the default rather than another trial's value."""
    with in_trial({"units": 1}), in_trial({"units": 2}), ThreadPoolExecutor(1) as pool:
        assert pool.submit(hp.Int, "units", 0, 512).result() == 256


def test_a_trial_ends_with_its_block() -> None:
    """Also where the block fails; nothing of the trial stays behind."""
    with pytest.raises(ValueError, match="no"), in_trial():
        raise ValueError("no")
    assert current_trial() is None
    assert hp.Int("units", 1, 9) == 5


# What comes from elsewhere.


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
