"""What the arguments of an `hp` call say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpo_magic.core.describe import (
    Described,
    describe_boolean,
    describe_choice,
    describe_fixed,
    describe_float,
    describe_int,
)
from hpo_magic.core.domains import Choice, Domain, Float, Int
from hpo_magic.errors import SpaceError


@pytest.mark.parametrize(
    ("described", "domain", "default"),
    [
        (describe_int(1, 3), Int(1, 3), 2),
        (describe_int(32, 512, 32, default=64), Int(32, 512, 32), 64),
        (describe_int(16, 512, sampling="log"), Int(16, 512, log=True), 91),
        (describe_int(np.int64(1), np.int32(3), default=np.int64(3)), Int(1, 3), 3),
        (describe_float(0, 1), Float(0, 1), 0.5),
        (describe_float(0, 1, sampling=None, default=1), Float(0, 1), 1.0),
        (describe_float(1e-4, 1e-2, sampling="log"), Float(1e-4, 1e-2, log=True), 1e-3),
        (describe_float(np.float64(0), np.float32(0.5)), Float(0, 0.5), 0.25),
        (describe_choice(["relu", "tanh"]), Choice(("relu", "tanh")), "relu"),
        (describe_choice([64, 32, 128]), Choice((32, 64, 128), ordered=True), 64),
        (describe_choice([64, 32], ordered=False), Choice((64, 32)), 64),
        (describe_choice(["s", "m", "l"], ordered=True), Choice(("s", "m", "l"), True), "s"),
        (describe_choice(range(3), default=2), Choice((0, 1, 2), ordered=True), 2),
        (describe_choice([None, 0.5], default=0.5), Choice((None, 0.5)), 0.5),
        (describe_choice(np.array([0.5, 0.1])), Choice((0.1, 0.5), ordered=True), 0.5),
        (describe_boolean(), Choice((False, True)), False),
        (describe_boolean(np.bool_(True)), Choice((False, True)), True),
        (describe_fixed(3), Choice((3,)), 3),
    ],
)
def test_what_arguments_say(described: Described, domain: Domain, default: object) -> None:
    """Arguments become a domain and a default, both of Python's own types."""
    assert described.domain == domain
    assert described.default == default
    assert type(described.default) is type(default)


@pytest.mark.parametrize(
    ("describe", "arguments", "message"),
    [
        (
            describe_choice,
            {"values": "relu"},
            "the values must be a list, got 'relu'. Write hp.Choice([…]).",
        ),
        (
            describe_choice,
            {"values": 5},
            "the values must be a list, got 5. Write hp.Choice([…]).",
        ),
        (
            describe_choice,
            {"values": {1, 2}},
            "the values must be a list, got {1, 2}. A set has no order that stays the same: write "
            "hp.Choice(sorted(…)).",
        ),
        (
            describe_choice,
            {"values": []},
            "there is nothing to choose from: the list of values is empty.",
        ),
        (
            describe_choice,
            {"values": [1, 2, 1]},
            "the same value stands twice among the choices (1, 1, 2).",
        ),
        (
            describe_boolean,
            {"default": 1},
            "the default must be True or False, got 1.",
        ),
        (
            describe_int,
            {"min_value": 1, "max_value": 9, "sampling": "logarithmic"},
            'sampling must be "linear", "log" or "reverse_log", got \'logarithmic\'.',
        ),
    ],
)
def test_bad_arguments(describe: Any, arguments: dict[str, Any], message: str) -> None:
    """Each mistake has its sentence."""
    with pytest.raises(SpaceError) as caught:
        describe(**arguments)
    assert str(caught.value) == message


def test_a_choice_returns_the_very_object() -> None:
    """Not a copy, not another of the same label, not NumPy's or Python's version of it."""
    objects = [np.float32(0.1), np.int64(1), [64, 32], max, lambda: 1, lambda: 2]
    described = describe_choice(objects)
    assert isinstance(described.domain, Choice)
    found = [described.object_of(label) for label in described.domain.values]
    assert list(map(id, found)) == list(map(id, objects))


def test_objects_are_told_apart_by_type() -> None:
    """True, 1 and 1.0, alone or in tuples, are three values."""
    objects = [True, 1, 1.0, (1, 2), (1.0, 2), (True, 2)]
    described = describe_choice(objects, ordered=False)
    for thing in objects:
        label = describe_fixed(thing).default
        assert described.object_of(label) is thing


def test_the_default_of_a_choice_may_be_an_object() -> None:
    """It is found by identity, so that two of one name are told apart."""
    first, second = (lambda: 1), (lambda: 2)
    described = describe_choice([first, second], default=second)
    assert described.object_of(described.default) is second
