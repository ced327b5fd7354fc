"""PyTorch: seeded for each trial, its memory given back after each, its weights kept.

PyTorch is imported when it is used. A training loop of the user's reports by `hp.report`; the
trainers that are built on PyTorch have files of their own.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Fit, Framework, Report
from hpo_magic.frameworks.method_watch import WatchedMethod
from hpo_magic.frameworks.torch_models import TorchModels

# Packages that import PyTorch.
_BUILT_ON_IT = (
    "torch",
    "torchvision",
    "torchaudio",
    "torchmetrics",
    "lightning",
    "pytorch_lightning",
    "transformers",
    "skorch",
    "fastai",
    "timm",
    "accelerate",
)
# The names of PyTorch's modules for devices whose memory it caches.
_DEVICES = ("cuda", "xpu", "mps")


class Torch(Framework):
    """PyTorch's random streams, memory and data loaders."""

    name = "torch"
    packages = ("torch",)
    models = TorchModels()

    def is_loaded(self) -> bool:
        """Return whether PyTorch is imported."""
        return hasattr(sys.modules.get("torch"), "manual_seed")

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import PyTorch."""
        return any(module.partition(".")[0] in _BUILT_ON_IT for module in modules)

    def load(self) -> None:
        """Import PyTorch."""
        import torch  # noqa: F401

    def clear(self) -> None:
        """Give back what a trial that failed held until now, as its exception did."""
        self.release()

    def release(self) -> None:
        """Give the cached memory of devices back, which a trial has used up to now.

        The graph of a training is freed by a collection only, as a trainer and its model refer to
        each other. Without a device Python's own collections are enough.
        """
        import torch

        in_use = [getattr(torch, name) for name in _DEVICES if _is_in_use(torch, name)]
        if in_use:
            gc.collect()
        for device in in_use:
            with suppressed("the cache of a device could not be emptied"):
                device.empty_cache()

    def seed(self, seed: int) -> None:
        """Seed the streams of all devices."""
        import torch

        torch.manual_seed(seed)

    def random_state(self) -> Hashable:
        """Return the state of the streams of all devices in use."""
        import torch

        states = [torch.get_rng_state()]
        if _is_in_use(torch, "cuda"):
            states += torch.cuda.get_rng_state_all()
        return tuple(state.numpy().tobytes() for state in states)

    def seeding(self, seed: int, modules: Iterable[str]) -> str:
        """Return the statements that seed PyTorch in a script that uses it."""
        return (
            f"import torch as _torch\n\n_torch.manual_seed({seed})" if self.wants(modules) else ""
        )

    @contextlib.contextmanager
    def watch(self, report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
        """End the worker processes of the trial's data loaders when the trial has ended."""
        from torch.utils.data import dataloader

        kind = getattr(dataloader, "_MultiProcessingDataLoaderIter", None)  # private
        if kind is None:
            yield []
            return
        begun: list[tuple[weakref.ref[Any], weakref.ref[Any]]] = []

        def begin(init: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
            init(*args, **kwargs)
            loader = args[1] if len(args) > 1 else kwargs.get("loader")
            begun.append((weakref.ref(args[0]), weakref.ref(loader)))

        try:
            with _beginning(kind).through(begin):
                yield []
        finally:
            _end_workers(begun)


@lru_cache
def _beginning(kind: type) -> WatchedMethod:
    return WatchedMethod(kind, "__init__")


def _end_workers(begun: Iterable[tuple[weakref.ref[Any], weakref.ref[Any]]]) -> None:
    """End the workers of these iterators; a loader that kept one begins anew when it is used."""
    for iterator_of, loader_of in begun:
        iterator, loader = iterator_of(), loader_of()
        if iterator is None:
            continue
        with suppressed("the workers of a data loader could not be ended"):
            iterator._shutdown_workers()
        if getattr(loader, "_iterator", None) is iterator:
            loader._iterator = None  # type: ignore[union-attr]


def _is_in_use(torch: Any, name: str) -> bool:
    """Return whether PyTorch has begun to use a kind of device; asking does not begin it."""
    device = getattr(torch, name, None)
    if device is None or not hasattr(device, "empty_cache"):
        return False
    with suppressed("whether a device is in use could not be told"):
        if hasattr(device, "is_initialized"):
            return bool(device.is_initialized())
        # Apple's has no such question, and is there from the start.
        return bool(torch.backends.mps.is_available() and device.current_allocated_memory() > 0)
    return False
