"""What a call of `hp.report` says: a step, and numbers by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpo_magic.core.given_values import number
from hpo_magic.errors import MetricError


def reported(
    step: Any, unnamed: Sequence[Any], metrics: Mapping[str, Any], line: int
) -> tuple[int | None, dict[str, float]]:
    """Return the step (None: the next one) and the metrics of a report.

    Parameters
    ----------
    step, unnamed, metrics
        The arguments of the call; a dict as `step`, or after it, holds metrics.
    line
        Of the call, for the message.

    Raises
    ------
    MetricError
        If a metric has no name or is no number, or the step is no whole number.
    """
    if isinstance(step, Mapping):
        step, metrics = None, {**step, **metrics}
    where = f"hp.report on line {line}"
    for value in unnamed:
        if not isinstance(value, Mapping):
            raise MetricError(
                f"{where}: a metric needs a name, got {_short(value)}. Write "
                f"hp.report(epoch, val_loss={_example(value)}). Without the epoch the steps are "
                f"counted."
            )
        metrics = {**value, **metrics}
    if not metrics:
        shown = "" if step is None else f", got {step!r} alone"
        raise MetricError(
            f"{where}: a metric needs a name{shown}. Write hp.report(val_loss={_example(step)})."
        )
    whole = None if step is None else _whole(step)
    if step is not None and whole is None:
        raise MetricError(
            f"{where}: the step must be a whole number, got {step!r}. Leave it out, and the steps "
            f"are counted."
        )
    found = {}
    for name, value in metrics.items():
        as_float = float(value) if isinstance(value, bool) else number(value)
        if as_float is None:
            raise MetricError(
                f"{where}: {name} must be one number, got {_short(value)}. Report its mean, or "
                f"float({name})."
            )
        found[str(name)] = as_float
    return whole, found


def _whole(step: Any) -> int | None:
    value = number(step)
    return int(value) if value is not None and value == int(value) else None


def _example(step: Any) -> str:
    return repr(step) if number(step) is not None else "0.5"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}… ({type(value).__name__})"
