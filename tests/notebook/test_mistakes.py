"""What the user gets wrong, in a real shell: one sentence that says what to do, no traceback."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from hpo_magic.core.notices import GridSize

SQUARE = "x = hp.Int(1, 9)\nx**2"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "digits --trails 3",
            "no option --trails. Did you mean --trials? (%%hpo? lists them all.)",
        ),
        (
            "1st",
            "the study's name must be a Python identifier, since it names a variable afterwards; "
            "got '1st'. Try _1st.",
        ),
        (
            "my-digits",
            "the study's name must be a Python identifier, since it names a variable afterwards; "
            "got 'my-digits'. Try my_digits.",
        ),
        ("class", "the study's name cannot be 'class', a word of Python. Try class_."),
        ("", "the study has no name. Write %%hpo NAME [options]; %%hpo? lists them."),
        ("digits letters", "one name is enough: 'digits' and 'letters' were given."),
        (
            "digits --sampler baeys",
            "--sampler: 'baeys' is not one of bayes, tpe, genetic, random, sobol, grid. Did you "
            "mean bayes?",
        ),
        (
            "digits --maximize a --minimize a",
            "'a' is given twice: each objective is another metric.",
        ),
        ("digits --trials 0", "--trials: must be a whole number from 1 up, got 0."),
        ("digits 'quoted", "the line cannot be read: no closing quotation."),
    ],
)
def test_a_line_that_cannot_be_read(notebook: Any, line: str, sentence: str) -> None:
    """Nothing runs and nothing is stored; the sentence says what is wrong with the line."""
    assert notebook.run(f"%%hpo {line}\n{SQUARE}").usage_error == f"%%hpo: {sentence}"
    assert notebook.run("%hpo").text.strip().endswith("on top of a cell that trains a model.")


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (
            "\nx = hp.Float(0, 1, sampling='log')\nx",
            'hp.Float(0, 1, sampling="log") on line 3 (x): a log scale needs a lower bound above '
            "0, got 0. Try 1e-6.",
        ),
        (
            "x = hp.Int(9, 1)\nx",
            "hp.Int(9, 1) on line 2 (x): the lower bound 9 is above the upper bound 1. Swap them.",
        ),
        (
            "x = hp.Float(0, 1, step=3)\nx",
            "hp.Float(0, 1, step=3) on line 2 (x): the step 3 does not fit between 0 and 1: only "
            "0 would be left. Use a smaller step.",
        ),
        (
            "x = hp.Int(1, 9, default=12)\nx",
            "hp.Int(1, 9, default=12) on line 2 (x): the default 12 is not among the values: "
            "1 to 9. The nearest one is 9.",
        ),
        (
            "x = hp.Choice([])\nx",
            "hp.Choice([]) on line 2 (x): there is nothing to choose from: the list of values is "
            "empty.",
        ),
        (
            'hp.Int("u", 1, 3)\nhp.Int("u", 1, 5)',
            "hp.Int(1, 5) on line 3 (u): 'u' was asked for with another range before: a name has "
            'one range. Give this one a name of its own, such as hp.…("u_b", …).',
        ),
        (
            "if hp.Boolean():\n    pass\n1",
            "hp.Boolean() on line 2 has no name: it is neither assigned to a variable nor passed "
            'to a parameter. Write hp.Boolean("norm").',
        ),
        (
            "x = hp.Int()\nx",
            "hp.Int() on line 2 (x): missing a required argument: 'min_value'. "
            "It takes min_value, max_value, step, sampling, default, name.",
        ),
    ],
)
def test_a_space_that_cannot_be_searched(notebook: Any, cell: str, sentence: str) -> None:
    """The first trial ends the search: no other setting would fare better."""
    shown = notebook.run(f"%%hpo s --minimize loss --ui none\n{cell}")
    assert shown.usage_error == f"%%hpo: {sentence}"
    assert [trial.state.value for trial in notebook["s"].trials] == ["failed"]


def test_a_grid_of_a_range_without_end(notebook: Any) -> None:
    """The start is not lost; with a step, the search goes on from it."""
    first = "%%hpo s --minimize loss --sampler grid --trials 3 --recheck 0 --ui none\n"
    assert notebook.run(f"{first}x = hp.Float(0.0, 1.0)\nx").usage_error == (
        "%%hpo: a grid needs ranges with few values, and x (0 to 1) is continuous. Give it a step, "
        "as in hp.Float(0.0, 1.0, step=0.1), or search with the sampler sobol."
    )
    notebook.ok(f"{first}x = hp.Float(0.0, 1.0, step=0.5)\nx")
    assert [trial.params["x"] for trial in notebook["s"].trials] == [0.5, 0.5, 0.0]
    assert GridSize(3) in notebook["s"].snapshot.notices


def test_a_sampler_whose_library_is_missing(notebook: Any, monkeypatch: Any) -> None:
    """The sentence ends in the command that installs it."""
    monkeypatch.delitem(sys.modules, "hpo_magic.samplers.tpe", raising=False)
    monkeypatch.setitem(sys.modules, "hyperopt", None)
    told = notebook.run(f"%%hpo s --minimize loss --sampler tpe --ui none\n{SQUARE}").usage_error
    assert told.startswith("%%hpo: the sampler tpe needs Hyperopt")
    assert told.endswith('Install it with: pip install "hpo_magic[tpe]"')


def test_a_metric_that_is_not_there(notebook: Any) -> None:
    """Those that are there are listed, and the closest one proposed."""
    shown = notebook.run(
        "%%hpo s --maximize val_acc --ui none\n"
        "x = hp.Int(1, 3)\n"
        '{"loss": 0.1 * x, "val_accuracy": 0.9}'
    )
    assert shown.usage_error == (
        '%%hpo: Trial 0 finished without the metric "val_acc". It logged: loss, val_accuracy. '
        "Did you mean --maximize val_accuracy?"
    )


def test_a_number_without_a_direction(notebook: Any) -> None:
    """Nobody can tell whether more of it is better."""
    assert notebook.run(f"%%hpo s --ui none\n{SQUARE}").usage_error == (
        "%%hpo: The cell ends in a number, and nothing says whether more is better. "
        "Write --maximize score or --minimize loss."
    )


@pytest.mark.parametrize("body", ["\n", "\n   \n\n", "# later\n"])
@pytest.mark.parametrize("magic", ["hpo", "hpo_test"])
def test_an_empty_cell(notebook: Any, magic: str, body: str) -> None:
    """There is nothing to run."""
    notebook.ok(f"%%hpo s --minimize loss --trials 2 --ui none\n{SQUARE}")
    assert f"%%{magic}: the cell is empty" in notebook.run(f"%%{magic} s\n{body}").usage_error


def test_a_cell_without_a_body(notebook: Any) -> None:
    """IPython sees that before us, and says it in its own words."""
    assert "the cell body is empty" in notebook.run("%%hpo s\n").usage_error


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("\nx = hp.Int(1,\n", 3, "SyntaxError: '(' was never closed"),
        ("x = 1\nreturn x", 3, "SyntaxError: 'return' outside function"),
        ("x = 1\n\nawait x", 4, "awaits outside a function, which a trial cannot do"),
        ("if x:\nprint(x)", 3, "IndentationError: expected an indented block"),
    ],
)
def test_a_syntax_error_is_shown_as_ipython_would(
    notebook: Any, body: str, line: int, message: str
) -> None:
    """At its line of the notebook, without a frame of ours, before anything runs."""
    shown = notebook.run(f"%%hpo s --minimize loss\n{body}")
    assert f"line {line}" in shown.text
    assert message in shown.text
    assert "hpo_magic" not in shown.text
    assert "s" not in notebook


def test_a_variable_is_not_replaced_by_a_study(notebook: Any) -> None:
    """The user is asked, and the variable stays."""
    notebook.ok("s = [1, 2]")
    assert notebook.run(f"%%hpo s --minimize loss\n{SQUARE}").usage_error == (
        "%%hpo: 's' is a variable of yours (list), and the study would replace it. Choose another "
        "name, or run `del s` first."
    )
    assert notebook["s"] == [1, 2]


def test_a_name_of_python_s_own_is_not_hidden(notebook: Any) -> None:
    """The next cell may need it."""
    assert notebook.run(f"%%hpo list --minimize loss\n{SQUARE}").usage_error == (
        "%%hpo: 'list' is a name of Python's own, and the study would hide it. Try list_."
    )


def test_a_folder_that_cannot_be_written(notebook: Any) -> None:
    """The sentence says what to do."""
    shown = notebook.run(f"%%hpo s --minimize loss --storage /proc/none\n{SQUARE}")
    assert shown.usage_error.startswith("%%hpo: The folder /proc/none cannot be created (")
    assert shown.usage_error.endswith("Create it, or choose another folder with --storage PATH.")


def test_a_cell_magic_inside_the_cell(notebook: Any) -> None:
    """It would take the whole body for its text; above, it works."""
    first = "%%hpo s --minimize loss --trials 2 --ui none"
    assert notebook.run(f"{first}\n%%time\n{SQUARE}").usage_error == (
        "%%hpo: %%time cannot stand inside a %%hpo cell. Put it on the line above %%hpo, or leave "
        "it out."
    )
    assert "Wall time" in notebook.ok(f"%%time\n{first}\n{SQUARE}").text
    assert len(notebook["s"].trials) == 2


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("%hpo digits", "%hpo: no study 'digits' here. Did you mean digit? There are: digit."),
        (
            "%hpo digit --trials 9",
            "%hpo takes the name of a study and --storage PATH, nothing else; got '--trials'. "
            "Other options belong to %%hpo.",
        ),
        ("%hpo my-digits", "got 'my-digits'. Try my_digits."),
        ("%%hpo_test letters\n1", "%%hpo_test: no study 'letters' here. There are: digit."),
        ("%%hpo_test\n1", "%%hpo_test: the study has no name. Write %%hpo_test NAME; %hpo lists"),
        ("%%hpo_test digit --fresh\n1", "nothing else; got '--fresh'."),
        ("%hpo digit --storage", "%hpo: argument --storage: expected one argument."),
        (
            "%hpo --storage nowhere",
            "there are no studies in nowhere. Give --storage the folder in which",
        ),
        ("%%hpo_test digit --storage nowhere\n1", "%%hpo_test: there are no studies in nowhere"),
    ],
)
def test_a_study_that_is_not_there(notebook: Any, cell: str, sentence: str) -> None:
    """The message names those that are."""
    notebook.ok(f"%%hpo digit --minimize loss --trials 2 --ui none\n{SQUARE}")
    assert sentence in notebook.run(cell).usage_error


def test_a_study_without_a_complete_trial_has_no_choice(notebook: Any) -> None:
    """There is nothing to test; the sentence says so."""
    notebook.run("%%hpo s --minimize loss --ui none\nx = hp.Int(1, 3)\n1 / 0")
    assert notebook.run("%%hpo_test s\n1").usage_error == (
        "%%hpo_test: Study 's' has no complete trial yet."
    )


@pytest.mark.parametrize(
    "leave", ["quit()", "exit()", "sys.exit()", "exit", "get_ipython().ask_exit()"]
)
def test_a_cell_that_leaves_the_program_ends_a_trial_alone(notebook: Any, leave: str) -> None:
    """The kernel stays, and the search says what the cell does."""
    notebook.ok("import sys")
    shown = notebook.run(
        f"%%hpo study --minimize loss --trials 3 --ui none\nx = hp.Float(0, 1)\n{leave}\nx"
    )
    if leave != "exit":  # a name alone calls nothing
        assert "leaves the program" in shown.usage_error
    assert "ask_exit" not in vars(notebook.shell)


@pytest.mark.parametrize(
    "cell", ["await f()", "x = await f()", "async for i in f(): pass", "async with f(): pass"]
)
def test_a_cell_that_awaits_is_refused_with_the_way_out(notebook: Any, cell: str) -> None:
    """The notebook's event loop is busy."""
    sentence = notebook.run(f"%%hpo study --minimize loss --ui none\n{cell}\n1").usage_error
    assert "line 2 of the cell awaits outside a function" in sentence
    assert "submit(asyncio.run, main()).result()" in sentence


