"""What a trial set itself, and what it only found in the notebook."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from hpo_magic.notebook.trial_namespace import TrialNamespace

CASES = [
    ("", "acc", False),
    ("acc = 0.5", "acc", True),
    ("acc = acc", "acc", False),
    ("if False: acc = 0.5", "acc", False),
    ("exec('acc = 0.5')", "acc", True),
    ("globals()['acc'] = 0.5", "acc", True),
    ("def f():\n    global acc\n    acc = 0.5\nf()", "acc", True),
    ("for acc in [0.5]: pass", "acc", True),
    ("results['acc'] = 0.5", "results", True),
    ("results['acc']", "results", False),
    ("new = acc", "new", True),
]


@pytest.mark.parametrize(("cell", "name", "is_set"), CASES)
def test_what_a_trial_sets(cell: str, name: str, is_set: bool) -> None:
    """Bound anew, however; a dict of numbers that was filled counts too."""
    namespace = TrialNamespace({"acc": 0.99, "results": {"acc": 0.9}})
    exec(cell, namespace.variables)
    assert (name in namespace.set_by_trial()) is is_set
    assert (name in namespace.not_set()) is not is_set


def test_an_equal_object_that_the_text_binds_is_set() -> None:
    """Small numbers are one object each: that the name was bound is read off the text."""
    namespace = TrialNamespace({"n": 5}, certain={"n"})
    exec("n = 5", namespace.variables)
    assert namespace.set_by_trial()["n"] == 5


def run(notebook: Any, cell: str, options: str = "--maximize acc") -> Any:
    """Return a search of a cell in a notebook that has an `acc`, a `results` and a `helper`."""
    notebook.ok(
        "acc = 0.99\nresults = {'acc': 0.98}\nn = 5\nclass Box: pass\nbox = Box(); box.acc = 0.97\n"
        "def helper(x):\n    global acc\n    acc = x"
    )
    return notebook.run(
        f"%%hpo study {options} --trials 3 --sampler random --ui none\nx = hp.Float(0, 1)\n{cell}"
    )


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("acuracy = x", "--maximize acc"),
        ("if x > 2: acc = x", "--maximize acc"),
        ("acc", "--maximize acc"),
        ("acc", "--maximize value"),
        ("results", "--maximize acc"),
        ("results", "--maximize other"),
        ("n", "--maximize n"),
    ],
)
def test_a_variable_of_the_notebook_is_no_value_of_a_trial(
    notebook: Any, cell: str, options: str
) -> None:
    """The error says that the name exists and was not set by the cell."""
    sentence = run(notebook, cell, options).usage_error
    assert "the cell does not set it" in sentence
    assert notebook["acc"] == 0.99


@pytest.mark.parametrize(
    "cell",
    [
        "acc = x",
        "acc = max(acc - 1, x)",
        "acc = x\nacc",
        "results['acc'] = x\nresults",
        "{'acc': x}",
        "x",
        "helper(x)",
        "exec('acc = x')",
        "hp.report(acc=x / 2); hp.report(acc=x)",
    ],
)
def test_what_the_cell_sets_or_returns_is_its_value(notebook: Any, cell: str) -> None:
    """And the notebook's own variables stay as they were."""
    shown = run(notebook, cell)
    assert shown.error is None, shown.text
    assert [t.value for t in notebook["study"].trials] == [
        t.params["x"] for t in notebook["study"].trials
    ]
    assert notebook["acc"] == 0.99


@pytest.mark.parametrize(
    "cell",
    [
        "%time acc = x",
        "%run script.py\nacc = out + x",
        "%run -i script.py\nacc = out + x",
        "found = %timeit -o -q -n1 -r1 x\nacc = x",
        "_ = %prun -q -r y = x\nacc = x",
        "%env NEW_OF_A_TRIAL=1\nacc = x",
    ],
)
def test_magics_use_the_trial_s_variables(notebook: Any, tmp_path: Any, cell: str) -> None:
    """Each trial has its own result, not that of the one before."""
    (tmp_path / "script.py").write_text("out = globals().get('out', 0)\n")
    shown = run(notebook, cell)
    assert shown.error is None, shown.text
    trials = notebook["study"].trials
    assert [t.value for t in trials] == [t.params["x"] for t in trials]
    assert notebook["acc"] == 0.99
    assert not {"out", "found", "x"} & notebook.names


@pytest.mark.parametrize(
    "cell",
    [
        "import pickle\nclass Box:\n    pass\nassert pickle.loads(pickle.dumps(Box)) is Box",
        "import pickle\ndef f():\n    return 3\nassert pickle.loads(pickle.dumps(f))() == 3",
        "import multiprocessing\ndef f(k):\n    return k * x\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    assert pool.map(f, [1, 2]) == [x, 2 * x]",
        "import typing\nclass Box:\n    inner: 'Box'\n"
        "assert typing.get_type_hints(Box) == {'inner': Box}",
        "import __main__\nclass Box:\n    pass\nassert __main__.Box is Box and __main__.given == 3",
    ],
)
def test_what_the_cell_defines_is_found_in_main(notebook: Any, cell: str) -> None:
    """By pickle, pools of processes and annotations; the notebook's own one is not taken."""
    notebook.ok("given = 3\nclass Box:\n    pass\ndef f(k=0):\n    return 'old'[k:]")
    main = sys.modules["__main__"]
    notebook.ok(
        f"%%hpo s --minimize value --trials 2 --ui none\nx = hp.Int(1, 9)\n{cell}\n{{'value': x}}"
    )
    assert len(notebook["s"].snapshot.history.complete) == 2
    assert sys.modules["__main__"] is main
    assert notebook.ok("__import__('__main__').f").value is notebook["f"]
