"""What a dialect makes of a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Translation:
    """The cell to run in place of what was typed.

    `text` has a line for each line that was typed, so that what counts lines (names, tracebacks)
    counts those that the user sees. `names` are those of `hp` calls that nothing around them names,
    by place as `CallSites` has them. `once` is the function that is called once per search, "" if
    there is none; `inputs` are the parameters by which data comes in; `notes` are for the user.
    """

    text: str
    names: Mapping[str, str] = field(default_factory=dict)
    once: str = ""
    inputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
