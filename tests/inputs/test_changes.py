"""What a cell changes of what it reads: noticed after each trial, by kind."""
# ruff: noqa: E501  (a case reads best in one line)

from __future__ import annotations

from typing import Any

import pytest

from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.views.words.inputs import change_text

CHANGES = {
    "arrays, tables and tensors": [
        ("import numpy as np; x = np.ones(3)", "x *= 2", "x changed"),
        ("import numpy as np; x = np.ones((9, 2))", "np.random.shuffle(x[:, 0]); x[0] = 3", "x changed"),
        ("import numpy as np; x = np.ma.array([1, 2], mask=[0, 1])", "x[0] = 5", "x changed"),
        ("import pandas as pd; d = pd.DataFrame({'a': [1, 2]})", "d['b'] = 3", "d changed"),
        ("import pandas as pd; s = pd.Series(['a', 'b'])", "s[0] = 'c'", "s changed"),
        (
            "import scipy.sparse as sp; m = sp.random(9, 9, 0.3, format='csr')",
            "m.data[:] = 1",
            "m changed",
        ),
        ("import scipy.sparse as sp; m = sp.eye(4).todok()", "m[0, 1] = 1", "m changed"),
        ("import array; a = array.array('d', [1, 2])", "a[0] = 9", "a changed"),
        ("b = bytearray(b'abc')", "b[0] = 0", "b changed"),
    ],
    "collections at any depth": [
        ("log = []", "log.append(1)", "log changed"),
        ("d = {'a': {'b': {'c': {'d': [{'e': 1}]}}}}", "d['a']['b']['c']['d'][0]['e'] = 2",
         "d['a']['b']['c']['d'][0]['e'] changed"),
        ("d = {'a': {'b': {'c': {'d': [{'e': set()}]}}}}\ndef f(): d['a']['b']['c']['d'][0]['e'].add(1)",
         "f()", "d['a']['b']['c']['d'][0]['e'] changed"),
        ("from collections import deque; q = deque([1, 2])", "q.popleft()", "q changed"),
        ("from collections import Counter; c = Counter('ab')", "c.update('a')", "c changed"),
        ("import numpy as np; t = (1, [np.zeros(2)])", "t[1][0][0] = 1", "t[1][0] changed"),
        ("from collections import namedtuple; P = namedtuple('P', 'a'); p = P([1])", "p.a.append(2)",
         "p.a changed"),
    ],
    "objects": [
        ("from types import SimpleNamespace as S; d = S(x=[1], y=2)", "d.x.append(1)", "d.x changed"),
        ("class C: pass\nc = C(); c.n = 0", "c.n += 1", "c.n changed"),
        ("class C: pass\nc = C()\ndef f(c): c.n = 1", "f(c)", "c.n changed"),
        ("class C:\n    __slots__ = ('a',)\nc = C(); c.a = 1", "c.a = 2", "c.a changed"),
        ("class C:\n    n = 0\n    def go(self): C.n += 1\nc = C()", "c.go()", "C.n changed"),
        ("from dataclasses import dataclass\n@dataclass\nclass D:\n    x: list\nd = D([])", "d.x.append(1)",
         "d.x changed"),
        ("class L(list): pass\nx = L()", "x.tag = 1", "x.tag changed"),
    ],
    "functions": [
        ("def make():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g\ng = make()",
         "g()", "g(n) changed"),
        ("from functools import partial\np = partial(list.append, [])", "p(1)", "p.args changed"),
        ("def f(x=[]): x.append(1)", "f()", "f.__defaults__ changed"),
        ("def f(): f.n += 1\nf.n = 0", "f()", "f.n changed"),
        ("state = [0]\ndef f(): state[0] += 1\ndef g(): f()", "g()", "state[0] changed"),
        ("class C:\n    def __init__(self): self.n = 0\n    def go(self): self.n += 1\ngo = C().go", "go()",
         "go.__self__.n changed"),
    ],
    "kept results": [
        ("from functools import lru_cache\n@lru_cache\ndef load(): return [1]\nload()",
         "load().append(2)", "load(result for ()) changed"),
        ("from functools import cache\n@cache\ndef load(k): return {'k': [k]}\nload(1); load(2)",
         "load(2)['k'].append(2)", "load(result for 2) changed"),
        ("from functools import cached_property\nclass C:\n    @cached_property\n    def x(self): return [1]\n"
         "c = C(); c.x", "c.x.append(2)", "c.x changed"),
    ],
    "random states": [
        ("import numpy as np; rng = np.random.default_rng(0)", "rng.normal()", "the random state rng moved"),
        ("import numpy as np; rng = np.random.RandomState(0)", "rng.rand()", "the random state rng moved"),
        ("import random; r = random.Random(0)", "r.random()", "the random state r moved"),
        ("import numpy as np\nfrom sklearn.model_selection import KFold\n"
         "cv = KFold(3, shuffle=True, random_state=np.random.RandomState(0))",
         "list(cv.split(np.ones(9)))", "the random state cv.random_state moved"),
        ("import numpy as np\nrng = np.random.default_rng(0)\ndef draw(): return rng.normal()", "draw()",
         "the random state rng moved"),
        ("import numpy as np\nd = {'rng': np.random.default_rng(0)}\ndef f(): d['rng'].random()", "f()",
         "the random state d['rng'] moved"),
    ],
    "iterators": [
        ("it = iter([1, 2, 3])", "next(it)", "the iterator it was consumed"),
        ("it = (i for i in range(9))", "next(it)", "the iterator it was consumed"),
        ("it = (i for i in range(9)); next(it)", "next(it)", "the iterator it was consumed"),
        ("def g():\n    for i in range(9):\n        yield 1\nit = g(); next(it)", "next(it)",
         "the iterator it was consumed"),
        ("it = zip([1, 2], 'ab')", "next(it)", "the iterator it was consumed"),
        ("from itertools import chain, count; it = chain([1], [2])", "next(it)",
         "the iterator it was consumed"),
        ("from itertools import count; it = count()", "next(it)", "the iterator it was consumed"),
        ("it = enumerate(map(str, [1, 2]))", "next(it)", "the iterator it was consumed"),
        ("import io; f = io.StringIO('a\\nb')", "next(f)", "the iterator f was consumed"),
        ("import csv; rows = csv.reader(['a,b', 'c,d'])", "next(rows)", "the iterator rows was consumed"),
        ("class It:\n    n = 0\n    def __iter__(self): return self\n"
         "    def __next__(self):\n        self.n += 1\n        return self.n\nit = It(); next(it)",
         "next(it)", "the iterator it was consumed"),
    ],
    "estimators": [
        ("from sklearn.linear_model import SGDClassifier; m = SGDClassifier()",
         "m.partial_fit([[0], [1]], [0, 1], classes=[0, 1])", "m was fitted further"),
        ("from sklearn.ensemble import RandomForestClassifier\n"
         "m = RandomForestClassifier(2, warm_start=True).fit([[0], [1]], [0, 1])",
         "m.set_params(n_estimators=m.n_estimators + 1); m.fit([[0], [1]], [0, 1])",
         "m was fitted further"),
        ("from sklearn.linear_model import LogisticRegression; m = LogisticRegression()",
         "m.set_params(C=5.0)", "m.C changed"),
        ("from sklearn.naive_bayes import GaussianNB; m = GaussianNB()\n"
         "def train(m): m.partial_fit([[0], [1]], [0, 1], [0, 1])", "train(m)", "m was fitted further"),
        ("import numpy as np\nfrom sklearn.ensemble import RandomForestClassifier as R\n"
         "m = R(2, random_state=np.random.RandomState(1))", "m.fit([[0], [1]], [0, 1])",
         "the random state m.random_state moved"),
    ],
}  # fmt: skip

