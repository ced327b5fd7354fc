"""Bringing back what a trial left: from disk where it was kept, else by training again."""

from __future__ import annotations

import pickle
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from hpo_magic.core.ports import Fit
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.trial import Direction, Goal, State, Trial
from hpo_magic.errors import HpoError, StorageError
from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.frameworks.standard import StandardStreams
from hpo_magic.language.hp import hp
from hpo_magic.study.models import ModelStore, _model_among
from hpo_magic.testing.fakes import FakeObjective

RECORD = StudyRecord(1, "digits", 2, (Goal("value", Direction.MINIMIZE),), 7)


class Model:
    """A model with one weight."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def predict(self) -> float:
        return self.weight


class FakeModels:
    """Keeps weights in text files. `refuses` to save, or to `load` the whole model."""

    def __init__(self, *, is_full: bool = False, is_whole: bool = True) -> None:
        self.is_full, self.is_whole = is_full, is_whole

    def is_model(self, value: Any) -> bool:
        return isinstance(value, Model)

    def save(self, model: Any, place: Path) -> None:
        if self.is_full:
            raise StorageError("the disk is full.")
        place.mkdir(parents=True, exist_ok=True)
        (place / "weight").write_text(str(model.weight))

    def is_kept(self, place: Path) -> bool:
        return (place / "weight").is_file()

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        if not self.is_whole:
            raise HpoError("made of a class that is not there.")
        return Model(float((place / "weight").read_text()))

    def restore(self, place: Path, model: Any) -> bool:
        if self.is_kept(place):
            model.weight = float((place / "weight").read_text())
        return self.is_kept(place)


class CellLike(FakeObjective):
    """An objective that leaves variables, as a cell does."""

    def __init__(self, function: Callable[[], float], **variables: Any) -> None:
        super().__init__(function)
        self.variables = variables

    def train(self) -> ObjectiveResult:
        return ObjectiveResult(super().train().last, self.variables)


def a_restorer(folder: Path | None, objective: Any, models: FakeModels | None = None) -> ModelStore:
    """Return one without frameworks."""
    return ModelStore(folder, RECORD, objective, [], models or FakeModels())


def a_trial(number: int = 3, value: float = 0.5, **params: Any) -> Trial:
    """Return a complete trial."""
    return Trial(number, State.COMPLETE, params, value=value, seed=11)


def keep(model_store: ModelStore, number: int, weight: float, others: tuple[int, ...] = ()) -> None:
    """Keep the model of a trial."""
    fit = Fit([{"loss": 1.0}], model=Model(weight))
    model_store.keep(number, model_store.model_of([fit]), others)


# Kept on disk.


def test_the_leading_model_is_kept_alone(tmp_path: Path) -> None:
    """In a folder of its study's revision; the one before gives way."""
    model_store = a_restorer(tmp_path, None)
    keep(model_store, 1, 0.1)
    keep(model_store, 3, 0.3)
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("weight")] == [
        "digits-2/trial-3/weight"
    ]
    assert model_store.has_kept(a_trial(3))
    assert not model_store.has_kept(a_trial(1))
    assert model_store.model(a_trial(3)).weight == 0.3


def test_those_that_a_re_check_may_choose_stay(tmp_path: Path) -> None:
    """The others give way."""
    model_store = a_restorer(tmp_path, None)
    keep(model_store, 1, 0.1)
    keep(model_store, 2, 0.2, others=(1,))
    keep(model_store, 3, 0.3, others=(2,))
    assert [model_store.has_kept(a_trial(number)) for number in (1, 2, 3)] == [False, True, True]


def test_a_disk_that_is_full_costs_the_model_not_the_trial(tmp_path: Path) -> None:
    """The models that are there stay."""
    models = FakeModels()
    model_store = a_restorer(tmp_path, None, models)
    keep(model_store, 1, 0.1)
    models.is_full = True
    with pytest.raises(StorageError, match=r"^the disk is full\.$"):
        keep(model_store, 2, 0.2)
    assert [model_store.has_kept(a_trial(number)) for number in (1, 2)] == [True, False]


