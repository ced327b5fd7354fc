"""Which name an unnamed `hp` call gets: small cells are run, and the names compared.

How passes of loops are counted is in `test_passes`.
"""

from __future__ import annotations

import pickle
import sys
import textwrap
from types import ModuleType

import numpy as np
import pytest
from named_cells import Dense, FakeHp, Trainer, adam, names_of, put_into_linecache

from hpo_magic.source.call_names import CallNames, UnnamedCall, names_in
from hpo_magic.source.hp_calls import read_source
from hpo_magic.source.syntax import METHODS


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("units = hp.Int(1, 3)", ["units"]),
        ("units: int = hp.Int(1, 3)", ["units"]),
        ("units = 1; units += hp.Int(1, 3)", ["units"]),
        ("units = 2 ** hp.Int(4, 9)", ["units"]),
        ("units = -hp.Int(4, 9) if True else 0", ["units"]),
        ("print(units := hp.Int(4, 9))", ["units"]),
        ("a = b = hp.Int(1, 3)", ["a"]),
        ("a, b = hp.Int(1, 2), hp.Int(1, 3)", ["a", "b"]),
        ("(a, (b, c)), d = (1, (hp.Int(1, 2), hp.Int(1, 3))), 2 * hp.Int(1, 4)", ["b", "c", "d"]),
        ("a, *b = hp.Int(1, 2), 3, 4", ["a"]),
        ("cfg = {}; cfg['lr'] = hp.Float(0, 1)", ["lr"]),
        ("widths = [0, 0]; widths[1] = hp.Int(0, 1)", ["widths"]),
        ("self = Trainer(); self.lr = hp.Float(0, 1)", ["lr"]),
        ("cfg = {'lr': hp.Float(0, 1), 'm': {'units': hp.Int(1, 2)}}", ["lr", "units"]),
        ("key = 'k'; cfg = {key: hp.Float(0, 1)}", ["cfg"]),
        ("cfg = dict(lr=hp.Float(0, 1))", ["lr"]),
        ("cfg = dict(**{'lr': hp.Float(0, 1)})", ["lr"]),
        ("def f(lr=hp.Float(0, 1), *, units=2 * hp.Int(1, 2)): pass", ["lr", "units"]),
        ("f = lambda lr=hp.Float(0, 1): lr", ["lr"]),
        ("class A:\n    units = hp.Int(1, 2)", ["units"]),
        ("f'{(units := hp.Int(1, 2))}'", ["units"]),
        ("def opt(*a, **k): pass\nopt('-l', '--max-lr', default=hp.Int(1, 2))", ["max_lr"]),
        ("def opt(**k): pass\nopt(default=hp.Int(1, 2))", ["default"]),
        ("field = dict\nclass A:\n    units = field(default=hp.Int(1, 2))", ["units"]),
        ("cfg = {}; cfg.setdefault('lr', hp.Float(0, 1))", ["lr"]),
        ("t = Trainer(); setattr(t, 'lr', hp.Float(0, 1))", ["lr"]),
        ("größe = hp.Int(1, 3); länge = hp.Int(1, 3)", ["größe", "länge"]),
    ],
)
def test_assignment_names(source: str, names: list[str]) -> None:
    """A call is named by the variable, key or default that its value goes to."""
    assert names_of(source) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = Dense(units=hp.Int(1, 2))", ["units"]),
        ("x = Dense(hp.Int(1, 2))", ["units"]),
        ("x = Dense(2 * hp.Int(1, 2), hp.Choice([1]))", ["units", "activation"]),
        ("x = Dense(1, 2, hp.Int(1, 2))", ["x"]),  # bound to *rest
        ("x = Dense(*[hp.Int(1, 2)])", ["x"]),
        ("x = Dense(*[1], hp.Int(1, 2))", ["x"]),
        ("x = adam(hp.Float(0, 1), hp.Float(0, 1))", ["x", "beta"]),  # the first by position only
        ("units = int(hp.Float(8, 512))", ["units"]),
        ("units = round(hp.Float(8, 512), 2)", ["units"]),
        ("import math\nunits = math.floor(hp.Float(8, 512))", ["units"]),
        ("units = np.round(np.power(2, hp.Int(1, 2)))", ["units"]),
        ("units = np.random.default_rng(0).normal(hp.Float(0, 1))", ["units"]),
        ("units = Dense(int(hp.Float(1, 2)))", ["units"]),
        ("x = Dense([hp.Int(1, 2)])", ["units"]),
        ("x = [Dense][0](hp.Int(1, 2))", ["x"]),  # no name to look up
        ("x = Trainer().fit(hp.Int(1, 2))", ["x"]),
        ("t = Trainer(); x = t.fit(hp.Int(1, 2))", ["epochs"]),
        ("x = Trainer.fit(None, hp.Int(1, 2))", ["epochs"]),
        ("t = Trainer(); x = t.split(hp.Float(0, 1))", ["share"]),
        ("t = Trainer(); x = t.step(hp.Float(0, 1))", ["rate"]),
        ("x = lambda f=Dense(hp.Int(1, 2)): f", ["units"]),
        ("def f(layer):\n    x = layer(hp.Int(1, 2))\nf(Dense)", ["units"]),
        ("def f():\n    D = Dense\n    return [D(hp.Int(1, 2)) for _ in [0]]\nf()", ["units[0]"]),
        ("x = hp.Int(1, hp.Int(2, 3))", ["x_2", "x"]),
        ("x = hp.Int(1, 2, default=hp.Int(2, 3))", ["x_2", "x"]),
    ],
)
def test_parameter_names(source: str, names: list[str]) -> None:
    """A keyword or the signature's parameter is nearer than the variable further out."""
    assert names_of(source) == names


