"""Find the `hp.*` calls in a source text, with what in the text could name each of them.

`HpCall` lists the candidates (`text_names`), innermost first. What needs the running program
(objects, frames, signatures) is in `call_names`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from hpo_magic.source.cell_text import CellText
from hpo_magic.source.ipython_text import parsed
from hpo_magic.source.syntax import (
    FUNCTIONS,
    Function,
    Parents,
    Position,
    dotted,
    given_name,
    is_hp_call,
    outwards,
)
from hpo_magic.source.text_names import Binding, names_around

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class HpCall:
    """An `hp` call, and what could name it.

    Attributes
    ----------
    call
        The call in the syntax tree.
    bindings
        The calls that it is a positional argument of, innermost first. The first one whose
        signature has a parameter at that position names it.
    target
        What names it if no binding does: the next keyword, dictionary key, parameter or variable
        further out; None if there is none.
    loops
        Whether it runs once per pass of a loop of its own function.
    nested
        Whether it stands in a comprehension or class body, which may have frames of their own.
    named_by
        The expression that is its name, where the text alone does not show that; else None.
    """

    call: ast.Call
    bindings: tuple[Binding, ...]
    target: str | None
    loops: bool
    nested: bool
    named_by: ast.expr | None = None

    @property
    def position(self) -> Position:
        """Where the call begins."""
        return self.call.lineno, self.call.col_offset

    @property
    def method(self) -> str | None:
        """The last name of what is called: "Int" in `hp.Int(1, 3)`."""
        chain = dotted(self.call.func)
        return chain[-1] if chain else None

    @property
    def base(self) -> tuple[str, ...] | None:
        """What the method is looked up on: ("hp",) in `hp.Int(1, 3)`."""
        chain = dotted(self.call.func)
        return chain[:-1] if chain else None

    @cached_property
    def given(self) -> ast.expr | None:
        """The name that the call is given, as an expression."""
        return self.named_by or given_name(self.call)


@dataclass(frozen=True, eq=False)
class Source(CellText):
    """A text as it was typed, with the `hp` calls in it."""

    @cached_property
    def hp_calls(self) -> tuple[HpCall, ...]:
        """The calls that look like `hp.Int(...)`, in the order of the text."""
        calls = [node for node in self.parents if is_hp_call(node)]
        found = (_hp_call(call, self.parents) for call in calls)
        return tuple(sorted(found, key=lambda hp_call: hp_call.position))

    @cached_property
    def nested_in_choices(self) -> tuple[HpCall, ...]:
        """The calls that stand among the values of an `hp.Choice`, in the order of the text."""
        return tuple(c for c in self.hp_calls if self._is_among_choices(c))

    def _is_among_choices(self, hp_call: HpCall) -> bool:
        node: ast.AST = hp_call.call
        while (parent := self.parents.get(node)) is not None and not isinstance(node, ast.Lambda):
            if isinstance(parent, ast.stmt):
                return False
            if is_hp_call(parent) and node is not parent.func:
                outer = _hp_call(parent, self.parents)
                is_value = given_name(parent) is not node
                if outer.method == "Choice" and is_value and outer.base == hp_call.base:
                    return not (isinstance(node, ast.keyword) and node.arg != "values")
            node = parent
        return False

    def hp_call_of(self, call: ast.Call) -> HpCall:
        """Return what could name `call`, a node of `tree`."""
        return _hp_call(call, self.parents)

    def call_at(self, end: Position, start: Position) -> ast.Call | None:
        """Return the call that an instruction at these positions makes.

        Every call ends with a parenthesis of its own, so its end tells it from all others. Where
        the end is off, the start is that of the method's name: CPython gives a call whose method
        stands on a later line than its object the line of the method.
        """
        by_end, by_method = self._calls
        return by_end.get(end) or by_method.get(start)

    def statements_around(self, node: ast.AST) -> list[ast.stmt]:
        """Return the statements that `node` is in, innermost first, up to those of its function.

        There are none in a lambda.
        """
        around: list[ast.stmt] = []
        child = node
        for parent in outwards(node, self.parents):
            if isinstance(parent, FUNCTIONS) and _is_body(parent, child):
                break
            if isinstance(parent, ast.stmt):
                around.append(parent)
            child = parent
        return around

    @cached_property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """The parameters that take positions, of the functions and classes that the text defines.

        Left out is what a decorator or a second definition may have changed.
        """
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        made = [node for node in self.parents if isinstance(node, kinds)]
        made = [node for node in made if not isinstance(self.parents[node], ast.ClassDef)]
        times = Counter(node.name for node in made)
        sure = (node for node in made if times[node.name] == 1 and not node.decorator_list)
        return {node.name: _positional(node) for node in sure}

    @cached_property
    def functions_by_line(self) -> Mapping[int, list[Function]]:
        """The definitions of functions and the lambdas, by the line that their code begins on."""
        found: dict[int, list[Function]] = {}
        for node in self.nodes:
            if isinstance(node, FUNCTIONS):
                lines = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]
                found.setdefault(min(lines), []).append(node)
        return found

    @cached_property
    def _calls(self) -> tuple[dict[Position, ast.Call], dict[Position, ast.Call]]:
        calls = [node for node in self.parents if isinstance(node, ast.Call)]
        by_end = {(c.end_lineno or 0, c.end_col_offset or 0): c for c in calls}
        by_method: dict[Position, ast.Call] = {}
        for call in calls:
            func = call.func
            if isinstance(func, ast.Attribute):
                column = (func.end_col_offset or 0) - len(func.attr)
                by_method[func.end_lineno or 0, column] = call
        return by_end, by_method


@lru_cache(maxsize=64)
def read_source(text: str) -> Source:
    """Return `text` parsed, with the `hp` calls in it.

    IPython's own lines (`%%hpo`, `!ls`, `x = %time`) are passed over; lines keep their numbers.

    Raises
    ------
    SyntaxError
        If it is not Python.

    Examples
    --------
    >>> source = read_source("a, b = hp.Int(1, 2), 2 ** hp.Int(4, 9)")
    >>> [hp_call.target for hp_call in source.hp_calls]
    ['a', 'b']
    """
    return Source(text, parsed(text)[0])


def _positional(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[str, ...]:
    """Return the names of the parameters that the positions in a call of `node` bind."""
    if not isinstance(node, ast.ClassDef):
        return () if node.args.posonlyargs else tuple(a.arg for a in node.args.args)
    made = (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return next((_positional(init)[1:] for init in made), ())


def _hp_call(call: ast.Call, parents: Parents) -> HpCall:
    bindings, target = names_around(call, parents)
    loops, nested = _surroundings(call, parents)
    return HpCall(call, tuple(bindings), target, loops, nested)


def _surroundings(call: ast.Call, parents: Parents) -> tuple[bool, bool]:
    """Return whether `call` is in a loop, and in an inner scope, of its function."""
    loops = nested = False
    before: ast.AST = call
    child: ast.AST = call
    for parent in outwards(call, parents):
        if isinstance(parent, FUNCTIONS) and _is_body(parent, child):
            break
        if isinstance(parent, _COMPREHENSIONS):
            first = parent.generators[0]
            # The first iterable is evaluated once, outside, before the first pass.
            repeats = not (child is first and before is first.iter)
            loops |= repeats
            nested |= repeats
        loops |= _repeats(parent, child)
        nested |= isinstance(parent, ast.ClassDef) and child in parent.body
        before, child = child, parent
    return loops, nested


def _repeats(statement: ast.AST, child: ast.AST) -> bool:
    """Return whether `child` runs once per pass of the loop `statement`."""
    if isinstance(statement, ast.For | ast.AsyncFor):
        return child is not statement.iter and child not in statement.orelse
    return isinstance(statement, ast.While) and child not in statement.orelse


def _is_body(function: ast.AST, child: ast.AST) -> bool:
    """Return whether `child` runs when `function` is called, not when it is defined."""
    body = getattr(function, "body", None)
    return child in body if isinstance(body, list) else child is body
