"""The options of a search, wherever they come from."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from hpo_magic import search
from hpo_magic.errors import OptionError
from hpo_magic.notebook.options import help_text, suggestions
from hpo_magic.pruners import PRUNERS, make_pruner
from hpo_magic.pruners.median import MedianPruner
from hpo_magic.search.option import seconds
from hpo_magic.search.options import OPTIONS, Options, checked_name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sampler": "bayse"},
            "sampler: 'bayse' is not one of bayes, tpe, genetic, random, sobol, grid. "
            "Did you mean bayes?",
        ),
        (
            {"sampler": None},
            "sampler: None is not one of bayes, tpe, genetic, random, sobol, grid.",
        ),
        ({"errors": "ignore"}, "errors: 'ignore' is not one of skip, raise."),
        (
            {"ui": "widget"},
            "ui: 'widget' is not one of auto, widgets, text, none. Did you mean widgets?",
        ),
        (
            {"pruner": "ahsa"},
            "pruner: 'ahsa' is not one of asha, hyperband, median, none, wait. Did you mean asha?",
        ),
        (
            {"stop": "noisy"},
            "stop: must be none, noise, or a whole number of trials from 1 up, got 'noisy'. "
            "Did you mean noise?",
        ),
        (
            {"stop": True},
            "stop: must be none, noise, or a whole number of trials from 1 up, got True.",
        ),
        ({"stop": 0}, "stop: must be none, noise, or a whole number of trials from 1 up, got 0."),
        ({"timeout": -1}, "timeout: must be above 0 seconds, got -1."),
        ({"trials": 0}, "trials: must be a whole number from 1 up, got 0."),
        ({"trials": 2.5}, "trials: must be a whole number from 1 up, got 2.5."),
        ({"trials": True}, "trials: must be a whole number from 1 up, got True."),
        ({"seed": -1}, "seed: must be a whole number from 0 up, got -1."),
        ({"seed": 2**32}, "seed: must be at most 4294967295, got 4294967296."),
        ({"time": 0}, "time: must be above 0 seconds, got 0."),
        ({"time": float("inf")}, "time: must be above 0 seconds, got inf."),
        ({"time": float("nan")}, "time: must be above 0 seconds, got nan."),
    ],
)
def test_a_value_that_an_option_does_not_take(options: dict[str, Any], message: str) -> None:
    """The sentence says which it takes."""
    with pytest.raises(OptionError) as caught:
        Options(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90.0),
        ("10m", 600.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("2 H", 7200.0),
        ("1d", 86400.0),
        ("45", 45.0),
        (45, 45.0),
        (0.5, 0.5),
    ],
)
def test_seconds(text: str | float, length: float) -> None:
    """A length of time is written as people do, or is a number of seconds."""
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "soon", "10x", "1h30", "m10", "1.2.3s", "..s", None, [1]])
def test_what_is_no_length_of_time(text: Any) -> None:
    """The sentence shows how one is written."""
    with pytest.raises(OptionError) as caught:
        seconds(text)
    assert str(caught.value) == (f"expected a length of time such as 90s, 10m or 2h, got {text!r}.")


def test_what_is_no_timeout() -> None:
    """The sentence names the option that was meant."""
    with pytest.raises(OptionError, match=r"^timeout: expected a length of time"):
        Options(timeout="soon")


@pytest.mark.parametrize("name", ["digits", "_x", "größe", "Study2"])
def test_a_name_is_an_identifier(name: str) -> None:
    """It names a variable afterwards."""
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("my-study", "my_study"),
        ("2nd", "_2nd"),
        ("a b", "a_b"),
        ("a/b.c", "a_b_c"),
        ("--", "study"),
        ("", "study"),
    ],
)
def test_a_name_that_is_none(name: str, better: str) -> None:
    """The sentence offers one that is."""
    with pytest.raises(OptionError) as caught:
        checked_name(name)
    assert str(caught.value) == (
        f"the study's name must be a Python identifier, since it names a variable afterwards; "
        f"got {name!r}. Try {better}."
    )
    assert better.isidentifier()


@pytest.mark.parametrize("name", ["class", "None", "lambda"])
def test_a_name_that_is_a_word_of_python(name: str) -> None:
    """No variable can be called so."""
    with pytest.raises(OptionError) as caught:
        checked_name(name)
    assert str(caught.value) == (
        f"the study's name cannot be {name!r}, a word of Python. Try {name}_."
    )


def test_lengths_of_time_and_folders_are_taken_as_text() -> None:
    """`hpo_magic.search` is given what stands on the line; others read seconds and a path."""
    options = Options(time="10m", timeout=30, storage="~/studies")
    assert (options.time_s, options.timeout_s) == (600.0, 30.0)
    assert options.folder == Path.home() / "studies"
    assert (Options().time_s, Options().timeout_s, Options().folder) == (None, None, None)


def test_a_new_pruner_is_an_option_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line in `PRUNERS` is all: it is accepted, completed and in the help."""
    monkeypatch.setitem(PRUNERS, "mine", PRUNERS["median"])
    assert Options(pruner="mine").pruner == "mine"
    assert "mine" in suggestions("digits --pruner ")
    assert "median|none|wait|mine" in help_text()
    assert isinstance(make_pruner("mine"), MedianPruner)


def test_search_shows_its_options_by_name() -> None:
    """To Shift-Tab: each with its default, only the first three by place."""
    shown = inspect.signature(search).parameters
    assert list(shown)[:3] == ["objective", "name", "trials"]
    assert [p.name for p in shown.values() if p.kind is p.KEYWORD_ONLY] == [
        option.name for option in OPTIONS if option.name != "trials"
    ]
    assert all(shown[option.name].default == option.default for option in OPTIONS)
    assert all(f"{option.name}\n        {option.text}" in search.__doc__ for option in OPTIONS)
