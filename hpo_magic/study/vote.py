"""A vote: several models that predict as one, each with a weight of one."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from hpo_magic.honesty.vote import vote


class Vote:
    """A model that predicts by the vote of a study's best models.

    Parameters
    ----------
    models
        They can `predict`; the best one first.
    numbers
        Of their trials.
    """

    def __init__(self, models: Sequence[Any], numbers: Sequence[int]) -> None:
        self.models = tuple(models)
        self.numbers = tuple(numbers)

    def predict(self, *args: Any, **options: Any) -> Any:
        """Return the mean of the models' probabilities or numbers, or their most frequent label."""
        return vote([_predicted(model, "predict", args, options) for model in self.models])

    def predict_proba(self, *args: Any, **options: Any) -> Any:
        """Return the mean of the models' probabilities."""
        return np.mean(
            [_predicted(model, "predict_proba", args, options) for model in self.models], axis=0
        )

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Return the result of `predict`."""
        return self.predict(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"a vote of several models has no {name!r}: it predicts. Score what it says: "
            f'hp.score("accuracy", y_test, model.predict(x_test)).'
        )

    def __repr__(self) -> str:
        numbers = ", ".join(map(str, self.numbers))
        return f"the vote of trials {numbers}"


def _predicted(model: Any, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the prediction of one model, without Keras's progress bar."""
    predict = getattr(model, method)
    if "verbose" in inspect.signature(predict).parameters:
        options = {"verbose": 0, **options}
    return predict(*args, **options)
