"""What a study's names are in other tools, for those who come from there."""

from __future__ import annotations

_MORE_TRIALS = "run its cell again with a larger --trials"
_HERE = {
    # Optuna
    "best_value": "best_seen, or honest without the bias of its selection",
    "best_values": "best_trial.metrics",
    "best_trials": "front",
    "direction": "record.goals",
    "directions": "record.goals",
    "trials_dataframe": "to_frame()",
    "get_trials": "trials",
    "study_name": "name",
    "enqueue_trial": "enqueue(name=value, …)",
    "optimize": _MORE_TRIALS,
    "plot_optimization_history": "plot_convergence()",
    "plot_intermediate_values": "plot_curves()",
    "plot_param_importances": "plot_importance()",
    "plot_parallel_coordinate": "plot_parallel()",
    "plot_slice": "plot_slices()",
    "plot_pareto_front": "plot_front()",
    # KerasTuner
    "get_best_hyperparameters": "best_hp",
    "get_best_models": "best_models(n)",
    "get_best_step": "best_trial.curve",
    "results_summary": "the study alone, as the last line of a cell",
    "search": _MORE_TRIALS,
    "search_space_summary": "space",
    # Hyperopt
    "argmin": "best_params",
    "losses": 'to_frame()["value"]',
    "results": "to_frame()",
    "vals": "to_frame()",
    # scikit-optimize
    "x": "best_params",
    "fun": "best_seen",
    "x_iters": "to_frame()",
    "func_vals": 'to_frame()["value"]',
    # scikit-learn's searches
    "best_params_": "best_params",
    "best_score_": "best_seen, or honest without the bias of its selection",
    "best_estimator_": "best_model()",
    "cv_results_": "to_frame()",
    "predict": "best_model().predict(…)",
    # what one may expect
    "compare": "hpo_magic.compare(this_study, other_study)",
    "export": 'to_frame().to_csv("trials.csv"), or to_optuna(…)',
    "history": "to_frame()",
    "importance": "plot_importance()",
    "plot_history": "plot_convergence()",
    "plot_importances": "plot_importance()",
    "plot": "plot_convergence(), plot_curves() and others; the study alone shows the panel",
    "results_dataframe": "to_frame()",
    "save": "nothing: every trial is on disk as soon as it has ended",
}


def name_here(name: str) -> str:
    """Return " Here it is …." for a name that another tool has; "" for any other name.

    >>> name_here("best_params_")
    ' Here it is: best_params.'
    """
    return f" Here it is: {_HERE[name]}." if name in _HERE else ""