def test_a_library_that_is_not_there_fails_at_the_users_import(
    notebook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search imports Keras before the cell does, and leaves the error to the cell's line."""
    monkeypatch.setitem(sys.modules, "keras", None)
    shown = notebook.run("%%hpo digits --maximize value\nimport keras\nx = hp.Int(1, 9)\nx")
    assert isinstance(shown.error, ModuleNotFoundError)
    assert "import keras" in shown.text
    assert "hpo_magic/" not in shown.text


def test_arguments_of_a_program_are_named(notebook: Any) -> None:
    """A script's `parse_args()` reads those of the kernel, and leaves the program."""
    cell = (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--depth', required=True)\nargs = parser.parse_args()\n"
        "hp.Int('x', 1, 9)"
    )
    assert notebook.run(f"%%hpo s --maximize --ui none\n{cell}").usage_error == (
        "%%hpo: line 5 of the cell reads the arguments of a program, and a notebook has none: "
        "argparse leaves the program. Write parse_args([])."
    )


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    x = hp.Int(1, '9')\n    loss = x**2\nexcept Exception:\n    loss = 0",
        "try:\n    x = hp.Int(1, '9')\nexcept Exception:\n    raise RuntimeError('failed')",
    ],
)
def test_a_wrong_hp_call_that_the_cell_catches_is_told(notebook: Any, cell: str) -> None:
    """Else each trial would be the same, without a word."""
    shown = notebook.run(f"%%hpo s --minimize loss --trials 3\n{cell}")
    assert shown.usage_error is not None
    assert 'hp.Int(1, "9") on line 3 (x): the upper bound must be a number' in shown.usage_error
    assert len(notebook["s"].trials) == 1


