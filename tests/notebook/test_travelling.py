"""A cell away from its notebook."""

from __future__ import annotations

import linecache
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

from hpo_magic.core.events import Completed, Failed
from hpo_magic.core.trial import Direction, Goal
from hpo_magic.executors.training_task import (
    TaskResult,
    dumps_task,
    loads_task,
    train,
)
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.notebook.cell import Cell
from hpo_magic.notebook.cell_objective import CellObjective
from hpo_magic.testing.executors import a_run
from hpo_magic.views.words.notices import messages

DASK = ("cluster", "connection", "dask", "dask_worker")  # the modules that import distributed


def trained_away(notebook, body: str, **params: float) -> TaskResult:
    """Return what a cell comes to after it was packed and unpacked."""
    cell = Cell.compile(notebook.shell, "away", body, filename="<cell>")
    objective = CellObjective(cell, notebook.shell)
    task = TrialExecution(objective, goals=Direction.MINIMIZE)
    return train(loads_task(dumps_task(task)), a_run(0, **params), {})


def test_it_has_the_names_that_it_reads(notebook) -> None:
    """Variables, functions with what these read, modules; and its names of `hp` calls."""
    notebook.ok(
        """
        import math
        offset, unread = 2.0, (i for i in ())   # a generator cannot be pickled
        def shifted(x): return math.floor(x) - offset
        """
    )
    result = trained_away(notebook, "lr = hp.Float(0.0, 10.0)\nshifted(lr)", lr=5.5)
    assert isinstance(result.event, Completed)
    assert (dict(result.event.outcome.params), result.event.outcome.value) == ({"lr": 5.5}, 3.0)


def test_its_failures_have_the_line_of_the_notebook(notebook) -> None:
    """And the text of the cell."""
    result = trained_away(notebook, "x = hp.Float(0.0, 1.0)\n1 / (x * 0)")
    assert isinstance(result.event, Failed)
    assert result.event.failure.line == 3
    assert "1 / (x * 0)" in result.event.failure.traceback


@pytest.mark.parametrize(
    ("body", "is_told"),
    [
        ("data *= hp.Float(2.0, 3.0)\nfloat(data.sum())", True),
        ("float((data * hp.Float(2.0, 3.0)).sum())", False),
    ],
)
def test_data_that_the_cell_changes_in_place_is_told_of(notebook, body: str, is_told) -> None:
    """Once by each worker, after its first training; its later trainings start from that."""
    notebook.ok("import numpy as np\ndata = np.ones(3)")
    cell = Cell.compile(notebook.shell, "away", body, filename="<cell>")
    task = TrialExecution(CellObjective(cell, notebook.shell), goals=Direction.MINIMIZE)
    there = loads_task(dumps_task(task))
    first, second = train(there, a_run(0), {}), train(there, a_run(1), {})
    assert first.notice.startswith("The cell changes data that it reads, in place") is is_told
    assert second.notice == ""


def test_a_change_in_place_is_told_in_the_kernel_once(notebook) -> None:
    """Whatever the number of workers that see it."""
    notebook.ok(
        "from concurrent.futures import ProcessPoolExecutor\nimport numpy as np\n"
        "pool = ProcessPoolExecutor(2)\ndata = np.ones(3)"
    )
    body = "data *= hp.Float(2.0, 3.0)\nfloat(data.sum())"
    notebook.ok(f"%%hpo away --minimize -n 6 --recheck 0 --ui none --on pool\n{body}")
    notebook.ok("pool.shutdown()")
    told = messages(notebook["away"].snapshot)
    assert sum("changes data that it reads" in text for text in told) == 1


def test_the_notebook_s_future_imports_go_along(notebook) -> None:
    """They are flags of the compiler, not in the cell's text."""
    notebook.ok("from __future__ import annotations")
    result = trained_away(
        notebook, "x = hp.Float(0.0, 1.0)\ndef f(a: Missing): return a\nf(x)", x=0.5
    )
    assert isinstance(result.event, Completed), result.event


def test_lines_of_ipython_do_not_go_along(notebook) -> None:
    """Said before anything runs."""
    body = "x = hp.Float(0.0, 1.0)\n%time y = x\ny"
    shown = notebook.run(f"%%hpo away --minimize --isolate --ui none\n{body}")
    assert shown.usage_error.startswith("%%hpo: the cell has a line of IPython's")
    assert "run without --jobs, --isolate and --on" in shown.usage_error


