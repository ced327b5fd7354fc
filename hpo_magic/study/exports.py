"""A study for other tools: what `study.to_…` gives or writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hpo_magic.core.snapshot import Snapshot

if TYPE_CHECKING:  # heavy, and not needed by a search
    import optuna
    import pandas as pd
    from scipy.optimize import OptimizeResult


class Exports:
    """What a study found, as other tools have it."""

    snapshot: Snapshot

    def to_frame(self) -> pd.DataFrame:
        """Return a table with a row for each trial.

        Columns: `number`, `state`, `kind`, `value`, `duration_s`, each parameter by its name
        (missing where it was not active), and `error`. With several objectives each has a column by
        its metric (`value_error` for `error`) instead of `value`, and `front` says which trials are
        on it. A parameter keeps its name: beside a parameter `state` the trial's state is in
        `trial_state`. Its `attrs` have the headline: the start, the best seen, the honest number
        and the test, as they are shown, and under "honest, remark" and the like what is said of
        them: why there is no interval, and whether every number is too high.

        Raises
        ------
        HpoError
            If pandas is not installed.
        """
        from hpo_magic.exports.frame import to_frame

        return to_frame(self.snapshot)

    def to_skopt(self) -> OptimizeResult:
        """Return the study as scikit-optimize's result, for `skopt.plots`.

        It has one value for each trial: with several objectives, the first one's.
        """
        from hpo_magic.samplers.bayes import to_optimize_result

        return to_optimize_result(self.snapshot.space, self.snapshot.history)

    def to_optuna(self, storage: str | Path | None = None, name: str | None = None) -> optuna.Study:
        """Return the study as one of Optuna's, with distributions, curves and states.

        Re-runs are left out, so that its best trial is the best seen. Trial numbers, kinds and
        further metrics are user attributes.

        Parameters
        ----------
        storage
            An SQLite file or an URL, which optuna-dashboard opens; None: in memory.
        name
            The name of the new study; the study's own unless said otherwise.

        Raises
        ------
        HpoError
            If Optuna is not installed, or the storage has a study of that name.
        """
        from hpo_magic.exports.optuna import to_optuna

        return to_optuna(self.snapshot, storage, name)

    def to_tensorboard(self, folder: str | Path) -> None:
        """Write the study for TensorBoard: the curves, and the table of its HParams plugin.

        Each trial is a run in a folder of its own. During a search: `--log tensorboard:DIR`.

        Raises
        ------
        HpoError
            If TensorBoard is not installed, or the folder has a search in it already.
        """
        from hpo_magic.exports.tensorboard import to_tensorboard

        to_tensorboard(self.snapshot, Path(folder))

    def to_mlflow(self, experiment: str | None = None) -> str:
        """Write the study to MLflow: a run for each trial under one; return the id of that one.

        During a search: `--log mlflow`.

        Parameters
        ----------
        experiment
            The study's name unless said otherwise. The server is the one that MLflow is set to.

        Raises
        ------
        HpoError
            If MLflow is not installed.
        """
        from hpo_magic.exports.mlflow import to_mlflow

        return to_mlflow(self.snapshot, experiment)

    def to_csv(self, path: str | Path) -> None:
        """Write a table with a row for each trial; empty where a parameter was not active."""
        from hpo_magic.exports.files import to_csv

        to_csv(self.snapshot, Path(path))

    def to_json(self, path: str | Path) -> None:
        """Write everything: the space, and the trials with their curves, seeds and outputs."""
        from hpo_magic.exports.files import to_json

        to_json(self.snapshot, Path(path))
