"""The calls by which other tools begin a search, and what to write instead of each.

No tool is imported here: an entry is the text of a place.
"""

from __future__ import annotations

from dataclasses import dataclass

_OPTUNA_WAY = "objective(hp.trial) in place of it, at the end of the cell, is one trial"
_ASK_WAY = (
    "put the body of the loop into def objective(trial): … return VALUE, with the value that it "
    "tells, and write study.optimize(objective, n_trials=…) in place of the loop. That is taken "
    "over"
)
_SKLEARN_WAY = "cross_val_score(model, X, y).mean() in place of it is one trial"


@dataclass(frozen=True)
class Entry:
    """One call that begins a search of another tool.

    Attributes
    ----------
    tool
        The tool's name for the user.
    package
        Its top-level package.
    place
        Where the function or method is: "module:name" or "module:Class.method".
    call
        How a user writes it: "study.optimize".
    instead
        What to write for one training, without the search.
    reader
        "module:function" of ours that reads a call of it as a search; "" if it is refused.
    may_nest
        Whether it may run inside a trial: scikit-learn's searches are estimators, too.
    is_inner
        Whether the tool itself calls it, too, in a search of which another entry is the beginning.
    """

    tool: str
    package: str
    place: str
    call: str
    instead: str
    reader: str = ""
    may_nest: bool = False
    is_inner: bool = False


def _of_skopt(module: str, name: str) -> Entry:
    return Entry(
        "scikit-optimize",
        "skopt",
        f"skopt.optimizer.{module}:{name}",
        name,
        "func(hp.from_space(dimensions)) in place of it is one trial",
        "hpo_magic.scripts.skopt:read_minimize",
    )


def _of_scikit_learn(tool: str, module: str, name: str) -> Entry:
    return Entry(
        tool,
        module.partition(".")[0],
        f"{module}:{name}._run_search",
        f"{name}.fit",
        _SKLEARN_WAY,
        "hpo_magic.scripts.scikit_learn:read_run_search",
        may_nest=True,
    )


_HALVING = "sklearn.model_selection._search_successive_halving"

ENTRIES = (
    Entry(
        "Optuna",
        "optuna",
        "optuna.study:Study.optimize",
        "study.optimize",
        _OPTUNA_WAY,
        "hpo_magic.scripts.optuna:read_optimize",
    ),
    Entry(
        "Optuna",
        "optuna",
        "optuna.study:Study.ask",
        "study.ask",
        _ASK_WAY,
        is_inner=True,
    ),
    Entry(
        "scikit-optimize",
        "skopt",
        "skopt.optimizer.optimizer:Optimizer.ask",
        "Optimizer.ask",
        "put the body of the loop into def func(point): … return VALUE, and write "
        "optimizer.run(func, n_iter=…) in place of the loop. That is taken over",
        is_inner=True,
    ),
    Entry(
        "scikit-optimize",
        "skopt",
        "skopt.optimizer.optimizer:Optimizer.run",
        "Optimizer.run",
        "func(hp.from_space(dimensions)) in place of it is one trial",
        "hpo_magic.scripts.skopt:read_run",
    ),
    Entry(
        "LightGBMTuner",
        "optuna_integration",
        "optuna_integration.lightgbm._lightgbm_tuner.optimize:_LightGBMBaseTuner.run",
        "Optuna's lgb.train",
        "lightgbm.train({**params, 'num_leaves': hp.Int(2, 256), …}, …) with LightGBM's own train "
        "is one trial",
        "hpo_magic.scripts.lightgbm_tuner:read_run",
    ),
    Entry(
        "KerasTuner",
        "keras_tuner",
        "keras_tuner.src.engine.base_tuner:BaseTuner.search",
        "tuner.search",
        "model = build_model(hp) and model.fit(…) in place of it are one trial",
        "hpo_magic.scripts.keras_tuner:read_search",
    ),
    Entry(
        "Hyperopt",
        "hyperopt",
        "hyperopt.fmin:fmin",
        "fmin",
        "fn(hp.from_space(space)) in place of it is one trial",
        "hpo_magic.scripts.hyperopt:read_fmin",
    ),
    _of_skopt("gp", "gp_minimize"),
    _of_skopt("forest", "forest_minimize"),
    _of_skopt("gbrt", "gbrt_minimize"),
    _of_skopt("dummy", "dummy_minimize"),
    _of_scikit_learn("scikit-optimize", "skopt.searchcv", "BayesSearchCV"),
    _of_scikit_learn("scikit-learn", "sklearn.model_selection._search", "GridSearchCV"),
    _of_scikit_learn("scikit-learn", "sklearn.model_selection._search", "RandomizedSearchCV"),
    _of_scikit_learn("scikit-learn", _HALVING, "BaseSuccessiveHalving"),
    Entry(
        "Hyperas",
        "hyperas",
        "hyperas.optim:minimize",
        "optim.minimize",
        "%%hpo on the cell that has the {{…}} templates makes it the search",
        "hpo_magic.scripts.hyperas:read_minimize",
    ),
    Entry(
        "Talos",
        "talos",
        "talos.scan.Scan:Scan.__init__",
        "talos.Scan",
        "history, model = model(x, y, x_val, y_val, hp.from_space(params)) in place of it is one "
        "trial, with --maximize or --minimize on the line",
    ),
    Entry(
        "Ray Tune",
        "ray",
        "ray.tune.tuner:Tuner.fit",
        "Tuner(…).fit",
        "trainable(hp.from_space(param_space)) in place of it, with hp.report(…) for "
        "tune.report(…), is one trial",
    ),
    Entry(
        "Ray Tune",
        "ray",
        "ray.tune.tune:run",
        "tune.run",
        "trainable(hp.from_space(config)) in place of it, with hp.report(…) for tune.report(…), "
        "is one trial",
    ),
)


def refused(package: str, text: str) -> Entry | None:
    """Return the entry of a call of a tool that is never taken over; None if the tool is.

    `text` is the call as it is written, "tune.Tuner".
    """
    entries = [entry for entry in ENTRIES if entry.package == package and not entry.is_inner]
    if not entries or any(entry.reader for entry in entries):
        return None
    name = text.rpartition(".")[2]
    return next((entry for entry in entries if name in entry.call), entries[0])


def ask_of(package: str) -> Entry:
    """Return the entry of a package's `ask`."""
    return next(entry for entry in ENTRIES if entry.package == package and entry.is_inner)


def packages() -> set[str]:
    """Return the top-level packages of the tools."""
    return {entry.package for entry in ENTRIES}
