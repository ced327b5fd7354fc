"""Files that a cell reads by name, and which of them changed since a study's last trial."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from hpo_magic.core.log import suppressed
from hpo_magic.core.trial import Trial
from hpo_magic.source.hp_calls import read_source

_READS = re.compile(r"read_\w+|load\w*|open|imread|genfromtxt|fromfile|scan_\w+|Path|\w*File")
LONGEST_PATH = 300


def changed_files(source: str, trials: Sequence[Trial]) -> list[str]:
    """Return the files that a cell reads and that changed after the last of its trials had ended.

    Only files that stand in the text of the cell are known: `pd.read_csv("train.csv")`. What the
    trials write themselves is older than their end.
    """
    ends = [t.started + (t.duration_s or 0) for t in trials if t.started is not None]
    return [path for path in _files_in(source) if ends and _changed(path) > max(ends)]


def _files_in(source: str) -> list[str]:
    """Return the texts in calls that read, in their order."""
    try:
        tree = read_source(source).tree
    except SyntaxError:  # of a study that another tool's trials came from
        return []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    reading = [c for c in calls if _READS.fullmatch(_name(c.func)) and not _writes(c)]
    given = [argument for call in reading for argument in call.args]
    texts = [one.value for one in given if isinstance(one, ast.Constant)]
    return list(dict.fromkeys(t for t in texts if isinstance(t, str) and len(t) < LONGEST_PATH))


def _writes(call: ast.Call) -> bool:
    """Return whether a call opens a file to write: `open(path, "w")`."""
    modes = [one.value for one in call.args[1:2] if isinstance(one, ast.Constant)]
    modes += [k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)]
    return any(isinstance(mode, str) and re.fullmatch("[wax][bt+]*", mode) for mode in modes)


def _changed(path: str) -> float:
    """Return when a file was last changed, in seconds since 1970; 0 if there is none."""
    with suppressed("whether a file changed could not be found out", OSError, ValueError):
        if Path(path).is_file():
            return Path(path).stat().st_mtime
    return 0.0


def _name(called: ast.expr) -> str:
    match called:
        case ast.Attribute(attr=name) | ast.Name(name):
            return name
    return ""
