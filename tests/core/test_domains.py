"""Domains: their values, and the places of these in the unit interval."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.domains import Choice, Domain, Float, Int, domain_from_json, identity, plain
from hpo_magic.errors import SpaceError

UNITS = st.floats(0, 1)
FINITE = {"allow_nan": False, "allow_infinity": False}


@st.composite
def ints(draw: st.DrawFn) -> Int:
    """Whole numbers on any scale, ranges of one value included."""
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -(10**9), 10**9))
    width = draw(st.integers(0, 10**9))
    if draw(st.booleans()) or not width:
        is_reverse = log and draw(st.booleans())
        return Int(low, low + width, None, log and not is_reverse, is_reverse)
    if log:
        return Int(low, low * draw(st.integers(2, 1000)), 2, log)
    return Int(low, low + width, draw(st.integers(1, width)), log)


@st.composite
def floats(draw: st.DrawFn) -> Float:
    """Real numbers on any scale, ranges of one value included."""
    if draw(st.booleans()):
        low = draw(st.floats(1e-12, 1e6))
        ratio = draw(st.just(1.0) | st.floats(1.001, 1e12))
        if draw(st.booleans()):
            # Near a high upper end floats lie too far apart to tell the places by.
            return Float(low, low * min(ratio, 1e6), reverse_log=True)
        steps = [None, 10.0, 1.5]
        return Float(low, low * ratio, draw(st.sampled_from(steps)) if ratio > 10 else None, True)
    low = draw(st.floats(-1e6, 1e6))
    width = draw(st.just(0.0) | st.floats(1e-3, 1e6))
    step = draw(st.sampled_from([None, 0.1, 0.25, 1e-3])) if width > 1 else None
    return Float(low, low + width, step)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(**FINITE) | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
CHOICES = st.lists(PLAIN, min_size=1, max_size=6, unique_by=identity).map(
    lambda values: Choice(tuple(values))
)
DOMAINS = st.one_of(ints(), floats(), CHOICES)


@given(DOMAINS, UNITS)
def test_value_is_in_the_domain(domain: Domain, unit: float) -> None:
    """Every place of the unit interval has a value, and it is one of the domain's."""
    assert domain.value(unit) in domain


@given(DOMAINS, UNITS)
def test_unit_and_value_are_inverse(domain: Domain, unit: float) -> None:
    """A value's place leads back to the value."""
    value = domain.value(unit)
    again = domain.value(domain.unit(value))
    if isinstance(domain, Float):
        assert again == pytest.approx(value, rel=1e-9, abs=1e-9 * (domain.high - domain.low))
    else:
        assert identity(again) == identity(value)


@given(DOMAINS, st.lists(UNITS, min_size=1, max_size=5))
def test_snapped_places_are_those_of_values(domain: Domain, units: list[float]) -> None:
    """Snapping moves a place to that of its value, and stays in the unit interval."""
    snapped = domain.snap(np.array(units))
    values = [domain.unit(domain.value(unit)) for unit in units]
    assert snapped == pytest.approx(values, abs=1e-6)
    assert ((snapped >= 0) & (snapped <= 1)).all()


@given(st.one_of(ints(), floats()), st.floats(**FINITE))
def test_nearest_is_in_the_domain(domain: Int | Float, value: float) -> None:
    """The value that is closest to any number is in the domain, and its own nearest."""
    nearest = domain.nearest(value)
    assert nearest in domain
    assert domain.nearest(nearest) == nearest
    assert 0 <= domain.unit(value) <= 1


@given(DOMAINS)
def test_middle_is_in_the_domain(domain: Domain) -> None:
    """The value of a call without a default is in the domain."""
    assert domain.middle in domain


@given(DOMAINS)
def test_json_gives_the_domain_back(domain: Domain) -> None:
    """What is stored is read back as the same domain, of the same types."""
    again = domain_from_json(json.loads(json.dumps(domain.to_json())))
    assert again == domain
    if isinstance(domain, Choice):
        assert isinstance(again, Choice)
        assert list(map(identity, again.values)) == list(map(identity, domain.values))