def test_a_model_that_its_library_cannot_save_is_said(tmp_path: Path) -> None:
    """Whatever the library raises, the search gets a sentence."""

    class Refusing(FakeModels):
        def save(self, model: Any, place: Path) -> None:
            raise TypeError("no config")

    with pytest.raises(StorageError, match=r"^The model could not be kept in .*: TypeError: no co"):
        keep(a_restorer(tmp_path, None, Refusing()), 1, 0.1)


def test_a_model_of_a_worker_comes_as_files(tmp_path: Path) -> None:
    """It is kept like one that was trained here."""
    there, here = (a_restorer(tmp_path / name, None) for name in ("there", "here"))
    files = pickle.loads(pickle.dumps(there.files_of([Fit([], model=Model(0.7))])))
    here.keep(1, files, ())
    assert here.model(a_trial(1)).weight == 0.7


def test_nothing_is_kept_in_memory_or_without_a_fit(tmp_path: Path) -> None:
    """A study without a folder, a training that no framework watched."""
    fits = [Fit([{"loss": 1.0}], model=Model(0.1))]
    in_memory, on_disk = a_restorer(None, None), a_restorer(tmp_path, None)
    assert (in_memory.model_of(fits), in_memory.files_of(fits)) == (None, None)
    assert (on_disk.model_of([]), on_disk.files_of([])) == (None, None)


# Trained again.


def test_a_trial_runs_again_with_its_values_and_its_seed() -> None:
    """The model is the variable called so; what the cell made is there too."""
    seen = []

    def train() -> float:
        seen.append((hp.Int("units", 1, 9), hp.seed(), random.random()))
        return 0.5

    variables = {"model": Model(1.0), "other": Model(2.0), "shift": 3}
    model_store = a_restorer(None, CellLike(train, **variables))
    model_store.frameworks = [StandardStreams()]
    state = random.getstate()
    assert model_store.model(a_trial(units=4)) is variables["model"]
    assert model_store.again(a_trial(units=4)) == (variables, variables["model"])
    assert seen == [(4, 11, random.Random(11).random())]  # once, however often it is asked for
    assert random.getstate() == state


def test_the_only_variable_that_predicts_is_the_model() -> None:
    """A class that does is none."""
    model = Model(1.0)
    assert a_restorer(None, CellLike(lambda: 0.5, a=model, b=Model)).model(a_trial()) is model
    several = CellLike(lambda: 0.5, a=model, b=Model(2.0))
    with pytest.raises(HpoError, match=r"left no model that can be told: `a`, `b` are models"):
        a_restorer(None, several).model(a_trial())


