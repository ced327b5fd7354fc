"""Frozen cells: their text is compared, and run against what the cell did in its trial."""

from __future__ import annotations

import ast
import textwrap

import pytest
from freezing import run, trial_of, variables

from hpo_magic.source.freeze import freeze

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