def test_a_chore_at_the_end_is_not_the_value(notebook: Any) -> None:
    """`gc.collect()` returns a number."""
    notebook.ok("%%hpo s --minimize loss --trials 1\nimport gc\nloss = hp.Int(1, 9)\ngc.collect()")
    assert notebook["s"].best_seen == 5


def test_another_number_at_the_end_than_the_metric_is_told(notebook: Any) -> None:
    """It is the value; nobody may have meant it."""
    cell = "%%hpo s --minimize loss --trials 2\nloss = hp.Int(1, 9)\nlen('abc')"
    assert "loss is another one. If loss is meant" in notebook.ok(cell).text


def test_an_hp_call_in_a_timed_statement_has_its_name(notebook: Any) -> None:
    """`%time` would run it from a text of its own; the frozen cell still has it."""
    notebook.ok("%%hpo s --minimize loss --trials 1\n%time x = hp.Int(1, 9)\nloss = x**2")
    assert notebook["s"].best_params == {"x": 5}
    assert "%time x = 5" in str(notebook["s"].freeze())


def test_test_rows_that_are_predicted_alone_are_no_test_data(notebook: Any) -> None:
    """Predictions to hand in; labels of test rows are told as ever."""
    notebook.ok(
        "from sklearn.dummy import DummyClassifier\n"
        "X_test, y_test = [[1], [2]], [0, 1]\nX, y = [[1], [2], [3]], [0, 1, 1]"
    )
    cell = (
        "%%hpo {} --maximize acc --trials 1\nm = DummyClassifier().fit(X, y)\nw = hp.Int(0, 1)\n{}"
    )
    handed = notebook.ok(cell.format("a", "out = m.predict(X_test)\nacc = w"))
    scored = notebook.ok(cell.format("b", "acc = m.score(X_test, y_test) + w"))
    assert "test data by name" not in handed.text
    assert "X_test, y_test, which are test data by name" in scored.text


