"""The line of `%%hpo` as people write it."""
# ruff: noqa: RUF001  (such dashes and quotation marks are what is tested)

from __future__ import annotations

from typing import Any

import pytest

from hpo_magic.errors import OptionError
from hpo_magic.notebook.line_words import words_of
from hpo_magic.notebook.options import parse_line, parse_name
from hpo_magic.search.option import seconds


@pytest.mark.parametrize(
    ("text", "length_s"),
    [
        ("90", 90),
        ("90s", 90),
        ("10 min", 600),
        ("10 minutes", 600),
        ("10 Minutes", 600),
        ("1.5 hours", 5400),
        ("1 hr 30 mins", 5400),
        ("2 hours and 5 minutes", 7500),
        ("2 hours, 5 minutes", 7500),
        ("1:30:00", 5400),
        ("0:00:45", 45),
        ("1 day", 86400),
        ("45 sec.", 45),
    ],
)
def test_lengths_of_time(text: str, length_s: float) -> None:
    """Units may be spelled out and stand apart, on the line and in Python."""
    assert seconds(text) == length_s
    assert parse_line(f"s --time {text}")[1].time_s == length_s
    assert parse_line(f"s --time='{text}' --trials 3")[1].time_s == length_s


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1:30", "1:30 may be 1h30m or 1m30s. Write one of these."),
        ("ten minutes", "expected a length of time such as 90s, 10m or 2h, got 'ten minutes'."),
        ("10 months", "expected a length of time such as 90s, 10m or 2h, got '10 months'."),
        ("10 m of it", "expected a length of time such as 90s, 10m or 2h, got '10 m of it'."),
        ("1.2.3h", "expected a length of time such as 90s, 10m or 2h, got '1.2.3h'."),
        ("", "expected a length of time such as 90s, 10m or 2h, got ''."),
    ],
)
def test_what_is_no_length_of_time(text: str, sentence: str) -> None:
    """A sentence says so."""
    with pytest.raises(OptionError) as refused:
        seconds(text)
    assert refused.value.problem == sentence


@pytest.mark.parametrize(
    "line",
    [
        "s --trials 20",
        "s --trials=20",
        "s --trials = 20",
        "s --trials =20",
        "s --trials= 20",
        "s --trials: 20",
        "s, --trials 20,",
        "s; --trials 20;",
        "s –trials 20",
        "s —trials 20",
        "s −−trials 20",
        "s ‐‐trials 20",
        "s -trials 20",
        "s --Trials 20",
        "s trials=20",
        "s --trials 20.0",
        "s --trials 2e1",
        "s –n 20",
        "s -n20",
        "s --trials 20 # --trials 30",
        "s --trials 20  # don't stop here",
        "s --trials “20”",
        "s --trials ‘20’",
    ],
)
def test_ways_to_write_an_option(line: str) -> None:
    """Each is understood as `--trials 20`."""
    name, options = parse_line(line)
    assert (name, options.trials) == ("s", 20)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("s --trials 20,--seed 3", ["s", "--trials", "20", "--seed", "3"]),
        ("s --time 1h 30m --seed 3", ["s", "--time", "1h 30m", "--seed", "3"]),
        ("s --time=10 minutes --fresh", ["s", "--time", "10 minutes", "--fresh"]),
        ("s --timeout 30 sec", ["s", "--timeout", "30 sec"]),
        ("--time 90 s", ["--time", "90", "s"]),  # `s` is the study's name
        ("s --storage 'a, b,' ", ["s", "--storage", "a, b,"]),
        ("s --storage a#b", ["s", "--storage", "a#b"]),
        ("s --storage 'a # b'", ["s", "--storage", "a # b"]),
        ("s --seed -1", ["s", "--seed", "-1"]),
        ("s --maximize val-acc", ["s", "--maximize", "val-acc"]),
        ("s --storage /data/a–b", ["s", "--storage", "/data/a–b"]),
        ("# nothing", []),
        ("s , --fresh", ["s", "--fresh"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    """Lengths of time are one word; what is quoted, or inside a word, stays."""
    assert words_of(line) == words


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("s --trials four", "--trials: expected a whole number, got 'four'."),
        ("s --trials 4.5", "--trials: expected a whole number, got '4.5'."),
        ("s --trials 4#x", "--trials: expected a whole number, got '4#x'."),
        ("s (trials=4)", "one name is enough: 's' and '(trials=4)' were given."),
        ("s --n_trials 4", "no option --n_trials. Did you mean --trials? (%%hpo? lists them all.)"),
        ("s –trails 4", "no option --trails. Did you mean --trials? (%%hpo? lists them all.)"),
        ("s 'quoted # x", "the line cannot be read: no closing quotation."),
    ],
)
def test_what_is_not_understood(line: str, sentence: str) -> None:
    """One sentence."""
    with pytest.raises(OptionError) as refused:
        parse_line(line)
    assert str(refused.value) == sentence


def test_thousands() -> None:
    """A comma between groups of three digits is no other number."""
    assert parse_line("s --trials 1,000")[1].trials == 1000
    assert parse_line("s --trials 1_000")[1].trials == 1000
    assert parse_line("s --sampler Random")[1].sampler == "random"


def test_the_other_magics() -> None:
    """They take a comment, a comma and typographic dashes too."""
    assert parse_name("digits  # the first", "%hpo")[0] == "digits"
    assert parse_name("digits, –storage here", "%hpo")[1] is not None


def test_the_line_is_stored_as_it_was_understood(notebook: Any) -> None:
    """So the cell with narrower ranges has its options, too."""
    notebook.ok(
        "%%hpo s, –maximize value --trials 24, --time 10 minutes --recheck 0 --ui none # go\n"
        "x = hp.Float(0, 1)\n-abs(x - 0.3)"
    )
    line = str(notebook.ok("s.narrowed()").value).splitlines()[0]
    assert line.startswith("%%hpo s --trials 36 --maximize value --time ")
    notebook.ok(str(notebook["s"].narrowed()).replace("--ui none", "--ui none"))
    assert len(notebook["s"].trials) > 24
