"""Which name an unnamed `hp` call gets: small cells are run, and the names compared."""

from __future__ import annotations

import gc
import linecache
import pickle
import sys
import textwrap
import weakref
from itertools import count
from types import ModuleType

import numpy as np
import pytest

from hpo_magic.core.callsite import CallSites, UnnamedCall, names_in
from hpo_magic.core.sites import METHODS, read_source

_cells = count()


class FakeHp:
    """Has `hp`'s methods; each returns 1 and keeps the name that its call got."""

    def __init__(self, sites: CallSites | None = None) -> None:
        self.sites = sites or CallSites()
        self.names: list[str] = []

    def _ask(self, method: str, args: tuple[object, ...]) -> int:
        if args and isinstance(args[0], str):
            self.names.append(args[0])
        else:
            self.names.append(self.sites.name_of(sys._getframe(2), method))
        return 1

    def Int(self, *args: object, **options: object) -> int:
        return self._ask("Int", args)

    def Float(self, *args: object, **options: object) -> float:
        return self._ask("Float", args)

    def Choice(self, *args: object, **options: object) -> int:
        return self._ask("Choice", args)

    def Boolean(self, *args: object, **options: object) -> bool:
        return bool(self._ask("Boolean", args))


class Dense:
    """A layer, as far as its signature goes."""

    def __init__(
        self, units: int, activation: object = None, *rest: object, **more: object
    ) -> None:
        self.units = units


class Trainer:
    """An object with a method, a static method, a property and a function of its own."""

    def __init__(self) -> None:
        self.step = lambda rate: rate

    def fit(self, epochs: int) -> int:
        return epochs

    @staticmethod
    def split(share: float) -> float:
        return share

    @property
    def scheduler(self) -> object:
        raise AssertionError("a property was computed")


def adam(learning_rate: float = 0.1, /, beta: float = 0.9) -> float:
    """Have a parameter that only a position can bind, and one that can be named."""
    return learning_rate * beta


def put_into_linecache(source: str) -> str:
    """Return a new file name under which `source` can be read, as IPython gives its cells."""
    filename = f"<cell {next(_cells)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return filename


def names_of(source: str, sites: CallSites | None = None, **variables: object) -> list[str]:
    """Return the names that the calls of a cell get, in the order in which they are made."""
    source = textwrap.dedent(source)
    filename = put_into_linecache(source)
    hp = FakeHp(sites or CallSites(filename))
    names = {"hp": hp, "Dense": Dense, "Trainer": Trainer, "adam": adam, "np": np, **variables}
    exec(compile(source, filename, "exec"), {"__name__": "__main__", **names})
    return hp.names


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
    assert names_of(source, CallSites("<another cell>")) == ["lr"]


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
    early = CallSites(filename)
    exec(code, {"hp": FakeHp(early), "first": False})
    late = CallSites(filename, early.names)
    exec(code, {"hp": FakeHp(late), "first": True, "f": Dense})
    assert late.names == {"4:12": "units", "2:10": "units_2"}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("for _ in range(2): units = hp.Int(1, 2)", ["units[0]", "units[1]"]),
        ("i = 0\nwhile i < 2:\n    i += 1; units = hp.Int(1, 2)", ["units[0]", "units[1]"]),
        ("i = 0\nwhile (go := hp.Int(0, 1)) and i < 1: i += 1", ["go[0]", "go[1]"]),
        ("for _ in range(n := hp.Int(1, 2)): pass\nelse:\n    a = hp.Int(1, 2)", ["n", "a"]),
        ("units = [hp.Int(1, 2) for _ in 'ab']", ["units[0]", "units[1]"]),
        ("units = {hp.Int(1, 2) for _ in 'ab'}", ["units[0]", "units[1]"]),
        ("units = tuple(hp.Int(1, 2) for _ in 'ab')", ["units[0]", "units[1]"]),
        ("x = {c: Dense(hp.Int(1, 2)) for c in 'ab'}", ["units[0]", "units[1]"]),
        ("x = [0 for _ in range(hp.Int(1, 2))]", ["x"]),
        ("x = [0 for _ in 'ab' for _ in range(hp.Int(1, 2))]", ["x[0]", "x[1]"]),
        ("x = [[hp.Int(1, 2) for _ in 'ab'] for _ in 'ab']", [f"x[{i}]" for i in range(4)]),
        ("for _ in 'ab':\n    x = [hp.Int(1, 2) for _ in 'ab']", [f"x[{i}]" for i in range(4)]),
        ("for _ in 'ab':\n    class A:\n        x = hp.Int(1, 2)", ["x[0]", "x[1]"]),
        ("for _ in 'ab':\n    def f(lr=hp.Float(0, 1)): pass", ["lr[0]", "lr[1]"]),
        ("for _ in 'ab':\n    def f():\n        x = hp.Int(1, 2)\n    f()", ["x", "x"]),
        ("for _ in 'ab':\n    try: pass\n    finally: x = hp.Int(1, 2)", ["x[0]", "x[1]"]),
        ("a, b = hp.Int(1, 2), [hp.Int(1, 2) for _ in 'a']", ["a", "b[0]"]),
    ],
)
def test_passes(source: str, names: list[str]) -> None:
    """A call in a loop of its own function is numbered by its passes."""
    assert names_of(source) == names


