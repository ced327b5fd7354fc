"""Models of several frameworks on disk: each folder says which one kept it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hpo_magic.core.ports import Framework
from hpo_magic.errors import HpoError
from hpo_magic.frameworks import all_frameworks, kept_models
from hpo_magic.frameworks.kept_models import KEPT_BY, KeptModels


class Number:
    """Keeps models of one type as text."""

    def __init__(self, kind: type, file: str) -> None:
        self._kind, self._file = kind, file

    def is_model(self, value: Any) -> bool:
        return type(value) is self._kind

    def save(self, model: Any, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / self._file).write_text(repr(model))

    def is_kept(self, place: Path) -> bool:
        return (place / self._file).is_file()

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        return self._kind((place / self._file).read_text())

    def restore(self, place: Path, model: Any) -> bool:
        return self.is_kept(place)


class Counting(Framework):
    name = "counting"
    models = Number(int, "model.int")


class Measuring(Framework):
    name = "measuring"
    models = Number(float, "model.float")


KEPT = KeptModels([Counting(), Measuring()])


@pytest.mark.parametrize(("model", "name"), [(3, "counting"), (0.5, "measuring")])
def test_each_framework_keeps_its_own_models(tmp_path: Path, model: Any, name: str) -> None:
    """The folder has its name, and loading asks that framework."""
    assert KEPT.is_model(model)
    KEPT.save(model, tmp_path / "trial-1")
    assert (tmp_path / "trial-1" / KEPT_BY).read_text() == name
    assert KEPT.is_kept(tmp_path / "trial-1")
    assert KEPT.load(tmp_path / "trial-1", {}) == model
    assert KEPT.restore(tmp_path / "trial-1", model)


def test_a_model_of_no_framework_is_not_kept(tmp_path: Path) -> None:
    """Nor is an empty folder a model."""
    assert not KEPT.is_model("text")
    assert not KEPT.is_kept(tmp_path)
    assert not KEPT.restore(tmp_path, 1)


def test_the_model_of_another_framework_takes_the_place(tmp_path: Path) -> None:
    """Nothing of the first one is left."""
    place = tmp_path / "trial-1"
    KEPT.save(3, place)
    KEPT.save(0.5, place)
    assert sorted(path.name for path in place.iterdir()) == [KEPT_BY, "model.float"]
    assert not KEPT.restore(place, 3)  # weights of another library do not fit


def test_a_framework_that_is_not_here_is_named(tmp_path: Path) -> None:
    """Its model is there, and nothing here can read it."""
    KEPT.save(0.5, tmp_path)
    alone = KeptModels([Counting()])
    assert not alone.is_kept(tmp_path)
    with pytest.raises(HpoError, match=r"was kept by the framework 'measuring', which this"):
        alone.load(tmp_path, {})


def test_a_folder_of_version_0_1_0_is_keras_s(tmp_path: Path) -> None:
    """It does not say who kept it; there was Keras alone."""
    assert "keras" in kept_models().names
    (tmp_path / "model.keras").touch()
    assert kept_models().is_kept(tmp_path)


def test_every_framework_says_how_it_seeds_a_script() -> None:
    """In statements that run, under names that no cell has."""
    texts = [f.seeding(7, {"numpy"}) for f in all_frameworks()]
    names: dict[str, Any] = {}
    exec("\n".join(texts), names)
    assert names["_random"].random() == 0.32383276483316237
    assert all(name.startswith("_") for name in names)
