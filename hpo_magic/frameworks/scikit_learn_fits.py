"""The hook on fits of scikit-learn: which true values a model was fitted to.

scikit-learn checks an estimator's parameters at the beginning of each `fit`, in a wrapper that has
the arguments. A fit inside of another one, as in a pipeline, is a part of that one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.svm._base import BaseLibSVM

from hpo_magic.core.log import suppressed
from hpo_magic.frameworks.method_watch import WatchedMethod
from hpo_magic.language.trial_context import TrialContext

# The code that all wrappers of `fit` share.
_WRAPPER = BaseLibSVM.fit.__code__

FIT = WatchedMethod(BaseEstimator, "_validate_params")


def noting_targets(trial: TrialContext, is_apart: Callable[[], bool]) -> Callable[..., Any]:
    """Return what runs in place of an estimator's check of its parameters.

    Parameters
    ----------
    trial
        Its `trained` gets the true values of each fit that was given some.
    is_apart
        Returns whether the fit is one of a cross-validation, whose scores are known.
    """

    def run(check: Callable[..., Any], estimator: Any, *args: Any, **kwargs: Any) -> Any:
        result = check(estimator, *args, **kwargs)
        with suppressed("a fit of scikit-learn could not be read"):
            if not is_apart():
                trial.fits_to(_target(estimator))
        return result

    return run


def running_fits() -> list[FrameType]:
    """Return the frames of the wrappers of the fits that run here, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    found = []
    while frame is not None:
        if frame.f_code is _WRAPPER:
            found.append(frame)
        frame = frame.f_back
    return found


def _target(estimator: Any) -> Any:
    """Return the true values that an estimator which predicts is fitted to; None without them."""
    fits = running_fits()
    if len(fits) != 1 or not (is_classifier(estimator) or is_regressor(estimator)):
        return None
    if getattr(estimator, "oob_score", False):
        return None  # its out-of-bag predictions of these rows are of trees that did not see them
    args, kwargs = fits[0].f_locals["args"], fits[0].f_locals["kwargs"]
    return args[1] if len(args) > 1 else kwargs.get("y")
