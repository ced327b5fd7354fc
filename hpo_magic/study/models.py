"""Bringing back what a trial left: from disk where it was kept, else by training again.

The models of the best trials, among which a re-check chooses, are kept as they were when their
values were measured. What else the cell made comes back by running it again with the same values
and the same seed.
"""

from __future__ import annotations

import math
import shutil
import sys
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from hpo_magic.core.events import Completed, Run
from hpo_magic.core.ports import Fit, Framework, ModelKeeper
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.trial import Kind, Trial
from hpo_magic.errors import HpoError, StorageError
from hpo_magic.executors.trial_execution import (
    ExecutionResult,
    Objective,
    ObjectiveResult,
    TrialExecution,
)
from hpo_magic.frameworks import kept_random_state
from hpo_magic.views.words.numbers import number

ModelOf = Callable[[Sequence[Fit]], object]  # from a training's fits to the handle of its model

# Where a cell fits nothing that is watched, its model is the variable called so, if there is one.
USUAL_NAMES = ("model", "best_model", "clf", "classifier", "reg", "regressor", "estimator", "pipe")


@dataclass
class ModelStore:
    """Keeps the models of one study's leading trials, and brings trials back.

    Parameters
    ----------
    folder
        Where models are kept; None: nowhere, as for a study in memory.
    record
        The revision of the study.
    objective
        The code that trains; None where it is not at hand, as in a script that loads a study.
    frameworks
        Those that are watched.
    models
        Saves and loads the frameworks' models.
    """

    folder: Path | None
    record: StudyRecord
    objective: Objective | None
    frameworks: Sequence[Framework]
    models: ModelKeeper
    _trained: tuple[int, ObjectiveResult, Any] | None = None
    _given: list[weakref.ref[Any]] = field(default_factory=list)  # models that were handed out

    @property
    def model_of(self) -> ModelOf:
        """The function that returns the handle of a model trained in this process."""
        return _no_model if self.folder is None else partial(_last_fit, self.models)

    @property
    def files_of(self) -> ModelOf:
        """The function that returns a model as files, on a worker; it can be pickled."""
        return _no_model if self.folder is None else partial(_as_files, self.models)

    def keep(self, number: int, model: object, others: Sequence[int]) -> None:
        """Save the model of a trial, and delete those of all trials but this one and `others`.

        Parameters
        ----------
        number
            The trial's.
        model
            What `model_of` or `files_of` returned for it.
        others
            The numbers of the trials whose models stay.

        Raises
        ------
        StorageError
            If the model cannot be saved; then no other is deleted.
        """
        place = self._place(number)
        if isinstance(model, ModelFiles):
            model.write(place)
        elif isinstance(model, Fit):
            self._save(model.model, place)
        staying = {place, *map(self._place, others)}
        for folder in place.parent.iterdir():
            if folder not in staying:
                shutil.rmtree(folder, ignore_errors=True)  # one left over does no harm

    def _save(self, model: Any, place: Path) -> None:
        try:
            self.models.save(model, place)
        except StorageError:
            raise
        except Exception as error:  # of the library, which may refuse a layer of the user's
            raise StorageError(
                f"The model could not be kept in {place}: {type(error).__name__}: {error}."
            ) from error

    def has_kept(self, trial: Trial) -> bool:
        """Return whether the trial's model is on disk."""
        return self.folder is not None and self.models.is_kept(self._place(trial.number))

    def has_given(self, model: Any) -> bool:
        """Return whether this model was handed out as one of the study's."""
        return any(given() is model for given in self._given)

    def model(self, trial: Trial) -> Any:
        """Return the model of a trial.

        Raises
        ------
        HpoError
            If it was not kept and cannot be made again, or cannot be told from the variables.
        """
        model = self._model(trial)
        with suppress(TypeError):  # an object that cannot be referred to weakly
            self._given.append(weakref.ref(model))
        return model

    def _model(self, trial: Trial) -> Any:
        if self.has_kept(trial):
            variables = self._trained[1].variables if self._trained else {}
            # The classes that it is made of are the notebook's, or the script's, or the cell's own.
            namespace = {**vars(sys.modules["__main__"]), **variables}
            try:
                return self.models.load(self._place(trial.number), namespace)
            except HpoError:
                # It may be made of a class that the cell itself defines. Run again, the cell builds
                # the model, and the kept weights are put into it.
                if self.objective is None:
                    raise
        model = self.again(trial)[1]
        if model is None:
            raise HpoError(
                f"Trial {trial.number} of study {self.record.name!r} left no model that can be "
                f"told: {_candidates(self.again(trial)[0])} End its cell in "
                f'{{"model": …, "score": …}}, or call the variable `model`.'
            )
        return model

    def _say_that_it_runs(self, trial: Trial, reads: Sequence[str]) -> None:
        """Print that the trial's code runs again, which may take long, and why."""
        if self.objective is None:
            return
        begun = f"The code of trial {trial.number} runs again"
        if reads:
            names = ", ".join(reads)
            why = f", with the same values and seed: it makes {names}, which the test cell reads."
        elif self.folder is not None and self._place(trial.number).is_dir():
            why = ": it builds the model, into which the kept weights are put."
        else:
            why = ", with the same values and seed: its model was not kept."
        sys.stdout.write(f"{begun}{why}\n")

    def _is_trained(self, trial: Trial) -> bool:
        return self._trained is not None and self._trained[0] == trial.number

    def again(self, trial: Trial, reads: Sequence[str] = ()) -> tuple[Mapping[str, Any], Any]:
        """Train again with the trial's values and seed; return the cell's variables and its model.

        `reads` are the variables that are wanted; none where it is the model.

        Raises
        ------
        HpoError
            If the code is not here, or fails.
        """
        if not self._is_trained(trial):
            self._say_that_it_runs(trial, reads)
            self._trained = (trial.number, *self._train(trial))
        assert self._trained is not None
        _, trained, model = self._trained
        return trained.variables, model

    def check(self, trial: Trial, frozen: Objective, form: str = "cell") -> None:
        """Run the trial's cell with the values written in; its score must be the one on record.

        `form` is what the cell was made, for the message.

        Raises
        ------
        HpoError
            If it is not, or the cell fails.
        """
        done = self._run_again(frozen, Run(trial.number, {}, Kind.ENQUEUED, trial.seed))
        if not isinstance(done.event, Completed):
            failure = getattr(done.event, "failure", "it was stopped")
            raise HpoError(f"The frozen {form} does not run: {failure}.") from done.error
        again = done.event.outcome.value
        if trial.value is None or again is None or math.isclose(trial.value, again, rel_tol=1e-6):
            return
        raise HpoError(
            f"The frozen {form} came to {number(again)}, and trial {trial.number} to "
            f"{number(trial.value)} in the search. Why was not checked: other data, other "
            f"versions of libraries, or random numbers without hp.seed() would do it."
        )

    def _train(self, trial: Trial) -> tuple[ObjectiveResult, Any]:
        if self.objective is None:
            raise HpoError(
                f"The model of study {self.record.name!r} was not kept, and the code that made it "
                f"is not here. Run its cell again; the study that it leaves trains the model again."
            )
        run = Run(trial.number, trial.params, Kind.ENQUEUED, trial.seed)
        done = self._run_again(self.objective, run, self.record.names)
        if not isinstance(done.event, Completed) or done.result is None:
            raise HpoError(
                f"Trial {trial.number} of study {self.record.name!r} could not be run again: "
                f"{getattr(done.event, 'failure', 'it was stopped')}."
            ) from done.error
        model = done.fits[-1].model if done.fits else None
        if model is None:
            model = _model_among(done.result)
        is_kept = self.folder is not None and model is not None
        if not (is_kept and self.models.restore(self._place(trial.number), model)):
            self._compare(trial, done.event.outcome.value)
        return done.result, model

    def _run_again(
        self, objective: Objective, run: Run, names: Mapping[str, str] = MappingProxyType({})
    ) -> ExecutionResult:
        """Run an objective without reports; `names` are those of unnamed `hp` calls by place."""
        execution = TrialExecution(objective, self.frameworks, self.record.goals, names=dict(names))
        with kept_random_state():
            return execution(run, lambda step, metrics, n_steps=None: None, lambda: None)

    def _compare(self, trial: Trial, again: float | None) -> None:
        """Warn if a trial that ran again came to another value: then its model is another one."""
        if trial.value is None or again is None or math.isclose(trial.value, again, rel_tol=1e-6):
            return
        warnings.warn(
            f"Trial {trial.number} of study {self.record.name!r} came to {number(again)} when it "
            f"ran again, and to {number(trial.value)} in the search: the model is not the same. "
            f"Why was not checked: other data, other versions of libraries, or random numbers that "
            f"are not seeded by hp.seed() would do it.",
            stacklevel=2,
        )

    def _place(self, number: int) -> Path:
        assert self.folder is not None  # the callers have looked
        return self.folder / f"{self.record.name}-{self.record.revision}" / f"trial-{number}"


