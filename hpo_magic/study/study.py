"""A study: what a search found, for the user to ask, plot, freeze and take elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hpo_magic.core.domains import Plain
from hpo_magic.core.ledger import Ledger
from hpo_magic.core.ports import Storage
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Ranges, SettingKey, Space, setting_key
from hpo_magic.core.trial import Trial
from hpo_magic.errors import HpoError, NoAttribute, StudyNotFound, did_you_mean
from hpo_magic.honesty.recheck_results import chosen_trial
from hpo_magic.storage.snapshots import evaluations_of, snapshot_of
from hpo_magic.study.choose import chosen_number
from hpo_magic.study.exports import Exports
from hpo_magic.study.freeze import FrozenCell, frozen_text
from hpo_magic.study.function_test import StudyTest
from hpo_magic.study.honest import HonestNumbers, honest_numbers
from hpo_magic.study.models import ModelStore
from hpo_magic.study.names_elsewhere import name_here
from hpo_magic.study.notebook import NotebookAccess
from hpo_magic.study.plots import Plots
from hpo_magic.study.settings import settings_of
from hpo_magic.study.vote import Vote
from hpo_magic.study.warm_start import narrowed_cell
from hpo_magic.views.words.numbers import counted

if TYPE_CHECKING:
    import keras_tuner

# Models of a vote by default: more than 5 changed little where it was measured.
FEWEST_VOTERS, MOST_VOTERS = 2, 5


@dataclass
class Study(Plots, Exports):
    """The result of a search. A bare study in a cell shows it.

    `best_seen` is the best validation value of many, so it is biased by its selection. `honest` is
    the estimate without this bias, from re-runs of the best settings. `test` is the value that
    `%%hpo_test NAME` measured on data that the search never used.
    """

    record: StudyRecord
    storage: Storage
    snapshot: Snapshot
    model_store: ModelStore | None = None
    unsaved: dict[int, Trial] = field(default_factory=dict)  # what a failing disk did not take
    notebook: NotebookAccess | None = None  # None: in a script

    @property
    def name(self) -> str:
        """The name under which the study is stored."""
        return self.record.name

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials that count, by number: the start first, failed ones included."""
        return self.snapshot.trials

    @property
    def set_aside(self) -> tuple[Trial, ...]:
        """The trials that a change of the ranges put outside the search space."""
        return self.snapshot.set_aside

    @property
    def space(self) -> Space:
        """The parameters that were reached, with their ranges."""
        return self.snapshot.space

    @property
    def start(self) -> Trial | None:
        """The trial on the defaults: the cell as you wrote it. None if it did not run."""
        return self.snapshot.start

    @property
    def front(self) -> tuple[Trial, ...]:
        """The complete trials that no other is better than in all objectives at once.

        Sorted by the first objective, the best first; with one objective the best trial alone.
        """
        return tuple(self.snapshot.history.front)

    def choose(self, trial: int | None = None, **limits: float) -> Study:
        """Take a point of the front: what `best_trial`, `honest`, `freeze()` and the test are of.

        The choice is stored with the study, and may be made again. Without arguments it is taken
        back: then the most balanced point is taken, the nearest to the best of all objectives.

        Parameters
        ----------
        trial
            A complete trial's number; it may lie behind the front.
        **limits
            What objectives must keep, by metric: `n_params=20_000` is at most where it is
            minimized, at least where it is maximized. Of the points of the front that keep them all
            the best in the other objective is taken, the most balanced where there are several.

        Returns
        -------
        Study
            This one.

        Raises
        ------
        HpoError
            If the study has one objective, or no trial is that one or keeps the limits.

        Examples
        --------
        >>> from hpo_magic import hp, search
        >>> def bowl():
        ...     x = hp.Float(0, 3)
        ...     return {"error": (x - 2) ** 2, "cost": x**2}
        >>> study = search(bowl, trials=20, minimize=["error", "cost"], ui="none", recheck="0")
        >>> study.choose(cost=1.0).best_trial.metrics["cost"] <= 1
        True
        """
        number = chosen_number(self.snapshot, trial, limits)
        self.storage.choose(self.record.id, number)
        self.record = replace(self.record, chosen=number)
        self.snapshot = replace(self.snapshot, chosen=number)
        return self

    @property
    def best_trial(self) -> Trial:
        """The trial whose setting to take: the choice of the re-check, else the best seen.

        With several objectives: the one that was chosen (`choose`), else the most balanced one.

        Raises
        ------
        HpoError
            If no trial is complete.
        """
        chosen = chosen_trial(self.snapshot)
        if chosen is None:
            raise HpoError(f"Study {self.name!r} has no complete trial yet.")
        return chosen

    @property
    def best_params(self) -> dict[str, Plain]:
        """The setting of the best trial: its active parameters alone."""
        return dict(self.best_trial.params)

    @property
    def best_hp(self) -> keras_tuner.HyperParameters:
        """`best_params` as KerasTuner's, to build the model again: `build_model(study.best_hp)`.

        Each `hp` call in `build_model` returns the best trial's value, and its default where that
        trial did not reach the call.

        Raises
        ------
        HpoError
            If KerasTuner is not installed.
        """
        from hpo_magic.exports.keras_tuner import to_hyperparameters

        return to_hyperparameters(self.space, self.best_trial.params)

    @property
    def best_seen(self) -> float:
        """The best validation value; biased, since it was selected as the best of many.

        Raises
        ------
        HpoError
            If no trial is complete, or there are several objectives.
        """
        if self.snapshot.is_multi_objective:
            names = ", ".join(goal.metric for goal in self.snapshot.goals)
            raise HpoError(
                f"Study {self.name!r} has several objectives ({names}), so no value is the best. "
                f".front has the trials that none is better than, .choose(…) takes one of them."
            )
        best = self.snapshot.history.best()
        if best is None:
            raise HpoError(f"Study {self.name!r} has no complete trial yet.")
        value = best.value
        assert value is not None  # complete trials have one
        return value

    @property
    def honest(self) -> HonestNumbers | None:
        """The expected score of the chosen setting on new data; None if it was not estimated.

        Its `value`, `half_width` (of the 95% interval; None where there is none), and `how`. With
        several objectives these are of the first one, and `honest["n_params"]` has those of another
        one, by its metric.
        """
        return honest_numbers(self.snapshot)

    @property
    def test(self) -> StudyTest:
        """The first test evaluation of the present choice, or of a vote; false before there is one.

        `study.test.value` is the test value, None before. `study.test(function)` evaluates the
        chosen model from a script, as `%%hpo_test` does in a notebook.
        """
        chosen = self.best_trial.number
        evaluations = (
            evaluation
            for evaluation in evaluations_of(self.storage.evaluations(), self.record)
            if evaluation.value is not None and (evaluation.choice or evaluation.trial == chosen)
        )
        return StudyTest(self, next(evaluations, None))

    @property
    def ledger(self) -> Ledger:
        """All test evaluations of the studies in this folder, and whether they were changed."""
        return self.storage.ledger()

    def best_model(self) -> Any:
        """Return the model of the best trial, as it was when its value was measured.

        Raises
        ------
        HpoError
            If it was not kept and the code that made it is not here to be run again.
        """
        return self._model_of(self.best_trial)

    def best_models(self, n: int) -> list[Any]:
        """Return the models of the `n` best trials seen, best first: for an ensemble, say.

        The leading ones are kept on disk, as many as the re-check may choose from; others are
        trained again.

        Raises
        ------
        HpoError
            If there are fewer complete trials, or a model cannot be brought back.
        """
        best = self.snapshot.history.ranked
        if n > len(best):
            done = counted(len(best), "complete trial")
            raise HpoError(f"Study {self.name!r} has {done}, not {n}.")
        return [self._model_of(trial) for trial in best[:n]]

    def __getattr__(self, name: str) -> Any:
        """Raise the error of a name that no study has, with the name that is meant."""
        if hasattr(type(self), name):  # a property raised an error of its own
            return object.__getattribute__(self, name)
        hint = name_here(name) or did_you_mean(name, dir(type(self)))
        raise NoAttribute(f"a study has no attribute {name!r}.{hint}", name=name, obj=self)

    def _model_of(self, trial: Trial) -> Any:
        self.record.refuse_read("no model")
        if self.model_store is None:
            raise HpoError(
                f"The model of study {self.name!r} was not kept, and the cell that made it is not "
                f"here. Run its %%hpo cell again."
            )
        return self.model_store.model(trial)

    def vote(self, n_models: int | None = None) -> Vote:
        """Return the best models as one: `predict` gives their mean, or the most frequent label.

        Parameters
        ----------
        n_models
            How many, by their value in the search; None: those on disk (`--keep`), else the best 5.
            Models that were not kept are trained again.

        Raises
        ------
        HpoError
            If there are fewer than 2 settings, or a model cannot be had.
        """
        best_of: dict[SettingKey, Trial] = {}
        for trial in self.snapshot.history.ranked:
            best_of.setdefault(setting_key(trial.params), trial)
        leaders = list(best_of.values())
        kept = [t for t in leaders if self.model_store is not None and self.model_store.has_kept(t)]
        if n_models is None and len(kept) >= FEWEST_VOTERS:
            voters = kept
        else:
            voters = leaders[: MOST_VOTERS if n_models is None else n_models]
        if len(voters) < FEWEST_VOTERS:
            raise HpoError(
                f"A vote needs {FEWEST_VOTERS} settings or more; study {self.name!r} has "
                f"{len(voters)} to offer."
            )
        models = [self._model_of(trial) for trial in voters]
        return Vote(models, [trial.number for trial in voters])

    def enqueue(self, /, *settings: Any, **params: Any) -> None:
        """Have settings tried first when the search goes on.

        Parameters that are left out are the sampler's to choose.

        Parameters
        ----------
        *settings
            Dicts, trials, rows and tables of settings: `study.best_params`, another study's
            `to_frame()`. Columns of a table that are no parameters are passed over.
        **params
            One setting.

        Raises
        ------
        SpaceError
            If a name is not a parameter of the study, or a value is outside its range.
        HpoError
            If nothing in a table is a parameter, an argument holds no setting, or another tool ran
            the trials.
        """
        self.record.refuse_read("no search that could go on")
        found = settings_of(settings, params, self.snapshot)  # all are right, or none is taken
        for setting in found if settings or params else [{}]:
            self.storage.enqueue(self.record.id, setting)

    def narrowed(self, /, **ranges: tuple[Any, Any]) -> FrozenCell:
        """Return the cell with ranges around the best tenth, and put it into a new cell below.

        Its line has the options of the search, and half as many trials more. Run it, and the search
        goes on: trials that fit the new ranges are kept as history.

        Parameters
        ----------
        **ranges
            Your own instead, low and high end by parameter: `narrowed(lr=(0.001, 0.01))`.

        Raises
        ------
        HpoError
            If the study was not searched from a cell, has fewer than 20 trials, or its
            best ones are all over the ranges.
        """
        text = self.narrowed_cell(ranges)
        if self.notebook is not None:
            self.notebook.new_cell(text)
        return FrozenCell(text)

    def narrowed_cell(self, ranges: Ranges | None = None) -> str:
        """Return the text of `narrowed()`, and put it nowhere."""
        namespace = {} if self.notebook is None else self.notebook.namespace
        return narrowed_cell(self.record, self.snapshot, namespace, ranges)

    def revision(self, number: int) -> Study:
        """Return another revision of the study, to read and to compare.

        Raises
        ------
        StudyNotFound
            If there is no such revision.
        """
        for record in self.storage.revisions(self.name):
            if record.revision == number:
                return Study(record, self.storage, snapshot_of(self.storage, record))
        n = len(self.storage.revisions(self.name))
        raise StudyNotFound(f"study {self.name!r} has revisions 1 to {n}, not {number}.")

    def refresh(self) -> Study:
        """Read the study again from disk, where others may have worked on it; return it."""
        if not self.unsaved:
            self.snapshot = snapshot_of(self.storage, self.record)
        return self

    def freeze(self, form: str = "cell", *, check: bool = False) -> FrozenCell:
        """Return the cell with the winning values written in; comments and formatting stay.

        What comes out runs without hpo_magic; only `hp.score` with the name of a metric stays.

        Parameters
        ----------
        form
            "cell": the cell as it is, also put into a new cell below. "function": the same as
            `def train(lr=0.01, units=(64, 32), …)`, which returns what the cell ends in; the values
            are defaults, so that others can be tried. "script": a program for Python alone, of the
            cells of this kernel that make what the cell reads, the seeds of the trial, and the
            cell, whose end is printed: `Path("digits.py").write_text(digits.freeze("script"))`.
        check
            Run it first, seeded as in its trial, and compare its score with the one on record. A
            script is run on its own, from its first line on.

        Raises
        ------
        HpoError
            If the study was not searched from a cell, or a value cannot be written in. A script
            and a function are refused where the cell has lines of IPython's (`!ls`) or code outside
            of it asked for values; a script, where no cell made what it needs; a function, where
            the cell does what no function can (`global`, `import *`, `await`). With `check`, if the
            score is another one, or the notebook of the cell is not here.
        """
        trial = self.best_trial
        done = frozen_text(form, self.record, trial, self.space, self.notebook)
        if check:
            if self.model_store is None or self.notebook is None:
                raise HpoError(
                    f"The cell of study {self.name!r} can be checked in a notebook alone: run "
                    f"%hpo {self.name} in one that has what the cell reads."
                )
            objective = self.notebook.objective_of(done.to_check, done.is_alone)
            self.model_store.check(trial, objective, form)
        if self.notebook is not None and form != "script":
            self.notebook.new_cell(done.text)
        return FrozenCell(done.text)

    def __repr__(self) -> str:
        from hpo_magic.views.text import result_text

        return result_text(self.snapshot)

    def _repr_html_(self) -> str:
        from hpo_magic.views.result import result_html

        return result_html(self.snapshot)
