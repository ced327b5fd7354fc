"""How objects of the libraries that people train with are read; none of them is imported here.

A library's class is known by package and name, wherever in the package it stands, and so are the
user's subclasses of it.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from hpo_magic.core.log import caught
from hpo_magic.inputs.arrays import sampled
from hpo_magic.inputs.origin import is_users, kinds_of
from hpo_magic.inputs.reading import Content, Kind, Part, Reading, Role, as_array, parts_of

# Bytes; to copy a tensor from a GPU takes 0.1 ms per megabyte.
MOST_FROM_GPU = 16_000_000

Reader = Callable[[Any], Reading]

# Pipelines of tf.data that give a part of their rows.
_SELECTS = re.compile("Take|Skip|Shard|Filter")
# What a callback is given before each fit.
_GIVEN_TO_CALLBACKS = frozenset({"model", "_model", "params", "validation_data", "monitor_op"})


def reader_for(value: Any) -> Reader | None:
    """Return what reads an object of a library, or of a class that inherits from one's."""
    kind: Any = type(value)
    return _reader_for_class(kind)


@lru_cache(maxsize=1024)
def _reader_for_class(kind: Any) -> Reader | None:
    return next((READERS[name] for name in kinds_of(kind) if name in READERS), None)


# NumPy and SciPy.


def read_array(value: Any) -> Reading:
    """Return an array, or what can be read as one; of objects, the objects."""
    if isinstance(value, np.ma.MaskedArray):
        return Reading(Kind.ARRAY, (), parts_of([("data", value.data), ("mask", value.mask)]))
    array = as_array(value)
    if array is None:
        return Reading(Kind.ARRAY, unseen="its values")
    if array.dtype.hasobject:
        if array.dtype.names:
            fields = [Part(f"[{name!r}]", array[name]) for name in array.dtype.names]
            return Reading(Kind.ARRAY, (str(array.shape),), fields)
        items = sampled(array.reshape(-1))
        return Reading(Kind.ARRAY, (str(array.shape),), [Part("[:]", items)], rows=array)
    return Reading(Kind.ARRAY, (array,), rows=array)


def _read_sparse(matrix: Any) -> Reading:
    names = ("data", "indices", "indptr", "row", "col", "coords", "offsets", "rows")
    if matrix.format == "dok":
        matrix = matrix.tocoo()
    held = [(name, getattr(matrix, name)) for name in names if name in vars(matrix)]
    content = (f"{matrix.format} {matrix.shape} {matrix.dtype}",)
    return Reading(Kind.ARRAY, content, parts_of(held), rows=matrix)


def _read_generator(generator: Any) -> Reading:
    return Reading(Kind.RANDOM, (), parts_of([("bit_generator", generator.bit_generator)]))


def _read_bit_generator(generator: Any) -> Reading:
    return Reading(Kind.RANDOM, (), parts_of([("state", generator.state)]))


def _read_random_state(generator: Any) -> Reading:
    if generator is np.random.mtrand._rand:  # seeded before each trial
        return Reading(Kind.CODE, ("numpy.random",))
    return Reading(Kind.RANDOM, (), parts_of([("state", generator.get_state(legacy=False))]))


# Tables.


def _read_frame(frame: Any) -> Reading:
    """Return a table of pandas: index and columns, each with its own type."""
    names = [str(name) for name in frame.columns]
    columns = [Part(f"[{name!r}]", frame.iloc[:, i].array) for i, name in enumerate(names)]
    content = (repr(names), str(frame.shape))
    return Reading(Kind.TABLE, content, [Part(".index", frame.index.array), *columns], rows=frame)


def _read_series(series: Any) -> Reading:
    parts = parts_of([("index", series.index.array), ("values", series.array)])
    return Reading(Kind.TABLE, (repr(series.name),), parts, rows=series)


def _read_categories(values: Any) -> Reading:
    held = [("codes", values.codes), ("categories", values.categories.array)]
    return Reading(Kind.ARRAY, (str(values.ordered),), parts_of(held))


def _read_polars(frame: Any) -> Reading:
    columns = [Part(f"[{name!r}]", frame[name].to_numpy()) for name in frame.columns]
    return Reading(Kind.TABLE, (repr(frame.columns), repr(frame.shape)), columns, rows=frame)


