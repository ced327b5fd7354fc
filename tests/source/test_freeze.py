"""Frozen cells: their text is compared, and run against what the cell did in its trial."""

from __future__ import annotations

import ast
import contextlib
import enum
import linecache
import math
import pickle
import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hpo_magic.core.domains import Choice
from hpo_magic.core.labels import labels, stands_for_itself
from hpo_magic.errors import HpoError
from hpo_magic.language.scores import scores_by_row
from hpo_magic.source.call_names import CallNames
from hpo_magic.source.cannot_freeze import CannotFreeze
from hpo_magic.source.freeze import freeze

_cells = count()


class Dense:
    """A layer that keeps what it was made with."""

    def __init__(self, units: int, activation: object = None) -> None:
        self.units, self.activation = units, activation

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dense) and self._shown() == other._shown()

    def _shown(self) -> tuple[int, object]:
        # Two runs of a lambda give two functions.
        return self.units, getattr(self.activation, "__name__", self.activation)

    __hash__ = object.__hash__


def relu(x: float) -> float:
    """Be one of two functions to choose from."""
    return max(x, 0.0)


def tanh(x: float) -> float:
    """Be the other one."""
    return math.tanh(x)


nn = SimpleNamespace(relu=relu, tanh=tanh)


class Trial:
    """Has `hp`'s methods. Every call returns another value of its range and notes it by name."""

    def __init__(self, hp_calls: CallNames, last: bool = False) -> None:
        self.hp_calls = hp_calls
        self.last = last
        self.params: dict[str, object] = {}
        self.objects: dict[str, object] = {}
        self.domains: dict[str, Choice] = {}

    def _value(self, given: tuple[object, ...], method: str, options: list[object]) -> object:
        name = str(given[0]) if given else self.hp_calls.name_of(sys._getframe(2), method)
        if name not in self.params:
            turn = -1 if self.last else (len(self.params) + 1) % len(options)
            self.objects[name] = options[turn]
            named = labels(options)
            objects = tuple(
                n for n, o in zip(named, options, strict=True) if not stands_for_itself(o)
            )
            self.domains[name] = Choice(named, objects=objects)
            self.params[name] = named[turn]
        return self.objects[name]

    def Int(self, *args: object, step: int = 1, **options: object) -> object:
        *name, low, high = self._bounds(args, options)
        return self._value(tuple(name), "Int", list(range(int(str(low)), int(str(high)) + 1, step)))

    def Float(self, *args: object, **options: object) -> object:
        *name, low, high = self._bounds(args, options)
        span = float(str(high)) - float(str(low))
        return self._value(tuple(name), "Float", [float(str(low)) + span * i / 7 for i in range(8)])

    def _bounds(self, args: tuple[object, ...], options: Mapping[str, object]) -> list[object]:
        named = [options["name"]] if "name" in options else []
        bounds = [options[key] for key in ("min_value", "max_value") if key in options]
        count_ = 2 - len(bounds) + (isinstance(args[0], str) if args else 0)
        return [*named, *args[:count_], *bounds]

    def Choice(self, *args: object, **options: object) -> object:
        name = args[:1] if isinstance(args[0], str) else ()
        values = options.get("values", args[len(name)] if len(args) > len(name) else None)
        assert isinstance(values, list | tuple)
        return self._value(name, "Choice", list(values))

    def Boolean(self, *args: object, **options: object) -> object:
        return self._value(args[:1] if args and isinstance(args[0], str) else (), "Boolean", [True])

    def Fixed(self, *args: object, **options: object) -> object:
        return options.get("value", args[-1] if args else None)

    def seed(self) -> int:
        return 11

    def report(self, **metrics: float) -> None:
        """Take it, and say nothing."""

    def score(self, metric: object, y_true: object, y_pred: object) -> object:
        return (
            metric(y_true, y_pred)
            if callable(metric)
            else scores_by_row(metric, *map(np.array, (y_true, y_pred))).mean()
        )

    @contextlib.contextmanager
    def conditional_scope(self, *args: object) -> Iterator[None]:
        yield

    def get(self, name: str) -> object:
        return self.params[name]


def variables() -> dict[str, object]:
    """Return what the notebook has around the cell."""
    return {"Dense": Dense, "nn": nn, "relu": relu, "tanh": tanh, "ACTS": [relu, tanh], "n": 3}


def run(source: str, filename: str, **more: object) -> dict[str, object]:
    """Return the plain values that a cell leaves in its variables."""
    namespace = {"__name__": "__main__", **variables(), **more}
    if "hp" in more:
        source = source.replace("from hpo_magic import hp", "")  # the trial is in its place
    exec(compile(source, filename, "exec"), namespace)
    made = {n: v for n, v in namespace.items() if n not in variables() and n not in more}
    return {n: v for n, v in made.items() if not n.startswith("_") and not hasattr(v, "__name__")}


def trial_of(source: str, last: bool = False) -> tuple[Trial, dict[str, object]]:
    """Run a cell in a trial; return the trial and what the cell left."""
    filename = f"<frozen cell {next(_cells)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    trial = Trial(CallNames(filename), last)
    result = run(source, filename, hp=trial)
    return trial, result


