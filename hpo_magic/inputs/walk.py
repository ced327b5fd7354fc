"""Go through values and everything they hold, within a bound on number and time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hpo_magic.core.log import caught
from hpo_magic.inputs.libraries import reader_for
from hpo_magic.inputs.origin import is_users, kinds_of, package_of
from hpo_magic.inputs.plain import plain_text
from hpo_magic.inputs.python_objects import reader_of_python
from hpo_magic.inputs.reading import Kind, Part, Reading, Role, parts_of

MOST_NODES = 50_000
MOST_SECONDS = 2.0
# How deep objects of libraries that nothing here knows are looked into.
MOST_DEPTH = 4

# Connections, displays and services: what they hold is no data.
_HANDLES = frozenset(
    [
        "IPython",
        "_thread",
        "asyncio",
        "bokeh",
        "comet_ml",
        "concurrent",
        "dask_jobqueue",
        "distributed",
        "hpo_magic",
        "ipykernel",
        "ipywidgets",
        "logging",
        "matplotlib",
        "mlflow",
        "multiprocessing",
        "neptune",
        "plotly",
        "queue",
        "requests",
        "seaborn",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tensorboard",
        "tensorboardX",
        "threading",
        "tqdm",
        "traitlets",
        "wandb",
        "weakref",
        "zmq",
    ]
)
# Of these a look at the values reads a disk, or computes.
_READ_LATER = frozenset(["dask", "h5py", "netCDF4", "zarr"])


class Node(NamedTuple):
    """One object on the way.

    Attributes
    ----------
    path
        How one gets there, beginning with the variable: "d.x_train[0]".
    root
        The variable, or the part of it that the code reads.
    reading
        What was read of it.
    role
        What it is to the object that holds it.
    """

    path: str
    root: str
    reading: Reading
    role: Role


def walk(
    values: Mapping[str, Any], most_nodes: int = MOST_NODES, most_seconds: float = MOST_SECONDS
) -> Iterator[Node]:
    """Yield everything that values hold, each object once.

    Where a bound is reached, what is left is yielded by its variable, as unseen.

    Parameters
    ----------
    values
        By name.
    most_nodes
        How many objects are read of all variables together.
    most_seconds
        How long that may take.
    """
    end = time.perf_counter() + most_seconds
    paths: dict[int, str] = {}  # of objects that were read, by id
    held: list[Any] = []  # keeps the ids
    n_nodes = 0
    for root, value in sorted(values.items()):
        waiting = [(root, value, Role.OWN, 0)]
        while waiting:
            path, value, role, depth = waiting.pop()
            text = plain_text(value)
            if text is not None:
                yield Node(path, root, Reading(Kind.VALUE, (text,)), role)
                continue
            if id(value) in paths:
                before = paths[id(value)]
                yield Node(path, root, Reading(Kind.VALUE, (before,), same_as=before), role)
                continue
            n_nodes += 1
            if n_nodes > most_nodes or time.perf_counter() > end:
                yield Node(root, root, Reading(Kind.OBJECT, unseen="all that it holds"), role)
                break
            held.append(value)
            paths[id(value)] = path
            reading, depth = _read(value, depth)
            parts = list(reading.parts)
            held.append(parts)
            yield Node(path, root, reading, role)
            waiting += [
                (part.path_from(path), part.value, _stronger(role, part.role), depth)
                for part in reversed(parts)
            ]


def _stronger(outer: Role, inner: Role) -> Role:
    return inner if outer is Role.OWN else outer


def _read(value: Any, depth: int) -> tuple[Reading, int]:
    """Return what is read of an object, and how deep in unknown libraries its parts are."""
    try:
        return _read_known(value, depth)
    except Exception:  # noqa: BLE001  (an object of the user's may raise anything when it is read)
        caught("an object could not be read")
        return Reading(Kind.OBJECT, (type(value).__qualname__,), unseen="what it holds"), depth


def _read_known(value: Any, depth: int) -> tuple[Reading, int]:
    package = package_of(value)
    if package in _READ_LATER:
        return Reading(Kind.OBJECT, (type(value).__qualname__,), unseen="its values"), depth
    if package in _HANDLES:
        return Reading(Kind.OBJECT, (type(value).__qualname__,)), depth
    reader = reader_for(value) or reader_of_python(value)
    if reader is not None:
        return reader(value), depth
    if is_users(type(value).__module__):
        return _read_object(value), depth
    if depth >= MOST_DEPTH:
        return Reading(Kind.OBJECT, (type(value).__qualname__,)), depth
    return _read_of_library(value), depth + 1


def _read_object(value: Any) -> Reading:
    """Return an object of the user's by all its attributes, and its class."""
    kind = Kind.ITERATOR if hasattr(type(value), "__next__") else Kind.OBJECT
    parts = parts_of(sorted(_attributes(value).items()))
    of_class = Part(f"={type(value).__qualname__}", type(value))
    return Reading(kind, (type(value).__qualname__,), [*parts, of_class])


def _attributes(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict(getattr(value, "__dict__", {}))
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found.setdefault(name, getattr(value, name))
    return found


def _read_of_library(value: Any) -> Reading:
    """Return an object of a library that nothing here knows: its public attributes.

    An iterator's position is often private. Texts are left out: they name files and runs.
    """
    name = type(value).__qualname__
    attributes = _attributes(value)
    is_iterator = hasattr(type(value), "__next__")
    if not attributes:
        state = _state_of_extension(value)
        if state is not None:
            return Reading(Kind.OBJECT, (name,), parts_of([("state", state)]))
        return Reading(Kind.OBJECT, (name,), unseen="its position" if is_iterator else "")
    kept = {
        key: part
        for key, part in attributes.items()
        if (is_iterator or not key.startswith("_")) and not isinstance(part, str)
    }
    kind = Kind.ITERATOR if is_iterator else Kind.OBJECT
    return Reading(kind, (name,), parts_of(sorted(kept.items())))


def _state_of_extension(value: Any) -> Any:
    """Return the state of an object written in C that knows how to be pickled; None for others."""
    if package_of(value) not in ("sklearn", "numpy", "scipy"):
        return None
    try:
        return value.__reduce_ex__(2)[1:3]
    except Exception:  # noqa: BLE001  (it cannot be pickled)
        caught("an object could not be read")
        return None


def is_dataset(value: Any) -> bool:
    """Return whether an object gives rows in a way that only running it would show."""
    kinds = set(kinds_of(type(value)))
    known = {"torch.DataLoader", "torch.Dataset", "tensorflow.DatasetV2", "keras.PyDataset"}
    return (
        bool(kinds & known)
        or hasattr(type(value), "__next__")
        or package_of(value) in (_READ_LATER | {"datasets"})
    )
