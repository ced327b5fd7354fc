"""A cell as an objective: what a trial may do, what it leaves alone, how its failures look."""

from __future__ import annotations

import random
import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.notebook.cell import Cell
from hpo_magic.views.words.notices import messages


def search(notebook: Any, body: str, options: str = "--trials 3") -> Any:
    """Search a cell that does not fail as a whole; return the study."""
    body = textwrap.dedent(body)
    notebook.ok(f"%%hpo study --minimize loss --ui none --sampler random {options}\n{body}")
    return notebook["study"]


def failed(notebook: Any, body: str, options: str = "") -> tuple[str, Any]:
    """Search a cell that fails; return what is shown, and the study."""
    body = textwrap.dedent(body)
    shown = notebook.run(f"%%hpo study --minimize loss --ui none {options}\n{body}")
    assert shown.error is not None
    return shown.text, notebook["study"]


def states(study: Any) -> list[State]:
    """Return the states of a study's trials."""
    return [trial.state for trial in study.trials]


# The text.


def test_a_cell_keeps_the_notebook_s_line_numbers(notebook: Any) -> None:
    """The magic's line is line 1, and blank lines count."""
    cell = Cell.compile(notebook.shell, "s", "\n\nx = 1\nx + 1", filename="<cell>")
    assert [node.lineno for node in cell.tree.body] == [4, 5]
    assert cell.run({}) == 2


def test_a_cell_without_a_last_expression_gives_nothing(notebook: Any) -> None:
    """`None` would be a value."""
    assert Cell.compile(notebook.shell, "s", "x = 1", filename="<cell>").run({}) is NOTHING
    assert Cell.compile(notebook.shell, "s", "None", filename="<cell>").run({}) is None


def test_a_cell_with_another_magic_on_top_is_refused(notebook: Any) -> None:
    """The message names both."""
    with pytest.raises(HpoError, match=r"^%%bash cannot stand inside a %%hpo_test cell\. Put"):
        Cell.compile(notebook.shell, "s", "\n%%bash\nls", magic="hpo_test", filename="<cell>")


def test_shell_lines_and_line_magics_work_in_the_body(notebook: Any) -> None:
    """Also indented, and with the cell's own variables."""
    study = search(
        notebook,
        """
        x = hp.Int(1, 3)
        for i in range(1):
            !echo shell {i} {x}
        %time y = x
        y
        """,
        "--trials 1",
    )
    assert study.best_seen == 2.0
    assert study.trials[0].output.startswith("shell 0 2")
    assert "Wall time" in study.trials[0].output


def test_a_body_that_is_indented_as_a_whole(notebook: Any) -> None:
    """IPython runs it, calls have their names, and the frozen cell runs too."""
    notebook.ok("%%hpo study --minimize loss --trials 2 --ui none\n\n    x = hp.Int(1, 9)\n    x")
    assert list(notebook["study"].space) == ["x"]
    frozen = notebook.ok("study.freeze()").value
    assert frozen.split("\n") == ["", f"x = {notebook['study'].best_params['x']}", "x", ""]


def test_unicode_names_and_choices(notebook: Any) -> None:
    """Python allows them, and so do we."""
    study = search(notebook, "größe = hp.Choice(['日本', 'é'])\nlen(größe)")
    assert {trial.params["größe"] for trial in study.trials} == {"日本", "é"}


# The namespace.


def test_the_user_s_names_are_untouched(notebook: Any) -> None:
    """A trial reads them and works on a copy of the namespace."""
    notebook.ok("kept = 1\ngone = 2\nimport math")
    before = notebook.names
    search(
        notebook,
        """
        kept, new = 5, 6
        study = "mine"
        del gone
        globals()["sneaked"] = 7
        import json
        math.pi + hp.Int("x", 1, 9)
        """,
    )
    assert notebook.names == before | {"study"}
    assert (notebook["kept"], notebook["gone"]) == (1, 2)


def test_the_user_s_names_are_untouched_by_a_failure(notebook: Any) -> None:
    """Also where the cell gets halfway."""
    notebook.ok("kept = 1")
    before = notebook.names
    failed(notebook, "kept = 2\nnew = 3\n1 / 0")
    assert notebook.names == before | {"study"}
    assert notebook["kept"] == 1


