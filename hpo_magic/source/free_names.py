"""Which names a piece of code takes from outside, and which it binds.

The text is read in the order in which it runs. A name is the code's own once every branch that
leads there has bound it. A name that only some branches bind counts as taken from outside, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


class Names:
    """What the statements of one scope do with names.

    Attributes
    ----------
    outside
        The names that they read while they may be unbound.
    bound
        The names that they may bind.
    certain
        The names that they bind in every branch.
    """

    def __init__(self) -> None:
        self.outside: set[str] = set()
        self.bound: set[str] = set()
        self.certain: set[str] = set()


def names_of(tree: ast.Module) -> Names:
    """Return what a program does with the names of its outermost scope."""
    reading = _Reading()
    reading.run(tree.body)
    found = reading.names
    found.outside |= reading.later - found.bound
    found.bound |= reading.made_by_functions
    return found


def bound_names(tree: ast.AST) -> set[str]:
    """Return all names that the code binds, in whatever scope."""
    return {name for node in ast.walk(tree) for name in bound_by(node)}


def bound_by(node: ast.AST) -> Iterable[str]:
    """Yield the names that a node itself binds."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in aliases)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names


class _Reading(ast.NodeVisitor):
    """Goes through the statements of a scope in the order in which they run.

    Attributes
    ----------
    names
        What was found so far.
    later
        The names that functions read when they are called.
    made_by_functions
        The names that functions bind in the outermost scope, by `global`.
    """

    def __init__(self) -> None:
        self.names = Names()
        self.later: set[str] = set()
        self.made_by_functions: set[str] = set()

    def run(self, body: Iterable[ast.AST]) -> None:
        for node in body:
            self.visit(node)

    def _bind(self, names: Iterable[str]) -> None:
        found = set(names)
        self.names.bound |= found
        self.names.certain |= found

    def _branches(self, branches: Sequence[Sequence[ast.AST]]) -> None:
        """Run each branch; the names that all of them bind are certain."""
        before, ends = self.names.certain, []
        for branch in branches:
            self.names.certain = set(before)
            self.run(branch)
            ends.append(self.names.certain)
        self.names.certain = set.intersection(*ends)

    # In the order of evaluation, where that is not the order of the fields.

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id not in self.names.certain:
                self.names.outside.add(node.id)
        elif isinstance(node.ctx, ast.Store):
            self._bind([node.id])
        else:
            self.names.certain.discard(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.run([node.value, *node.targets])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.run([node.value, node.target])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.visit(ast.Name(node.target.id, ast.Load()))
        self.run([node.value, node.target])

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.run([node.value, node.target])

    def visit_If(self, node: ast.If | ast.IfExp) -> None:
        self.visit(node.test)
        body, orelse = (b if isinstance(b, list) else [b] for b in (node.body, node.orelse))
        self._branches([body, orelse])

    visit_IfExp = visit_If  # noqa: N815

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._branches([node.body, []])
        self.run(node.orelse)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._branches([[node.target, *node.body], []])
        self.run(node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_Try(self, node: Any) -> None:
        ways: list[Sequence[ast.AST]] = [[*node.body, *node.orelse]]
        self._branches([*ways, *([handler] for handler in node.handlers)])
        self.run(node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._bind(bound_by(node))
        self.generic_visit(node)
        self.names.certain -= {node.name or ""}

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._branches([*([case] for case in node.cases), []])

    def visit_comprehension_scope(self, node: Any) -> None:
        """Run a comprehension: its variables are its own."""
        before, bound = self.names.certain, self.names.bound
        self.names.certain, self.names.bound = set(before), set(bound)
        for generator in node.generators:
            self.run([generator.iter, generator.target, *generator.ifs])
        self.run([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.names.certain, self.names.bound = before, bound

    visit_ListComp = visit_SetComp = visit_DictComp = visit_comprehension_scope  # noqa: N815
    visit_GeneratorExp = visit_comprehension_scope  # noqa: N815

    def visit_FunctionDef(self, node: Any) -> None:
        self.run(getattr(node, "decorator_list", []))
        self.run([*node.args.defaults, *filter(None, node.args.kw_defaults)])
        inside = [node.args, *(node.body if isinstance(node.body, list) else [node.body])]
        walked = [each for part in inside for each in ast.walk(part)]
        own = {name for each in walked for name in bound_by(each)}
        read = {n.id for n in walked if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        wished = {n for each in walked if isinstance(each, ast.Global) for n in each.names}
        self.later |= read - (own - wished)
        self.made_by_functions |= own & wished
        if not isinstance(node, ast.Lambda):
            self._bind([node.name])

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.run([*node.decorator_list, *node.bases, *node.keywords])
        before, bound = self.names.certain, self.names.bound
        self.names.certain, self.names.bound = set(before), set(bound)
        self.run(node.body)
        self.names.certain, self.names.bound = before, bound
        self._bind([node.name])

    def generic_visit(self, node: ast.AST) -> None:
        """Run a node without rules of its own; imports, patterns and the like bind names."""
        super().generic_visit(node)
        if not isinstance(node, _SCOPES | ast.Name | ast.arg | ast.ExceptHandler | ast.Global):
            self._bind(bound_by(node))
