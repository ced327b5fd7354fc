"""A cell of another tool, translated to `hp` calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Translation:
    """The cell to run in place of what was typed.

    Attributes
    ----------
    text
        With one line for each line that was typed, so that names and tracebacks have the line
        numbers that the user sees.
    names
        The names of `hp` calls that nothing around them names, by place as in `CallNames`.
    once
        The function that is called once per search, not once per trial; "" if there is none.
    inputs
        The parameters of the model function that take data.
    notes
        Sentences for the user.
    """

    text: str
    names: Mapping[str, str] = field(default_factory=dict)
    once: str = ""
    inputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