def test_a_cell_may_call_a_variable_hp(notebook: Any) -> None:
    """In its own copy; the notebook's `hp` stays."""
    search(notebook, "x = hp.Int(1, 9)\nhp = 3\nx")
    assert notebook.ok("hp.Int(1, 9)").value == 5


def test_functions_of_other_cells_and_modules_ask_too(notebook: Any) -> None:
    """A call is named by where it stands, whoever makes it."""
    Path("asks.py").write_text(
        "from hpo_magic import hp\ndef rate():\n    rate = hp.Float(0.0, 1.0)\n    return rate\n"
    )
    notebook.ok(
        """
        import sys
        sys.path.insert(0, "")
        def make(units): return units
        class Layer:
            def __init__(self): self.width = make(hp.Int(1, 9))
        """
    )
    study = search(notebook, "import asks\nLayer().width + asks.rate()")
    assert list(study.space) == ["units", "rate"]
    notebook.ok("sys.path.remove(''); del sys.modules['asks']")


def test_threads_that_the_cell_starts_ask_too(notebook: Any) -> None:
    """They belong to the trial that runs."""
    study = search(
        notebook,
        """
        import threading
        found = []
        def work(i): found.append(hp.Int(f"u{i}", 1, 9))
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        sum(found)
        """,
    )
    assert sorted(study.space) == ["u0", "u1", "u2", "u3"]
    assert study.start.value == 20.0


def test_objects_as_choices_are_the_user_s_own(notebook: Any) -> None:
    """No copies; a generator of choices is read once."""
    notebook.ok(
        "import pandas as pd\none, two = pd.DataFrame({'a': [1]}), pd.DataFrame({'a': [2]})"
    )
    study = search(
        notebook,
        """
        table = hp.Choice([one, two])
        number = hp.Choice(n for n in range(3))
        assert table is one or table is two
        table.a.sum() + number
        """,
    )
    assert states(study) == [State.COMPLETE] * 3


# What a trial shows.


def test_prints_and_warnings_are_kept_with_the_trial(notebook: Any) -> None:
    """They do not pour into the notebook; of a flood the end is kept."""
    shown = notebook.ok(
        "%%hpo study --minimize loss --trials 2 --ui none\n"
        "import sys, warnings\n"
        "x = hp.Int(1, 9)\n"
        "print('ü' * 1_000_000)\n"
        "print('to stderr', file=sys.stderr)\n"
        "print('x is', x)\n"
        "x"
    )
    assert shown.text == ""
    output = notebook["study"].trials[0].output
    assert output.endswith("to stderr\nx is 5\n")
    assert len(output) < 10_000


def test_displays_and_figures_do_not_flood_the_notebook(notebook: Any) -> None:
    """Fifty trials would show fifty of each; a figure of the user's own stays open."""
    plt.switch_backend("agg")
    plt.close("all")  # those of other tests
    notebook.ok("import matplotlib.pyplot as plt\nmine = plt.figure()")
    shown = notebook.ok(
        "%%hpo study --minimize loss --trials 3 --ui none\n"
        "from IPython.display import clear_output\n"
        "x = hp.Int(1, 9)\n"
        "display('loud', {'text/html': 'loud'}); clear_output()\n"
        "plt.figure(); plt.plot([1, x])\n"
        "x"
    )
    assert shown.text == ""
    assert plt.get_fignums() == [notebook["mine"].number]
    assert "shown again" in notebook.ok("display('shown again')").text
    plt.close("all")


def test_a_trial_ends_in_the_folder_it_began_in(notebook: Any, tmp_path: Path) -> None:
    """The next one finds the same files, and the study stays where it was."""
    study = search(
        notebook,
        """
        import os
        os.makedirs("sub"); os.rmdir("sub"); os.mkdir(f"sub{(x := hp.Int('x', 1, 999))}")
        os.chdir(f"sub{x}")
        x
        """,
    )
    assert Path.cwd() == tmp_path
    assert states(study) == [State.COMPLETE] * 3
    assert "study" in notebook.ok("%hpo").text


# Randomness and data.


def test_random_streams_go_on_as_if_nothing_had_been(notebook: Any) -> None:
    """The state of `random` and of NumPy is put back, whatever the cell or a library draws."""
    notebook.ok("import random, numpy as np\nrandom.seed(3)\nnp.random.seed(4)")
    search(notebook, "random.random() + np.random.rand() + hp.Int('x', 1, 9)")
    assert notebook["random"].random() == random.Random(3).random()
    assert notebook["np"].random.rand() == np.random.RandomState(4).rand()


