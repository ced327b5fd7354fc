"""How objects of the libraries that people train with are read; none of them is imported here.

A library's class is known by package and name, wherever in the package it stands, and so are the
user's subclasses of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from hpo_magic.core.log import caught
from hpo_magic.inputs.arrays import sampled
from hpo_magic.inputs.keras_objects import KERAS_READERS
from hpo_magic.inputs.origin import kinds_of
from hpo_magic.inputs.reading import Kind, Part, Reader, Reading, Role, as_array, parts_of
from hpo_magic.inputs.torch_objects import TORCH_READERS


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
    "sklearn.BaseEstimator": _read_estimator,
    "xgboost.Booster": _read_booster,
    "lightgbm.Booster": _read_booster,
    **KERAS_READERS,
    **TORCH_READERS,
}