# Keras and TensorFlow.


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
    return Reading(kind, content, [*parts, *_users_attributes(layer)], unseen)


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
    reset = _set_when_training_begins(kind) | _GIVEN_TO_CALLBACKS
    kept = {name: value for name, value in vars(callback).items() if name not in reset}
    if isinstance(kept.get("min_delta"), int | float):  # gets its sign at the first epoch
        kept["min_delta"] = abs(kept["min_delta"])
    return Reading(Kind.OBJECT, (type(callback).__qualname__,), parts_of(sorted(kept.items())))


@lru_cache(maxsize=256)
def _set_when_training_begins(kind: Any) -> frozenset[str]:
    """Return the attributes that a callback sets anew when a fit or an epoch begins.

    Those of `self.n = self.n + 1` are not among them.
    """
    found: set[str] = set()
    waiting, done = ["on_train_begin", "on_epoch_begin"], set()
    while waiting:
        method = waiting.pop()
        done.add(method)
        for base in kind.__mro__:
            for node in ast.walk(_source_of_method(base, method)):
                match node:
                    case ast.Assign(targets=targets, value=value):
                        names = {name for target in targets for name in _stored_on_self(target)}
                        found |= names - set(_loaded_from_self(value))
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                        waiting += [] if name in done else [name]
    return frozenset(found)


def _source_of_method(kind: type, name: str) -> ast.AST:
    function = vars(kind).get(name)
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


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


# PyTorch.


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
    parts = [*training, *_users_attributes(module)]
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


# scikit-learn and other estimators.


def _read_estimator(estimator: Any) -> Reading:
    """Return an estimator: its parameters, and what `fit` left, which the next `fit` overwrites.

    With `warm_start` it goes on from there instead.
    """
    try:
        given = set(estimator.get_params(deep=False))
    except Exception:  # noqa: BLE001  (a subclass whose `__init__` is not scikit-learn's)
        caught("an object could not be read")
        given = set(vars(estimator))
    role = Role.OWN if getattr(estimator, "warm_start", False) else Role.FITTED
    parts = [
        Part(f".{name}", value, Role.OWN if name in given else role)
        for name, value in sorted(vars(estimator).items())
    ]
    return Reading(Kind.ESTIMATOR, (type(estimator).__qualname__,), parts)


def _read_booster(booster: Any) -> Reading:
    for method in ("save_raw", "model_to_string"):
        if hasattr(booster, method):
            return Reading(Kind.WEIGHTS, (np.frombuffer(_bytes(getattr(booster, method)()), "u1"),))
    return Reading(Kind.WEIGHTS, unseen="its trees")


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _users_attributes(value: Any) -> list[Part]:
    """Return the attributes that the user's own class sets in an object of a library's kind."""
    if not is_users(type(value).__module__):
        return []
    kind: Any = type(value)
    names = _set_by_users(kind)
    held = {name: v for name, v in vars(value).items() if name in names}
    return parts_of(sorted(held.items()))


@lru_cache(maxsize=256)
def _set_by_users(kind: Any) -> frozenset[str]:
    """Return the attributes that the methods of the user's classes set on `self`."""
    found: set[str] = set()
    for base in kind.__mro__:
        if not is_users(base.__module__):
            continue
        for name in vars(base):
            found |= set(_stored_on_self(_source_of_method(base, name)))
    return frozenset(found)


def _stored_on_self(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def _loaded_from_self(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Load()):
                yield name


READERS: Mapping[str, Reader] = {
    "numpy.ndarray": read_array,
    "numpy.Generator": _read_generator,
    "numpy.BitGenerator": _read_bit_generator,
    "numpy.RandomState": _read_random_state,
    "scipy.spmatrix": _read_sparse,
    "scipy.sparray": _read_sparse,
    "scipy._spbase": _read_sparse,
    "pandas.DataFrame": _read_frame,
    "pandas.Series": _read_series,
    "pandas.Categorical": _read_categories,
    "polars.DataFrame": _read_polars,
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
    "torch.Tensor": _read_tensor,
    "torch.Module": _read_module,
    "torch.Optimizer": _read_state_dict,
    "torch.GradScaler": _read_state_dict,
    "torch.Generator": _read_torch_generator,
    "torch.DataLoader": _read_loader,
    "torch.Subset": _read_subset,
    "sklearn.BaseEstimator": _read_estimator,
    "xgboost.Booster": _read_booster,
    "lightgbm.Booster": _read_booster,
}
