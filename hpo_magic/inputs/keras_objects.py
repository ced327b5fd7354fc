"""How objects of Keras and TensorFlow are read; neither is imported here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo_magic.inputs.attributes import set_when_training_begins, users_attributes
from hpo_magic.inputs.reading import Content, Kind, Part, Reader, Reading, as_array, parts_of

# Pipelines of tf.data that give a part of their rows.
_SELECTS = re.compile("Take|Skip|Shard|Filter")
# What a callback is given before each fit, or makes at its first epoch.
_GIVEN_TO_CALLBACKS = frozenset({"model", "_model", "params", "validation_data", "monitor_op"})


def _read_symbolic(tensor: Any) -> Reading:
    """Return a tensor of a model that is being built, which has no values."""
    return Reading(Kind.OBJECT, (f"{tensor.shape} {tensor.dtype}",))


def _read_layer(layer: Any) -> Reading:
    """Return the variables of a model or layer but those of its metrics, and its optimizer."""
    of_metrics = {id(variable) for variable in getattr(layer, "metrics_variables", ())}
    variables = [v for v in layer.variables if id(v) not in of_metrics]
    arrays = [as_array(variable) for variable in variables]
    trainable = "".join("01"[bool(getattr(v, "trainable", True))] for v in variables)
    unseen = "some of its weights" if any(array is None for array in arrays) else ""
    optimizer = getattr(layer, "optimizer", None)
    parts = [] if optimizer is None else parts_of([("optimizer", optimizer)])
    content: tuple[Content, ...] = (trainable, *(a for a in arrays if a is not None))
    is_random = bool(variables) and all("seed_generator" in v.name for v in variables)
    kind = Kind.RANDOM if is_random else Kind.WEIGHTS
    return Reading(kind, content, [*parts, *users_attributes(layer)], unseen)


def _read_optimizer(optimizer: Any) -> Reading:
    variables = optimizer.variables
    variables = variables() if callable(variables) else variables
    arrays = [as_array(variable) for variable in variables]
    return Reading(Kind.WEIGHTS, tuple(array for array in arrays if array is not None))


def _read_metric(metric: Any) -> Reading:
    """Return a metric of Keras's: `fit` and `evaluate` reset its variables first."""
    return Reading(Kind.OBJECT, (type(metric).__qualname__, str(metric.name)))


def _read_seeds(generator: Any) -> Reading:
    return Reading(Kind.RANDOM, (), parts_of([("state", generator.state)]))


def _read_callback(callback: Any) -> Reading:
    """Return what a callback keeps from one fit to the next."""
    kind: Any = type(callback)
    reset = set_when_training_begins(kind) | _GIVEN_TO_CALLBACKS
    kept = {name: value for name, value in vars(callback).items() if name not in reset}
    if isinstance(kept.get("min_delta"), int | float):  # gets its sign at the first epoch
        kept["min_delta"] = abs(kept["min_delta"])
    return Reading(Kind.OBJECT, (type(callback).__qualname__,), parts_of(sorted(kept.items())))


def _read_tf_dataset(dataset: Any) -> Reading:
    """Return a pipeline of tf.data: the tensors at its source, and the functions on the way."""
    sources = list(dataset._inputs())
    tensors = getattr(dataset, "_tensors", None)
    function = getattr(getattr(dataset, "_map_func", None), "_func", None)
    parts = [Part(f"(input {i})", source) for i, source in enumerate(sources)]
    parts += [Part(f"(tensor {i})", tensor) for i, tensor in enumerate(tensors or ())]
    parts += [] if function is None else [Part("(function)", function)]
    is_seen = bool(sources) or tensors is not None or type(dataset).__name__ == "RangeDataset"
    if "FlatMap" in type(dataset).__name__:  # of a generator
        is_seen = False
    content = (type(dataset).__name__, str(dataset.element_spec))
    if _SELECTS.search(type(dataset).__name__):
        parts += parts_of(
            (n, getattr(dataset, n)) for n in ("_count", "_index") if n in vars(dataset)
        )
        return Reading(Kind.SELECTION, content, parts, rows=_taken(dataset))
    return Reading(Kind.OBJECT, content, parts, "" if is_seen else "its elements")


def _taken(dataset: Any) -> list[Any] | None:
    """Return the rows that `take` or `skip` leave of tensors; None if it cannot be told."""
    (source,) = dataset._inputs()
    tensors = getattr(source, "_tensors", None)
    name = type(dataset).__name__
    if tensors is None or "TensorSlice" not in type(source).__name__ or "While" in name:
        return None
    count = int(dataset._count)
    if "Take" in name:
        return [np.asarray(tensor)[: count if count >= 0 else None] for tensor in tensors]
    return [np.asarray(tensor)[count:] for tensor in tensors] if "Skip" in name else None


def _read_tf_iterator(iterator: Any) -> Reading:
    return Reading(Kind.ITERATOR, (type(iterator).__name__,), unseen="its position")


def _read_ragged(tensor: Any) -> Reading:
    names = ("flat_values", "nested_row_splits", "indices", "values", "dense_shape")
    held = [(name, getattr(tensor, name)) for name in names if hasattr(tensor, name)]
    return Reading(Kind.ARRAY, (), parts_of(held))


KERAS_READERS: Mapping[str, Reader] = {
    "keras.KerasTensor": _read_symbolic,
    "keras.Layer": _read_layer,
    "keras.Metric": _read_metric,
    "keras.Optimizer": _read_optimizer,
    "keras.BaseOptimizer": _read_optimizer,
    "keras.Callback": _read_callback,
    "keras.SeedGenerator": _read_seeds,
    "tensorflow.DatasetV2": _read_tf_dataset,
    "tensorflow.OwnedIterator": _read_tf_iterator,
    "tensorflow.IteratorBase": _read_tf_iterator,
    "tensorflow.RaggedTensor": _read_ragged,
    "tensorflow.SparseTensor": _read_ragged,
    "tensorflow.Generator": _read_seeds,
}
