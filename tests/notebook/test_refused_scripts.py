"""Scripts that are refused, with what to write instead; a script's error is the user's own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from scripts_run import OPTUNA, SPLIT, run

from hpo_magic.scripts.tool_search import CannotTakeOver, search_of
from hpo_magic.tools.entries import ENTRIES
from hpo_magic.tools.finding import searches_in
from hpo_magic.tools.interception import Call


def test_what_is_refused_before_a_trial(notebook: Any) -> None:
    """Each with the way out."""
    first = "%%hpo s --minimize v --ui none\nv = hp.Float(0, 1)\n"
    both = notebook.run(f"{first}{dedent(OPTUNA)}").usage_error
    assert both.startswith("%%hpo: the cell asks hp for values on line 2 and runs study.opt")
    assert both.endswith("Leave one of them out: without hp outside of functions the script's "
                         "search is this one.")  # fmt: skip
    taken = notebook.run(f"%%hpo study\n{dedent(OPTUNA)}").usage_error
    assert taken.endswith("Give the study another name: %%hpo study_search.")
    jobs = notebook.run(f"%%hpo s --jobs 2\n{dedent(OPTUNA)}").usage_error
    assert "Leave --jobs, --isolate and --on out, or end the cell in the call of one" in jobs
    uncalled = dedent(OPTUNA).replace("__main__", "elsewhere")
    assert notebook.run(f"%%hpo s --ui none\n{uncalled}").usage_error == (
        "%%hpo: study.optimize(…) on line 14 was not called, so nothing was searched. Call it in "
        "this cell, or put %%hpo on the cell that does."
    )
    notebook.ok("s_2 = 1\nfrom hyperopt import fmin, hp as dist, rand")
    one = "fmin(abs, dist.uniform('x', 0, 9), algo=rand.suggest, max_evals=2)"
    twice = notebook.run(f"%%hpo s --ui none\n{one}\n{one}").usage_error
    assert twice == "%%hpo: the script has 2 searches, and s_2 is a variable of yours. Rename it."
    memo = notebook.run(f"%%hpo s --ui none\n{one[:-1]}, pass_expr_memo_ctrl=True)").usage_error
    assert memo.endswith("Have it take the values.")
    wrong = notebook.run("%%hpo s --ui none\nfmin(abs)").usage_error
    assert wrong == "%%hpo: fmin on line 2: missing a required argument: 'space'."


def test_a_search_inside_a_trial_is_named(notebook: Any) -> None:
    """Also where the text does not show it; the tool is as it was afterwards."""
    notebook.ok("import skopt\nfind = getattr(skopt, 'gp_minimize')\nholder = [find]")
    shown = notebook.run(
        "%%hpo s --minimize v --ui none\nv = hp.Float(0, 1)\n"
        "v += holder[0](lambda x: x[0], [(0.0, 1.0)], n_calls=10).fun"
    )
    assert shown.usage_error == (
        "%%hpo: gp_minimize on line 3 is a search of scikit-optimize's, and it would run whole in "
        "every trial. Put %%hpo on the cell that calls it, without other hp calls: then it is the "
        "search. Or leave it out: func(hp.from_space(dimensions)) in place of it is one trial."
    )
    own = "holder[0](lambda x: x[0], [(0.0, 1.0)], n_calls=10, n_initial_points=9).x_iters"
    assert len(notebook.ok(own).value) == 10


def test_an_error_of_the_script_is_the_users_own(notebook: Any) -> None:
    """With the lines of the cell, and none of ours."""
    shown = notebook.run(f"%%hpo s --ui none\n{dedent(OPTUNA)}\nstudy.best_parms")
    assert type(shown.error) is AttributeError
    assert "hpo_magic/" not in shown.text
    assert len(notebook["s"].trials) == 12
    failing = dedent(OPTUNA).replace("return (x", "raise KeyError('gone')\n    return (x")
    shown = notebook.run(f"%%hpo t --ui none\n{failing}")
    assert type(shown.error) is KeyError
    assert "hpo_magic/" not in shown.text
    assert "raise KeyError('gone')" in shown.text


@pytest.mark.parametrize(
    ("package", "call", "way_out"),
    [
        ("ray", "ray.tune.tune.run(abs)", r"trainable\(hp\.from_space\(config\)\) in place of it"),
        ("talos", "talos.scan.Scan.Scan(1)", r"hp\.from_space\(params\)\) in place of it is one"),
    ],
)
def test_a_tool_that_is_not_taken_over(package: str, call: str, way_out: str) -> None:
    """Is refused when its search begins, with what to write."""
    entry = next(e for e in ENTRIES if e.package == package and not e.call.endswith(".fit"))
    made = Call(entry, print, (), {}, sys._getframe())
    with pytest.raises(CannotTakeOver, match=way_out):
        search_of(made)
    tree = ast.parse(f"import {package}\n{call}")
    found = searches_in(tree, {})
    assert [(one.package, one.line) for one in found] == [(package, 2)]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("import talos\nscan = talos.Scan(x=1, y=1, params={}, model=abs)", "talos.Scan on line 3"),
        ("from ray import tune\ntune.Tuner(abs).fit()", "Tuner(…).fit on line 3"),
        ("from ray import tune\ntune.run(abs)", "tune.run on line 3"),
    ],
)
def test_searches_that_are_not_taken_over(notebook: Any, cell: str, told: str) -> None:
    """Each is refused before a trial, with what to write; a tool that is not installed, too."""
    refused = notebook.run(f"%%hpo s --minimize loss --ui none\n{cell}").usage_error
    assert refused.startswith(f"%%hpo: {told}")
    assert "Write the training without it: " in refused


@pytest.mark.parametrize(
    ("cell", "call"),
    [
        ("import optuna\nstudy = optuna.create_study()\ntrial = study.ask()", "study.ask"),
        ("from skopt import Optimizer\nopt = Optimizer([(0, 9)])\nopt.ask()", "Optimizer.ask"),
    ],
)
def test_a_setting_whose_value_nobody_tells_is_no_search(
    notebook: Any, cell: str, call: str
) -> None:
    """A person measures it: such a cell works without `%%hpo`."""
    refused = notebook.run(f"%%hpo s --minimize loss --ui none\n{cell}").usage_error
    assert refused.startswith(f"%%hpo: {call} on line 4 asks for a setting whose value no line of")
    assert "Run the cell without %%hpo: asked and told by hand, it works as without" in refused


def test_the_search_of_a_trainer_of_transformers_is_found() -> None:
    """It is Optuna's, which it calls; one line of a cell, also where the trainer is older."""
    text = "from transformers import Trainer\ntrainer = Trainer()\nrun = trainer.{name}(n_trials=2)"
    found = searches_in(ast.parse(text.format(name="hyperparameter_search")), {})
    assert [(one.package, one.line) for one in found] == [("transformers", 3)]
    assert searches_in(ast.parse(text.format(name="train")), {}) == []