def test_each_trial_is_seeded_alike(notebook: Any) -> None:
    """Two trials with one setting come to one value, with `hp.seed()` too."""
    notebook.ok("import random, numpy as np")
    study = search(
        notebook,
        """
        x = hp.Choice([1], default=1)
        y = hp.Int(1, 9)
        generator = np.random.default_rng(hp.seed())
        metrics = random.random(), np.random.rand(), generator.random()
        print(metrics)
        y
        """,
    )
    assert len({trial.output for trial in study.trials}) == 1


@pytest.mark.parametrize("change", ["data *= 2", "data[0] += 1", "table['b'] = 1", "grow()"])
def test_data_that_is_changed_in_place_is_noticed(notebook: Any, change: str) -> None:
    """The trials do not start alike then; the search says so, once."""
    notebook.ok(
        """
        import numpy as np, pandas as pd
        data, table, items = np.ones(9), pd.DataFrame({'a': [1]}), [1]
        def grow(): items.append(2)
        """
    )
    study = search(notebook, f"x = hp.Int(1, 9)\n{change}\nx")
    what = {"table['b'] = 1": "table", "grow()": "items"}
    assert messages(study.snapshot) == (
        f"The cell changes data that it reads, in place: {what.get(change, 'data')} changed. Each "
        f"trial starts from what the one before left. Work on a copy in the cell, or make it "
        f"there.",
    )


def test_data_that_is_copied_is_not_complained_of(notebook: Any) -> None:
    """Reading is free."""
    notebook.ok("import numpy as np\ndata = np.ones(9)")
    study = search(notebook, "own = data.copy()\nown *= hp.Int('x', 1, 9)\nown.sum()")
    assert messages(study.snapshot) == ()


# Failures.


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ("float('nan')", "failed: Diverged: loss is not a number (NaN)"),
        ("float('-inf')", "failed: Diverged: loss is infinite"),
        ("[1, 2]", "failed: The end of the cell: a number was expected, got a list of "
                   "length 2. Take its mean, or the element that is the score."),
        ("None", "failed: Trial 1 finished without the metric"),
        ("sys.exit(3)", "failed on line 4 of the cell: SystemExit: 3"),
        ("1 / 0", "failed on line 4 of the cell: ZeroDivisionError: division by zero"),
        ("exec('1 +')", "failed on line 4 of the cell: SyntaxError: invalid syntax"),
        ("fall(1)", "failed on line 4 of the cell: RecursionError: maximum recursion depth"),
        ("speechless()", "failed on line 4 of the cell: Speechless"),
    ],
)  # fmt: skip
def test_a_trial_fails_alone(notebook: Any, result: str, why: str) -> None:
    """It is recorded with its reason, and the search goes on."""
    notebook.ok(
        """
        import sys
        def fall(n): return fall(n + 1)
        class Speechless(Exception):
            def __str__(self): raise ValueError("no words")
        def speechless(): raise Speechless
        """
    )
    study = search(notebook, f"number = hp.Choice([0, 1])\nprint()\n{result} if number else number")
    assert states(study)[0] is State.COMPLETE
    assert str(study.trials[1].failure).startswith(why)


def frames(text: str) -> list[str]:
    """Return the places that a traceback shows: "In[2], line 6" in every IPython's spelling."""
    places, cell = [], ""
    for line in text.splitlines():
        if found := re.match(r"Cell (In\[\d+\], line \d+)", line):
            places.append(found[1])
        elif found := re.match(r"<ipython-input-(\d+)-", line):  # IPython 7
            cell = found[1]
        elif (found := re.match(r"-+> (\d+) ", line)) and cell:
            places.append(f"In[{cell}], line {found[1]}")
        elif line.startswith(("File ", "/")):
            places.append(line)
    return places


def test_a_failure_shows_the_user_s_frames_alone(notebook: Any) -> None:
    """As if the cell had been run without its first line, but for the line numbers."""
    notebook.ok("def inner(n):\n    return 1 / n")
    text, study = failed(notebook, "\nx = hp.Int(1, 3)\ndef outer():\n    return inner(0)\nouter()")
    assert frames(text) == ["In[2], line 6", "In[2], line 5", "In[1], line 2"]
    assert "----> 6 outer()" in text
    assert text.rstrip().endswith("ZeroDivisionError: division by zero")
    assert states(study) == [State.FAILED] * 3
    first: Trial = study.trials[0]
    assert first.failure is not None
    assert first.failure.line == 6
    assert "hpo_magic" not in first.failure.traceback
    assert "return 1 / n" in first.failure.traceback


