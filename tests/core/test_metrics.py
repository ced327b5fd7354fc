"""The value of a trial, from every place it can stand in, and what is said where it does not."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from left_by_trials import ACCURACY, EPOCHS, FIT, MAXIMIZE, MINIMIZE, VAL_ACCURACY, score

from hpo_magic.core.given_values import NOTHING, number
from hpo_magic.core.metric_directions import usual_direction
from hpo_magic.core.metrics import Score, value_of_trial
from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import Direction, Goal
from hpo_magic.errors import MetricError, TrialFailed


def history_of(*epochs):
    """Return what looks like a Keras `History` of these epochs."""
    names = epochs[0] if epochs else ()
    columns = {name: [epoch[name] for epoch in epochs] for name in names}
    return SimpleNamespace(history=columns, epoch=list(range(len(epochs))))


@pytest.mark.parametrize(
    "name",
    [
        "accuracy", "acc", "val_acc", "val_accuracy", "val_sparse_categorical_accuracy",
        "top_k_categorical_accuracy", "auc", "val_auc_2", "AUC", "precision", "val_recall_1",
        "f1_score", "fbeta_score", "iou", "mean_io_u", "one_hot_mean_io_u", "binary_io_u",
        "r2_score", "cosine_similarity", "digit_accuracy", "val_out_1_accuracy",
        "sensitivity_at_specificity", "precision_at_recall", "true_positives",
        "pearson_correlation", "loss_accuracy",
    ],
)  # fmt: skip
def test_more_of_it_is_better(name):
    """Scores are maximized, whatever output or repetition they belong to."""
    assert usual_direction(name) is MAXIMIZE


@pytest.mark.parametrize(
    "name",
    [
        "loss", "val_loss", "val_out_loss", "mse", "mae", "mape", "msle", "val_mse_1",
        "mean_absolute_error", "root_mean_squared_error", "mean_squared_logarithmic_error",
        "binary_crossentropy", "val_sparse_categorical_crossentropy", "hinge", "squared_hinge",
        "kl_divergence", "poisson", "logcosh", "log_cosh", "huber", "false_positives",
        "categorical_generalized_cross_entropy", "accuracy_loss",
    ],
)  # fmt: skip
def test_less_of_it_is_better(name):
    """Losses and errors are minimized."""
    assert usual_direction(name) is MINIMIZE


@pytest.mark.parametrize(
    "name", ["score", "learning_rate", "sum", "mean", "inaccuracy", "", "val_"]
)
def test_other_names_say_nothing(name):
    """A name that is not Keras's has no direction, even if it contains one that is."""
    assert usual_direction(name) is None


@pytest.mark.parametrize(
    "value", [1, 0.5, np.float32(0.5), np.int64(1), np.array(0.5), float("nan"), float("inf")]
)
def test_scalars_are_numbers(value):
    """Python's and NumPy's scalars and arrays without dimensions become floats."""
    assert isinstance(number(value), float)


@pytest.mark.parametrize(
    "value", [pd.Series({"acc": 0.9, "f1": 0.5}), pd.DataFrame([{"acc": 0.9, "f1": 0.5, "m": "a"}])]
)
def test_a_series_or_a_row_with_names_is_a_dict_of_metrics(value):
    """Its numbers are found by name."""
    found = score(Goal("f1", MAXIMIZE), last=value)
    assert found.value == 0.5
    assert found.metrics == {"acc": 0.9, "f1": 0.5}


@pytest.mark.parametrize("value", [pd.Series([0.9, 0.5]), pd.DataFrame({"f1": [0.9, 0.5]})])
def test_a_series_without_names_and_a_longer_table_are_none(value):
    """Nothing says which number is meant."""
    with pytest.raises(MetricError):
        score(Goal("f1", MAXIMIZE), last=value)


