"""What a cell asks `hp` for: starts, choices that change, and calls in child processes."""

from __future__ import annotations

from typing import Any

import pytest

LINE = "%%hpo s --minimize value --trials 6 --sampler random --ui none --recheck 0\n"


@pytest.mark.parametrize(
    ("call", "start"),
    [
        ("hp.Choice(['l1', None], default=None)", None),
        ("hp.Choice([None, 'l1'])", None),
        ("hp.Choice(['l1', None])", "l1"),
        ("hp.Choice(['l1', 'l2'], default=None)", "l1"),
        ("hp.Choice('c', [0, None, 5], default=None)", None),
        ("hp.Int(1, 1e3, default=1e2)", 100),
        ("hp.Int(1.0, 9, step=2.0)", 5),
    ],
)
def test_the_start_is_the_cell_as_written(notebook: Any, call: str, start: Any) -> None:
    """Its defaults, None among them."""
    notebook.ok(f"{LINE}x = {call}\nhash(str(x)) % 7")
    assert list(notebook["s"].start.params.values()) == [start]
    assert type(next(iter(notebook["s"].start.params.values()))) is type(start)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("hp.Choice('relu', 'tanh')", 'must be one list. Write hp.Choice(["relu", "tanh"]), or'),
        ("hp.Choice('act', 'relu')", 'or hp.Choice("act", ["relu", …]) for a name.'),
        ("hp.Choice('a', 'b', 'c')", 'must be one list. Write hp.Choice(["a", "b", "c"]).'),
        ("hp.Choice(16, 32, 64)", "must be one list. Write hp.Choice([16, 32, 64])."),
        ("hp.Choice('relu')", 'must be one list. Write hp.Choice(["relu", …]).'),
        ("hp.Choice({'a', 'b'})", "A set has no order that stays the same"),
        ("hp.Choice({'a': 1})", "Write hp.Choice(list(…)) for its keys"),
        ("hp.Choice([16, 32, 64], default=33)", "is not among the values: 16, 32, 64."),
        ("hp.Choice(['a'], default='b')", "is not among the values: 'a'."),
        ("hp.Int(1, 9, default=12)", "The nearest one is 9."),
        ("hp.Int(1, 9.5)", "9.5"),
    ],
)
def test_a_call_that_is_wrong_is_told_how_to_be_written(
    notebook: Any, call: str, sentence: str
) -> None:
    """In one sentence, which is true."""
    assert sentence in notebook.run(f"{LINE}x = {call}\n1.0").usage_error


@pytest.mark.parametrize(
    "cell",
    [
        "m = hp.Choice([{'C': hp.Float('C', 0, 1)}, {'depth': hp.Int('d', 1, 99)}], name='m')",
        "m = hp.Choice('m', [hp.Int('a', 1, 3), 5])",
        "m = hp.Choice(name='m', values=[f(hp.Choice('a', ['x', 'y'])), 5])",
        "o = [{'C': hp.Float(0, 1, name='C')}, {'d': 3}]\nm = hp.Choice(o, name='m')",
        "o = [(hp.Float(0, 1, name='C'), f), ('x', f)]\nm = hp.Choice(o, name='m')",
        "m = hp.Choice(made(hp.Float(0, 1, name='C')), name='m')",
    ],
)
def test_choices_that_hold_values_of_other_calls_are_refused(notebook: Any, cell: str) -> None:
    """They would be other choices in each trial."""
    notebook.ok(
        "f = len\nclass Box:\n    def __init__(self, v): self.v = v\n"
        "    def __repr__(self): return f'Box({self.v})'\n"
        "def made(v):\n    return [Box(v), Box(2)]"
    )
    sentence = notebook.run(f"{LINE}{cell}\nlen(str(m))").usage_error
    assert "Choose a name, kind = hp.Choice(" in sentence
    assert "s" not in notebook or not notebook["s"].snapshot.history.complete


@pytest.mark.parametrize(
    "cell",
    [
        "m = hp.Choice('m', ['a', 'b'], default='b' if hp.Boolean('z') else 'a')",
        "m = hp.Choice(f'm{hp.Fixed(1, name=\"k\")}', ['a', 'b'])",
        "m = max([hp.Choice('m', ['a', 'b']), hp.Choice('n', ['a', 'b'])])",
    ],
)
def test_calls_beside_a_choice_are_no_choices(notebook: Any, cell: str) -> None:
    """A default, a name, another choice in one expression."""
    notebook.ok(f"{LINE}{cell}\nlen(str(m))")


def test_objects_that_are_others_in_each_trial_are_told(notebook: Any) -> None:
    """The trial that cannot have the object that was chosen says so."""
    cell = "m = hp.Choice([{'a': next(count)}, {'b': next(count)}])\nlen(str(m))"
    notebook.ok("import itertools\ncount = itertools.count()")
    notebook.ok(f"{LINE}{cell}")
    failed = [trial for trial in notebook["s"].trials if trial.failure is not None]
    assert failed
    assert all("is not among the choices of this trial" in str(t.failure) for t in failed)


def test_choices_whose_number_depends_on_another_parameter_go_on(notebook: Any) -> None:
    """Plain values that are there in some trials only."""
    notebook.ok(f"{LINE}n = hp.Int(2, 5)\nm = hp.Choice(list(range(n)))\nm")
    assert len(notebook["s"].trials) == 6


@pytest.mark.parametrize("call", ["hp.Float(0, 1, name='y')", "hp.seed()", "hp.report(a=1.0)"])
def test_a_call_in_a_forked_child_process_is_told(notebook: Any, call: str) -> None:
    """The search would not see what was drawn there."""
    notebook.ok(f"import multiprocessing\ndef draw(i):\n    return {call}")
    cell = (
        "x = hp.Float(0, 1)\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n    pool.map(draw, [1])\nx"
    )
    sentence = notebook.run(f"{LINE}{cell}").usage_error
    assert "a child of the trial's process" in sentence
    assert "pass it on" in sentence


def test_a_call_in_a_process_of_joblib_is_told(notebook: Any) -> None:
    """A process that is started anew knows of no trial, and would answer with the default."""
    notebook.ok("from joblib import Parallel, delayed\nimport hpo_magic")
    cell = (
        "def draw(i):\n    from hpo_magic import hp\n    return hp.Float(0, 1, name='y')\n"
        "x = hp.Float(0, 1)\nParallel(n_jobs=2)(delayed(draw)(i) for i in range(2))\nx"
    )
    assert "a child of the trial's process" in notebook.run(f"{LINE}{cell}").usage_error