def test_names_of_calls_are_those_of_the_search(tmp_path: Path) -> None:
    """Unnamed calls find the values of the trial under the names that it recorded."""
    code = (
        "from hpo_magic import hp\ndef train():\n    rate = hp.Float(0.0, 1.0)\n    return rate\n"
    )
    file = tmp_path / "asks.py"
    file.write_text(code)
    namespace: dict[str, Any] = {"__name__": "asks"}
    exec(compile(code, str(file), "exec"), namespace)
    model_store = a_restorer(None, FakeObjective(namespace["train"]))
    model_store.record = StudyRecord(1, "digits", 2, RECORD.goals, 7, names={"asks:3:11": "rate_2"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model_store.again(a_trial(value=0.25, rate_2=0.25))[1] is None


def test_a_model_made_of_the_cell_s_own_class_is_built_again(tmp_path: Path) -> None:
    """The kept weights are put into it, so another value of the second training is no matter."""
    model_store = a_restorer(tmp_path, None, FakeModels(is_whole=False))
    keep(model_store, 3, 0.3)
    with pytest.raises(HpoError, match=r"^made of a class that is not there\.$"):
        model_store.model(a_trial())
    model_store.objective = CellLike(lambda: 0.9, model=Model(1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model_store.model(a_trial()).weight == 0.3


def test_another_value_is_warned_of() -> None:
    """The data changed, or the training draws numbers of its own: the model is another one."""
    model_store = a_restorer(None, CellLike(lambda: 0.9, model=Model(1.0)))
    with pytest.warns(
        UserWarning, match=r"^Trial 3 of study 'digits' came to 0\.9000 when it ran again, and to 0"
    ):
        model_store.model(a_trial())


def test_a_training_that_fails_now(tmp_path: Path) -> None:
    """The message has the reason, the cause is the user's exception."""

    def train() -> float:
        raise KeyError("gone")

    with pytest.raises(HpoError, match=r"could not be run again: failed on line 2 .* KeyError: 'g"):
        a_restorer(tmp_path, FakeObjective(train)).model(a_trial())
    with pytest.raises(HpoError, match=r"could not be run again") as caught:
        a_restorer(tmp_path, FakeObjective(train)).again(a_trial())
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_training_that_is_interrupted() -> None:
    """It is the user's wish; nothing is remembered."""

    def train() -> float:
        raise KeyboardInterrupt

    with pytest.raises(HpoError, match=r"could not be run again: it was stopped\.$"):
        a_restorer(None, FakeObjective(train)).again(a_trial())


def test_code_that_is_not_here() -> None:
    """A script that loads a study has no cell to run."""
    with pytest.raises(
        HpoError, match=r"was not kept, and the code that made it is not here\. Run"
    ):
        a_restorer(None, None).model(a_trial())


class Watching:
    """A framework that sees one fit in every training."""

    name = "watching"

    def __init__(self, model: Model) -> None:
        self.model = model

    def is_loaded(self) -> bool:
        return True

    def clear(self) -> None: ...

    def seed(self, seed: int) -> None: ...

    def watch(self, report: Any, guard: Any) -> AbstractContextManager[list[Fit]]:
        return nullcontext([Fit([{"loss": 0.5}], model=self.model)])


def test_the_fitted_model_comes_before_a_variable() -> None:
    """What a framework saw being fitted last is the model."""
    fitted = Model(5.0)
    model_store = a_restorer(None, CellLike(lambda: 0.5, model=Model(1.0)))
    model_store.frameworks = [Watching(fitted)]
    assert model_store.model(a_trial()) is fitted


def test_the_model_in_the_dict_at_the_end_is_the_model() -> None:
    """As Hyperas's functions return it; a text of that name is none."""
    for given, found in (("it", "it"), ("no model", "variable")):
        predicting = {"it": Predicting("it"), "no model": "a text"}[given]
        last = {"loss": 1.0, "model": predicting}
        assert _model_among(ObjectiveResult(last, {"model": Predicting("variable")})).name == found


class Predicting:
    """A model, as far as it matters."""

    def __init__(self, name: str) -> None:
        self.name = name

    def predict(self) -> None:
        """Predict nothing."""


class Module:
    """A module as PyTorch has it: it predicts by its call."""

    def __init__(self, *weights: float) -> None:
        self.weights = weights

    def forward(self, rows: Any) -> Any:
        """Do nothing."""

    def parameters(self) -> Iterator[float]:
        """Yield the weights."""
        yield from self.weights


def test_a_module_with_weights_is_a_model() -> None:
    """By its name, or alone; a loss has no weights, and two modules cannot be told apart."""
    net, other, loss = Module(0.1), Module(0.2), Module()
    for variables, model in (
        ({"net": net, "criterion": loss}, net),
        ({"net": net, "same": net}, net),
        ({"model": net, "other": other}, net),
    ):
        assert a_restorer(None, CellLike(lambda: 0.5, **variables)).model(a_trial()) is model
    for variables, sentence in (
        ({"net": net, "other": other}, r"`net`, `other` are models, and none of them is called"),
        ({"criterion": loss}, "or is a PyTorch module with weights"),
    ):
        with pytest.raises(HpoError, match=sentence):
            a_restorer(None, CellLike(lambda: 0.5, **variables)).model(a_trial())
