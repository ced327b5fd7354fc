"""What is said where the value of a trial is not to be found."""

import pickle

import numpy as np
import pytest
from left_by_trials import EPOCHS, FIT, MAXIMIZE, MINIMIZE, score

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import Goal
from hpo_magic.errors import MetricError, MissingMetric


def test_a_missing_metric_lists_what_there_is():
    """The error names the trial once it is known, lists the metrics, and guesses; it pickles."""
    with pytest.raises(MissingMetric) as caught:
        score(Goal("val_acc", MAXIMIZE), fits=[FIT])
    caught.value.trial = 0
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == (
        'Trial 0 finished without the metric "val_acc". It logged: loss, accuracy, val_loss, '
        "val_accuracy. Did you mean --maximize val_accuracy?"
    )
    assert (error.metric, error.logged) == ("val_acc", tuple(EPOCHS[0]))


def test_a_missing_metric_keeps_the_option_that_was_given():
    """The guess is put behind the option that the user wrote."""
    with pytest.raises(
        MissingMetric, match=r"^The cell finished .*an --minimize val_loss\? loss is"
    ):
        score(Goal("los", MINIMIZE), fits=[FIT])


def test_a_missing_metric_without_a_guess_says_what_to_do():
    """Where no name is close, the error says what can be done."""
    with pytest.raises(MissingMetric, match=r"\. Name val_loss or val_accuracy, or end"):
        score(Goal("profit", MAXIMIZE), fits=[FIT])
    with pytest.raises(MissingMetric, match=r"It logged nothing\. End the cell with the number"):
        score(Goal("profit", MAXIMIZE), fits=[Fit([])])


def test_several_numbers_are_not_one():
    """An array or a list where a number is due says its size, and what to do."""
    with pytest.raises(MetricError, match=r"got an array of shape \(5,\). Take its mean\?"):
        score(Goal("score", MAXIMIZE), last=np.zeros(5))
    with pytest.raises(MetricError, match=r"The end of the cell: .* got a list of length 2. Take"):
        score(direction=MAXIMIZE, last=[0.1, 0.2])
    with pytest.raises(MetricError, match=r"length 2\. Take the element that is the score\."):
        score(direction=MAXIMIZE, last=(0.1, 0.2))
    with pytest.raises(MetricError, match=r"shape \(2, 2\)\. Take the element that is the score\."):
        score(direction=MAXIMIZE, last=np.zeros((2, 2)))
    with pytest.raises(MetricError, match=r"^score: .* a dict of f1, n. Take the number"):
        score(Goal("score", MAXIMIZE), last={"score": {"f1": 1.0, "n": 3}})
    with pytest.raises(
        MetricError, match=r"^score: .* got an array of shape \(1,\). Take its only"
    ):
        score(Goal("score", MAXIMIZE), variables={"score": np.array([1.0])})
    with pytest.raises(MetricError, match=r"^score: a number was expected, got True\."):
        score(Goal("score", MAXIMIZE), last={"score": True})
    with pytest.raises(MetricError, match=r"The end of the cell: .* got an object of type object"):
        score(last=object())


def test_a_bare_number_needs_a_direction():
    """Nobody can know whether more of a number is better."""
    with pytest.raises(MetricError, match="The cell ends in a number, and nothing says whether"):
        score(last=0.5, fits=[FIT])


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ({"last": 0.5}, "The function returns a number, and nothing says whether more is better."),
        ({"last": object()}, "What the function returns: a number was expected, got an object of"),
        ({}, "The function gives no number to improve: it returns none, and no fit reported one. "),
        ({"last": None}, "the result is None. Return the score, and write "),
        ({"fits": [Fit([{"loss": 1.0}])]}, "or return a score on data that it does not train on."),
        ({"goals": [Goal("f1", MAXIMIZE)]}, "logged nothing. Return the number itself."),
        ({"goals": [Goal("f1", MAXIMIZE)], "last": "text"}, "Return the score of the trial."),
    ],
)
def test_a_function_is_told_of_what_it_returns(trial, said):
    """In Python there is no cell to end."""
    left = dict(trial)
    with pytest.raises(MetricError) as caught:
        score(*left.pop("goals", ()), **left)
    text = str(caught.value.in_python())
    assert said in text
    assert "cell" not in text


def test_a_metric_of_the_users_own_needs_a_direction():
    """A name that is not Keras's says nothing of its direction."""
    with pytest.raises(
        MetricError, match=r"The cell logged: profit\. Write --maximize profit, for"
    ):
        score(last={"profit": 0.5})


def test_without_a_name_the_error_lists_what_there_is():
    """Several metrics and no name, or `--maximize` alone: the user must choose."""
    with pytest.raises(MetricError, match=r"logged: a, auc\. Write --maximize auc, for example"):
        score(last={"a": 1, "auc": 0.5})
    with pytest.raises(MetricError, match="Write --maximize val_accuracy, for example"):
        score(direction=MAXIMIZE, fits=[FIT])
    with pytest.raises(MetricError, match="and write --minimize val_loss, or end the"):
        score(fits=[Fit([{"loss": 1.0}])])


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        (NOTHING, r"and no fit reported one\. End it with"),
        (None, "the result is None. Have a func"),
    ],
)
def test_a_cell_without_numbers_is_told_what_to_do(last, sentence):
    """A cell that neither ends in a number nor reports one, or a function that returns nothing."""
    with pytest.raises(MetricError, match=sentence):
        score(last=last)


def test_without_a_name_the_scores_that_the_cell_sets_are_listed():
    """By their names; numbers that are no scores are left out."""
    left = {"n": 3, "train_acc": 0.9, "test_acc": 0.8, "_loss": 1.0}
    with pytest.raises(
        MetricError, match=r"sets train_acc and test_acc\. Write --maximize test_ac"
    ):
        score(variables=left)
    with pytest.raises(MetricError, match=r"Write --minimize rmse, for example, or end"):
        score(variables={"rmse": 3.0})
    with pytest.raises(MetricError, match=r"no fit reported one\."):
        score(variables={"epochs": 3, "alpha": 0.1})


@pytest.mark.parametrize(
    ("metric", "named"),
    [("Accuracy", "accuracy"), ("acuracy", "accuracy"), ("PROFIT", "profit")],
)
def test_a_misspelled_variable_is_named(metric, named):
    """The cell sets a number of nearly that name."""
    left = {"accuracy": 0.9, "profit": 3, "n": 8}
    with pytest.raises(MissingMetric, match=f"Did you mean --maximize {named}. The cell sets that"):
        score(Goal(metric, MAXIMIZE), variables=left)
    with pytest.raises(MissingMetric, match=r"It logged nothing\."):
        score(Goal("val_loss", MINIMIZE), variables={"val_size": 0.2, "n": 8})


def test_a_dict_that_has_the_metric_is_named():
    """A variable of the cell; the end of the cell is where it is looked for."""
    with pytest.raises(
        MetricError, match=r'^"acc" is in results, a dict of the cell. End the cell'
    ):
        score(Goal("acc", MAXIMIZE), variables={"n": 3, "results": {"acc": 0.9}})


@pytest.mark.parametrize("last", [True, "0.91", object(), (i for i in range(2))])
def test_an_end_that_is_no_number_is_named(last):
    """Where nothing else gives the metric either."""
    with pytest.raises(MetricError, match=r"^The cell ends in .*, which is no number, and sets no"):
        score(Goal("acc", MAXIMIZE), last=last)
