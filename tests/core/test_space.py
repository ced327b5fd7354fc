"""The search space: how it grows, and what fits it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.domains import Choice, Domain, Float, Int, Plain, identity, plain
from hpo_magic.core.space import Parameter, Space, describe, hull, setting_key
from hpo_magic.errors import SpaceError


def a_parameter(name: str, domain: Domain, *scopes: tuple[str, tuple[str, ...]]) -> Parameter:
    """Return a parameter whose default is the middle."""
    return Parameter(name, domain, domain.middle, scopes)


def a_space(**domains: Domain) -> Space:
    """Return a space of parameters by name."""
    return Space({name: a_parameter(name, domain) for name, domain in domains.items()})


@pytest.mark.parametrize(
    ("domain", "default", "message"),
    [
        (
            Int(1, 3),
            4,
            "the default 4 is not among the values: 1 to 3. The nearest one is 3.",
        ),
        (
            Float(1e-4, 0.1, log=True),
            0.5,
            "the default 0.5 is not among the values: 0.0001 to 0.1, log. The nearest one is 0.1.",
        ),
        (
            Int(0, 1_000_000, 10),
            11,
            "the default 11 is not among the values: 0 to 1000000, step 10. The nearest one is 10.",
        ),
        (
            Choice(("relu", "tanh")),
            "gelu",
            "the default 'gelu' is not among the values: 'relu', 'tanh'.",
        ),
        (
            Int(1, 3),
            "2",
            "the default '2' is not among the values: 1 to 3. The nearest one is 2.",
        ),
        (
            Int(1, 3),
            math.nan,
            "the default nan is not among the values: 1 to 3. The nearest one is 2.",
        ),
    ],
)
def test_a_default_outside_is_refused(domain: Domain, default: object, message: str) -> None:
    """The sentence says what the values are, and which of them is nearest."""
    with pytest.raises(SpaceError) as caught:
        Parameter("units", domain, default)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_bounds_are_described_with_all_their_digits() -> None:
    """A whole number is shown whole, a real one with six digits."""
    assert describe(Int(1, 1_234_567)) == "1 to 1234567"
    assert describe(Float(1e-5, 0.1, log=True)) == "1e-05 to 0.1, log"
    assert describe(Int(1, 1024, 2, log=True)) == "1 to 1024, step 2, log"


def test_a_space_keeps_the_order_of_discovery() -> None:
    """Parameters stand in the order in which they were reached, also after being declared again."""
    space = a_space(units=Int(1, 9), lr=Float(0, 1)).widen(a_parameter("units", Int(5, 20)))
    assert list(space) == ["units", "lr"]
    assert list(space.declare(a_parameter("act", Choice(("a", "b"))))) == ["units", "lr", "act"]


def test_a_space_is_not_changed_by_growing() -> None:
    """Growing returns another space."""
    space = a_space(units=Int(1, 9))
    space.widen(a_parameter("lr", Float(0, 1)))
    space.declare(a_parameter("units", Int(1, 3)))
    assert space == a_space(units=Int(1, 9))
    assert hash(space) == hash(a_space(units=Int(1, 9)))


def test_fits_asks_for_known_names_and_values() -> None:
    """A setting fits if each of its values is allowed; inactive parameters may be missing."""
    space = a_space(units=Int(1, 9), lr=Float(0, 1))
    assert space.fits({})
    assert space.fits({"units": 9})
    assert not space.fits({"units": 10})
    assert not space.fits({"depth": 1})


def test_size_counts_the_settings() -> None:
    """The number of settings is the product of the levels, infinite with a continuous range."""
    assert Space().size == 1
    assert a_space(units=Int(1, 9), norm=Choice((False, True))).size == 18
    assert a_space(units=Int(1, 9), lr=Float(0, 1)).size == math.inf


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        (Int(1, 5), Int(3, 9), Int(1, 9)),
        (Int(1, 5, 2), Int(3, 9, 2), Int(1, 9, 2)),
        (Int(1, 10, 3), Int(2, 10, 3), Int(1, 10)),
        (Int(1, 10, 3), Int(1, 10, 2), Int(1, 10)),
        (Int(1, 10), Int(1, 10, 2), Int(1, 10)),
        (Int(1, 8, 2, log=True), Int(4, 32, 2, log=True), Int(1, 32, 2, log=True)),
        (Int(1, 8, 2, log=True), Int(3, 12, 2, log=True), Int(1, 12, log=True)),
        (Float(0, 1), Float(0.5, 2), Float(0, 2)),
        (Float(0, 1, 0.1), Float(0.05, 1, 0.1), Float(0, 1)),
        (Choice(("a", "b")), Choice(("b", "c")), Choice(("a", "b", "c"))),
        (Choice((1, 4), ordered=True), Choice((2, 8), ordered=True), Choice((1, 2, 4, 8), True)),
        (Int(1, 5), Float(0, 1), Float(0, 1)),
        (Int(1, 5), Choice((1, 2)), Choice((1, 2))),
        (Int(1, 5), Int(1, 9, log=True), Int(1, 9, log=True)),
    ],
)
def test_hull_holds_both(old: Domain, new: Domain, both: Domain) -> None:
    """A range that varies from trial to trial widens; of two kinds the latter counts."""
    assert hull(old, new) == both


STEPPED = st.builds(
    lambda low, width, step: Int(low, low + width, min(step, width)),
    st.integers(-50, 50),
    st.integers(1, 40),
    st.integers(1, 7),
)


@given(STEPPED, STEPPED, st.floats(0, 1))
def test_hull_has_every_value_of_both(old: Int, new: Int, unit: float) -> None:
    """No trial falls out of the space because a range varies, and no default either."""
    both = hull(old, new)
    assert old.value(unit) in both
    assert new.value(unit) in both
    space = a_space(units=old).widen(a_parameter("units", new))
    assert space["units"] == Parameter("units", both, new.middle)


def test_a_parameter_under_two_conditions_is_reached_under_either() -> None:
    """Only the conditions that all its calls share remain."""
    outer, cnn, mlp = ("deep", ("yes",)), ("kind", ("cnn",)), ("kind", ("mlp",))
    space = Space().widen(a_parameter("units", Int(1, 5), outer, cnn))
    space = space.widen(a_parameter("units", Int(1, 5), outer, mlp))
    assert space["units"].scopes == (outer,)


def test_json_gives_the_space_back() -> None:
    """What is stored is read back as the same space, in the same order."""
    scope = ("shape", ((3, 3), None))
    space = a_space(z=Int(1, 5), lr=Float(1e-4, 1e-1, log=True), shape=Choice(((3, 3), None)))
    space = space.declare(Parameter("a", Choice((True, 1, 1.0)), 1.0, (scope,)))
    again = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert list(again) == list(space)
    assert identity(again["a"].default) == (float, 1.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.00123441, 0.00123444),
        (0.1 + 0.2, 0.3),
        ("a" * 40 + "b", "a" * 40 + "c"),
        ("1", 1),
        (1, 1.0),
        (True, 1),
        (None, "None"),
        ((1, 2), (1, 2.0)),
        ("x\ny", "x"),
    ],
)
def test_different_values_make_different_settings(one: Plain, other: Plain) -> None:
    """All digits, all characters and the type count."""
    assert setting_key({"x": one}) != setting_key({"x": other})


def test_the_order_of_parameters_makes_no_other_setting() -> None:
    """A branch may reach them in another order; a name that is missing makes another setting."""
    assert setting_key({"a": 1, "b": 0.5}) == setting_key({"b": 0.5, "a": 1})
    assert setting_key({"a": 1}) != setting_key({"a": 1, "b": 0.5})


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(), st.integers())
def test_a_setting_that_was_stored_is_the_same_setting(x: float, name: str, k: int) -> None:
    """JSON and back, as the storage keeps it."""
    params = {"x": x, "name": name, "pair": (k, name)}
    stored = {n: plain(v) for n, v in json.loads(json.dumps(params)).items()}
    assert setting_key(stored) == setting_key(params)
