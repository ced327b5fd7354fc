"""The values of a trial with several objectives."""

import pickle

import pytest
from left_by_trials import EPOCHS, FIT, MINIMIZE, VAL_ACCURACY, score

from hpo_magic.core.metrics import Score
from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import Goal
from hpo_magic.errors import MetricError, MissingMetric

SIZE = Goal("n_params", MINIMIZE)
TIME = Goal("fit_seconds", MINIMIZE)


def scored_by_two(**left) -> Score:
    """Return accuracy and size of a trial that left these things."""
    return score(VAL_ACCURACY, SIZE, **left)


def test_each_objective_is_found_by_its_name():
    """In a dict, in the last fit, among the variables; together or apart."""
    for left in (
        {"last": {"val_accuracy": 0.5, "n_params": 7}},
        {"last": {"n_params": 7}, "fits": [Fit(({"val_accuracy": 0.5},))]},
        {"fits": [Fit(({"val_accuracy": 0.5},))], "variables": {"n_params": 7}},
    ):
        found = scored_by_two(**left)
        assert (found.value, found.metrics["n_params"]) == (0.5, 7.0)


def test_a_number_at_the_end_is_the_first_objective():
    """As it is the value where there is one; the others have their names."""
    found = scored_by_two(last=0.5, fits=[FIT], variables={"n_params": 7})
    assert (found.metrics["val_accuracy"], found.metrics["n_params"]) == (0.5, 7.0)


def test_a_tuple_at_the_end_has_them_in_order():
    """Of the right length; a list is Keras's evaluate, which gives no names."""
    found = scored_by_two(last=(0.5, 7))
    assert (found.value, found.metrics["n_params"]) == (0.5, 7.0)
    with pytest.raises(MetricError, match=r"^The cell ends in a tuple of 3, and there are 2 obj"):
        scored_by_two(last=(0.5, 7, 1))
    with pytest.raises(MetricError, match=r"End it with a number for each of val_accuracy, n_par"):
        scored_by_two(last=(0.5, "small"))


def test_a_fit_gives_its_size_and_time():
    """The last model's weights, the seconds of all fits; a value of the cell's own comes first."""
    fits = [Fit(EPOCHS, n_params=3, seconds=1.0), Fit(EPOCHS, n_params=8, seconds=0.5)]
    found = score(VAL_ACCURACY, SIZE, TIME, fits=fits)
    assert (found.metrics["n_params"], found.metrics["fit_seconds"]) == (8.0, 1.5)
    own = score(VAL_ACCURACY, SIZE, fits=fits, variables={"n_params": 2})
    assert own.metrics["n_params"] == 2.0


def test_one_objective_is_not_told_what_it_did_not_ask_for():
    """Its metrics are what they were before there were several."""
    fits = [Fit(EPOCHS, n_params=3, seconds=1.0)]
    assert set(score(VAL_ACCURACY, fits=fits).metrics) == set(EPOCHS[0])


def test_an_objective_that_is_missing_is_named():
    """With what there is; a size that no fit gave is not there."""
    fits = [Fit(EPOCHS, n_params=3)]
    with pytest.raises(MissingMetric, match=r'without the metric "n_parms".*n_params'):
        score(VAL_ACCURACY, Goal("n_parms", MINIMIZE), fits=fits)
    with pytest.raises(MissingMetric, match=r'without the metric "n_params"'):
        scored_by_two(last=0.5)


def test_a_list_at_the_end_gives_no_objective_its_name():
    """It may be Keras's evaluate, whose order is the model's."""
    with pytest.raises(
        MetricError, match=r"^The cell ends in a list of length 2, .* a tuple of th"
    ):
        scored_by_two(last=[0.5, 7])
    with pytest.raises(MissingMetric, match=r"It logged nothing\. End the cell with a dict that"):
        scored_by_two()
    with pytest.raises(MissingMetric, match=r"Name one of them, or end the cell with a dict that"):
        scored_by_two(last={"val_accuracy": 0.5})


def test_a_missing_objective_is_pickled_with_what_it_says():
    """It comes home from a worker."""
    with pytest.raises(MissingMetric) as caught:
        scored_by_two(last={"val_accuracy": 0.5})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
