"""TensorFlow is used, not needed: a process in which neither it nor Keras can be found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CELLS = '''
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    """Finds what is installed, but for TensorFlow and Keras."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in ("tensorflow", "keras", "tf_keras")
        return None if absent else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Without if one is PathFinder else one for one in sys.meta_path]

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)

def run(cell):
    done = shell.run_cell(cell)
    done.raise_error()
    return done.result

try:
    import tensorflow
    raise SystemExit("TensorFlow was found")
except ModuleNotFoundError:
    pass
run("import hpo_magic")
run("%load_ext hpo_magic")
run("""
import lightgbm as lgb
import numpy as np
from sklearn.linear_model import SGDClassifier
rng = np.random.default_rng(0)
x = rng.normal(size=(160, 3))
y = (x[:, 0] + rng.normal(size=160) > 0).astype(int)
(x_train, x_val, x_test), (y_train, y_val, y_test) = (
    (part[:80], part[80:120], part[120:]) for part in (x, y)
)
""")
run("""%%hpo sgd --maximize accuracy -n 4 --ui none
model = SGDClassifier(alpha=hp.Float("alpha", 1e-5, 1.0, sampling="log")).fit(x_train, y_train)
accuracy = model.score(x_val, y_val)
""")
run("""%%hpo boosted -n 3 --minimize valid_0-l2 --ui text
model = lgb.LGBMRegressor(
    n_estimators=5, learning_rate=hp.Float("lr", 0.01, 0.5), verbosity=-1, n_jobs=1
)
model.fit(x_train, y_train, eval_set=[(x_val, y_val)])
""")
assert len(run("boosted").trials[0].curve) == 5
assert run("boosted.best_model()").n_estimators == 5
assert run("str(sgd.freeze())").count("hp.") == 0
run("%%hpo_test sgd\\nmodel.score(x_test, y_test)")
run("%hpo")
assert run("hpo_magic.load_study('sgd')").test.value is not None
shown = shell.run_cell("%%hpo nets -n 2 --ui none\\nimport keras\\nhp.Float('x', 0, 1)")
assert isinstance(shown.error_in_exec, ModuleNotFoundError), shown.error_in_exec
assert not {"tensorflow", "keras", "tf_keras"} & set(sys.modules)
print("all cells ran")
'''


@pytest.mark.slow
def test_cells_without_keras_need_no_tensorflow(tmp_path: Path) -> None:
    """Searches, curves, models, test and listing; a cell of Keras has its own import's error."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CELLS],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all cells ran\n")
