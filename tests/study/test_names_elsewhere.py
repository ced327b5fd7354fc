"""Names of other tools on a study."""

from __future__ import annotations

import copy

import pytest

from hpo_magic import Study, hp, search
from hpo_magic.errors import NoAttribute
from hpo_magic.study.names_elsewhere import _HERE


@pytest.fixture
def study() -> Study:
    """Return a study of one trial."""
    return search(lambda: hp.Float(0, 1, name="x"), trials=1, minimize="value", ui="none")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("best_value", "Here it is: best_seen, or honest"),
        ("best_params_", "Here it is: best_params."),
        ("get_best_models", r"Here it is: best_models\(n\)."),
        ("best_modle", "Did you mean best_model?"),
        ("compare", r"Here it is: hpo_magic.compare\(this_study, other_study\)"),
    ],
)
def test_the_error_has_the_name_here(study: Study, name: str, said: str) -> None:
    """Of Optuna, scikit-learn and KerasTuner; and a misspelt name."""
    with pytest.raises(AttributeError, match=f"a study has no attribute '{name}'. {said}"):
        getattr(study, name)


def test_a_notebook_shows_the_error_without_our_lines(study: Study) -> None:
    """It is the user's mistake."""
    with pytest.raises(NoAttribute) as caught:
        study.best_trials  # noqa: B018
    shown = "\n".join(caught.value._render_traceback_())
    assert "study.py" not in shown
    assert shown.endswith("a study has no attribute 'best_trials'. Here it is: front.")


def test_no_name_of_a_study_is_among_them(study: Study) -> None:
    """A name that a study has needs no hint, and what is named exists."""
    assert not set(_HERE) & set(dir(study))
    first = {here.partition("(")[0].partition(",")[0].partition(".")[0] for here in _HERE.values()}
    names = {word.partition("[")[0] for word in first if word.isidentifier()} - {"hpo_magic"}
    assert names <= set(dir(study)), names - set(dir(study))


def test_other_code_may_ask_for_any_name(study: Study) -> None:
    """`hasattr`, copies and displays ask for names that are not there."""
    assert not hasattr(study, "_repr_latex_")
    assert copy.copy(study).name == study.name
    with pytest.raises(AttributeError, match="a study has no attribute 'record'"):
        Study.__new__(Study).record  # noqa: B018


def test_an_error_inside_a_property_is_not_hidden(study: Study) -> None:
    """It is the property's own, not that there is no such name."""
    study.snapshot = None  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute"):
        study.trials  # noqa: B018
