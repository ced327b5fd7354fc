"""Loops of `ask` and `tell` under `%%hpo`: Optuna's studies and scikit-optimize's optimizers."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from scripts_run import run

from hpo_magic.views.words.notices import messages

ASKS = """
    import optuna
    kept = []
    study = optuna.create_study(direction="maximize")
    for number in range(6):
        trial = study.ask()
        x = trial.suggest_float("x", -1, 1)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        for step in range(5):
            if step > 2:
                break
        kept.append(number)
        from math import sqrt
        score = sqrt(abs(x)) - (kind == "b")
        study.tell(trial, score)
    best = study.best_params
"""


def test_a_loop_of_ask_and_tell_is_the_search(notebook: Any) -> None:
    """Its body is one training; what it assigns are the cell's variables, as before."""
    study = run(notebook, ASKS, options="--sampler random")
    assert len(study.trials) == 6 == len(notebook["study"].trials)
    assert study.record.goals[0].direction.value == "maximize"
    assert notebook["best"] == dict(study.best_params)
    assert notebook["kept"] == list(range(6))
    assert (notebook["number"], notebook["step"]) == (5, 3)
    assert notebook["score"] == study.trials[-1].value
    assert messages(study.snapshot)[0] == (
        "The loop of study.ask and study.tell on line 6 is this search: maximize its value, 6 "
        "trials, in place of Optuna's. The lines after it get Optuna's own results."
    )
    assert "_asked_and_told" not in notebook
    assert "_passes_of_loop" not in notebook
    again = run(notebook, ASKS, options="--sampler random")
    assert [t.started for t in again.trials] == [t.started for t in study.trials]
    assert again.record.revision == 1
    failing = ASKS.replace("kept.append(number)", "kept.append(1 / 0)")
    shown = notebook.run(f"%%hpo t\n{dedent(failing)}").text
    assert re.search(r"---> 13 +kept\.append\(1 / 0\)", shown)
    assert not [name for name in notebook["get_ipython"]().user_ns if name.endswith("_loop")]


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("study.tell(trial, score)", "study.tell(trial, score)\n        if score: break"),
        ("trial = study.ask()", "trial, other = study.ask(), 1"),
        ("kept.append(number)", "if x > 0:\n            continue"),
        ("study.tell(trial, score)", "study.tell(trial, state=optuna.trial.TrialState.PRUNED)"),
        ("for number in range(6):", "for number in [1, 2]:"),
    ],
)
def test_other_loops_of_ask_and_tell_are_refused(notebook: Any, now: str, then: str) -> None:
    """With the rewrite that is taken over."""
    cell = dedent(ASKS.replace(now, then))
    assert notebook.run(f"%%hpo s --ui none\n{cell}").usage_error == (
        "%%hpo: study.ask on line 7: a search of Optuna's is not taken over. Write the training "
        "without it: put the body of the loop into def objective(trial): … return VALUE, with the "
        "value that it tells, and write study.optimize(objective, n_trials=…) in place of the "
        "loop. That is taken over."
    )


def test_what_follows_tell_runs_after_each_trial(notebook: Any) -> None:
    """With what `tell` returns; a second loop goes on, and counts its passes from its own start."""
    cell = """
        import optuna
        seen, passes, count = [], [], {"n": 0}
        study = optuna.create_study()
        for epoch in range(2):
            for k in range(10, 13):
                trial = study.ask()
                x = trial.suggest_float("x", -1, 1)
                count["n"] += 1
                passes.append(k)
                done = study.tell(trial, x * x)
                seen.append((done.number, x * x, study.best_value))
                assert trial.params == {"x": x}
        last = trial.number
    """
    study = run(notebook, cell, options="--recheck 0 --sampler random")
    assert len(study.trials) == 6 == notebook["count"]["n"]
    assert notebook["passes"] == [10, 11, 12] * 2
    assert notebook["last"] == 5
    assert notebook["seen"] == [
        (k, t.value, min(u.value for u in study.trials[: k + 1]))
        for k, t in enumerate(study.trials)
    ]
    longer = cell.replace("range(10, 13)", "range(10, 14)")
    again = run(notebook, longer, options="--recheck 0 --sampler random")
    assert len(again.trials) == 8


OPTIMIZER = """
    import skopt
    opt = skopt.Optimizer([(-2.0, 2.0), (0, 5)], n_initial_points=3)
    first = opt.ask()
    opt.tell(first, 30.0)
    for k in range(4):
        point = opt.ask()
        y = point[0] ** 2 + point[1]
        res = opt.tell(point, y)
    last = point
    res = opt.run(lambda p: p[0] ** 2 + p[1], n_iter=3)
"""