def test_objects_of_a_study_are_shown_in_one_line(notebook: Any) -> None:
    """Neither a dataclass's fields nor times in seconds."""
    notebook.ok(
        "from sklearn.dummy import DummyClassifier\n"
        "X, y, V, w = [[1]] * 12, [0, 1, 1] * 4, [[2]] * 36, [0, 1, 1, 1] * 9"
    )
    notebook.ok(
        "%%hpo s --maximize acc --trials 2\nn = hp.Int(0, 1)\nm = DummyClassifier().fit(X, y)\n"
        "acc = m.score(V, w)"
    )
    notebook.ok("%%hpo_test s\nm.score(V, w)")
    assert notebook.ok("s.trials[0]").text.splitlines()[-1].endswith("trial 0: 0.75 with n=0")
    assert "expect about 0.75" in notebook.ok("s.honest").text
    assert "evaluation 1 of s: acc 0.75" in notebook.ok("s.test").text


def test_a_wrong_call_of_an_optuna_trial_that_is_caught_is_told(notebook: Any) -> None:
    """An objective that prunes what fails would hide it."""
    shown = notebook.run(
        "%%hpo s --minimize value --trials 3\ntry:\n    value = hp.trial.suggest_float('x', 9, 1)\n"
        "except Exception:\n    value = 0"
    )
    assert shown.usage_error is not None
    assert 'trial.suggest_float("x", …) on line 3' in shown.usage_error


def test_bounds_that_a_file_of_settings_has_as_texts_are_told(notebook: Any) -> None:
    """YAML reads 1e-4 as one."""
    shown = notebook.run("%%hpo s --minimize x --trials 1\nx = hp.Float(*['1e-4', '1e-1'])")
    assert "the bounds must be numbers, got the text '1e-4'" in str(shown.usage_error)
