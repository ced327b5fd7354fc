"""Which epoch and which data the value of a trial is of, and what is said of it."""

import pytest
from left_by_trials import FIT, MAXIMIZE, MINIMIZE, score

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.metrics import value_of_trial
from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import Direction, Goal
from hpo_magic.errors import MetricError, MissingMetric


def fit_of(*epochs, final=-1) -> Fit:
    """Return a fit with these epochs."""
    return Fit(epochs, final)


def named(metric, direction):
    """Return the objective of that name, if there is a name."""
    return [Goal(metric, direction)] if metric else []


EVERY_SECOND = [{"loss": 1.0}, {"loss": 0.9, "val_loss": 1.1, "val_mae": 0.8}] * 2


@pytest.mark.parametrize(
    ("goal", "fit", "at"),
    [
        ("val_loss", fit_of(*EVERY_SECOND, {"loss": 0.8}), "at epochs 2 and 4 of 5, but"),
        ("val_mae", fit_of(*EVERY_SECOND, {"loss": 0.8}), "at epochs 2 and 4 of 5, but"),
        (None, fit_of(*EVERY_SECOND, {"loss": 0.8}), "at epochs 2 and 4 of 5, but the model that"),
        ("val_mae", fit_of(*EVERY_SECOND, final=2), "2 and 4 of 4, but .* is that of epoch 3\\."),
        ("val_mae", fit_of(EVERY_SECOND[1], {"loss": 0.8}), "at epoch 1 of 2, but"),
        ("val_mae", fit_of(*EVERY_SECOND * 5, {"loss": 0.8}), "at epochs 2, 4 and 6, … 20 of 21"),
    ],
)
def test_a_metric_of_other_epochs(goal, fit, at):
    """With `validation_freq=2` it is not that of the model: the error names the epochs."""
    with pytest.raises(MetricError, match=at) as refused:
        score(*named(goal, MINIMIZE), fits=[fit])
    assert "Leave out validation_freq" in str(refused.value)


def test_a_metric_of_the_last_epoch_is_the_value():
    """Whether or not earlier epochs have it."""
    assert score(Goal("val_mae", MINIMIZE), fits=[fit_of(*EVERY_SECOND)]).value == 0.8
    assert score(fits=[fit_of(*EVERY_SECOND)]).value == 1.1


UNCHECKED = fit_of({"accuracy": 0.9, "loss": 0.3})


@pytest.mark.parametrize(
    ("goal", "direction", "sentence"),
    [
        ("val_accuracy", MAXIMIZE, 'without the metric "val_accuracy": the fit had no validation'),
        ("val_acc", MAXIMIZE, "it measured accuracy and loss on the training data. Give it valid"),
        ("val_loss", MINIMIZE, "or end the cell with a score on data that it does not train on."),
        (None, None, "on the training data. Give it validation_data=(x_val, y_val) or validation"),
        (None, MAXIMIZE, "and write --maximize val_accuracy, or end the cell"),
        (None, MINIMIZE, "and write --minimize val_loss, or end the cell"),
    ],
)
def test_without_validation_data(goal, direction, sentence):
    """The training's metrics are called so, and none is suggested."""
    with pytest.raises(MetricError) as refused:
        score(*named(goal, direction), direction=direction, fits=[UNCHECKED])
    assert sentence in str(refused.value)
    assert "ize accuracy" not in str(refused.value)


@pytest.mark.parametrize(
    ("goal", "last", "sentence"),
    [
        (
            "accurac",
            NOTHING,
            "Did you mean --maximize val_accuracy? accuracy is measured on the train",
        ),
        ("val_auc", {"auc": 0.9}, "--maximize auc? Only if that is measured on data that the trai"),
        ("val_acc", {"train_acc": 1.0}, "Did you mean --maximize train_acc? Only if that is meas"),
        ("val_accuracies", NOTHING, "Did you mean --maximize val_accuracy?"),
    ],
)
def test_a_guess_is_of_validation_data(goal, last, sentence):
    """Or its sentence says that nothing is known of that."""
    with pytest.raises(MissingMetric) as refused:
        score(Goal(goal, MAXIMIZE), last=last, fits=[] if last is not NOTHING else [FIT])
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("goal", "last", "fit", "remark"),
    [
        ("accuracy", NOTHING, UNCHECKED, "accuracy is measured on the training data: the search "),
        ("accuracy", NOTHING, FIT, "settings that overfit. Name val_accuracy."),
        ("accuracy", {"accuracy": 0.5}, UNCHECKED, ""),
        ("accuracy", 0.9, UNCHECKED, ""),
        ("val_accuracy", NOTHING, FIT, ""),
    ],
)
def test_an_objective_of_the_training_data(goal, last, fit, remark):
    """It may be what the user wants; it is said what it is."""
    said = score(Goal(goal, MAXIMIZE), last=last, fits=[fit]).remark
    assert remark in said
    assert bool(said) is bool(remark)


@pytest.mark.parametrize(
    ("names", "remark"),
    [
        (["learn-l2", "valid-l2"], "overfit. Name valid-l2."),
        (["learn-l2"], "overfit. Have it evaluate rows that it does not train on, and name that"),
    ],
)
def test_other_libraries_say_what_was_measured_on_the_training_data(names, remark):
    """A validation metric of another name than Keras's is none."""
    fit = Fit([dict.fromkeys(names, 0.5)], of_training=lambda name: name.startswith("learn-"))
    assert remark in score(Goal("learn-l2", MINIMIZE), fits=[fit]).remark
    if len(names) > 1:
        assert score(Goal("valid-l2", MINIMIZE), fits=[fit]).remark == ""
    else:
        with pytest.raises(MetricError, match="measured learn-l2 on the training data alone"):
            score(fits=[fit])


def test_a_named_tuple_at_the_end_does_not_hide_what_was_logged():
    """Hugging Face's `train` returns one; it is no list of numbers without names."""
    from collections import namedtuple

    output = namedtuple("TrainOutput", "global_step training_loss")(30, 0.5)
    fits = [Fit([{"eval_accuracy": 0.75}])]
    goals = (Goal("eval_accuracy", Direction.MAXIMIZE),)
    assert value_of_trial(goals, output, fits, {}).value == 0.75