SAME = {
    "reading": ("import numpy as np; x = np.ones(9)", "y = x * 2; x.sum()"),
    "a new name": ("x = 1", "x = 2; y = x"),
    "a method call": ("d = {'a': [1]}", "d.get('a'); len(d['a'])"),
    "a result that is kept": (
        "from functools import lru_cache\n@lru_cache\ndef f(): return [1]",
        "f()",
    ),
    "an attribute that a library adds to a callback": (
        "def report(env): pass",
        "report.__dict__.setdefault('order', -1)",
    ),
    "folds with a fixed seed": (
        "from sklearn.model_selection import KFold\ncv = KFold(3, shuffle=True, random_state=0)",
        "list(cv.split([1] * 9))",
    ),
    "an estimator that is fitted from scratch": (
        "from sklearn.linear_model import LogisticRegression; m = LogisticRegression()",
        "m.fit([[0], [1]], [0, 1])",
    ),
    "an estimator that is cloned": (
        "from sklearn.linear_model import SGDClassifier\n"
        "from sklearn.model_selection import cross_val_score\nm = SGDClassifier(warm_start=True, tol=None, max_iter=2)",
        "cross_val_score(m, [[i] for i in range(9)], [0, 1, 0] * 3, cv=3)",
    ),
    "the global random state": ("import numpy as np, random", "np.random.rand(); random.random()"),
    "a list that is iterated": ("x = [1, 2]", "[i for i in x]; list(iter(x))"),
    "a module of a library": ("import json", "json.tag = 1"),
    "a lock and a logger": (
        "import threading, logging\nlock = threading.Lock()\nlog = logging.getLogger('a')",
        "lock.locked(); log.setLevel('ERROR')",
    ),
    "objects that hold one another": ("a = []; b = [a]; a.append(b)", "len(a) + len(b)"),
}


def told(cells: Any, setup: str, cell: str) -> str:
    """Return what is noticed after a trial, in words."""
    cells.run(setup)
    before = dict(cells.namespace)
    watch = InputsWatch(cells.read(cell), cell)
    assert watch.start.parts == InputsWatch(cells.read(cell), cell).start.parts
    for _ in range(2):
        cells.run(cell)
        cells.namespace.update(before)  # a trial runs in a copy of the namespace
        found = watch.changes()
        if found:
            break
    return "; ".join(change_text(change) for change in found)


@pytest.mark.parametrize(
    ("setup", "cell", "expected"),
    [case for cases in CHANGES.values() for case in cases],
    ids=[f"{kind}-{i}" for kind, cases in CHANGES.items() for i in range(len(cases))],
)
def test_what_is_noticed(cells: Any, setup: str, cell: str, expected: str) -> None:
    """The variable is named, and what of it changed."""
    assert told(cells, setup, cell) == expected


@pytest.mark.parametrize("what", SAME)
def test_what_is_no_change(cells: Any, what: str) -> None:
    """Neither is anything left out."""
    setup, cell = SAME[what]
    assert told(cells, setup, cell) == ""
