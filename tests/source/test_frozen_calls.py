"""Calls in a frozen cell: those not reached, choices, names, and what cannot be frozen."""

from __future__ import annotations

import enum
import pickle
import textwrap
from typing import Any

import pytest
from freezing import Dense, frozen, relu, tanh

from hpo_magic.core.domains import Choice
from hpo_magic.errors import HpoError
from hpo_magic.source.cannot_freeze import CannotFreeze
from hpo_magic.source.freeze import freeze


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("hp.Int(1, 9)", "5"),
        ("hp.Int(1, 100, sampling='log')", "10"),
        ("hp.Int(32, 512, step=32)", "288"),
        ("hp.Int(1, 9, default=4)", "4"),
        ("hp.Int(1, 9, default=None)", "5"),
        ("hp.Int(1, 2 ** 5)", "round((1 + (2 ** 5)) / 2)"),
        ("hp.Float(0, 1)", "0.5"),
        ("hp.Float(1e-4, 1e-2, sampling='log')", "0.001"),
        ("hp.Float(low, 2 * low, sampling='log')", "(low * (2 * low)) ** 0.5"),
        ("hp.Float(0, 1, default=2 * low)", "2 * low"),
        ("hp.Choice(['a', 'b'])", "'a'"),
        ("hp.Choice([tf.nn.relu, None], default=None)", "None"),
        ("hp.Choice([tf.nn.relu, R], default=None)", "tf.nn.relu"),
        ("hp.Choice(values=['a', 'b'], default='b')", "'b'"),
        ("hp.Choice(list(acts))", "list(acts)[0]"),
        ("hp.Boolean()", "False"),
        ("hp.Boolean('named', default=True)", "True"),
        ("hp.Fixed(3)", "3"),
    ],
)
def test_calls_that_were_not_reached(call: str, text: str) -> None:
    """A call without a value gives what it gives outside a trial, as it is written there."""
    assert frozen(f"x = {call}  # c", {}) == f"x = {text}  # c"


@pytest.mark.parametrize(
    ("values", "value", "text"),
    [
        ("[1, 1.0, True, '1']", 1.0, "1.0"),
        ("[1, 1.0, True, '1']", True, "True"),
        ("[1, 1.0, True, '1']", "1", "'1'"),
        ("[ 2 ** 3, 16 ]", 8, "8"),
        ("[(1, (2, 'a')), [3]]", (1, (2, "a")), "(1, (2, 'a'))"),
        ("[(1, (2, 'a')), [3]]", (3,), "[3]"),
        ("[tf.nn.relu, tf.nn.tanh]", "tanh", "tf.nn.tanh"),
        ("[tf.nn.relu, keras.relu]", "relu#2", "keras.relu"),
        ("[R, T]", "tanh", "T"),
        ("[(R, 1), (T, 2)]", ("tanh", 2), "(T, 2)"),
        ("[nn\n    .relu, nn.tanh]", "relu", "(nn\n    .relu)"),
        ("[nn  # here\n    .relu, nn.tanh]", "relu", "(nn  # here\n    .relu\n)"),
        ("ACTS", "tanh", "ACTS[1]"),
        ("NAMES", "b", "'b'"),
        ("[*NAMES, 'c']", "b", "'b'"),
        ("[L2(0.1), L2(0.2)]", "<L2>#2", "L2(0.2)"),
        ("options()", 3, "3"),
        ("options()", "plain", "'plain'"),
        ("ACTS_SET", "tanh", "T"),
        ("list(ACTS)", "tanh", "ACTS[1]"),
        ("ENUM", "<ENUM.TWO: 2>", "ENUM.TWO"),
    ],
)
def test_choices(values: str, value: object, text: str) -> None:
    """A choice is written as its author wrote it: found by value, by name, or by its place."""
    made = enum.Enum("ENUM", ["ONE", "TWO"])
    around = {"R": relu, "T": tanh, "tanh": tanh, "ACTS": [relu, tanh], "NAMES": ["a", "b"]}
    around |= {"ACTS_SET": {relu: 1, tanh: 2}.keys(), "ENUM": made}
    source = f"x = hp.Choice({values})"
    text = "tanh" if values == "ACTS_SET" else text
    domains = {"x": domain_of(values, value)}
    assert frozen(source, {"x": value}, namespace=around, domains=domains) == f"x = {text}"


