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
    is_whole
        Whether the kept model can be loaded without its cell; else the cell builds it again.
    """

    imports: str
    cell: str
    goal: str
    score: str
    hooked: str
    n: int = 30
    knows_rows: bool = True
    is_whole: bool = True

    @property
    def setup(self) -> str:
        """The cells before the searched one."""
        return f"{DATA}n = {self.n}\n{dedent(self.imports)}"

    def magic(self, options: str, *, name: str = "s") -> str:
        """Return the searched cell."""
        line = f"%%hpo {name} {self.goal} --ui none --recheck 0 --sampler random {options}"
        return f"{line}\n{dedent(self.cell).strip()}"


LIGHTNING_MODULE = """
        import logging, warnings
        from torch.utils.data import DataLoader, TensorDataset
        warnings.filterwarnings("ignore", module="lightning|pytorch_lightning")
        for one in ("lightning.pytorch", "pytorch_lightning"):
            logging.getLogger(one).setLevel(logging.ERROR)

        class Net(L.LightningModule):
            def __init__(self, lr):
                super().__init__()
                self.save_hyperparameters()
                self.layers = torch.nn.Sequential(
                    torch.nn.Linear(5, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1)
                )

            def forward(self, x):
                return self.layers(x)[:, 0]

            def training_step(self, batch, k):
                x, y = batch
                return torch.nn.functional.binary_cross_entropy_with_logits(self(x), y)

            def validation_step(self, batch, k):
                self.log("val_loss", self.training_step(batch, k))

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), self.hparams.lr)

        train_rows, val_rows = (
            TensorDataset(torch.as_tensor(a), torch.as_tensor(b, dtype=torch.float32))
            for a, b in ((x_train, y_train), (x_val, y_val))
        )

        def measured(model):
            model.eval()
            with torch.no_grad():
                return model.training_step(val_rows.tensors, 0).item()
        """

LIGHTNING_CELL = """
        model = Net(hp.Float("lr", 1e-3, 1.0, sampling="log"))
        trainer = L.Trainer(
            max_epochs=n, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )
        trainer.fit(
            model, DataLoader(train_rows, 20, shuffle=True), DataLoader(val_rows, 30)
        )
        seen.append(trainer.callback_metrics["val_loss"].item())
        """

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
    "catboost": Trainer(
        "from catboost import CatBoostClassifier",
        """
        model = CatBoostClassifier(
            iterations=n, learning_rate=hp.Float("lr", 0.01, 0.5, sampling="log"), verbose=0,
            allow_writing_files=False, thread_count=1, depth=3,
        )
        names = np.array(["no", "yes"])
        model.fit(x_train, names[y_train], eval_set=(x_val, names[y_val]))
        seen.append(model.get_best_score()["validation"]["Logloss"])
        """,
        "--minimize validation-Logloss",
        "-np.mean(np.log(np.where(y_val, p := model.predict_proba(x_val)[:, 1], 1 - p)))",
        "CatBoostClassifier.fit",
    ),
    "skorch": Trainer(
        """
        import torch
        from skorch import NeuralNetClassifier
        from skorch.dataset import Dataset
        from skorch.helper import predefined_split

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = torch.nn.Sequential(
                    torch.nn.Linear(5, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2)
                )

            def forward(self, x):
                return torch.softmax(self.layers(x), dim=1)
        """,
        """
        model = NeuralNetClassifier(
            Net, max_epochs=n, lr=hp.Float("lr", 0.01, 1.0, sampling="log"), batch_size=50,
            train_split=predefined_split(Dataset(x_val, y_val)), verbose=0,
        )
        model.fit(x_train, y_train)
        seen.append(model.history[-1, "valid_loss"])
        """,
        "--minimize valid_loss",
        "-np.mean(np.log(np.where(y_val, p := model.predict_proba(x_val)[:, 1], 1 - p)))",
        "__import__('skorch').NeuralNet.notify",
        n=6,
        knows_rows=False,
        is_whole=False,
    ),
    "fastai": Trainer(
        """
        import warnings

        import torch
        from torch.utils.data import TensorDataset

        with warnings.catch_warnings(action="ignore"):
            from fastai.data.core import DataLoaders
            from fastai.learner import Learner

        train_rows, val_rows = (
            TensorDataset(torch.as_tensor(a), torch.as_tensor(b, dtype=torch.int64))
            for a, b in ((x_train, y_train), (x_val, y_val))
        )

        def measured(model):
            model.model.eval()
            with torch.no_grad():
                x, y = val_rows.tensors
                return torch.nn.functional.cross_entropy(model.model(x), y).item()
        """,
        """
        layers = torch.nn.Sequential(
            torch.nn.Linear(5, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2)
        )
        rows = DataLoaders.from_dsets(train_rows, val_rows, bs=50, num_workers=0, device="cpu")
        model = Learner(rows, layers, loss_func=torch.nn.functional.cross_entropy)
        with model.no_logging():
            model.fit(n, hp.Float("lr", 1e-3, 1.0, sampling="log"))
        seen.append(model.recorder.values[-1][1])
        """,
        "--minimize valid_loss",
        "measured(model)",
        "__import__('fastai.learner').learner.Learner.fit",
        n=6,
        knows_rows=False,
        is_whole=False,
    ),
    "lightning": Trainer(
        "\n        import lightning as L\n        import torch\n" + LIGHTNING_MODULE.lstrip("\n"),
        LIGHTNING_CELL,
        "--minimize val_loss",
        "measured(model)",
        "L.Trainer.fit",
        n=5,
        knows_rows=False,
    ),
    "pytorch-lightning": Trainer(
        "\n        import pytorch_lightning as L\n        import torch\n"
        + LIGHTNING_MODULE.lstrip("\n"),
        LIGHTNING_CELL,
        "--minimize val_loss",
        "measured(model)",
        "L.Trainer.fit",
        n=5,
        knows_rows=False,
    ),
    "transformers": Trainer(
        """
        import torch
        import transformers

        x_train, x_val, x_test = (
            (np.clip(part, -2, 1.9) * 5 + 10).astype(int) for part in (x_train, x_val, x_test)
        )
        train_rows, val_rows = (
            [{"input_ids": a, "labels": int(b)} for a, b in zip(*part, strict=True)]
            for part in ((x_train, y_train), (x_val, y_val))
        )
        size = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=8, max_position_embeddings=8, num_labels=2)

        def measured(model):
            model.eval()
            with torch.no_grad():
                found = model(input_ids=torch.as_tensor(x_val), labels=torch.as_tensor(y_val))
            return found.loss.item()
        """,
        """
        model = transformers.BertForSequenceClassification(transformers.BertConfig(**size))
        arguments = transformers.TrainingArguments(
            "trained", num_train_epochs=n, learning_rate=hp.Float("lr", 1e-4, 1e-1, sampling="log"),
            per_device_train_batch_size=50, per_device_eval_batch_size=30, eval_strategy="epoch",
            save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
        )
        trainer = transformers.Trainer(
            model, arguments, train_dataset=train_rows, eval_dataset=val_rows
        )
        trainer.train()
        seen.append(trainer.state.log_history[-2]["eval_loss"])
        """,
        "--minimize eval_loss",
        "measured(model)",
        "transformers.Trainer.train",
        n=4,
        knows_rows=False,
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
