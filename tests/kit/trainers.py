"""The smallest useful cell of each training library, and how its results are told.

Each cell trains `n` rounds or epochs and appends to `seen` the score that the library itself
recorded for the model that the cell keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

DATA = """
import numpy as np
rng = np.random.default_rng(0)
x = rng.normal(size=(160, 5)).astype("float32")
y = (x[:, 0] + 0.5 * x[:, 1] + 0.3 * rng.normal(size=160) > 0).astype(int)
(x_train, x_val, x_test), (y_train, y_val, y_test) = (
    (part[:100], part[100:130], part[130:]) for part in (x, y)
)
seen = []
"""


@dataclass(frozen=True)
class Trainer:
    """A cell of a library.

    Attributes
    ----------
    imports
        The cell before it.
    cell
        The searched cell, with a learning rate `lr`.
    goal
        The option with the metric, as the library logs it.
    score
        An expression that scores `model` on the validation rows, as the cell was scored.
    hooked
        An expression with what is exchanged while a trial runs.
    n
        How many rounds or epochs.
    knows_rows
        Whether the score of each validation row is known without a word in the cell.
    """

    imports: str
    cell: str
    goal: str
    score: str
    hooked: str
    n: int = 30
    knows_rows: bool = True

    @property
    def setup(self) -> str:
        """The cells before the searched one."""
        return f"{DATA}n = {self.n}\n{dedent(self.imports)}"

    def magic(self, options: str, *, name: str = "s") -> str:
        """Return the searched cell."""
        line = f"%%hpo {name} {self.goal} --ui none --recheck 0 --sampler random {options}"
        return f"{line}\n{dedent(self.cell).strip()}"


TRAINERS = {
    "lightgbm": Trainer(
        "import lightgbm as lgb",
        """
        rows = lgb.Dataset(x_train, y_train)
        held_out = lgb.Dataset(x_val, y_val, reference=rows)
        settings = {
            "objective": "binary", "learning_rate": hp.Float("lr", 0.01, 0.5, sampling="log"),
            "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5,
        }
        stopping = lgb.early_stopping(10**6, verbose=False)
        model = lgb.train(settings, rows, n, [held_out], callbacks=[stopping])
        seen.append(model.best_score["valid_0"]["binary_logloss"])
        """,
        "--minimize valid_0-binary_logloss",
        "-np.mean(np.log(np.where(y_val, p := model.predict(x_val), 1 - p)))",
        "lgb.engine.train.__code__",
    ),
    "lightgbm, scikit-learn": Trainer(
        "from lightgbm import LGBMClassifier, LGBMModel, log_evaluation",
        """
        model = LGBMClassifier(
            n_estimators=n, learning_rate=hp.Float("lr", 0.01, 0.5, sampling="log"),
            verbosity=-1, n_jobs=1,
        )
        names = np.array(["no", "yes"])
        model.fit(
            x_train, names[y_train], eval_set=[(x_val, names[y_val])], eval_metric="auc",
            callbacks=[log_evaluation(0)],
        )
        seen.append(model.best_score_["valid_0"]["binary_logloss"])
        """,
        "--minimize valid_0-binary_logloss",
        "-np.mean(np.log(np.where(y_val, p := model.predict_proba(x_val)[:, 1], 1 - p)))",
        "LGBMModel.fit",
    ),
    "xgboost": Trainer(
        "import xgboost as xgb",
        """
        rows, held_out = xgb.DMatrix(x_train, y_train), xgb.DMatrix(x_val, y_val)
        settings = {
            "objective": "binary:logistic", "eta": hp.Float("lr", 0.01, 0.5, sampling="log"),
            "nthread": 1,
        }
        history = {}
        model = xgb.train(
            settings, rows, n, evals=[(held_out, "val")], evals_result=history, verbose_eval=False
        )
        seen.append(history["val"]["logloss"][-1])
        """,
        "--minimize val-logloss",
        "-np.mean(np.log(np.where(y_val, p := model.predict(xgb.DMatrix(x_val)), 1 - p)))",
        "__import__('inspect').unwrap(xgb.train).__code__",
    ),
    "xgboost, scikit-learn": Trainer(
        "from xgboost import XGBClassifier",
        """
        model = XGBClassifier(
            n_estimators=n, learning_rate=hp.Float("lr", 0.01, 0.5, sampling="log"), n_jobs=1,
            early_stopping_rounds=10**6,
        )
        model.fit(x_train, y_train, eval_set=[(x_val, y_val)], verbose=False)
        seen.append(model.best_score)
        """,
        "--minimize validation_0-logloss",
        "-np.mean(np.log(np.where(y_val, p := model.predict_proba(x_val)[:, 1], 1 - p)))",
        "XGBClassifier.fit",
    ),
}
