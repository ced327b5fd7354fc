"""Execute a notebook from top to bottom and print what its cells show.

    python notebooks/execute.py notebooks/01_quickstart.ipynb

The executed copy goes to `build/`; its studies to a folder of their own, so that every run starts
from nothing. `--in-place` executes and saves the notebook itself, as it is shown on GitHub.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient


def execute(
    path: Path, timeout_s: int = 1800, tell: Callable[[str], None] = lambda text: None
) -> nbformat.NotebookNode:
    """Return the notebook, executed in a folder of its own; `tell` is told of each cell."""

    def started(cell: nbformat.NotebookNode, cell_index: int) -> None:
        if cell.cell_type == "code":
            tell(f"\n[{cell_index + 1} of {len(notebook.cells)}] {cell.source.splitlines()[0]}")

    def executed(
        cell: nbformat.NotebookNode, cell_index: int, execute_reply: dict[str, Any]
    ) -> None:
        tell(shown(cell))

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=timeout_s,
            resources={"metadata": {"path": folder}},
            on_cell_start=started,
            on_cell_executed=executed,
        )
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of this run, which say nothing to a reader
    return notebook


def tidied(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook as a reader should find it: with results, without logs."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            has_result = any(output.output_type == "display_data" for output in cell.outputs)
            dropped = {"stdout", "stderr"} if has_result else {"stderr"}
            cell.outputs = [o for o in cell.outputs if o.get("name") not in dropped]
    notebook.metadata.pop("widgets", None)  # of progress bars that are gone when the cell ends
    return notebook


def shown(cell: nbformat.NotebookNode) -> str:
    """Return the text that a cell shows."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream" and output.name == "stdout":
            parts.append(output.text)
        elif "data" in output:
            parts.append(str(output.data.get("text/plain", "")))
    return "\n".join(part.rstrip() for part in parts if part.strip())


def main() -> None:
    """Execute the notebook named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--in-place", action="store_true", help="save the notebook itself")
    asked = parser.parse_args()
    print("Each %%hpo cell trains many networks; it takes some minutes.", flush=True)
    notebook = execute(asked.notebook, tell=lambda text: print(text, flush=True) if text else None)
    target = asked.notebook if asked.in_place else Path("build") / asked.notebook.name
    notebook = tidied(notebook) if asked.in_place else notebook
    target.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, target)
    print(f"\nThe executed notebook: {target}", file=sys.stderr)


if __name__ == "__main__":
    main()
