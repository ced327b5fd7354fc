"""How many planted leaks a search finds before it starts, and how often it is wrong.

    python -m benchmarks.leaks               # 80 notebooks: a minute
    python -m benchmarks.leaks --show        # with what is said about each

The notebooks are in `benchmarks/leak_notebooks`. Each runs in a shell of IPython; a leak is found
if the search says a sentence that begins with "Leak".
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from IPython.core.interactiveshell import InteractiveShell

from benchmarks.leak_notebooks.clean import CLEAN
from benchmarks.leak_notebooks.planted import PLANTED
from hpo_magic import load_ipython_extension

_SENTENCE = re.compile(r"Leak[^\n]*")


class Run(NamedTuple):
    """What was said about a notebook; `error` is the exception that a cell ended in."""

    name: str
    sentences: list[str]
    error: BaseException | None
    seconds: float


def run(shell: Any, name: str, cells: Sequence[str]) -> Run:
    """Run the cells of a notebook in a shell that is emptied before."""
    shell.reset(new_session=True)
    load_ipython_extension(shell)
    out, error = io.StringIO(), None
    began = time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        for cell in cells:
            done = shell.run_cell(cell, store_history=True)
            error = error or done.error_before_exec or done.error_in_exec
    said = list(dict.fromkeys(_SENTENCE.findall(out.getvalue())))
    return Run(name, said, error, time.perf_counter() - began)


def run_all(notebooks: Mapping[str, Sequence[str]]) -> list[Run]:
    """Run notebooks, each in a folder of its own."""
    shell = InteractiveShell.instance()
    found = []
    for name, cells in notebooks.items():
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            found.append(run(shell, name, cells))
    return found


def main() -> None:
    """Run all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print what is said about each")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    print("| notebooks | with a sentence | of |\n| --- | --- | --- |")
    for kind, notebooks in (("planted", PLANTED), ("clean", CLEAN)):
        runs = run_all(notebooks)
        print(f"| {kind} | {sum(bool(one.sentences) for one in runs)} | {len(runs)} |")
        for one in runs:
            if one.error is not None:
                print(f"  FAILED {one.name}: {one.error!r}")
            elif asked.show or bool(one.sentences) is not (kind == "planted"):
                print(f"  {one.name}: {one.sentences or 'nothing'} ({one.seconds:.1f} s)")


if __name__ == "__main__":
    main()
