"""How the passes of loops are counted in the names of unnamed `hp` calls."""

from __future__ import annotations

import gc
import weakref

import pytest
from named_cells import names_of


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