def domain_of(values: str, value: Any) -> Choice:
    """Return the choices of a search of these values."""
    if "L2" in str(value):
        return Choice(("<L2>", "<L2>#2"), objects=("<L2>", "<L2>#2"))
    if "ENUM" in values:
        return Choice(("<ENUM.ONE: 1>", "<ENUM.TWO: 2>"), objects=("<ENUM.ONE: 1>", value))
    if "ACTS" in values:
        return Choice(("relu", "tanh"), objects=("relu", "tanh"))
    is_object = isinstance(value, str) and value in ("relu", "tanh", "relu#2")
    return Choice((value,), objects=(value,) if is_object else ())


@pytest.mark.parametrize(
    "values", ["options()", "options() + [1]", "set(ACTS)", "(f for f in ACTS)", "ACTS"]
)
def test_an_object_that_is_not_sure_to_be_found_again_is_refused(values: str) -> None:
    """Its place may be another one: in another order, or in a list that has changed."""
    domains = {"x": Choice(("relu", "gone"), objects=("relu", "gone"))}
    with pytest.raises(
        CannotFreeze, match=r"chooses an object \(gone\) whose place in .* is not sure"
    ):
        frozen(
            f"x = hp.Choice({values})",
            {"x": "gone"},
            namespace={"ACTS": [relu, tanh]},
            domains=domains,
        )


@pytest.mark.parametrize(
    ("source", "params", "text"),
    [
        (
            "for n in names: hp.Float(n, 0, 1)",
            {"a": 0.1, "b": 0.2},
            "for n in names: {'a': 0.1, 'b': 0.2}[n]",
        ),
        ("{k: hp.Float(k, *b) for k, b in s}", {"lr": 0.1}, "{k: 0.1 for k, b in s}"),
        ("x = hp.Choice(k, v)", {"act": "relu"}, "x = 'relu'"),
        ("x = hp.Boolean(flag)", {"norm": True}, "x = True"),
        ("x = hp.Int(n, min_value=1, max_value=2)", {"n_layers": 2}, "x = 2"),
        ("x = hp.Int(n, 1, 9) + hp.Float(n + 'f', 0, 1)", {"u": 3, "uf": 0.5}, "x = 3 + 0.5"),
        ("x = hp.Fixed(n, 5)", {"batch": 5}, "x = 5"),
    ],
)
def test_a_name_that_is_a_variable(source: str, params: dict[str, Any], text: str) -> None:
    """A call that no trial has recorded as unnamed has its first argument as its name."""
    assert freeze(source, params, {}, {}) == text


def test_an_unnamed_call_with_variable_bounds_is_none_with_a_name() -> None:
    """Its place is recorded."""
    assert freeze("x = hp.Int(low, high, step)", {"x": 3}, {"1:4": "x"}, {}) == "x = 3"


def test_a_function_that_gets_hp_is_given_the_values() -> None:
    """In KerasTuner's way."""
    text = freeze("model = build(hp)", {"units": 64}, {}, {})
    assert text == (
        "import keras_tuner\n\n_hp = keras_tuner.HyperParameters()\n"
        "_hp.values = {'units': 64}\nmodel = build(_hp)"
    )


def test_what_the_cell_fixes_is_given_to_functions_too() -> None:
    """By `hp.Fixed`, which has the values of a trial, and by setting a value."""
    cell = "hp.Fixed('units', 64)\nhp.values['act'] = 'tanh'\nmodel = build(hp)"
    text = freeze(cell, {"units": 64, "act": "tanh", "lr": 0.1}, {}, {})
    made = "import keras_tuner\n\n_hp = keras_tuner.HyperParameters()\n_hp.values = {"
    assert text.startswith(f"{made}'units': 64, 'act': 'tanh', 'lr': 0.1}}\n")
    assert text.endswith("_hp.values['act'] = 'tanh'\nmodel = build(_hp)")
    own = "hp.values['act'] = 'tanh'\nact = hp.Choice('act', ['relu', 'tanh'])"
    assert freeze(own, {"act": "tanh"}, {}, {}) == "act = 'tanh'"


