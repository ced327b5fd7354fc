"""Every public function that takes or returns arrays names their shapes in its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import hpo_magic

PACKAGE = Path(hpo_magic.__file__).parent
# The package's names for arrays.
ARRAYS = re.compile(r"\b(FloatArray|NDArray|ArrayLike|Fingerprints|Rows|IntArray|BoolArray)\b")
# "shape", or a shape alone: (n_rows,), (n_trials, n_params), (k, m).
SHAPE = re.compile(r"\b[Ss]hapes?\b|\((n_\w+|[kmnNd])( \+ 1)?,")


def array_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield place and node of each function whose annotations name an array."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            notes = [one.annotation for one in arguments] + [node.returns]
            if any(note is not None and ARRAYS.search(ast.unparse(note)) for note in notes):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}", node


def test_array_functions_name_shapes() -> None:
    """Private ones too, where they have a docstring; ruff sees that public ones have one."""
    offenders = [
        place
        for place, node in array_functions()
        if (text := ast.get_docstring(node)) is not None and not SHAPE.search(text)
    ]
    assert offenders == []