def test_signatures_are_read_without_running_anything() -> None:
    """A property on the way to the callee is not computed; the search goes on outwards."""
    source = "def outer():\n    try:\n        x = t.scheduler.run(hp.Int(1, 2))\n    except: pass\n"
    named = names_in(read_source(source), {"t": Trainer()}, {"hp"})
    assert named == {"3:28": "x"}


@pytest.mark.parametrize("callee", ["nn.nothing", "nn.broken", "adam", "7 .real", "str"])
def test_parameters_that_are_not_there(callee: str) -> None:
    """A callee that is not there, fails to load or takes fewer arguments names nothing."""

    class Broken(ModuleType):
        """A module that fails as it loads a part."""

        def __getattr__(self, name: str) -> object:
            if name == "broken":
                raise OSError(name)
            raise AttributeError(name)

    source = read_source(f"x = {callee}(1, 2, hp.Int(1, 2))")
    assert list(names_in(source, {"nn": Broken("nn"), "adam": adam}, {"hp"}).values()) == ["x"]


def test_strange_callees_are_passed_over() -> None:
    """A callee whose signature cannot be read names nothing."""

    class Strange:
        __signature__ = "nonsense"

        def __call__(self, value: object) -> None:
            """Take anything."""

    assert names_of("x = f(hp.Int(1, 2))", f=Strange()) == ["x"]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = Dense(hp.Int(1, 2)); b = Dense(hp.Int(1, 2))", ["units", "units_2"]),
        ("units = hp.Int(1, 2)\nx = Dense(hp.Int(1, 2))", ["units", "units_2"]),
        ("if False:\n    units = hp.Int(1, 2)\nelse:\n    units = hp.Int(1, 9)", ["units_2"]),
        ("for i in [1, 0]:\n    if i:\n        a = hp.Int(1, 2); b = hp.Int(1, 2)\n    else:\n"
         "        a = hp.Int(1, 3)", ["a[0]", "b[0]", "a_2[0]"]),
        ("units_2 = hp.Int(1, 2)\nunits = hp.Int(1, 2)\nunits = hp.Int(1, 2)",
         ["units_2", "units", "units_3"]),
        ("x = hp.Int('units', 1, 2)\nunits = hp.Int(1, 2)", ["units", "units_2"]),
        ("h = hp\nunits = hp.Int(1, 2)\nunits = h.Int(1, 2)", ["units", "units_2"]),
        ("units = other.Int(1, 2)\nunits = hp.Int(1, 2)", ["units"]),
        ("def f(h):\n    units = h.Int(1, 2)\nunits = hp.Int(1, 2)\nf(hp)", ["units", "units_2"]),
        ("x = hp.Int(str('units'), 1, 2)\nunits = hp.Int(1, 2)", ["units", "units"]),
        ("def f(hp):\n    units = hp.Int(1, 2)\nunits = hp.Int(1, 2)\nf(hp)", ["units_2", "units"]),
        ("Int = hp.Int\nunits = Int(1, 2)", ["units"]),
    ],
)  # fmt: skip
def test_second_places(source: str, names: list[str]) -> None:
    """Places that want the same name are numbered in the order of the text, reached or not."""
    assert names_of(source, other=FakeHp()) == names