def test_a_choice_that_cannot_be_read() -> None:
    """Values that come from elsewhere are written plainly."""
    assert frozen("x = hp.Choice(*a)", {"x": "b"}) == "x = 'b'"
    assert frozen("x = hp.Int(*a)", {"x": 3}) == "x = 3"


def test_a_call_that_is_neither_reached_nor_readable() -> None:
    """What a call returns outside a trial must be there to be read."""
    sentence = (
        "The cell cannot be frozen: hp.Int(...) on line 1 was not reached, and its min_value "
        "cannot be read. Write it out."
    )
    with pytest.raises(CannotFreeze) as caught:
        frozen("x = hp.Int(*a)", {})
    assert str(caught.value) == sentence
    assert str(pickle.loads(pickle.dumps(caught.value))) == sentence


def test_other_passes_in_a_lambda() -> None:
    """Nothing can be put before a loop in a lambda."""
    source = "f = lambda: [g(units=hp.Int(1, 9)) for _ in 'ab']"
    with pytest.raises(CannotFreeze, match=r"on line 1 has another value in each pass of a lambda"):
        frozen(source, {"units[0]": 1, "units[1]": 2})
    assert frozen(source, {"units[0]": 1, "units[1]": 1}) == source.replace("hp.Int(1, 9)", "1")


def test_ipython_lines_stay() -> None:
    """Magic, shell and help lines are kept as they were typed."""
    source = """\
        %matplotlib inline
        files = !ls -la \\
            | wc
        units = hp.Int(1, 9)
        if units:
            !echo (it's {units})
            rate = hp.Float(0, 1)
        Dense?
    """
    expected = textwrap.dedent(source).replace("hp.Int(1, 9)", "3")
    expected = expected.replace("hp.Float(0, 1)", "0.25")
    assert frozen(source, {"units": 3, "rate": 0.25}) == expected


def test_imports() -> None:
    """The import of `hp` goes when nothing uses it any more; other imports stay."""
    source = (
        "from hpo_magic import hp\nfrom hpo_magic import load_study, hp as h\nx = h.Int(1, 9)\n"
    )
    assert frozen(source, {"x": 3}) == "from hpo_magic import load_study, hp as h\nx = 3\n"
    source = (
        "def f():\n    from hpo_magic import hp  # search\n    x = hp.Int(1, 9)\n    return x\n"
    )
    assert frozen(source, {"x": 3}) == "def f():\n    # search\n    x = 3\n    return x\n"
    source = "import hpo_magic as m\nx = m.hp.Int(1, 9)"
    assert frozen(source, {"x": 3}) == "import hpo_magic as m\nx = 3"


def test_an_import_for_conditional_scope() -> None:
    """It comes behind a docstring and future imports, and is not made twice."""
    source = """\
        'Docs.'
        from __future__ import annotations
        {}with hp.conditional_scope('a', [1]):
            pass
        with hp.conditional_scope('a', [2]):
            pass
    """
    with_import = source.format("import contextlib\n        ")
    expected = textwrap.dedent(with_import)
    expected = expected.replace("hp.conditional_scope('a', [1])", "contextlib.nullcontext()")
    expected = expected.replace("hp.conditional_scope('a', [2])", "contextlib.nullcontext()")
    assert frozen(source.format(""), {}) == frozen(with_import, {}) == expected


def test_a_block_of_nothing_but_reports() -> None:
    """A block keeps one `pass` where all of its statements go."""
    source = "if x:\n    hp.report(a=1)\n    hp.report(b=1)\nelse:\n    y = 1; hp.report(c=1)\n"
    assert frozen(source, {}) == "if x:\n    pass\nelse:\n    y = 1; pass\n"
    source = "def f():\n    from hpo_magic import hp\n    hp.report(b=1)\n"
    assert frozen(source, {}) == "def f():\n    pass\n"


