"""Hugging Face: `Trainer.train` reports its evaluations by itself.

`transformers` is imported when it is used; `huggingface_fit` has the hook. `frameworks/torch.py`
seeds PyTorch and frees its memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from hpo_magic.core.log import caught
from hpo_magic.core.ports import Fit, Framework, Report
from hpo_magic.frameworks.model_files import is_of, kept_class
from hpo_magic.frameworks.torch_models import WEIGHTS, WeightFiles, can_write

CONFIG = "config.json"


class PretrainedModels(WeightFiles):
    """Saves models of `transformers` as `save_pretrained` does, with `safetensors`."""

    library = "transformers"
    files = (CONFIG, WEIGHTS)

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a model of the library."""
        return is_of(value, "transformers.modeling_utils", "PreTrainedModel") and can_write()

    def write(self, model: Any, place: Path) -> None:
        """Write the model and its configuration."""
        with without_bars():
            # In one file, however large.
            model.save_pretrained(place, max_shard_size="1000GB")

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder; a class of the user's must be in `namespace`.

        Raises
        ------
        HpoError
            If it is not whole, or its class is missing.
        """
        import transformers

        self.require_kept(place)
        config = transformers.PretrainedConfig.get_config_dict(place)[0]
        (name,) = config.get("architectures") or ("",)
        # The package imports its classes when they are asked for.
        theirs = {name: getattr(transformers, name, None)}
        kind = kept_class(name, place, namespace, theirs)
        with without_bars():
            return kind.from_pretrained(place, local_files_only=True)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the progress bars of the package's own files away from what the cell shows."""
    from transformers.utils import logging

    were_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if were_shown:
            logging.enable_progress_bar()


class HuggingFace(Framework):
    """The trainer of `transformers`, and those that derive from it."""

    name = "transformers"
    packages = ("transformers", "accelerate")
    models = PretrainedModels()

    def is_loaded(self) -> bool:
        """Return whether `transformers` is imported, and PyTorch, which it trains with."""
        return "transformers" in sys.modules and "torch" in sys.modules

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import the trainer."""
        return any(one.partition(".")[0] in ("transformers", "trl", "setfit") for one in modules)

    def load(self) -> None:
        """Import the trainer."""
        import transformers.trainer  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each training reports its evaluations.

        The package imports its trainer when it is first used, which may be in the trial.
        """
        try:
            from hpo_magic.frameworks.huggingface_fit import watched_fits
        except ImportError:  # a part that the trainer needs is not installed
            caught("the trainer of transformers cannot be imported")
            return nullcontext([])
        return watched_fits(report, guard)
