"""Labels: what stands for the user's objects."""

from __future__ import annotations

import enum
import functools
import math
from collections import namedtuple

import numpy as np
import pytest

from hpo_magic.core.labels import label_of, labels, python_number


class Color(enum.IntEnum):
    RED = 1


class Adam:
    pass


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("thing", "label"),
    [
        (32, 32),
        (True, True),
        (None, None),
        ("relu", "relu"),
        ((64, 32), (64, 32)),
        ([64, [32]], (64, (32,))),
        (Pair(1, 2), (1, 2)),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (max, "max"),
        (Adam, "Adam"),
        (Adam(), "<tests.Adam object>"),
        (Color.RED, "<Color.RED: 1>"),
        (math.inf, "inf"),
        ((1, max), (1, "max")),
    ],
)
def test_label_of(thing: object, label: object) -> None:
    """Plain values stand for themselves, objects go by a name that the next kernel gives too."""
    found = label_of(thing)
    found = found.replace(f"{Adam.__module__}.", "tests.") if isinstance(found, str) else found
    assert found == label
    assert type(found) is type(label)


def test_no_label_has_an_address() -> None:
    """What has no name goes by its `repr`, as far as that is the same in the next kernel."""
    assert label_of(functools.partial(max, Adam())) == label_of(functools.partial(max, Adam()))


def test_objects_of_one_name_are_numbered() -> None:
    """A second object of the same label is told from the first, and from a string."""
    first, second = (lambda: 1), (lambda: 2)
    assert labels([first, second]) == ("<lambda>", "<lambda>#2")
    assert labels([max, "max", min]) == ("max#2", "max", "min")
    assert labels(["max", "max#2", max]) == ("max", "max#2", "max#3")


def test_equal_plain_values_keep_their_label() -> None:
    """Plain values stand for themselves also where one is there twice: others refuse that."""
    assert labels([1, True, 1]) == (1, True, 1)


def test_python_number_leaves_others_alone() -> None:
    """Only NumPy's scalars are changed."""
    array = np.arange(3)
    assert python_number(array) is array
    assert type(python_number(np.float64(1.5))) is float


def test_a_layer_s_label_is_the_same_in_every_trial() -> None:
    """Keras numbers layers by how many were made before."""

    class Layer:
        def __init__(self, name: str) -> None:
            self.name = name

        def __repr__(self) -> str:
            return f"<Dropout name={self.name}, built=False>"

    first, later = labels([Layer("dropout"), 1]), labels([Layer("dropout_12"), 1])
    assert first == later == ("<Dropout name=dropout, built=False>", 1)