def test_functions_of_a_file_do_not_number_each_other() -> None:
    """Outside the cell, only calls in the same function count: a file holds other things too."""
    source = "def f():\n    lr = hp.Float(0, 1)\n\ndef g():\n    lr = hp.Float(0, 1)\n\ng()"
    assert names_of(source, CallNames("<another cell>")) == ["lr"]


def test_numbers_do_not_depend_on_the_branch_taken() -> None:
    """Signatures count at places that were not reached, of functions defined later too."""
    source = """
        if first:
            block(hp.Int(1, 2))
        else:
            units = hp.Int(1, 2)
        def block(units): pass
    """

    def block(units: int) -> None:
        pass

    assert names_of(source, first=False) == ["units_2"]
    assert names_of(source, first=True, block=block) == ["units"]


def test_imports_of_the_text_count_before_they_run() -> None:
    """A callee that the text imports is looked up among the modules that are loaded."""
    source = """
        if first:
            from fake_layers import Layer
            Layer(hp.Int(1, 2))
        else:
            units = hp.Int(1, 2)
    """
    module = ModuleType("fake_layers")
    module.Layer = Dense  # type: ignore[attr-defined]
    sys.modules["fake_layers"] = module
    try:
        assert names_of(source, first=False) == ["units_2"]
    finally:
        del sys.modules["fake_layers"]


def test_known_names_stay() -> None:
    """A name that an earlier trial gave a place is kept, whatever could be told this time."""
    source = "if first:\n    x = f(hp.Int(1, 2))\nelse:\n    units = hp.Int(1, 2)\n"
    filename = put_into_linecache(source)
    code = compile(source, filename, "exec")
    early = CallNames(filename)
    exec(code, {"hp": FakeHp(early), "first": False})
    late = CallNames(filename, early.names)
    exec(code, {"hp": FakeHp(late), "first": True, "f": Dense})
    assert late.names == {"4:12": "units", "2:10": "units_2"}


@pytest.fixture
def module_file() -> ModuleType:
    """Give a module with a function `build(hp)` that asks for `units`."""
    source = "def build(hp):\n    units = hp.Int(1, 2)\n    depth = hp.Int(1, 2)\n"
    module = ModuleType("my_models")
    exec(compile(source, put_into_linecache(source), "exec"), module.__dict__)
    return module


def test_the_cell_keeps_its_names(module_file: ModuleType) -> None:
    """A call elsewhere leaves the cell its names, also those not reached yet."""
    source = "build(hp)\nunits = hp.Int(1, 2)\nbuild(hp)\n"
    filename = put_into_linecache(source)
    hp = FakeHp(CallNames(filename))
    exec(compile(source, filename, "exec"), {"hp": hp, "build": module_file.build})
    assert hp.names == ["units_2", "depth", "units", "units_2", "depth"]
    assert hp.hp_calls.names == {
        "2:8": "units", "my_models:2:12": "units_2", "my_models:3:12": "depth",
    }  # fmt: skip


def test_a_cell_that_cannot_be_read() -> None:
    """There is nothing to leave to a cell whose text is not there."""
    hp = FakeHp(CallNames(put_into_linecache("units = (")))
    exec(compile(source := "units = hp.Int(1, 2)", put_into_linecache(source), "exec"), {"hp": hp})
    assert hp.names == ["units"]


def test_two_other_sources_share_no_name() -> None:
    """Functions of two other cells that want one name get two."""
    hp_calls = CallNames("<no such cell>")
    hp = FakeHp(hp_calls)
    for _ in range(2):
        source = "units = hp.Int(1, 2)\n"
        exec(compile(source, put_into_linecache(source), "exec"), {"hp": hp})
    assert hp.names == ["units", "units_2"]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            "\n\nif hp.Boolean(): pass",
            "hp.Boolean() on line 3 has no name: it is neither assigned to a variable nor passed "
            'to a parameter. Write hp.Boolean("norm").',
        ),
        (
            "for _ in range(hp.Int(1, 3, default=2)): pass",
            "hp.Int(1, 3, default=2) on line 1 has no name: it is neither assigned to a variable "
            'nor passed to a parameter. Write hp.Int("layers", 1, 3, default=2).',
        ),
        (
            "def f(hyper):\n  return hyper.Float(\n    0, 1)\nf(hp)",
            "hyper.Float(...) on line 2 has no name: it is neither assigned to a variable nor "
            'passed to a parameter. Write hyper.Float("rate", ...).',
        ),
    ],
)
def test_no_name(source: str, sentence: str) -> None:
    """The error shows the call, its line and the call with a name; it pickles."""
    with pytest.raises(UnnamedCall) as caught:
        names_of(source)
    assert str(caught.value) == sentence
    assert str(pickle.loads(pickle.dumps(caught.value))) == sentence


