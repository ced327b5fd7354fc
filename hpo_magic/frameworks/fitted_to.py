"""What models are fitted to and evaluated on, noted in the running trial.

So a value that is measured on the rows of the fit is known as one, wherever in the user's functions
it comes from (`language/training_rows.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.language.trial_context import current_trial


def note_fit(*targets: Any) -> None:
    """Note what a model is fitted to: the first of these that is given.

    Parameters
    ----------
    targets
        Its true values; then the data set that has them.
    """
    with suppressed("what a model is fitted to could not be noted"):
        trial = current_trial()
        if trial is not None:
            trial.fits_to(next((one for one in targets if one is not None), None))


def note_evaluation(numbers: Mapping[str, float], *targets: Any) -> None:
    """Note the numbers of an evaluation by name, and what it is of: the first target given."""
    with suppressed("what a model is evaluated on could not be noted"):
        trial = current_trial()
        if trial is not None:
            trial.evaluates(numbers, next((one for one in targets if one is not None), None))
