"""Errors of code for old versions, as the libraries raise them, and what is written today."""

from __future__ import annotations

import pytest

from hpo_magic.dialects.old_spellings import todays_spelling

# What an old example has, and what is told of it. The first line of each is what fails.
OLD = {
    "from keras.layers.core import Dense": "from keras.layers import …",
    "from keras.layers.normalization import BatchNormalization": "from keras.layers import …",
    "from keras.utils import np_utils": "from keras.utils import to_categorical",
    "from keras.utils.np_utils import to_categorical": "from keras.utils import to_categorical",
    "keras.utils.np_utils": "from keras.utils import to_categorical",
    "from keras.preprocessing.image import ImageDataGenerator": "from tensorflow.keras.preproc",
    "from keras.preprocessing.text import Tokenizer": "from tensorflow.keras.preprocessing.text",
    "from keras.optimizers import adam, rmsprop": "from keras.optimizers import Adam",
    "from keras.wrappers.scikit_learn import KerasClassifier": "import SKLearnClassifier",
    "from keras.layers import CuDNNLSTM": "from keras.layers import LSTM, which uses cuDNN",
    "from keras.engine.topology import Layer": "from keras import Layer, Model",
    "keras.layers.Dense(output_dim=3)": "units=…, or the value as first argument",
    "keras.layers.Dense(3, init='uniform')": "kernel_initializer=… for init=…",
    "keras.layers.Dropout(p=0.3)": "rate=…, or the value as first argument",
    "keras.optimizers.Adam(lr=0.1)": "learning_rate=… for lr=…",
    "keras.layers.Conv2D(3, 3, border_mode='same')": "padding=… for border_mode=…",
    "keras.Sequential().fit([[1.0]], [1.0], nb_epoch=1)": "epochs=… for nb_epoch=…",
    "keras.Sequential().predict_classes([1])": "model.predict(x).argmax(axis=-1)",
    "{'accuracy': 1}['acc']": "history['accuracy']",
    "from sklearn.cross_validation import KFold": "from sklearn.model_selection import …",
    "from sklearn.externals import joblib": "import joblib",
    "from sklearn.datasets import load_boston": "fetch_california_housing",
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_each_rule_is_met_by_the_error_of_the_library() -> None:
    """The installed versions raise it."""
    import keras

    for code, told in OLD.items():
        with pytest.raises(Exception) as caught:  # noqa: PT011  (the kinds differ)
            exec(code, {"keras": keras})
        sentence = todays_spelling(caught.value)
        assert sentence.startswith("Written today: "), code
        assert told in sentence, code


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'torch'"),
        KeyError("val_loss"),
        TypeError("f() got an unexpected keyword argument 'widht'"),
        AttributeError("'list' object has no attribute 'fit'"),
    ],
)
def test_other_errors_are_left_alone(error: Exception) -> None:
    """Nothing is guessed."""
    assert todays_spelling(error) == ""


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("train() got an unexpected keyword argument 'verbose_eval'", "lightgbm.log_evaluation("),
        ("train() got an unexpected keyword argument 'early_stopping_rounds'", "early_stopping(r"),
        ("LGBMClassifier.fit() got an unexpected keyword argument 'verbose'", "log_evaluation("),
        (
            "XGBClassifier.fit() got an unexpected keyword argument 'early_stopping_rounds'",
            "early_stopping_rounds=… in the constructor",
        ),
        ("train() got an unexpected keyword argument 'evals_result'", "record_evaluation(results)"),
    ],
)
def test_arguments_that_boosting_libraries_had(text: str, now: str) -> None:
    """As LightGBM 4.7 and XGBoost 3.2 refuse them."""
    assert now in todays_spelling(TypeError(text))


def test_the_trees_on_a_gpu_of_xgboost() -> None:
    """They are no method of their own any more."""
    text = "Invalid Input: 'gpu_hist', valid values are: {'approx', 'auto', 'exact', 'hist'}"
    assert todays_spelling(ValueError(text)) == 'Written today: tree_method="hist", device="cuda"'