@pytest.mark.parametrize(
    "source",
    [
        "print(hp.Int(1, 3))",
        "x = lambda: hp.Int(1, 3)\nx()",
        "a, b = divmod(hp.Int(1, 3), 2)",
        "for x in [hp.Int(1, 3)]: pass",
        "a = [0, 0]; a[hp.Int(0, 1)] = 3",
        "a, *b, c = 1, *[hp.Int(1, 3)], 2",
        "def f():\n    return hp.Int(1, 3)\nx = f()",
        "values = []; values.append(hp.Int(1, 3))",
        "{hp.Int(1, 3): 1}",
    ],
)
def test_nothing_names(source: str) -> None:
    """Conditions, loop bounds, indexes and what a function returns name nothing."""
    with pytest.raises(UnnamedCall, match="neither assigned to a variable nor passed"):
        names_of(source)


def test_no_source() -> None:
    """Code whose text cannot be read asks for a name."""
    sentence = (
        "hp.Int() on line 1 has no name: its place in the source cannot be read here. "
        'Write hp.Int("layers", ...).'
    )
    for filename in ("<nowhere>", put_into_linecache("units = (")):
        with pytest.raises(UnnamedCall) as caught:
            exec(compile("units = hp.Int(1, 3)", filename, "exec"), {"hp": FakeHp()})
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("units = (hp\n    .Int(1, 3))", ["units"]),
        ("units = (hp\n            .Int(\n1,\n3))", ["units"]),
        (
            "x = Dense(\n    hp.Int(1,\n 2), activation=hp\\\n  .Choice([1]))",
            ["units", "activation"],
        ),
    ],
)
def test_calls_over_several_lines(source: str, names: list[str]) -> None:
    """A call is found wherever its parts stand."""
    assert names_of(source) == names


def test_ipython_lines_are_passed_over() -> None:
    """A cell is read with its magic, shell and help lines as they were typed."""
    typed = textwrap.dedent("""\
        %%hpo digits --trials 3
        %matplotlib inline
        files = !ls \\
            -la
        !echo (it's
        x = (7
             % 4)
        Dense?
        for _ in range(1):
            %time pass
            units = hp.Int(1, 2)
    """)
    lines = typed.splitlines(keepends=True)
    runs = "".join(f"{'#' * (i in (0, 1, 2, 3, 4, 7))}{line}" for i, line in enumerate(lines))
    runs = runs.replace("%time pass", "pass")
    filename = put_into_linecache(typed)
    hp = FakeHp()
    exec(compile(runs, filename, "exec"), {"hp": hp, "Dense": Dense})
    assert hp.names == ["units[0]"]


def test_names_of_a_text() -> None:
    """The names can be told without running the text, from a namespace or from what it defines."""
    source = read_source(
        "def block(units, *, rate): ...\n"
        "class Net:\n    def __init__(self, depth): ...\n"
        "block(h.Int(1, 2), rate=h.Float(0, 1)); Net(h.Int(1, 2)); d = Dense(h.Int(1, 2))\n"
        "x = h.Int('a', 1, 2); hp.Int(1, 2)"
    )
    named = names_in(source, {"Dense": Dense}, {"h"})
    assert list(named.values()) == ["units", "rate", "depth", "units_2"]
    assert {hp_call.method for hp_call in source.hp_calls} <= METHODS


def test_a_repeated_call_is_cheap() -> None:
    """A call whose place is known costs less than a hundredth of finding it."""
    from time import perf_counter

    source = (
        "def f():\n    for _ in range(500):\n        units = hp.Int(1, 2)\nf()\n" + "x = 1\n" * 500
    )
    code = compile(source, put_into_linecache(source), "exec")
    spans = []

    class Timed(FakeHp):
        def Int(self, *args: object, **options: object) -> int:
            start = perf_counter()
            name = self.hp_calls.name_of(sys._getframe(1), "Int")
            spans.append(perf_counter() - start)
            return len(name)

    exec(code, {"hp": Timed()})
    assert np.median(spans[1:]) < spans[0] / 20
