"""Tab on the first line of `%%hpo`, through the shell's completer."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter


def completed(notebook: Any, text: str) -> list[str]:
    """Return what Tab at `|` offers."""
    with provisionalcompleter():
        found = notebook.shell.Completer.completions(text.replace("|", ""), text.index("|"))
        return [completion.text for completion in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%%hpo digits --tri|", ["--trials"]),
        ("%%hpo digits --sampler |", ["bayes", "genetic", "grid", "random", "sobol", "tpe"]),
        ("%%hpo digits --sampler r|\nx = 1", ["random"]),
        ("%%hpo digits --ui w|", ["widgets"]),
        ("%%hpo digits --m|\nx = hp.Int(1, 9)", ["--maximize", "--minimize"]),
        ("%%hpo digits --seed 1 --s|", ["--sampler", "--stop", "--storage"]),
    ],
)
def test_options_and_their_values_complete(notebook: Any, text: str, found: list[str]) -> None:
    """Those that fit what is typed, without those that are there."""
    assert sorted(completed(notebook, text)) == found  # IPython 7 has no order


def test_the_completion_takes_the_place_of_the_word(notebook: Any) -> None:
    """The frontend replaces the range that is given: the dashes are in it."""
    text = "%%hpo digits --tri"
    with provisionalcompleter():
        (completion,) = notebook.shell.Completer.completions(text, len(text))
    assert text[completion.start : completion.end] == "--tri"


@pytest.mark.parametrize("text", ["%%hpo d\nx --tri|", "y --tri|", "%%hpo_test d --tri|"])
def test_nothing_elsewhere(notebook: Any, text: str) -> None:
    """In the body and in other cells Python's completions are alone."""
    assert "--trials" not in completed(notebook, text)


def test_the_body_completes_as_python(notebook: Any) -> None:
    """The magic does not get in the way."""
    notebook.shell.Completer.use_jedi = False
    notebook.ok("units_of_mine = 3")
    assert "units_of_mine" in completed(notebook, "%%hpo digits\nx = units_of|")
