"""`hp`: what a cell calls to declare hyperparameters, report metrics and score predictions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hpo_magic.core.row_scores import RowOrder
from hpo_magic.errors import NotCovered, SpaceError, did_you_mean
from hpo_magic.language.call import in_scope, scope_of
from hpo_magic.language.optuna_trial import OptunaTrial
from hpo_magic.language.ranges import Ranges
from hpo_magic.language.reporting import reported
from hpo_magic.language.scores import Metric, scored, with_split
from hpo_magic.language.spaces import value_from
from hpo_magic.language.trial_context import current_trial

# Names that users of Hyperopt, KerasTuner or Optuna look for in `hp`, and what to write instead.
_WAYS_OUT = {
    "choice": "Write hp.Choice([…]).",
    "uniform": "Write hp.Float(low, high).",
    "loguniform": 'Write hp.Float(low, high, sampling="log"), with the bounds themselves.',
    "quniform": "Write hp.Float(low, high, step=q), or hp.Int.",
    "qloguniform": 'Write hp.Int(low, high, sampling="log"), with the bounds themselves.',
    "normal": "Write hp.Float(low, high): the search needs bounds.",
    "lognormal": 'Write hp.Float(low, high, sampling="log"): the search needs bounds.',
    "randint": "Write hp.Int(0, n - 1): both bounds are included.",
    "uniformint": "Write hp.Int(low, high).",
    "space": "The study has it, once the search has ended: study.space.",
    "copy": "Within a trial there is one hp; hp.values has the values so far as a dict.",
    "get_config": "The study has the space, once the search has ended: study.space.",
    "Uniform": "Write hp.Float(low, high).",
    "LogUniform": 'Write hp.Float(low, high, sampling="log").',
    "log_uniform": 'Write hp.Float(low, high, sampling="log").',
    "Real": "Write hp.Float(low, high).",
    "Integer": "Write hp.Int(low, high).",
    "Categorical": "Write hp.Choice([…]).",
    "categorical": "Write hp.Choice([…]).",
    "suggest_float": "Write hp.Float(low, high), or hp.trial.suggest_float.",
    "suggest_int": "Write hp.Int(low, high), or hp.trial.suggest_int.",
    "suggest_categorical": "Write hp.Choice([…]), or hp.trial.suggest_categorical.",
}


class _Values(dict[str, Any]):
    """The values of a trial; one that is set is fixed."""

    def __setitem__(self, name: str, value: Any) -> None:
        if current_trial() is None:
            raise SpaceError(
                f"hp.values[{name!r}] = … fixes a value in a trial; outside there is none. Write "
                f"it into the cell of %%hpo, before {name} is asked for."
            )
        super().__setitem__(name, hp.Fixed(name, value))


class HyperParameters(Ranges):
    """The hyperparameters of a cell or function; `hp` is the one instance.

    Every call takes a name, first or as `name=`. Without one it is named by where it stands: the
    keyword or parameter it is passed to, or the variable it is assigned to.

    >>> hp.Int(16, 512, sampling="log", default=64)
    64
    >>> hp.Float("lr", 1e-4, 1e-2, sampling="log")
    0.001
    """

    def __reduce__(self) -> str:
        return "hp"  # the one instance, also where a pickled cell is unpacked

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put `name/` before the names that calls inside give; other names stay as they are."""
        trial = current_trial()
        if trial is None:
            yield
            return
        trial.prefixes.append(str(name))
        try:
            yield
        finally:
            trial.prefixes.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Declare that the parameters inside are active only for some values of another one.

        Parameters
        ----------
        parent_name
            The name of a parameter that was asked for before.
        parent_values
            A value or a list of values of it.
        """
        trial = current_trial()
        if trial is None:
            yield
            return
        parent_name = in_scope(trial, parent_name)
        if parent_name not in trial.known:
            raise SpaceError(
                f"hp.conditional_scope({parent_name!r}, …): no parameter of that name was asked "
                f"for before. Known here: {', '.join(trial.values) or 'none'}."
                f"{did_you_mean(parent_name, trial.values)}"
            )
        trial.scopes.append(scope_of(parent_name, parent_values))
        try:
            yield
        finally:
            trial.scopes.pop()

    def from_space(self, space: Any) -> Any:
        """Return the trial's value of another tool's search space, in the form of the space.

        The parameters have the names that the space gives them. What belongs to a branch is asked
        for only where the branch is chosen. Outside a trial the value is of the defaults.

        Parameters
        ----------
        space
            A dict of lists, SciPy distributions or dimensions; a list of dimensions of
            scikit-optimize; an expression of Hyperopt's, such as `hp.choice` of dicts; a
            `ConfigSpace.ConfigurationSpace`.

        Returns
        -------
        dict, list, or whatever the space describes

        Raises
        ------
        SpaceError
            If a part of it is no space that is known. The message has the name of the part.

        >>> hp.from_space({"lr": [0.1, 0.01], "layers": {"units": [64, 32]}})
        {'lr': 0.1, 'layers': {'units': 64}}
        """
        return value_from(space)

    def seed(self) -> int:
        """Return a seed for the data split: the same in every trial of the search.

        A re-run of a setting gets another seed. Outside a trial the seed is 0.
        """
        trial = current_trial()
        if trial is None:
            return 0
        trial.used_seed = True
        return trial.run.seed

    def report(
        self, step: int | Mapping[str, float] | None = None, *unnamed: Any, **metrics: float
    ) -> None:
        """Report the metrics of an epoch of a training loop, for the learning curve and pruning.

        A trial that is stopped or pruned ends in this call. Outside a trial it does nothing.

        Parameters
        ----------
        step
            The epoch, from 1; None: one more than at the last call. A dict is taken for metrics.
        *unnamed
            A dict of metrics after the step. Anything else is an error: a metric needs a name.
        **metrics
            Numbers by name: `hp.report(val_loss=loss)`.

        Raises
        ------
        MetricError
            If a value is no number or has no name, or the step is no whole number.
        """
        whole, numbers = reported(step, unnamed, metrics, sys._getframe(1).f_lineno)
        trial = current_trial()
        if trial is not None:
            trial.report(whole, numbers)

    def score(
        self,
        metric: Metric,
        y_true: Any,
        y_pred: Any,
        *,
        groups: Any = None,
        order: bool = False,
    ) -> float:
        """Return the score of predictions, and store the score of each row with the trial.

        From the rows the search estimates the selection bias of the best score without a further
        training. In a cross-validation, score each fold and end the cell with the mean.

        Parameters
        ----------
        metric
            "accuracy", "error", "mae", "mse", "log_loss" or "r2"; or a function of (y_true,
            y_pred). If it is not a mean over rows, such as an AUC, only the score is stored;
            `%%hpo_test` gives it an interval too.
        y_true, y_pred : shape (n_rows, ...)
            The true values and the predictions: labels or probabilities for "accuracy" and "error",
            probabilities for "log_loss".
        groups
            What each row belongs to, if rows belong together: the patient, the user, the document.
            Split by these groups, too (GroupKFold, GroupShuffleSplit): where rows of one group were
            trained on and validated on, the result says that every number is too high.
        order
            Whether the rows are in the order of time, so that neighbours are alike.

        Raises
        ------
        MetricError
            If there is no such metric, or it cannot be computed on these.

        >>> hp.score("accuracy", [0, 1, 1, 0], [0, 1, 0, 0])
        0.75
        """
        known = RowOrder.TIME if order else RowOrder.NONE
        found = scored(metric, y_true, y_pred, groups, known)
        trial = current_trial()
        if trial is not None:
            trial.scored.append(with_split(found, trial.splits))
        return found.value

    @property
    def trial(self) -> OptunaTrial:
        """The running trial with Optuna's methods: end a cell with `objective(hp.trial)`."""
        return OptunaTrial()

    @property
    def values(self) -> dict[str, Any]:
        """The values of the parameters declared so far in this trial; empty outside a trial.

        `hp.values["units"] = 64` fixes a value, as `hp.Fixed("units", 64)`.
        """
        trial = current_trial()
        return _Values({} if trial is None else trial.objects)

    def get(self, name: str) -> Any:
        """Return the value of a parameter that was declared before in this trial."""
        values, trial = self.values, current_trial()
        name = in_scope(trial, name) if trial else name
        if name not in values:
            known = ", ".join(values) or "none"
            raise SpaceError(f"hp.get({name!r}): not asked for in this trial. Known: {known}.")
        return values[name]

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        trial = current_trial()
        return trial is not None and in_scope(trial, str(name)) in trial.objects

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        there = [word for word in dir(type(self)) if not word.startswith("_")]
        fix = _WAYS_OUT.get(name) or did_you_mean(name, there, "hp.").strip()
        fix = fix or f"There are: {', '.join(there)}."
        raise NotCovered(f"hp.{name} on line {sys._getframe(1).f_lineno}: there is none. {fix}")


hp = HyperParameters()
