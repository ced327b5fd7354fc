"""How objects of PyTorch are read; it is not imported here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo_magic.core.log import caught
from hpo_magic.inputs.attributes import users_attributes
from hpo_magic.inputs.origin import kinds_of
from hpo_magic.inputs.reading import Kind, Part, Reader, Reading, parts_of

# Bytes; to copy a tensor from a GPU takes 0.1 ms per megabyte.
MOST_FROM_GPU = 16_000_000


def _read_tensor(tensor: Any) -> Reading:
    try:
        if tensor.layout is not _torch().strided:
            dense = tensor.detach().coalesce() if tensor.is_sparse else tensor.detach()
            names = ("indices", "values", "crow_indices", "col_indices")
            held = [(n, getattr(dense, n)()) for n in names if _has_method(dense, n)]
            return Reading(Kind.ARRAY, (str(tuple(tensor.shape)),), parts_of(held))
        plain = _on_cpu(tensor.detach()).contiguous()
        if not plain.dim():
            plain = plain.reshape(1)
        try:
            array = plain.numpy()
        except TypeError:  # NumPy has no bfloat16
            array = plain.view(_torch().uint8).numpy()
        return Reading(Kind.ARRAY, (str(tensor.dtype), array), rows=array)
    except Exception:  # noqa: BLE001  (quantized, nested, meta: a tensor that has no values here)
        caught("an object could not be read")
        return Reading(Kind.ARRAY, (type(tensor).__name__,), unseen="its values")


def _on_cpu(tensor: Any) -> Any:
    """Return a tensor in main memory; of a large one on a GPU an even sample of its numbers."""
    n_bytes = tensor.element_size() * tensor.numel()
    if tensor.device.type == "cpu" or n_bytes <= MOST_FROM_GPU:
        return tensor.cpu()
    return tensor.reshape(-1)[:: -(-n_bytes // MOST_FROM_GPU)].cpu()


def _has_method(tensor: Any, name: str) -> bool:
    try:
        getattr(tensor, name)()
    except Exception:  # noqa: BLE001  (a layout without it raises)
        caught("an object could not be read")
        return False
    return True


def _torch() -> Any:
    """Return the torch module, which is loaded where there are tensors of it."""
    return sys.modules["torch"]


def _read_module(module: Any) -> Reading:
    """Return the parameters and buffers of a torch module, and what the user's class adds."""
    state = [Part(f"[{name!r}]", tensor) for name, tensor in module.state_dict().items()]
    readings = [_read_tensor(part.value) for part in state]
    content = [piece for reading in readings for piece in reading.content]
    frozen = "".join("01"[parameter.requires_grad] for parameter in module.parameters())
    training = parts_of([("training", module.training)])
    parts = [*training, *users_attributes(module)]
    return Reading(Kind.WEIGHTS, (frozen, *content), parts)


def _read_state_dict(value: Any) -> Reading:
    return Reading(Kind.WEIGHTS, (), [Part(".state", value.state_dict())])


def _read_torch_generator(generator: Any) -> Reading:
    return Reading(Kind.RANDOM, (generator.get_state().numpy(),))


def _read_loader(loader: Any) -> Reading:
    names = ("dataset", "sampler", "batch_sampler", "generator", "batch_size", "drop_last")
    parts = parts_of((name, getattr(loader, name)) for name in names)
    indices = getattr(loader.sampler, "indices", None)
    if indices is None:
        return Reading(Kind.OBJECT, (), parts)
    return Reading(Kind.SELECTION, (), parts, rows=_selected(loader.dataset, indices))


def _read_subset(subset: Any) -> Reading:
    """Return a part of a dataset, as `random_split` gives it: the rows at its indices."""
    parts = parts_of([("dataset", subset.dataset), ("indices", subset.indices)])
    return Reading(Kind.SELECTION, (), parts, rows=_selected(subset.dataset, subset.indices))


def _selected(dataset: Any, indices: Any) -> list[Any] | None:
    """Return the rows of a dataset of tensors at some indices; None of other datasets."""
    kinds = set(kinds_of(type(dataset)))
    if "torch.Subset" in kinds:
        inner = _selected(dataset.dataset, dataset.indices)
    elif "torch.TensorDataset" in kinds:
        inner = [tensor.detach().cpu().numpy() for tensor in dataset.tensors]
    else:
        inner = None
    return None if inner is None else [array[np.asarray(indices, dtype=int)] for array in inner]


TORCH_READERS: Mapping[str, Reader] = {
    "torch.Tensor": _read_tensor,
    "torch.Module": _read_module,
    "torch.Optimizer": _read_state_dict,
    "torch.GradScaler": _read_state_dict,
    "torch.Generator": _read_torch_generator,
    "torch.DataLoader": _read_loader,
    "torch.Subset": _read_subset,
}