def test_what_cannot_be_sent_is_named_before_anything_runs(notebook) -> None:
    """No worker is started for it."""
    notebook.ok("import sqlite3\ndb = sqlite3.connect(':memory:')")
    body = "x = hp.Float(0.0, 1.0)\ndb.total_changes + x"
    shown = notebook.run(f"%%hpo away --minimize --jobs 2 --ui none\n{body}")
    assert shown.usage_error == (
        "%%hpo: db (Connection) cannot be sent to a worker: cannot pickle 'sqlite3.Connection' "
        "object. Make it inside the cell, where the training runs."
    )
    notebook["db"].close()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--on clint", "%%hpo: --on: there is no variable 'clint'."),
        ("--on localhost:8786", "write --on tcp://localhost:8786."),
        ("--on number", "on: expected the address of a Dask scheduler, a Client or a pool"),
        ("--on number --jobs 2", "on: the workers are those of the cluster; leave out jobs"),
        ("--jobs 0", "jobs: must be a whole number from 1 up, got 0."),
    ],
)
def test_where_it_cannot_run(notebook, line: str, sentence: str) -> None:
    """Each has its sentence."""
    notebook.ok("number = 3")
    shown = notebook.run(f"%%hpo away --minimize --ui none {line}\nhp.Float('x', 0, 1)")
    assert sentence in shown.usage_error


def raising_not_found(name: str) -> str:
    """Raise what importlib.metadata raises for a package that is not installed."""
    raise PackageNotFoundError(name)


@pytest.mark.parametrize("has_dask", [True, False])
def test_without_distributed_the_sentence_says_how_to_get_it(
    notebook, monkeypatch, has_dask: bool
) -> None:
    """The extra has it; where Dask is there already, in the version that keeps it."""
    for module in [m for m in sys.modules if m.startswith("hpo_magic.executors.")]:
        if module.rpartition(".")[2] in DASK:
            monkeypatch.delitem(sys.modules, module)
            monkeypatch.delattr(module, raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    if not has_dask:
        monkeypatch.setattr("importlib.metadata.version", raising_not_found)
    shown = notebook.run("%%hpo away --minimize --ui none --jobs 2\nhp.Float('x', 0, 1)")
    command = 'pip install "hpo_magic[dask]"'
    assert shown.usage_error.rstrip().endswith(
        f'{command} "distributed=={version("dask")}"' if has_dask else command
    )


def test_a_pool_of_threads_trains(notebook) -> None:
    """And says what it cannot do."""
    notebook.ok("from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)")
    notebook.ok("%%hpo away --minimize -n 5 --ui none --on pool\n(hp.Float('x', 0, 1) - 0.5) ** 2")
    notebook.ok("pool.shutdown()")
    study = notebook["away"]
    assert [trial.state.value for trial in study.trials] == ["complete"] * 5
    assert "This pool sends no reports while a training runs" in " ".join(messages(study.snapshot))


@pytest.mark.parametrize(
    ("other", "call", "name"),
    [
        ("def layer():\n    units = hp.Int(1, 9)\n    return units", "layer()", "units"),
        ("layer = lambda: dict(width=hp.Int(1, 9))['width']", "layer()", "width"),
        (
            "def a():\n    depth = hp.Int(1, 9)\n    return depth\ndef b(): return a()",
            "b()",
            "depth",
        ),
        ("class M:\n    def __init__(self):\n        self.k = hp.Int(1, 9)", "M().k", "k"),
        ("def f(n):\n    ks = [hp.Int(1, 9) for _ in range(n)]\n    return ks[0]", "f(2)", "ks[0]"),
    ],
)
def test_calls_in_functions_of_other_cells_have_their_names_there(
    notebook, other: str, call: str, name: str
) -> None:
    """The texts of the cells go with the functions."""
    notebook.ok(other)
    cell = Cell.compile(
        notebook.shell, "away", f"x = hp.Float(0, 1)\n{call} + x", filename="<cell>"
    )
    execution = TrialExecution(
        CellObjective(cell, notebook.shell), goals=(Goal("value", Direction.MINIMIZE),)
    )
    data = dumps_task(execution)
    kept = dict(linecache.cache)
    try:
        linecache.cache.clear()  # as in another process
        event = train(loads_task(data), a_run(0, **{name: 7, "x": 0.0}), {}).event
    finally:
        linecache.cache.update(kept)
    assert isinstance(event, Completed)
    assert event.outcome.params[name] == 7
    assert event.outcome.value == 7


@pytest.mark.slow
def test_two_workers_and_the_kernel_come_to_the_same(notebook) -> None:
    """Value for value, where the settings are; and re-checks and the test run too."""
    body = "import numpy as np\nx = hp.Float(0, 1)\n(x - 0.3) ** 2 + np.random.random() * hp.seed()"
    options = "--minimize -n 10 --sampler sobol --ui none --recheck 2x1"
    for name, more in (("here", ""), ("away", "--jobs 2"), ("alone", "--isolate")):
        notebook.ok(f"%%hpo {name} {options} {more}\n{body}")
    values = [
        sorted(trial.value for trial in notebook[name].trials) for name in ("here", "away", "alone")
    ]
    assert values[0] == values[1] == values[2]
    assert len(values[0]) == 10