def test_recorded_names_win() -> None:
    """Names of the trials are used by place, with the cell's line numbers."""
    source = "x = Layer(hp.Int(1, 9))\ny = hp.Int(1, 9)\nInt = hp.Int\nz = Int(1, 9)\n"
    names = {"2:10": "units", "3:4": "units_2", "5:4": "z", "my_module:3:4": "units_3"}
    params = {"units": 3, "units_2": 4, "z": 5}
    expected = "x = Layer(3)\ny = 4\nInt = hp.Int\nz = 5\n"
    assert frozen(source, params, names=names, first_line=2) == expected


def test_values_from_elsewhere_are_told() -> None:
    """A value that no call here asked for is refused: the code would run on its default."""
    with pytest.raises(HpoError, match=r"code outside of it asked for depth=2, lr\[0\]=0.5. Put"):
        frozen("x = hp.Int(1, 9)", {"x": 3, "depth": 2, "lr[0]": 0.5})


def test_names_that_cannot_be_told() -> None:
    """Without recorded names a call is not taken for another one, or for one not reached."""
    sentence = (
        "The cell cannot be frozen: hp.Int(...) on line 1 may be one of units. "
        "Import what it is passed to, and freeze again."
    )
    with pytest.raises(CannotFreeze) as caught:
        frozen("x = Layer(hp.Int(1, 9))", {"units": 3})
    assert str(caught.value) == sentence
    assert (
        frozen("x = Layer(hp.Int(1, 9))", {"units": 3}, namespace={"Layer": Dense})
        == "x = Layer(3)"
    )


def test_f_strings_of_several_lines() -> None:
    """Calls are found in f-strings too, whose places Python 3.11 finds in its own way."""
    source = "x = 'hp.Int(1, 9)' f'''\nä {{(a := hp.Int(1, 9))}} {(b := hp.Int(1,\n 9))}'''\n"
    assert frozen(source, {"b": 3}) == source.replace("hp.Int(1,\n 9)", "3")


def test_freezing_twice_changes_nothing() -> None:
    """A frozen cell has nothing left to freeze."""
    once = frozen("x = [f(units=hp.Int(1, 9)) for _ in 'ab']", {"units[0]": 3, "units[1]": 4})
    assert frozen(once, {}) == once


# What comes from elsewhere.


def test_name_scopes_are_taken_out() -> None:
    """The values inside go by their whole names."""
    source = (
        "with hp.name_scope('a'):\n"
        "    with hp.name_scope('b'):\n"
        "        x = hp.Int('units', 1, 9)\n"
        "    y = [hp.Int(f'units_{i}', 1, 9) for i in range(2)]\n"
        "z = hp.Int('units', 1, 9)\n"
    )
    params = {"a/b/units": 2, "a/units_0": 3, "a/units_1": 4, "units": 5}
    assert frozen(source, params) == (
        "import contextlib\n"
        "with contextlib.nullcontext():\n"
        "    with contextlib.nullcontext():\n"
        "        x = 2\n"
        "    y = [{'units_0': 3, 'units_1': 4}[f'units_{i}'] for i in range(2)]\n"
        "z = 5\n"
    )


def test_a_name_scope_that_is_not_written_out() -> None:
    """Which value goes where cannot be told."""
    source = "for s in 'ab':\n    with hp.name_scope(s):\n        x = hp.Int('units', 1, 9)"
    with pytest.raises(CannotFreeze, match=r"on line 3 stands in a name_scope whose name is not"):
        frozen(source, {"a/units": 1, "b/units": 2})


def test_an_objective_of_optuna_s_gets_a_trial_of_these_values() -> None:
    """Optuna's own way to run an objective on a setting."""
    source = "from module import objective\nobjective(hp.trial)"
    assert frozen(source, {"lr": 0.1, "n": 3}) == (
        "import optuna\n"
        "from module import objective\n"
        "objective(optuna.trial.FixedTrial({'lr': 0.1, 'n': 3}))"
    )