@dataclass(frozen=True)
class ModelFiles:
    """A model that was trained on a worker: its files, by name."""

    files: Mapping[str, bytes]

    def write(self, place: Path) -> None:
        """Write the files into the folder `place`.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name, data in self.files.items():
                (place / name).write_bytes(data)
        except OSError as error:
            raise StorageError(f"The model could not be kept in {place}: {error}.") from error


def _no_model(fits: Sequence[Fit]) -> None:
    """Return None: the study has no folder for models."""


def _last_fit(models: ModelKeeper, fits: Sequence[Fit]) -> Fit | None:
    """Return the last fit if it has a model that can be kept; else None."""
    return fits[-1] if fits and models.is_model(fits[-1].model) else None


def _as_files(models: ModelKeeper, fits: Sequence[Fit]) -> ModelFiles | None:
    """Return the last fit's model as files; None if there is none or it cannot be saved."""
    if not fits or not models.is_model(fits[-1].model):
        return None
    with TemporaryDirectory() as folder:
        try:
            models.save(fits[-1].model, Path(folder))
        except StorageError:  # the trial counts all the same
            return None
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        return ModelFiles(files) if files else None


def _model_among(trained: ObjectiveResult) -> Any:
    """Return the model in the dict at the end, or the variable that is one; None if there is none.

    A variable is one by its name, or because it alone predicts.
    """
    if isinstance(trained.last, Mapping) and _is_model(trained.last.get("model")):
        return trained.last["model"]
    for name in USUAL_NAMES:
        if _is_model(trained.variables.get(name)):
            return trained.variables[name]
    able = list({id(one): one for one in _models_in(trained.variables).values()}.values())
    return able[0] if len(able) == 1 else None


def _models_in(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables that are models, by name."""
    return {name: value for name, value in variables.items() if _is_model(value)}


def _is_model(value: Any) -> bool:
    """Return whether a value predicts, or is a module of PyTorch with weights; a class is none.

    Losses of PyTorch's are modules without weights.
    """
    if isinstance(value, type):
        return False
    if hasattr(value, "predict"):
        return True
    if not all(callable(getattr(value, name, None)) for name in ("forward", "parameters")):
        return False
    return next(iter(value.parameters()), None) is not None


def _candidates(variables: Mapping[str, Any]) -> str:
    """Return which variables could be the model, in a sentence."""
    able = [f"`{name}`" for name in _models_in(variables)]
    if not able:
        return "no variable of its cell has a method predict, or is a PyTorch module with weights."
    return f"{', '.join(able)} are models, and none of them is called `model`."
