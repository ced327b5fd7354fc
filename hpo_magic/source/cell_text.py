"""What the text of a cell says: the names it reads and binds, and the modules it imports.

A text is parsed once. Everything that asks what a cell's text says asks this.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hpo_magic.source.free_names import Names, names_of

Path = tuple[str, ...]  # (".data", "['x']") of `d.data["x"]`


@dataclass(frozen=True, eq=False)
class CellText:
    """A parsed text.

    Attributes
    ----------
    text
        As it was typed, or as a dialect translated it.
    tree
        Its syntax tree.
    """

    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        """The parent of each node but the tree itself."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def names(self) -> Names:
        """What the text does with the names of its outermost scope."""
        return names_of(self.tree)

    @property
    def names_read(self) -> set[str]:
        """The names that it may take from outside: it reads them while they may be unbound."""
        return self.names.outside

    @property
    def names_bound(self) -> set[str]:
        """The names that it may bind in its outermost scope."""
        return self.names.bound

    @cached_property
    def modules_imported(self) -> set[str]:
        """The top-level names of the modules that it imports."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
        return found

    @cached_property
    def paths_read(self) -> Mapping[str, frozenset[Path]]:
        """Which parts of each name it reads: {"d": {(".x_train",)}} for `fit(d.x_train)`.

        The empty path is the whole object.
        """
        found: dict[str, set[Path]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Name) and node.id in self.names_read:
                found.setdefault(node.id, set()).add(self._path_from(node))
        whole = {name: {()} for name in self.names_read - found.keys()}
        return {name: frozenset(paths) for name, paths in (whole | found).items()}

    def _path_from(self, node: ast.AST) -> Path:
        """Return the attributes and constant keys that the text goes down from a name."""
        steps: list[str] = []
        while (parent := self.parents.get(node)) is not None:
            match parent:
                case ast.Attribute(attr=attribute):
                    steps.append(f".{attribute}")
                case ast.Subscript(value=value, slice=ast.Constant(value=str() | int() as key)):
                    if value is not node:
                        break
                    steps.append(f"[{key!r}]")
                case _:
                    break
            node = parent
        return tuple(steps)
