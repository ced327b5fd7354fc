"""What is known of Keras before it is loaded."""

import subprocess
import sys

import pytest

from hpo_magic.frameworks import all_frameworks
from hpo_magic.frameworks.keras import KerasFramework


@pytest.mark.slow
def test_importing_the_frameworks_loads_none():
    """Neither the import nor a question imports Keras; a cell that wants it does."""
    code = (
        "import sys\n"
        "from hpo_magic.frameworks import all_frameworks, load_wanted\n"
        "assert {f.name: f.is_loaded() for f in all_frameworks()}['keras'] is False\n"
        "load_wanted(['numpy', 'sklearn'])\n"
        "trainers = {'lightgbm', 'xgboost', 'lightning', 'transformers', 'keras', 'torch'}\n"
        "assert not trainers & set(sys.modules)\n"
        "load_wanted(['keras.layers'])\n"
        "loaded = {f.name for f in all_frameworks() if f.is_loaded()}\n"
        "assert loaded == {'standard', 'scikit-learn', 'keras'}\n"
        "import types\n"
        "load_wanted([], [types.ModuleType('xgboost'), types.ModuleType('mine'), 3])\n"
        "assert 'xgboost' in sys.modules and 'lightgbm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "module", ["keras", "keras.layers", "tensorflow", "tensorflow.keras", "keras_tuner"]
)
def test_a_cell_that_imports_keras_wants_it(module):
    """So that it can be loaded before the first trial, which is then watched too."""
    assert KerasFramework().wants(["numpy", module])


def test_other_cells_do_not_want_keras():
    """A cell of scikit-learn does not pay for TensorFlow."""
    assert not KerasFramework().wants(["numpy", "sklearn.model_selection", "mykeras"])


def test_each_framework_has_its_name():
    """Names tell frameworks apart."""
    assert [framework.name for framework in all_frameworks()] == [
        "standard",
        "scikit-learn",
        "lightgbm",
        "xgboost",
        "catboost",
        "keras",
        "lightning",
        "transformers",
        "skorch",
        "fastai",
        "torch",
    ]