@pytest.mark.parametrize(
    ("last", "words", "is_told"),
    [
        (0.2, (), True),
        (0.9, (), False),
        (0.904, (), False),  # rounded
        (90.0, ("acc",), False),  # acc * 100
        (NOTHING, (), False),
    ],
)
def test_an_end_that_is_another_number_than_the_metric_is_told(last, words, is_told):
    """The end is the value, as ever."""
    goal = Goal("acc", MAXIMIZE)
    found = value_of_trial((goal,), last, (), {"acc": 0.9}, last_words=words)
    assert found.value == (0.9 if last is NOTHING else last)
    assert ("acc is another one. If acc is meant" in found.remark) is is_told


def test_a_metric_of_a_fit_that_the_end_is_not_is_told():
    """`--maximize val_accuracy` of a cell that ends in something else."""
    found = value_of_trial((VAL_ACCURACY,), 12, (FIT,), {})
    assert "val_accuracy is another one" in found.remark


@pytest.mark.parametrize(
    ("value", "way_out"),
    [
        ("0.902", "Leave out what makes a text"),
        ("93 %", "Leave out"),
        (True, "Take the number that"),
    ],
)
def test_a_text_and_a_truth_value_have_a_way_out(value, way_out):
    """`acc = f"{acc:.3f}"` and `acc = score > 0.9`."""
    with pytest.raises(MetricError, match=f"acc: a number was expected, got .*{way_out}"):
        score(Goal("acc", MAXIMIZE), variables={"acc": value})


def test_a_metric_of_several_classes_is_named_with_the_way_to_one_number():
    """Keras logs an array of it."""
    history = history_of({"val_f1": np.array([0.5, 0.25])})
    fit = Fit(({"val_loss": 0.5},), history=history)
    with pytest.raises(MetricError, match=r'array of shape \(2,\).*Write average="macro"'):
        score(Goal("val_f1", MAXIMIZE), fits=(fit,))


@pytest.mark.parametrize(
    "value",
    [None, True, np.True_, np.array(True), "0.5", np.str_("0.5"), 1j, np.complex64(1), [0.5],
     np.array([0.5]), np.array([1.0, 2.0]), {"a": 1.0}, object()],
)  # fmt: skip
def test_other_things_are_no_numbers(value):
    """Booleans, text, complex numbers, lists and arrays are not numbers."""
    assert number(value) is None


def test_a_symbolic_tensor_is_no_number():
    """What has `__float__` and refuses it is not a number."""

    class Symbolic:
        shape = None

        def __float__(self):
            raise TypeError("no value yet")

    assert number(Symbolic()) is None


def test_the_last_expression_is_the_metric_that_was_named():
    """A number at the end of the cell goes before what the fits logged."""
    found = score(VAL_ACCURACY, last=np.float32(0.5), fits=[FIT])
    assert (found.value, found.goal) == (0.5, VAL_ACCURACY)
    assert found.metrics == {**EPOCHS[1], "val_accuracy": 0.5}


def test_a_dict_at_the_end_goes_before_a_fit():
    """The metric is looked up in a dict of metrics first; the fit's other metrics are kept."""
    found = score(
        Goal("accuracy", MAXIMIZE), last={"accuracy": np.float64(0.5), "f": 2}, fits=[FIT]
    )
    assert found.value == 0.5
    assert found.metrics == {**EPOCHS[1], "accuracy": 0.5, "f": 2.0}


def test_a_history_gives_the_epoch_that_its_model_is_at():
    """Of the fit whose History ends the cell, the restored epoch counts, not the last one."""
    history = history_of(*EPOCHS)
    fits = [Fit(EPOCHS, final=0, history=history), Fit([{"val_accuracy": 0.1}])]
    assert score(VAL_ACCURACY, last=history, fits=fits).value == 0.7


def test_a_history_that_nobody_watched_gives_its_last_epoch():
    """Where a fit went unseen, its History is all there is to go by."""
    found = score(VAL_ACCURACY, last=history_of(*EPOCHS))
    assert found == Score(0.6, VAL_ACCURACY, EPOCHS[1])