def test_an_optimizer_is_told_our_trials(notebook: Any) -> None:
    """As many as it asked for; what it asked before is not learned from."""
    study = run(notebook, OPTIMIZER)
    values = [trial.value for trial in study.trials]
    assert list(notebook["opt"].yi) == [30.0, *values]
    assert len(values) == 7
    assert notebook["res"].fun == study.best_seen == notebook["opt"].get_result().fun
    assert (notebook["k"], len(notebook["res"].models)) == (3, 4)
    told = messages(study.snapshot)
    assert notebook["last"] == [study.trials[3].params[name] for name in ("x0", "x1")]
    assert "Optimizer.run on line 12 is this search: minimize its value, 7 trials" in told[1]
    assert told[2] == "Not used: the 1 point that the optimizer was told before, to learn from."
    alone = "import skopt\nopt = skopt.Optimizer([(0, 9)])\nres = opt.run(abs_of, 4)"
    notebook.ok("def abs_of(point):\n    return abs(point[0] - 3)")
    frozen = str(run(notebook, alone, name="t", options="--recheck 0").freeze(check=True))
    assert "abs_of([" in frozen


@pytest.mark.parametrize(
    "values",
    [
        "[loss(p) for p in points]",
        "list(map(loss, points))",
        "Parallel(n_jobs=2)(delayed(loss)(p) for p in points)",
    ],
)
def test_a_batch_of_points_is_so_many_trials(notebook: Any, values: str) -> None:
    """Where each of them is trained on its own, which the text must show."""
    cell = dedent(f"""
        from joblib import Parallel, delayed
        from skopt import Optimizer
        tqdm = list
        def loss(point):
            return (point[0] - 1) ** 2
        opt = Optimizer(dimensions=[(-2.0, 2.0)], acq_func="EI")
        for k in tqdm(range(3)):
            points = opt.ask(n_points=2)
            values = {values}
            opt.tell(points, values)
        lowest = min(opt.yi)
    """)
    study = run(notebook, cell, options="--recheck 0")
    assert len(study.trials) == 6
    assert notebook["lowest"] == study.best_seen
    assert "Not used: the optimizer's acq_func='EI' (--sampler)." in messages(study.snapshot)
    read = notebook.run(f"%%hpo t --ui none\n{cell}print(values)").usage_error
    assert read.startswith("%%hpo: Optimizer.ask on line 10")
    other = cell.replace(values, "ranked(points)")
    refused = notebook.run(f"%%hpo t --ui none\n{other}").usage_error
    assert refused.startswith("%%hpo: Optimizer.ask on line 10: a search of scikit-optimize's is")
    assert "write optimizer.run(func, n_iter=…) in place of the loop" in refused


def test_points_that_a_constraint_excludes_are_not_tried(notebook: Any) -> None:
    """They end as pruned; and an acquisition of seconds is refused with what to write."""
    cell = """
        import skopt
        tried = []
        def loss(p):
            tried.append(p[0])
            return p[0]
        res = skopt.gp_minimize(loss, [(0.0, 1.0)], n_calls=8, space_constraint=lambda p: p[0] > .4)
    """
    study = run(notebook, cell, options="--recheck 0")
    assert {trial.state.value for trial in study.trials} == {"complete", "pruned"}
    assert min(notebook["tried"]) > 0.4
    timed = "import skopt\nopt = skopt.Optimizer([(0, 9)], acq_func='EIps')\nopt.run(abs, 3)"
    refused = notebook.run(f"%%hpo t --ui none\n{timed}").usage_error
    assert "the optimizer's acq_func 'EIps' takes the time of each training" in refused
    assert refused.endswith('Leave it out, and return the value alone; or write acq_func="EI".')


def test_points_with_values_are_not_run_again(notebook: Any) -> None:
    """`x0` with `y0`: the result has them, and they count as the lowest."""
    cell = """
        import skopt
        res = skopt.gp_minimize(lambda p: p[0] ** 2, [(1.0, 2.0)], n_calls=4, x0=[[1.0], [2.0]],
                                y0=[-5.0, 4.0])
    """
    study = run(notebook, cell, options="--recheck 0")
    assert len(study.trials) == 4
    assert (notebook["res"].x, notebook["res"].fun) == ([1.0], -5.0)
    assert list(notebook["res"].func_vals[:3]) == [-5.0, 4.0, study.trials[0].value]
    assert len(notebook["res"].x_iters) == 6
    assert "Not used: the 2 points of x0 with their y0, to learn from. The result has them." in (
        messages(study.snapshot)
    )


