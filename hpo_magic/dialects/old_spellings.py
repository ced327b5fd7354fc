"""What an error of code for old versions of the libraries means, in today's spelling.

Published examples are older than the libraries: they fail on names that have moved or gone. Each
rule was tried with Keras 3.15, scikit-learn 1.9, LightGBM 4.7 and XGBoost 3.2: what it matches
fails, what it names works.
"""

from __future__ import annotations

import re

from hpo_magic.core.log import caught

_OLD_LAYERS = (
    "core|convolutional|pooling|recurrent|embeddings|normalization|advanced_activations|noise|"
    "local|merge|wrappers|experimental"
)
_ARGUMENTS = {
    "output_dim": "units",
    "nb_filter": "filters",
    "nb_epoch": "epochs",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "border_mode": "padding",
    "subsample": "strides",
    "dim_ordering": "data_format",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "p": "rate",
    "lr": "learning_rate",
    "samples_per_epoch": "steps_per_epoch",
    "nb_val_samples": "validation_steps",
}
_METHODS = {
    "predict_classes": "model.predict(x).argmax(axis=-1)",
    "predict_proba": "model.predict(x)",
    "fit_generator": "model.fit(generator, …)",
    "evaluate_generator": "model.evaluate(generator)",
    "predict_generator": "model.predict(generator)",
}
# Where the text of an error matches, and what is written today; \1 is what the first group found.
_RULES = (
    (rf"No module named '(?:tensorflow\.)?keras\.layers\.(?:{_OLD_LAYERS})",
     "from keras.layers import …"),
    (r"No module named '(?:tensorflow\.)?keras\.engine", "from keras import Layer, Model"),
    (r"np_utils", "from keras.utils import to_categorical, and to_categorical(…)"),
    (r"(?:cannot import name|has no attribute) 'ImageDataGenerator'",
     "from tensorflow.keras.preprocessing.image import ImageDataGenerator"),
    (r"No module named 'keras\.preprocessing\.text'",
     "from tensorflow.keras.preprocessing.text import Tokenizer"),
    (r"cannot import name '(?:adam|adamax|nadam|adagrad|adadelta|sgd|rmsprop)' from 'keras\.opt",
     "from keras.optimizers import Adam, RMSprop, SGD, with capitals"),
    (r"No module named '(?:tensorflow\.)?keras\.wrappers\.scikit_learn'",
     "from keras.wrappers import SKLearnClassifier, SKLearnRegressor; or SciKeras"),
    (r"cannot import name 'Merge' from 'keras\.layers'",
     "from keras.layers import concatenate, add, multiply"),
    (r"cannot import name 'CuDNN(LSTM|GRU)'", r"from keras.layers import \1, which uses cuDNN"),
    (r"has no attribute 'set_image_dim_ordering'",
     "keras.config.set_image_data_format('channels_last')"),
    (r"No module named 'tensorflow\.contrib", "nothing: it has gone with TensorFlow 2"),
    (r"module 'tensorflow' has no attribute '(Session|placeholder|get_default_graph)'",
     r"tf.compat.v1.\1; most Keras code needs none"),
    (r"No module named 'sklearn\.(?:cross_validation|grid_search)'",
     "from sklearn.model_selection import …"),
    (r"cannot import name 'joblib' from 'sklearn\.externals'", "import joblib"),
    (r"`load_boston` has been removed",
     "from sklearn.datasets import fetch_california_housing, or load_diabetes"),
)  # fmt: skip
_OF_BOOSTING = (
    (r"XGB\w+\.fit\(\) got an unexpected .*'(early_stopping_rounds|eval_metric|callbacks)'",
     r"\1=… in the constructor: XGBClassifier(\1=…)"),
    (r"(?:train|cv|LGBM\w+\.fit)\(\) got an unexpected keyword argument 'early_stopping_rounds'",
     "callbacks=[lightgbm.early_stopping(rounds)]"),
    (r"(?:train|cv)\(\) got an unexpected .*'verbose_eval'|LGBM\w+\.fit\(\) .*'verbose'",
     "callbacks=[lightgbm.log_evaluation(rounds)], or nothing"),
    (r"train\(\) got an unexpected keyword argument 'evals_result'",
     "callbacks=[lightgbm.record_evaluation(results)]"),
    (r"'gpu_hist', valid values are", 'tree_method="hist", device="cuda"'),
)  # fmt: skip
_COMPILED = tuple((re.compile(old), new) for old, new in _RULES)
_COMPILED_OF_BOOSTING = tuple((re.compile(old), new) for old, new in _OF_BOOSTING)
_KEYWORDS = re.compile(r"[Uu]nrecognized keyword|Argument\(s\) not recognized|unexpected keyword")
_LACKING = re.compile(
    r"(?:Dense|LSTM|GRU|Embedding|Dropout)\.__init__\(\) missing 1 required .*'(\w+)'"
)


def todays_spelling(error: BaseException) -> str:
    """Return the sentence about what is written today in place of what failed; "" if none is known.

    >>> todays_spelling(ModuleNotFoundError("No module named 'keras.layers.core'"))
    'Written today: from keras.layers import …'
    """
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (a user's `__str__` may do anything)
        caught("an exception of the cell has no text")
        return ""
    new = _written_today(error, text)
    return f"Written today: {new}" if new else ""


def _written_today(error: BaseException, text: str) -> str:
    if isinstance(error, ImportError | AttributeError):
        for pattern, new in _COMPILED:
            if found := pattern.search(text):
                return found.expand(new)
        method = re.search(r"object has no attribute '(\w+)'", text)
        return _METHODS.get(method[1], "") if method else ""
    if isinstance(error, TypeError | ValueError):
        for pattern, new in _COMPILED_OF_BOOSTING:
            if found := pattern.search(text):
                return found.expand(new)
        return _argument(text)
    if isinstance(error, KeyError) and error.args and error.args[0] in ("acc", "val_acc"):
        return f"history[{str(error.args[0]).replace('acc', 'accuracy')!r}]"
    return ""


def _argument(text: str) -> str:
    if _KEYWORDS.search(text):
        names = re.findall(r"'(\w+)'", text)
        known = [f"{_ARGUMENTS[name]}=… for {name}=…" for name in names if name in _ARGUMENTS]
        return ", ".join(known)
    lacking = _LACKING.search(text)
    return f"{lacking[1]}=…, or the value as first argument" if lacking else ""
