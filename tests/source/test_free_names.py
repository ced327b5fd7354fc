"""Which names code takes from outside, and which it binds."""

from __future__ import annotations

import ast

import pytest

from hpo_magic.source.free_names import bound_names, names_of


@pytest.mark.parametrize(
    ("code", "outside"),
    [
        ("y = x", "x"),
        ("x = 1\ny = x", ""),
        ("x += 1", "x"),
        ("x: int\nx", "int x"),
        ("x: int = 1\nx", "int"),
        ("(x := 1) + x", ""),
        ("x = x / 4", "x"),
        ("x[0] = 1", "x"),
        ("if a:\n    x = 1\nx", "a x"),
        ("if a:\n    x = 1\nelse:\n    x = 2\nx", "a"),
        ("if a:\n    x = 1\n    y = x", "a"),
        ("for i in a:\n    x = i\nx", "a x"),
        ("while a:\n    x = 1\nx", "a x"),
        ("try:\n    import a\nexcept ImportError:\n    a = None\na", "ImportError"),
        ("try:\n    x = f()\nexcept E as e:\n    e\nx", "f E x"),
        ("with f() as x:\n    y = x\ny", "f"),
        ("match a:\n    case [x]:\n        y = x\ny", "a y"),
        ("[x for x in a if x]", "a"),
        ("x = [x for x in a]\nx", "a"),
        ("{k: v + w for k, v in a}", "a w"),
        ("def f(x):\n    return x + y", "y"),
        ("def f():\n    return y\ny = 1", ""),
        ("def f(x=z):\n    global n\n    n = n + 1", "z n"),
        ("f = lambda x: x + y", "y"),
        ("class A(B):\n    x = 1\n    y = x\n    def f(self):\n        return z", "B z"),
        ("from a import b as c\nc", ""),
        ("import a.b\na", ""),
        ("x = 1\ndel x\nx", "x"),
    ],
)
def test_names_that_may_be_unbound_come_from_outside(code: str, outside: str) -> None:
    """Whatever way the code takes."""
    assert names_of(ast.parse(code)).outside == set(outside.split())


def test_what_a_program_leaves_bound() -> None:
    """Not what its functions, classes and comprehensions bind for themselves."""
    found = names_of(ast.parse("a = [x for x in b]\ndef f(y):\n    z = y\nclass C:\n    d = 1"))
    assert found.bound == {"a", "f", "C"}


def test_every_name_that_is_bound_anywhere() -> None:
    """In whatever way, in whatever scope."""
    code = (
        "a = b.c = 1\nfor d in e: pass\ndef f(g): h = 1\nimport i.j, k as m\n"
        "try: pass\nexcept E as n: pass\nmatch o:\n    case {'p': q, **r}: pass\n"
        "[s for s in t]\n(u := 1)\ndel v"
    )
    assert bound_names(ast.parse(code)) == set("adfghimnqrsuv")