def test_a_search_that_is_handed_to_other_code_is_refused(notebook: Any) -> None:
    """To a cluster or a thread: the whole search would run there."""
    notebook.ok("import optuna\nfrom threading import Thread")
    cell = "study = optuna.create_study()\nThread(target=study.optimize, args=(abs,)).start()"
    refused = notebook.run(f"%%hpo s --minimize --ui none\n{cell}").usage_error
    assert refused.startswith("%%hpo: study.optimize on line 3 is handed to other code, which wou")
    assert refused.endswith("one trial, which also runs with --jobs and --on.")


def test_the_tuner_of_lightgbm_is_found() -> None:
    """Optuna's `train` has LightGBM's name; its own is no search."""
    text = "import optuna_integration.lightgbm as lgb\nlgb.train({}, 1)"
    assert [one.line for one in searches_in(ast.parse(text), {})] == [2]
    assert searches_in(ast.parse(text.replace("optuna_integration.", "")), {}) == []


def test_a_loop_of_ask_and_tell_inside_a_trial_is_named(notebook: Any) -> None:
    """And what asks by itself, an estimator of scikit-optimize's, is left alone."""
    notebook.ok("import skopt\nopts = [skopt.Optimizer([(0.0, 9.0)])]\nask = 'ask'")
    asks = "v = hp.Float(0, 1) + getattr(opts[0], ask)()[0]"
    shown = notebook.run(f"%%hpo s --minimize v --ui none\n{asks}")
    assert "Optimizer.ask on line 2 is a search of scikit-optimize's" in shown.usage_error
    notebook.ok(dedent(SPLIT))
    study = run(
        notebook,
        """
        search = skopt.BayesSearchCV(SVC(kernel=hp.Choice(["rbf", "poly"])), {"C": (0.1, 9.0)},
                                     n_iter=2, cv=2)
        accuracy = search.fit(X, y).best_score_
        """,
        options="--maximize accuracy --trials 2 --recheck 0",
    )
    assert [trial.state.value for trial in study.trials] == ["complete"] * 2


def test_a_search_of_a_tool_that_a_trial_loads_itself_is_caught(tmp_path: Path) -> None:
    """In a module of the user's that imports it: before the first of its trainings."""
    (tmp_path / "tuning.py").write_text(
        "def tuned():\n"
        "    import optuna\n"
        "    study = optuna.create_study()\n"
        "    study.optimize(lambda trial: print('trained'), n_trials=3)\n"
    )
    code = (
        "import sys, hpo_magic\nfrom tuning import tuned\nassert 'optuna' not in sys.modules\n"
        "hpo_magic.search(lambda: hpo_magic.hp.Float('x', 0, 1) + (tuned() or 0), "
        "minimize='value', trials=3, ui='none')"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "study.optimize on line 4 is a search of Optuna's, and it would run" in run.stderr
    assert "trained" not in run.stdout