# Cells that are run in a trial, frozen and run again: the text here is what must come out.
CELLS = {
    "comments stay": (
        """
        # The width.
        units = hp.Int(1, 9)  # was 64


        lr   =   hp.Float(0.0, 7.0,
                          # a note on the range
                          default=1.0)  # rate
        """,
        """
        # The width.
        units = 2  # was 64


        lr   =   2.0  # rate
        """,
    ),
    "named calls": (
        "a = hp.Int('units', 1, 9); b = hp.Float(name='lr', min_value=0, max_value=7)\n",
        "a = 2; b = 2.0\n",
    ),
    "one name, two places": (
        "a = hp.Int('units', 1, 9)\nb = hp.Int('units', 1, 9) + hp.get('units')\n",
        "a = 2\nb = 2 + 2\n",
    ),
    "keywords and positions": (
        "x = [Dense(units=hp.Int(1, 9)), Dense(hp.Int(1, 9), hp.Choice(['relu', 'tanh']))]\n",
        "x = [Dense(units=2), Dense(3, 'tanh')]\n",
    ),
    "expressions": (
        "a = 2 ** hp.Int(4, 9)\nb = -hp.Int(-3, -1) ** 2\nc = hp.Int(1, 9).bit_length()\n"
        "d = hp.Int(-9, -8) ** 2 - hp.Float(-7, 0)\n",
        "a = 2 ** 5\nb = -(-1) ** 2\nc = (4).bit_length()\nd = (-9) ** 2 - (-2.0)\n",
    ),
    "objects as they were written": (
        "act = hp.Choice([nn.relu, nn.tanh])\n"
        "layer = Dense(1, activation=hp.Choice([ 'linear', lambda x: x + 1 ]))\n"
        "pair = hp.Choice([(relu, 1), (tanh, 2)])\nshape = hp.Choice([(3, 3), (5, 5)])\n"
        "quoted = hp.Choice([\"it's\", 'a'])\nnone = hp.Choice([None, 'l2'])\n",
        None,
    ),
    "a list that is not written out": (
        "act = hp.Choice(ACTS)\nsizes = [8, 16]\nsize = hp.Choice(sizes)\n",
        "act = ACTS[1]\nsizes = [8, 16]\nsize = 8\n",
    ),
    "for": (
        """
        total = []
        for i in range(3):  # layers
            total.append(Dense(hp.Int(1, 9)))  # width
        """,
        """
        total = []
        _units = iter([2, 3, 4])
        for i in range(3):  # layers
            total.append(Dense(next(_units)))  # width
        """,
    ),
    "passes that agree": (
        "total = []\nfor i in range(3):\n    act = hp.Boolean(default=False)\n    total += [act]\n",
        "total = []\nfor i in range(3):\n    act = True\n    total += [act]\n",
    ),
    "while": (
        "i = 0\nwhile i < 5:\n    step = hp.Int(1, 2)\n    i += step\n",
        "i = 0\n_step = iter([2, 1, 2])\nwhile i < 5:\n    step = next(_step)\n    i += step\n",
    ),
    "nested loops": (
        """
        x = []
        if n:
            for i in range(2):
                # inner
                for j in range(2):
                    w = hp.Int(1, 9)
                    x += [w, [2 * hp.Float(0, 7) for _ in 'ab']]
        """,
        None,
    ),
    "comprehensions": (
        "a, b = [hp.Int(1, 9) for _ in 'ab'], {c: hp.Choice([1, 2, 3]) for c in 'abc'}\n"
        "s = sum(hp.Int(1, 9) for _ in 'ab')\n",
        None,
    ),
    "a function called twice": (
        """
        def model():
            '''Return the layers.'''
            layers = [Dense(hp.Int(1, 9)) for _ in range(3)]
            for _ in range(2):
                rate = hp.Float(0, 7)
                layers.append(rate)
            return layers
        x = model()
        y = model()
        """,
        None,
    ),
    "a method with a decorator in a class": (
        """
        class Net:
            sizes = [hp.Int(1, 9) for _ in range(2)]
            @staticmethod
            def widths(sizes=[hp.Int(1, 9) for _ in 'ab']):
                return sizes + [Dense(hp.Int(1, 9)) for _ in 'ab']
        x = Net.sizes, Net.widths()
        """,
        None,
    ),
    "if, elif and one line": (
        """
        x = y = z = []
        if n == 1: pass
        elif any([flag := hp.Int(0, 5) for _ in 'ab']): x = [hp.Int(1, 9) for _ in 'ab']
        else:
            pass
        def f(): return [Dense(hp.Int(1, 9)) for _ in 'ab']
        a = 1; z = [hp.Int(1, 9) for _ in 'ab']
        v = f()
        """,
        None,
    ),
    "names that are put together": (
        """
        x = []
        for i in range(3):
            x.append(hp.Int(f"units_{i}", 1, 9))
        y = [hp.Choice('act_' + c, [relu, tanh]) for c in 'ab']
        z = [hp.Float('rate_{}'.format(i), 0, 7) for i in range(2)]
        x += [hp.Int(f"units_{i}", 1, 9) for i in range(3)]
        """,
        None,
    ),
    "KerasTuner's function": (
        """
        from hpo_magic import hp

        def build_model(hp):
            layers = [Dense(hp.Int("units", min_value=1, max_value=9, step=2))]
            if hp.Boolean("norm"):
                with hp.conditional_scope("norm", [True]):  # only then
                    layers.append(hp.Float("rate", 0.0, 7.0))
            return layers

        model = build_model(hp)
        """,
        """
        import contextlib
        from hpo_magic import hp

        def build_model(hp):
            layers = [Dense(3)]
            if True:
                with contextlib.nullcontext():  # only then
                    layers.append(3.0)
            return layers

        model = build_model(hp)
        """,
    ),
    "seed, report and score": (
        """
        seed = hp.seed() + 1
        for epoch in range(2):
            loss = 1.0
            hp.report(loss=loss)
        for epoch in range(2):
            hp.report(
                step=epoch,
                loss=loss,
            )
        if n: hp.report(loss=loss)
        hp.report(loss=loss)  # the curve
        done = hp.report(loss=loss)
        value = hp.score(lambda a, b: a - b, 3, y_pred=hp.Int(1, 9))
        other = hp.score(max, 3,
                         hp.Int(1, 9))
        """,
        """
        seed = 11 + 1
        for epoch in range(2):
            loss = 1.0
        for epoch in range(2):
            pass
        if n: pass
        # the curve
        done = None
        value = (lambda a, b: a - b)(3, 2)
        other = max(3, 3)
        """,
    ),
    "a score that is named": (
        """
        y = [1, 2]
        value = {"a": hp.score("accuracy", y, [hp.Int(1, 9), 2])}
        other = hp.score(metric="mae", y_true=y, y_pred=[1, hp.Int(1, 9)])
        """,
        """
        from hpo_magic import hp
        y = [1, 2]
        value = {"a": hp.score("accuracy", y, [2, 2])}
        other = hp.score(metric="mae", y_true=y, y_pred=[1, 3])
        """,
    ),
    "another name of hp": (
        "h = hp\nx = h.Int(1, 9)\ny = hp.Int(1, 9) * 2\n",
        None,
    ),
    "several lines": (
        "x = (hp\n    .Int(1, 9))\n"
        "y = hp.Choice([\n    # two\n    Dense(\n        1), Dense(2)\n])\n"
        "z = hp.Choice([\n    1 +\n    1, 3 + 4\n    # seven\n    + 1])\n",
        None,
    ),
    "umlauts": (
        "größe = ('ä', hp.Int(1, 9), 'ö', hp.Int(1, 9))  # ü\n",
        "größe = ('ä', 2, 'ö', 3)  # ü\n",
    ),
    "f-string": (
        "x = f'{(units := hp.Int(1, 9))}:{2:>{(width := hp.Int(3, 9))}}'\n",
        "x = f'{(units := 2)}:{2:>{(width := 5)}}'\n",
    ),
    "constants": (
        "batch = hp.Fixed(2 ** 5)\nopt = hp.Fixed('optimizer', value='adam')\n",
        "batch = 2 ** 5\nopt = 'adam'\n",
    ),
    "ranges that depend on one another": (
        "low = hp.Int(1, 4)\nhigh = hp.Int(low, max_value=low + hp.Int(1, 9))\n",
        None,
    ),
    "fresh names": (
        "_units = 1\nx = [Dense(hp.Int(1, 9)) for _ in 'ab']\n",
        "_units = 1\n_units_ = iter([2, 3])\nx = [Dense(next(_units_)) for _ in 'ab']\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("how", ["recorded", "read off", "last"])
def test_frozen_cells(name: str, how: str) -> None:
    """A frozen cell gives what the trial gave, with names recorded or read off the text."""
    source, expected = (text and textwrap.dedent(text) for text in CELLS[name])
    assert source is not None
    trial, result = trial_of(source, last=how == "last")
    names = None if how == "read off" else trial.hp_calls.names
    around = {**variables(), "h": trial, "hp": trial}
    frozen = freeze(source, trial.params, names, around, domains=trial.domains, seed=11)
    if expected is not None and how != "last":
        assert frozen == expected
    remaining = [n for n in ast.walk(ast.parse(frozen)) if isinstance(n, ast.Attribute)]
    of_hp = {n.attr for n in remaining if isinstance(n.value, ast.Name) and n.value.id == "hp"}
    assert of_hp == ({"score"} if "score that is named" in name else set())
    again = run(frozen, "<frozen>", hp=trial)
    again.pop("hp", None)
    assert {n: v for n, v in again.items() if n in result} == result


def frozen(source: str, params: Mapping[str, object], **options: object) -> str:
    """Return the frozen text of a cell that is not run."""
    return freeze(textwrap.dedent(source), params, **options)  # type: ignore[arg-type]


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