@given(st.integers(2**53, 2**63), st.integers(0, 2**62), UNITS)
def test_huge_whole_numbers_keep_to_their_range(low: int, width: int, unit: float) -> None:
    """Beyond the exact range of float a value is a whole number of the range all the same."""
    for log in (False, True):
        domain = Int(low, low + width, log=log)
        assert domain.value(unit) in domain
        assert domain.low in domain
        assert domain.high in domain
        assert 0 <= domain.unit(domain.high) <= 1


@given(st.floats(1e-300, 1e300), st.booleans(), UNITS)
def test_the_narrowest_range_has_values(low: float, log: bool, unit: float) -> None:
    """A range between neighbouring floats, whose logarithms are equal, can be searched."""
    domain = Float(low, math.nextafter(low, math.inf), log=log)
    assert domain.value(unit) in domain
    assert 0 <= domain.unit(domain.high) <= 1


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("high", [1, 2, 7, 100])
def test_whole_numbers_have_equal_shares(high: int, log: bool) -> None:
    """The first and the last whole number are drawn as often as their scale says."""
    domain = Int(1, high, log=log)
    units = (np.arange(20_000) + 0.5) / 20_000
    drawn = [domain.value(unit) for unit in units]
    weights = [math.log((k + 0.5) / (k - 0.5)) if log else 1.0 for k in range(1, high + 1)]
    shares = [drawn.count(k) / len(drawn) for k in range(1, high + 1)]
    assert shares == pytest.approx([w / sum(weights) for w in weights], abs=1e-3)


