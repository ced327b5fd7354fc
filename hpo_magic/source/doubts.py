"""What the text of a cell can show of its value, as values: each is a reason to doubt it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class _OfTraining:
    """The value is measured on what the cell trains on.

    Attributes
    ----------
    line
        Of the call that shows it, where the line of `%%hpo` is 1.
    text
        That call as it is written: "loss.backward()".
    inside
        The function that it stands in, which is called on that line; "" for the cell itself.
    """

    line: int
    text: str
    inside: str = ""


class TrainingScore(_OfTraining):
    """The call scores the model on the rows that it was fitted on."""


class TrainingLoss(_OfTraining):
    """The call trains with the value: it is the loss that the training itself minimizes."""


class TrainingBatch(_OfTraining):
    """The call trains, and returns the value of the batches that it trains on."""


@dataclass(frozen=True)
class OneFold:
    """The value is that of the last pass of a loop over folds.

    Attributes
    ----------
    line
        Of the loop.
    metric
        What is set, or logged by a fit, in each pass.
    """

    line: int
    metric: str


@dataclass(frozen=True)
class AskedInFolds:
    """A call of `hp` without a name stands in a loop over folds, so each fold has its own value.

    Attributes
    ----------
    line
        Of the call.
    text
        The call as it is written.
    """

    line: int
    text: str


@dataclass(frozen=True)
class OtherWeights:
    """The value is logged by a fit, and the cell loads other weights after it.

    Attributes
    ----------
    line
        Of the call that loads them, where the line of `%%hpo` is 1.
    text
        That call as it is written.
    metric
        The value's name.
    """

    line: int
    text: str
    metric: str


OfTraining = TrainingScore | TrainingLoss | TrainingBatch
Doubt = OfTraining | OneFold | AskedInFolds | OtherWeights