@pytest.mark.parametrize(
    ("body", "last"),
    [
        (
            "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError('x') from e",
            "KeyError: 'x'",
        ),
        ("def fall(n): return fall(n + 1)\nfall(1)", "RecursionError: maximum recursion depth"),
        ("exec('1 +')", "SyntaxError: invalid syntax"),
        ("import json\njson.loads('{')", "JSONDecodeError: Expecting property name"),
        ("%nosuchmagic", "UsageError: Line magic function `%nosuchmagic` not found."),
    ],
)
def test_no_failure_shows_a_frame_of_ours(notebook: Any, body: str, last: str) -> None:
    """Chains, recursion, syntax errors of executed text, errors inside libraries."""
    text, _ = failed(notebook, body)
    assert last in text
    assert "hpo_magic" not in text


def test_leaving_the_program_fails_the_trial(notebook: Any) -> None:
    """The kernel stays, and the sentence says which line it was."""
    shown = notebook.run(
        "%%hpo s --minimize loss --ui none\nimport sys\nx = hp.Int(1, 3)\nsys.exit()"
    )
    assert shown.usage_error == (
        "%%hpo: line 4 of the cell leaves the program (SystemExit). Take that out."
    )


def test_three_failures_at_the_start_stop_the_search(notebook: Any) -> None:
    """A cell that never worked is broken, whatever the setting."""
    text, study = failed(notebook, "x = hp.Int(1, 99)\n1 / 0", "--trials 50")
    assert "ZeroDivisionError" in text
    assert states(study) == [State.FAILED] * 3


def test_errors_raise_stops_at_the_first_failure(notebook: Any) -> None:
    """The study holds what was found before."""
    text, study = failed(
        notebook, "x = hp.Int(1, 99)\nif x != 50: raise KeyError(x)\nx", "--errors raise"
    )
    assert "KeyError" in text
    assert states(study) == [State.COMPLETE, State.FAILED]
    assert study.best_seen == 50.0


def test_a_mended_cell_starts_anew(notebook: Any) -> None:
    """What failed before something outside the cell was put right says nothing about settings."""
    failed(notebook, "x = hp.Int(1, 9)\nx + offset", "--trials 3")
    notebook.ok("offset = 1")
    study = search(notebook, "x = hp.Int(1, 9)\nx + offset")
    assert states(study) == [State.COMPLETE] * 3
    assert messages(study.snapshot) == ()


@pytest.mark.parametrize(
    ("end", "option", "sentence"),
    [
        (
            "cross_val_score(m, X, y, cv=3, scoring='neg_mean_squared_error').mean()",
            "--minimize",
            "the mean_squared_error of this cell, with a minus sign, which is better when larger",
        ),
        (
            "mean_absolute_error(y, m.predict(X[:, ::-1]))",
            "--maximize",
            "is better when smaller",
        ),
        ("mean_absolute_error(y, m.predict(X[:, ::-1]))", "--minimize", ""),
        ("-mean_absolute_error(y, m.predict(X[:, ::-1]))", "--maximize", ""),
        ("1 - m.score(X, y)", "--minimize", ""),
    ],
)
def test_a_score_searched_in_the_wrong_direction_is_told(
    notebook: Any, end: str, option: str, sentence: str
) -> None:
    """Where the cell ends in one of scikit-learn's scores, which have a direction."""
    notebook.ok(
        "import numpy as np\nfrom sklearn.linear_model import Ridge\n"
        "from sklearn.metrics import mean_absolute_error\n"
        "from sklearn.model_selection import cross_val_score\n"
        "rng = np.random.default_rng(0)\nX = rng.normal(size=(60, 2))\n"
        "y = X[:, 0] + rng.normal(size=60)"
    )
    cell = f"m = Ridge(alpha=hp.Float(0.1, 9)).fit(X, y)\n{end}"
    notebook.ok(f"%%hpo s {option} --trials 2 --ui none\n{cell}")
    told = " ".join(messages(notebook["s"].snapshot))
    assert sentence in told
    assert ("Mind the direction" in told) == bool(sentence)
