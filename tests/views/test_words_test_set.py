"""A test evaluation in words."""

from __future__ import annotations

from datetime import date

import pytest

from hpo_magic.honesty.leaks import Overlap
from hpo_magic.honesty.measured import Basis, Measured
from hpo_magic.views.words.test_set import basis_text, leak_text, names_text, repeated_text


def test_a_repeated_evaluation_says_when_and_what() -> None:
    """Day, value then and now, another study by its name; what is missing is left out."""
    day = date(2026, 3, 1)
    assert repeated_text(3, day, 0.91, 0.92, "digits") == (
        "evaluation 3: this test set was used on 2026-03-01 by study digits (0.9100); treat 0.9200 "
        "as validation"
    )
    assert repeated_text(2, day, None, None) == (
        "evaluation 2: this test set was used on 2026-03-01; treat its result as validation"
    )
    with pytest.raises(ValueError, match=r"second or later evaluation .* got 1"):
        repeated_text(1, day, 0.9, 0.9)


def test_names_of_test_data_are_warned_of() -> None:
    """One name or several; without any there is no warning."""
    assert names_text([]) == ""
    assert names_text(["x_test"]) == (
        "The cell reads x_test, which is test data by name. A score on data that the search uses "
        "is no test: tune on validation data, and read it in %%hpo_test only."
    )
    assert "x_test, y_test, which are test data by name" in names_text(["x_test", "y_test"])


def test_a_leak_says_how_the_rows_were_used() -> None:
    """By a fit, or read by the cell."""
    leak = Overlap(60, 100, 0.0)
    assert leak_text(leak, is_fitted=True) == (
        "60 of 100 test rows were used in the search, so this is not a valid test"
    )
    assert "were in the data that the search read" in leak_text(leak, is_fitted=False)


@pytest.mark.parametrize(
    ("basis", "text"),
    [
        (Basis.SHARE, "a share of 120 rows"),
        (Basis.MEAN, "the mean of 120 rows"),
        (Basis.BOOTSTRAP, "1,000 bootstrap samples of the 120 rows"),
        (Basis.UNDEFINED, "no interval: the score is undefined on most bootstrap samples"),
        (Basis.ONE_ROW, "no interval: one row has no spread"),
        (Basis.BARE_NUMBER, 'End the cell with hp.score("accuracy", y_test, predictions)'),
    ],
)
def test_the_interval_says_what_it_is_based_on(basis: Basis, text: str) -> None:
    """Or why there is none, with what to write."""
    assert text in basis_text(Measured(None, basis, 120))
