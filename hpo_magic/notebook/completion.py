"""Tab on the first line of `%%hpo` completes its options and their values.

IPython >= 8.6 asks matchers that know the whole cell; before that (Colab has 7.34) it asks matchers
that know one line. Both stand in a list of the shell's completer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core import completer

from hpo_magic.notebook.options import suggestions

COMMAND = "%%hpo "
KNOWS_CELLS = hasattr(completer, "context_matcher")


def start_completing(shell: Any) -> None:
    """Complete the options of `%%hpo` in this shell; doing it twice does it once."""
    stop_completing(shell)
    matcher = _cell_matcher() if KNOWS_CELLS else _line_matcher(shell.Completer)
    matchers_of(shell.Completer).append(matcher)


def stop_completing(shell: Any) -> None:
    """Leave the line of `%%hpo` to IPython again."""
    matchers = matchers_of(shell.Completer)
    matchers[:] = [matcher for matcher in matchers if matcher.__module__ != __name__]


def matchers_of(of: Any) -> list[Any]:
    """Return the list of what IPython asks for completions, ours to change."""
    found: list[Any] = of.custom_matchers if KNOWS_CELLS else of.magic_arg_matchers
    return found


def _cell_matcher() -> Callable[[Any], dict[str, Any]]:
    """Return a matcher of IPython >= 8.6: nothing below the first line, ours alone on it."""

    @completer.context_matcher()  # type: ignore[untyped-decorator]
    def complete_options(context: Any) -> dict[str, Any]:
        line = context.line_with_cursor[: context.cursor_position]
        found = _options_for(line) if context.cursor_line == 0 else []
        if not found:
            return {"completions": [], "suppress": False}
        words = line.split()
        typed = "" if line[-1].isspace() else words[-1]
        completions = [completer.SimpleCompletion(option, type="option") for option in found]
        return {"completions": completions, "suppress": True, "matched_fragment": typed}

    matcher: Callable[[Any], dict[str, Any]] = complete_options
    return matcher


def _line_matcher(asking: Any) -> Callable[[str], list[str]]:
    """Return a matcher of IPython < 8.6: where it returns something, nothing else is offered."""

    def complete_options(line: str) -> list[str]:
        return _options_for(line[: len(asking.text_until_cursor)])

    return complete_options


def _options_for(line: str) -> list[str]:
    """Return what may stand at the end of a line; nothing if it is not that of `%%hpo`."""
    text = line.lstrip()
    return suggestions(text.removeprefix(COMMAND)) if text.startswith(COMMAND) else []