def test_asked_distributions_and_pruned_branches(notebook: Any) -> None:
    """`ask(distributions)` suggests them; each branch tells a value or the state "pruned"."""
    cell = """
        import optuna
        from optuna.distributions import FloatDistribution
        study = optuna.create_study()
        for _ in range(8):
            trial = study.ask({"x": FloatDistribution(0.0, 1.0)})
            if trial.params["x"] > 0.8:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                continue
            y = trial.params["x"] ** 2
            if y > 0.5:
                study.tell(trial, y + 1)
            else:
                study.tell(trial, y)
        n = len(study.trials)
    """
    study = run(notebook, cell, options="--recheck 0 --sampler sobol")
    assert notebook["n"] == 8 == len(study.trials)
    for trial in study.trials:
        x = trial.params["x"]
        assert trial.state.value == ("pruned" if x > 0.8 else "complete")
        assert trial.value == (None if x > 0.8 else x**2 + (x**2 > 0.5))
    assert {trial.state.value for trial in study.trials} == {"pruned", "complete"}
    missing = cell.replace("study.tell(trial, y)", "pass")
    assert (
        "study.ask on line 7" in notebook.run(f"%%hpo t --ui none\n{dedent(missing)}").usage_error
    )


def test_a_loop_that_cannot_be_read_is_refused_before_any_search(notebook: Any) -> None:
    """Also where another search of the cell stands before it."""
    cell = """
        import optuna
        ran = []
        study = optuna.create_study()
        study.optimize(lambda trial: ran.append(1) or trial.suggest_float("x", 0, 1), n_trials=3)
        for trial in [study.ask() for _ in range(4)]:
            study.tell(trial, trial.suggest_float("x", 0, 1))
    """
    refused = notebook.run(f"%%hpo s --ui none\n{dedent(cell)}").usage_error
    assert refused.startswith("%%hpo: study.ask on line 7: a search of Optuna's is not taken over.")
    assert "ran" not in notebook


def test_the_models_are_as_many_as_scikit_optimize_has(notebook: Any) -> None:
    """Plots of `skopt.plots` go through them by number; each knows the trials up to one."""
    cell = """
        import matplotlib.pyplot as plt
        import skopt
        from skopt.plots import plot_gaussian_process
        res = skopt.gp_minimize(lambda p: (p[0] - 1) ** 2, [(-2.0, 2.0)], n_calls=7,
                                n_initial_points=2)
        plot_gaussian_process(res, n_calls=0, ax=plt.figure().add_subplot())
    """
    run(notebook, cell, options="--recheck 0")
    models = notebook["res"].models
    assert len(models) == 6
    assert [len(models[k].X_train_) for k in (0, 3, -1)] == [2, 5, 7]
    assert len(models[1:3]) == 2


@pytest.mark.parametrize("pruner", ["wait", "hyperband"])
def test_trainings_that_share_variables_never_wait(notebook: Any, pruner: str) -> None:
    """A loop's body sets the cell's variables: a training that goes on would find another's."""
    line = f"%%hpo s --ui none --pruner {pruner}\n"
    refused = notebook.run(line + dedent(ASKS)).usage_error
    assert refused.startswith(
        f"%%hpo: --pruner {pruner} lets trainings wait while others train, and those of "
        "study.optimize on line 6 set variables that all of them share: kind, number, score. Set"
    )
    run(notebook, ASKS, options="--pruner asha --recheck 0")


def test_several_values_and_the_number_of_a_trial_are_told(notebook: Any) -> None:
    """`tell(trial.number, values=[…])` of a study with two directions."""
    cell = """
        import optuna
        study = optuna.create_study(directions=["minimize", "maximize"])
        with open("log.txt", "w") as log:
            for k in range(1, 9, 2):
                trial = study.ask()
                x = trial.suggest_float("x", 0, 1)
                study.tell(trial.number, values=[x, 1 - x])
                print(k, trial.values, file=log)
        front = len(study.best_trials)
    """
    study = run(notebook, cell, options="--sampler random")
    assert [goal.direction.value for goal in study.record.goals] == ["minimize", "maximize"]
    assert notebook["front"] >= 1
    lines = Path("log.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["1", "3", "5", "7"]
    assert len(study.trials) == 4


@pytest.mark.parametrize("tool", ["optuna", "skopt"])
def test_a_training_that_fails_is_a_pass_of_the_loop(notebook: Any, tool: str) -> None:
    """The next one has the next number; a loop without passes trains nothing."""
    ask = {
        "optuna": ("optuna.create_study()", "point.suggest_float('x', 0, 1)"),
        "skopt": ("skopt.Optimizer([(0.0, 1.0)])", "point[0]"),
    }[tool]
    cell = dedent(f"""
        import {tool}
        ran = []
        made = {ask[0]}
        for k in range(5):
            point = made.ask()
            ran.append(k)
            y = {ask[1]} if k != 1 else 1 / 0
            made.tell(point, y)
            ran.append("told")
    """)
    study = run(notebook, cell, options="--sampler random")
    assert [trial.state.value for trial in study.trials] == [
        "complete",
        "failed",
        *["complete"] * 3,
    ]
    assert notebook["ran"] == [0, "told", 1, 2, "told", 3, "told", 4, "told"]
    none = notebook.run(f"%%hpo t --ui none\n{cell.replace('range(5)', 'range(0)')}").usage_error
    assert "made.ask(…) on line 7 was not called, so nothing was searched." in none