@pytest.mark.parametrize(
    ("domain", "levels"),
    [
        (Int(32, 512, 32), list(range(32, 513, 32))),
        (Int(1, 10, 4), [1, 5, 9]),
        (Int(1, 16, 2, log=True), [1, 2, 4, 8, 16]),
        (Int(5, 5), [5]),
        (Int(5, 5, 2), [5]),
        (Float(0, 1, 0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (Float(0, 0.3, 0.1), [0.0, 0.1, 0.2, 0.3]),
        (Float(1e-4, 1e-1, 10, log=True), [1e-4, 1e-3, 1e-2, 1e-1]),
        (Float(0.5, 0.5), [0.5]),
    ],
)
def test_steps_give_the_values_that_the_user_would_write(
    domain: Int | Float, levels: list[float]
) -> None:
    """Levels are exact decimals from the lower bound on; the upper one only if they reach it."""
    n = domain.n_levels
    assert n is not None
    assert [domain.value((k + 0.5) / n) for k in range(n)] == levels


@pytest.mark.parametrize("value", [3 * 0.1, 0.7 - 0.4, 0.3])
def test_arithmetic_may_differ_in_the_last_digits(value: float) -> None:
    """A value on a step is one also where the user computed it."""
    assert value in Float(0, 1, 0.1)
    assert value in Float(-1e3, 1e3, 0.1)


@pytest.mark.parametrize(
    ("value", "domain"),
    [
        (0.35, Float(0, 1, 0.1)),
        (1.1, Float(0, 1, 0.1)),
        (0.0, Float(1e-12, 1, log=True)),
        (1.0000001, Float(0, 1)),
        (math.nan, Float(0, 1, 0.1)),
        (math.inf, Float(0, 1, 0.1)),
        (math.nan, Float(0, 1)),
        (True, Float(0, 1)),
        ("0.5", Float(0, 1)),
        (1.0, Int(0, 2)),
        (True, Int(0, 2)),
        (33, Int(32, 512, 32)),
        (3, Int(1, 2)),
        (True, Choice((1, 2))),
        (1, Choice((1.0, 2.0))),
        (1, Choice((True, False))),
        ((1, 2.0), Choice(((1, 2),))),
    ],
)
def test_what_is_not_in_a_domain(value: Any, domain: Domain) -> None:
    """Values outside, off the steps or of another type are not in it."""
    assert value not in domain


@pytest.mark.parametrize("value", ["relu", None, math.nan, (1, 2)])
@pytest.mark.parametrize("domain", [Int(1, 5), Int(1, 9, 2), Float(0, 4), Float(0, 4, 2)])
def test_nearest_of_no_number_is_the_middle(value: Any, domain: Int | Float) -> None:
    """A value of a former choice, where a range is now, does no harm."""
    assert domain.nearest(value) == domain.middle


def test_nearest_choice_is_the_first_for_a_stranger() -> None:
    """A choice that is gone becomes the first one."""
    domain = Choice(("relu", "tanh"))
    assert domain.nearest("tanh") == "tanh"
    assert domain.nearest("gelu") == "relu"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Int(3, 1), "the lower bound 3 is above the upper bound 1. Swap them."),
        (
            lambda: Float(0, 0.1, log=True),
            "a log scale needs a lower bound above 0, got 0. Try 1e-6.",
        ),
        (lambda: Int(0, 5, log=True), "a log scale needs a lower bound above 0, got 0. Try 1."),
        (
            lambda: Int(1, 5, 10),
            "the step 10 does not fit between 1 and 5: only 1 would be left. Use a smaller step.",
        ),
        (lambda: Float(0, 1, 0), "the step must be above 0, got 0."),
        (lambda: Float(0, 1, -0.1), "the step must be above 0, got -0.1."),
        (
            lambda: Float(1, 9, 1, log=True),
            "the step must be above 1 on a log scale, where it multiplies, got 1.",
        ),
        (lambda: Float("0", 1), "the lower bound must be a number, got '0'."),
        (lambda: Float(True, 1), "the lower bound must be a number, got True."),
        (lambda: Float(0, math.inf), "the upper bound must be finite, got inf."),
        (lambda: Float(math.nan, 1), "the lower bound must be finite, got nan."),
        (lambda: Float(-1.5e308, 1.5e308), "the range from -1.5e+308 to 1.5e+308 is too wide."),
        (
            lambda: Int(1, 2.5),
            "the upper bound must be a whole number, got 2.5. Or use hp.Float.",
        ),
        (
            lambda: Int(1, 9, 0.5),
            "the step must be a whole number, got 0.5. Or use hp.Float.",
        ),
        (lambda: Choice(()), "there is nothing to choose from: the list of values is empty."),
        (
            lambda: Choice(("a", "b", "a")),
            "the same value stands twice among the choices ('a', 'b', 'a').",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(make: Any, message: str) -> None:
    """Each impossible range has its sentence, with the cure where there is one."""
    with pytest.raises(SpaceError) as caught:
        make()
    assert str(caught.value) == message


def test_numbers_beyond_float_are_refused() -> None:
    """A bound that no float can hold is refused as one that is not finite."""
    with pytest.raises(SpaceError, match="the upper bound must be finite, got 1000"):
        Int(1, 10**400)


def test_true_one_and_one_point_zero_are_three_choices() -> None:
    """Values that == takes for the same are told apart, and come back as they were given."""
    domain = Choice((True, 1, 1.0))
    assert [identity(domain.value(domain.unit(value))) for value in domain.values] == [
        (bool, True),
        (int, 1),
        (float, 1.0),
    ]


def test_lists_of_json_are_tuples() -> None:
    """JSON has no tuples, so its lists are read as such, all the way down."""
    assert plain(json.loads("[1, [2, [3]], null]")) == (1, (2, (3,)), None)


@given(UNITS)
def test_a_reverse_log_scale_is_a_log_scale_from_the_other_end(unit: float) -> None:
    """A quarter of it from the top is 5.6 below the bound: 1000 ** 0.25."""
    for kind in (Float, Int):
        domain, other = kind(1, 1000, reverse_log=True), kind(1, 1000, log=True)
        mirrored = 1001 - other.value(1 - unit)  # type: ignore[operator]
        assert domain.value(unit) == pytest.approx(mirrored)
    assert Float(1, 1000, reverse_log=True).value(0.75) == pytest.approx(1001 - 1000**0.25)


def test_a_reverse_log_scale_takes_no_step() -> None:
    """And needs a bound above 0, as a log scale does."""
    with pytest.raises(SpaceError, match=r"^a reverse log scale takes no step\. Leave it out\.$"):
        Int(1, 9, 2, reverse_log=True)
    with pytest.raises(SpaceError, match=r"^a log scale needs a lower bound above 0, got 0"):
        Int(0, 9, reverse_log=True)
