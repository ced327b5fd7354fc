"""The magic's line: what it takes, what it refuses, what it completes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo_magic.core.trial import Direction, Goal
from hpo_magic.errors import OptionError
from hpo_magic.notebook.options import (
    help_text,
    parse_line,
    suggestions,
)
from hpo_magic.search.options import OPTIONS, Options


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("digits", {}),
        ("digits --maximize val_accuracy", {"goals": (Goal("val_accuracy", Direction.MAXIMIZE),)}),
        ("--minimize rmse digits", {"goals": (Goal("rmse", Direction.MINIMIZE),)}),
        ("digits --maximize", {"goals": Direction.MAXIMIZE}),
        ("digits --minimize --trials 5", {"goals": Direction.MINIMIZE, "trials": 5}),
        ("digits -n 20", {"trials": 20}),
        ("digits --trials=20 --seed=3", {"trials": 20, "seed": 3}),
        ("digits --time 1h30m", {"time": 5400.0}),
        ("digits --sampler random --errors raise --ui none --fresh", {
            "sampler": "random", "errors": "raise", "ui": "none", "fresh": True,
        }),
        ("digits --stop 7", {"stop": "7"}),
        ("digits --keep 4 --stop noise", {"keep": 4, "stop": "noise"}),
        ("digits --storage 'my studies'", {"storage": Path("my studies")}),
        ("digits --storage ~/studies", {"storage": Path.home() / "studies"}),
        ("  digits   --fresh  ", {"fresh": True}),
    ],
)  # fmt: skip
def test_lines(line: str, options: dict[str, Any]) -> None:
    """A line is a name and options, in any order."""
    assert parse_line(line) == ("digits", Options(**options))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "digits --trails 5",
            "no option --trails. Did you mean --trials? (%%hpo? lists them all.)",
        ),
        (
            "digits --trails=5",
            "no option --trails. Did you mean --trials? (%%hpo? lists them all.)",
        ),
        ("digits --zzz 4", "no option --zzz. (%%hpo? lists them all.)"),
        (
            "digits --max val_acc",
            "no option --max. Did you mean --maximize? (%%hpo? lists them all.)",
        ),
        ("digits -x", "no option -x. (%%hpo? lists them all.)"),
        ("", "the study has no name. Write %%hpo NAME [options]; %%hpo? lists them."),
        ("--fresh", "the study has no name. Write %%hpo NAME [options]; %%hpo? lists them."),
        (
            "--maximize digits",
            "the study has no name: 'digits' was taken for the metric of --maximize. "
            "Write %%hpo NAME --maximize digits.",
        ),
        ("digits mnist", "one name is enough: 'digits' and 'mnist' were given."),
        (
            "my-study",
            "the study's name must be a Python identifier, since it names a variable afterwards; "
            "got 'my-study'. Try my_study.",
        ),
        ("class", "the study's name cannot be 'class', a word of Python. Try class_."),
        (
            "digits --trials",
            "argument -n/--trials: expected one argument. (%%hpo? lists the options.)",
        ),
        ("digits --trials many", "--trials: expected a whole number, got 'many'."),
        ("digits --trials 0", "--trials: must be a whole number from 1 up, got 0."),
        ("digits --seed x", "--seed: expected a whole number, got 'x'."),
        ("digits --seed -1", "--seed: must be a whole number from 0 up, got -1."),
        (
            "digits --time soon",
            "--time: expected a length of time such as 90s, 10m or 2h, got 'soon'.",
        ),
        ("digits --time 0s", "--time: must be above 0 seconds, got 0.0."),
        (
            "digits --sampler bayse",
            "--sampler: 'bayse' is not one of bayes, tpe, genetic, random, sobol, grid. "
            "Did you mean bayes?",
        ),
        (
            "digits --maximize --minimize b",
            "each of several objectives needs a name: --maximize val_accuracy --minimize n_params, "
            "for example.",
        ),
        (
            "digits --maximize a --minimize a",
            "'a' is given twice: each objective is another metric.",
        ),
        (
            "digits --maximize a --minimize b --stop noise",
            "--stop: noise is about one best value; with several objectives give none, or a number "
            "of trials.",
        ),
        (
            "digits --maximize a --minimize b --pruner median",
            "--pruner: median compares one curve, and with several objectives every training is "
            "finished. Leave it out.",
        ),
        (
            "digits --fresh=yes",
            "argument --fresh: ignored explicit argument 'yes'. (%%hpo? lists the options.)",
        ),
        ("digits --storage 'my", "the line cannot be read: no closing quotation."),
    ],
)  # fmt: skip
def test_lines_that_are_refused(line: str, message: str) -> None:
    """Each mistake has its sentence, with the option that was meant where one is near."""
    with pytest.raises(OptionError) as caught:
        parse_line(line)
    assert str(caught.value) == message


def test_the_help_has_every_option_with_its_default() -> None:
    """`%%hpo?` is what the options are documented by."""
    text = " ".join(help_text().split())
    for option in OPTIONS:
        flags = ", ".join(filter(None, (option.short, option.flag)))
        values = f" ({'|'.join(option.kind.values)})" if option.kind.values else ""
        row = f"{flags} {option.placeholder}".rstrip()
        assert f"{row} {option.text}{values} [{option.shown_default}]" in text


def test_the_defaults_of_the_help_are_those_of_the_options() -> None:
    """What is documented is what happens."""
    _, options = parse_line("digits")
    shown = {option.flag: option.shown_default for option in OPTIONS}
    assert shown["--trials"] == str(options.trials)
    assert shown["--seed"] == str(options.seed)
    assert (shown["--sampler"], shown["--errors"], shown["--ui"]) == (
        options.sampler, options.errors, options.ui,
    )  # fmt: skip
    assert (options.time, options.storage, options.fresh) == (None, None, False)


FLAGS = [option.flag for option in OPTIONS]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("digits ", FLAGS),
        ("digits --", FLAGS),
        ("digits --m", ["--maximize", "--minimize"]),
        ("digits --trials 5 --t", ["--time", "--timeout"]),
        ("digits --sampler ", ["bayes", "tpe", "genetic", "random", "sobol", "grid"]),
        ("digits --sampler b", ["bayes"]),
        ("digits --ui t", ["text"]),
        ("digits --maximize ", []),
        ("digits --trials ", []),
        ("digits --stop ", ["none", "noise"]),
        ("digits -n ", []),
        ("digits --fresh --fre", []),
        ("digits --fresh --e", ["--errors"]),
        ("dig", []),
        ("", []),
    ],
)
def test_suggestions(text: str, found: list[str]) -> None:
    """Options that are not there yet, or the values of the one before."""
    assert suggestions(text) == found


def test_several_objectives_come_in_the_order_of_the_line() -> None:
    """Of one direction there may be several."""
    _, options = parse_line("digits --minimize n_params --maximize acc --minimize fit_seconds")
    assert [str(goal) for goal in options.goals] == [
        "minimize n_params",
        "maximize acc",
        "minimize fit_seconds",
    ]


def test_an_objective_may_be_completed_once_more() -> None:
    """Other options are offered once."""
    offered = suggestions("digits --maximize acc --trials 20 --")
    assert "--minimize" in offered
    assert "--maximize" in offered
    assert "--trials" not in offered
