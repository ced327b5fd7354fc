"""How numbers, times and settings are written."""

from __future__ import annotations

import pytest

from hpo_magic.views.words.numbers import digits_for, duration, number, setting, shortened, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9523, "0.9523"),
        (0.9, "0.9000"),
        (0, "0"),
        (12345.6, "12346"),
        (1e20, "1.000e+20"),
        (-0.001234, "-0.001234"),
        (float("inf"), "inf"),
        (None, "-"),
    ],
)
def test_number_keeps_four_significant_digits(value: float | None, text: str) -> None:
    """A value has four digits, trailing zeros kept; none of them are lost in large numbers."""
    assert number(value) == text


def test_digits_tell_close_values_apart() -> None:
    """Values that differ in the sixth digit are written with enough of them."""
    values = [1000.11, 1000.12, 1000.15, 1000.18]
    texts = [number(v, digits_for(values)) for v in values]
    assert len(set(texts)) == len(values)


def test_one_wild_value_does_not_take_the_digits_of_the_others() -> None:
    """A value a thousand times worse leaves the digits of the good ones as they were."""
    assert digits_for([0.031, 0.032, 0.033, 0.034, 35.0]) >= 4


def test_digits_of_nothing_and_of_equal_values() -> None:
    """Without differences there are four digits."""
    assert digits_for([]) == digits_for([0.5, 0.5]) == digits_for([float("nan")]) == 4


def test_durations_have_two_units_at_most() -> None:
    """Short times are in milliseconds, long ones in days; a time is never negative."""
    seconds = (-1, 0.5, 9.99, 59.9, 3599, 3600, 3 * 86400 + 3600)
    texts = ("0 ms", "500 ms", "10.0 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "3 d 1 h")
    assert tuple(duration(s) for s in seconds) == texts
    assert duration(None) == "-"


def test_values_that_cannot_be_printed_are_quoted() -> None:
    """Line breaks and blanks are seen as what they are."""
    assert shown("a\nb") == "'a\\nb'"
    assert shown(" ") == "' '"
    assert shown(None) == "None"


def test_long_texts_are_cut() -> None:
    """A cut is marked, also where it is a second line that is left out."""
    assert shortened("x" * 50, 10) == "x" * 9 + "…"
    assert shortened("first\nsecond") == "first …"


def test_a_setting_is_one_line() -> None:
    """Names and values, in order."""
    assert setting({"b": 1, "a": "x"}) == "b=1, a=x"