def test_each_invocation_counts_anew() -> None:
    """A function with a loop gives the same names in each fold, also when it calls itself."""
    source = """
        def model(depth):
            for _ in range(2):
                units = hp.Int(1, 2)
                if depth:
                    model(depth - 1)
            lr = hp.Float(0, 1)
            return [Dense(hp.Int(1, 2)) for _ in range(2)]
        for fold in range(2):
            model(0)
        model(1)
    """
    once = ["units[0]", "units[1]", "lr", "units_2[0]", "units_2[1]"]
    inner = ["units[0]", *once, "units[1]", *once, *once[2:]]
    assert names_of(source) == [*once, *once, *inner]


def test_a_generator_counts_on_while_it_waits() -> None:
    """Calls elsewhere between two values of a generator do not restart its count."""
    source = """
        def widths():
            for _ in range(3):
                width = hp.Int(1, 2)
                yield width
        for w in widths():
            rate = hp.Float(0, 1)
        sum(Dense(hp.Int(1, 2)).units for _ in range(2))
    """
    both = [name for i in range(3) for name in (f"width[{i}]", f"rate[{i}]")]
    assert names_of(source) == [*both, "units[0]", "units[1]"]


def test_a_generator_expression_counts_with_its_function() -> None:
    """It counts with the function it stands in, whoever takes its values."""
    source = """
        def consume(values):
            return list(values)
        def f():
            for _ in 'ab':
                x = consume(2 * hp.Int(1, 2) for _ in 'ab')
        f()
    """
    assert names_of(source) == [f"values[{i}]" for i in range(4)]


def test_an_escaped_generator_expression_counts_by_itself() -> None:
    """It outlives its function, so its own frame is what is left to count with."""
    source = """
        def f():
            x = (hp.Int(1, 2) for _ in 'ab')
            return x
        list(f())
    """
    assert names_of(source) == ["x[0]", "x[1]"]


def test_finished_frames_are_let_go() -> None:
    """What a finished function held is free at the next call, wherever that stands."""

    class Model:
        """Something whose end can be seen."""

    alive: list[weakref.ref[Model]] = []

    def new_model() -> Model:
        model = Model()
        alive.append(weakref.ref(model))
        return model

    source = """
        def train():
            model = new_model()
            for _ in range(2):
                units = hp.Int(1, 2)
        train()
        lr = hp.Float(0, 1)
        check()
    """

    def check() -> None:
        gc.collect()
        assert alive[0]() is None

    names_of(source, new_model=new_model, check=check)
    assert len(alive) == 1


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
    hp = FakeHp(CallSites(filename))
    exec(compile(source, filename, "exec"), {"hp": hp, "build": module_file.build})
    assert hp.names == ["units_2", "depth", "units", "units_2", "depth"]
    assert hp.sites.names == {
        "2:8": "units", "my_models:2:12": "units_2", "my_models:3:12": "depth",
    }  # fmt: skip


def test_a_cell_that_cannot_be_read() -> None:
    """There is nothing to leave to a cell whose text is not there."""
    hp = FakeHp(CallSites(put_into_linecache("units = (")))
    exec(compile(source := "units = hp.Int(1, 2)", put_into_linecache(source), "exec"), {"hp": hp})
    assert hp.names == ["units"]


def test_two_other_sources_share_no_name() -> None:
    """Functions of two other cells that want one name get two."""
    sites = CallSites("<no such cell>")
    hp = FakeHp(sites)
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
    assert {site.method for site in source.sites} <= METHODS


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
            name = self.sites.name_of(sys._getframe(1), "Int")
            spans.append(perf_counter() - start)
            return len(name)

    exec(code, {"hp": Timed()})
    assert np.median(spans[1:]) < spans[0] / 20
