"""Trials and cells that ask for parameters: for tests of `hp`."""

from __future__ import annotations

import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from hpo_magic.core.domains import Plain
from hpo_magic.core.events import Run
from hpo_magic.core.trial import Kind
from hpo_magic.errors import SpaceError
from hpo_magic.language.hp import hp
from hpo_magic.language.trial_context import TrialContext, running

_cells = count()


def a_trial(
    params: Mapping[str, Plain] | None = None,
    number: int = 1,
    reports: list[tuple[int, dict[str, float]]] | None = None,
) -> TrialContext:
    """Return a trial with these values; without any, the start."""
    kind = Kind.START if params is None else Kind.SEARCH
    kept = [] if reports is None else reports
    return TrialContext(
        Run(number, params or {}, kind, seed=7), lambda step, m: kept.append((step, dict(m)))
    )


@contextmanager
def in_trial(params: Mapping[str, Plain] | None = None, number: int = 1) -> Iterator[TrialContext]:
    """Run the block inside a trial."""
    with running(a_trial(params, number)) as trial:
        yield trial


def run_cell(text: str) -> dict[str, Any]:
    """Run the text of a cell, which may ask for unnamed parameters; return its variables."""
    text = textwrap.dedent(text).lstrip()
    filename = f"<cell {next(_cells)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    variables: dict[str, Any] = {"hp": hp}
    exec(compile(text, filename, "exec"), variables)
    return variables


def message_of(call: Callable[[], object]) -> str:
    """Return what a call in a trial is refused with; its line is always 1."""
    start = inspect.getsourcelines(call)[1]
    with in_trial(), pytest.raises(SpaceError) as caught:
        call()
    line = next(n for n in range(start, start + 9) if f" on line {n}" in str(caught.value))
    return str(caught.value).replace(f" on line {line}", " on line 1")