def test_the_last_fit_counts():
    """Without a telling last expression the metric is that of the last fit."""
    fits = [Fit([{"val_loss": 1.0}]), Fit(EPOCHS, final=0)]
    for last in (NOTHING, None, "text", {"history": [1, 2]}, [0.1, 0.2]):
        assert score(Goal("val_loss", MINIMIZE), last=last, fits=fits).value == 0.8


def test_a_variable_counts_last():
    """A variable of the metric's name is the last place to look."""
    assert score(Goal("f1_score", MAXIMIZE), variables={"f1_score": np.array(0.5)}).value == 0.5
    assert score(Goal("loss", MINIMIZE), fits=[FIT], variables={"loss": 7}).value == 0.5


def test_a_repeated_metric_is_found_by_its_plain_name():
    """Keras numbers the metrics of later folds; the name without the number finds them."""
    found = score(Goal("val_auc", MAXIMIZE), fits=[Fit([{"val_auc_3": 0.5, "auc_3": 0.7}])])
    assert (found.value, found.goal.metric) == (0.5, "val_auc")


def test_the_direction_given_goes_before_keras():
    """Whoever wants a low accuracy gets it."""
    assert score(Goal("accuracy", MINIMIZE), fits=[FIT]).goal.direction is MINIMIZE


def test_values_that_are_not_finite_are_values():
    """NaN and infinity are handed on; whoever asked fails the trial."""
    assert math.isnan(score(Goal("loss", MINIMIZE), last=float("nan")).value)
    assert score(Goal("loss", MINIMIZE), last=-math.inf).value == -math.inf


def test_a_bare_number_takes_the_name_it_is_shown_by():
    """With a direction alone the last expression is the value, under the name it goes by."""
    assert score(direction=MAXIMIZE, last=3) == Score(3.0, Goal("value", MAXIMIZE), {"value": 3.0})


def test_a_dict_of_one_number_needs_no_name():
    """A single metric at the end of the cell is the metric."""
    assert score(last={"auc": 0.5}) == Score(0.5, Goal("auc", MAXIMIZE), {"auc": 0.5})
    assert score(direction=MINIMIZE, last={"cost": 2, "note": "x"}).goal.metric == "cost"


def test_hyperopt_s_dict_is_judged_by_its_loss():
    """What stands beside it are metrics; without a status it could be any of them."""
    last = {"loss": -0.9, "accuracy": 0.9, "status": "ok", "model": object()}
    found = score(last=last)
    assert (found.value, found.goal.metric, found.goal.direction) == (
        -0.9,
        "loss",
        Direction.MINIMIZE,
    )
    assert found.metrics == {"loss": -0.9, "accuracy": 0.9}
    with pytest.raises(MetricError, match="Nothing says which metric"):
        score(last={"loss": -0.9, "accuracy": 0.9})
    with pytest.raises(TrialFailed, match=r'^it ended with the status "fail"\.$'):
        score(last={"status": "fail"})


def test_without_a_name_the_validation_loss_is_minimized():
    """Where nothing was said, `val_loss` it is."""
    for direction in (None, MINIMIZE):
        found = score(direction=direction, fits=[FIT])
        assert (found.goal.metric, found.value, found.goal.direction) == ("val_loss", 0.9, MINIMIZE)


def test_a_bare_list_at_the_end_is_not_passed_over_for_the_training_metric() -> None:
    """`model.evaluate` gives a list without names; the fit's own accuracy is not what was meant."""
    fits = [Fit([{"accuracy": 0.99, "val_accuracy": 0.8}])]
    with pytest.raises(MetricError, match=r"return_dict=True"):
        value_of_trial((ACCURACY,), [0.3, 0.8], fits, {})
    assert value_of_trial((VAL_ACCURACY,), [0.3, 0.8], fits, {}).value == 0.8
