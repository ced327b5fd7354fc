"""Find the `hp.*` calls in a source text, and what in the text could name each of them.

`HpCall` lists the candidates, innermost first. What needs the running program (objects, frames,
signatures) is in `call_names`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeGuard

from hpo_magic.source.cell_text import CellText

# The calls that have a value of their own in each trial, hence a name.
METHODS = frozenset({"Boolean", "Choice", "Fixed", "Float", "Int"})

Parents = Mapping[ast.AST, ast.AST]
Position = tuple[int, int]  # line from 1, column in UTF-8 bytes from 0, as in `ast`

# `!ls`, `%time f()`, `files = !ls`, `?f`, `f?`
_IPYTHON_LINE = re.compile(r"^\s*([\w\s,.\[\]\"']+=\s*)?[!%?]|\?\s*$")

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Binding(NamedTuple):
    """An argument given by position: `keras.layers.Dense(<here>)`, position 0."""

    callee: tuple[str, ...]
    position: int


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
        calls = [node for node in self.parents if _is_hp_call(node)]
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
            if _is_hp_call(parent) and node is not parent.func:
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
        for parent in _outwards(node, self.parents):
            if isinstance(parent, _FUNCTIONS) and _is_body(parent, child):
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
            if isinstance(node, _FUNCTIONS):
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
    return Source(text, _parsed(text)[0])


def plain_text(text: str) -> str:
    """Return `text` with `pass` for the lines that only IPython understands.

    Raises
    ------
    SyntaxError
        If the rest is not Python.
    """
    return _parsed(text)[1]


def _parsed(text: str) -> tuple[ast.Module, str]:
    """Return the tree of `text`, and the text with `pass` for the lines that only IPython knows.

    The lines are found where the parser stops: a line that begins with `%` may also continue an
    expression.
    """
    lines = text.split("\n")
    if text.startswith("%%"):
        lines[0] = "#"
    while True:
        plain = "\n".join(lines)
        try:
            return ast.parse(plain), plain
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or not _IPYTHON_LINE.search(lines[at]):
                raise
            _pass_over(lines, at)


def _pass_over(lines: list[str], at: int) -> None:
    """Replace the line, and those that continue it after a backslash, by `pass`."""
    continues = lines[at].endswith("\\")
    lines[at] = re.sub(r"\S.*", "pass", lines[at], count=1)
    while continues and (at := at + 1) < len(lines):
        continues = lines[at].endswith("\\")
        lines[at] = ""


def dotted(expression: ast.expr) -> tuple[str, ...] | None:
    """Return ("keras", "layers", "Dense") for `keras.layers.Dense`, None for anything else."""
    names: list[str] = []
    while isinstance(expression, ast.Attribute):
        names.append(expression.attr)
        expression = expression.value
    return (expression.id, *reversed(names)) if isinstance(expression, ast.Name) else None


def constant_text(expression: ast.expr | None) -> str | None:
    """Return the string that `expression` writes out, None for anything else."""
    match expression:
        case ast.Constant(value=str(text)):
            return text
    return None


def given_name(call: ast.Call) -> ast.expr | None:
    """Return the name that an `hp` call is given, first or by keyword, as an expression.

    The first argument is taken for the name if it is a text. A variable is taken for a bound or
    value.
    """
    for keyword in call.keywords:
        if keyword.arg == "name":
            return keyword.value
    if not call.args or not _is_text(call.args[0]):
        return None
    # `hp.Fixed("adam")` is a value, `hp.Fixed("optimizer", "adam")` has a name.
    is_value = isinstance(call.func, ast.Attribute) and call.func.attr == "Fixed"
    return None if is_value and len(call.args) + len(call.keywords) == 1 else call.args[0]


def _positional(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[str, ...]:
    """Return the names of the parameters that the positions in a call of `node` bind."""
    if not isinstance(node, ast.ClassDef):
        return () if node.args.posonlyargs else tuple(a.arg for a in node.args.args)
    made = (n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return next((_positional(init)[1:] for init in made), ())


def _is_text(expression: ast.expr) -> bool:
    match expression:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            return _is_text(left) or _is_text(right)
        case ast.Call(func=ast.Attribute(value=value)):
            return _is_text(value)
        case ast.Call(func=ast.Name(id="str")):
            return True
    return False


def _is_hp_call(node: ast.AST) -> TypeGuard[ast.Call]:
    """Return whether `node` looks like `hp.Int(...)`, whatever the name of `hp`."""
    if not isinstance(node, ast.Call):
        return False
    chain = dotted(node.func)
    return chain is not None and len(chain) > 1 and chain[-1] in METHODS


def _hp_call(call: ast.Call, parents: Parents) -> HpCall:
    bindings, target = _naming(call, parents)
    loops, nested = _surroundings(call, parents)
    return HpCall(call, tuple(bindings), target, loops, nested)


def _outwards(node: ast.AST, parents: Parents) -> Iterator[ast.AST]:
    while (parent := parents.get(node)) is not None:
        yield parent
        node = parent


def _naming(call: ast.Call, parents: Parents) -> tuple[list[Binding], str | None]:
    """Return the positional arguments that `call` is in, and the first fixed name further out."""
    bindings: list[Binding] = []
    within: list[ast.AST] = [call]
    for parent in _outwards(call, parents):
        child = within[-1]
        within.append(parent)
        if _is_hp_call(parents[parent] if isinstance(parent, ast.keyword) else parent):
            continue  # the bound of another hp call is named by what that one is in
        if isinstance(parent, ast.stmt | ast.Lambda):
            return bindings, _assigned(parent, within)
        if isinstance(parent, ast.Call):
            bindings.extend(_binding(parent, child))
        elif name := _label(parent, child):
            return bindings, name
    return bindings, None


def _binding(call: ast.Call, argument: ast.AST) -> Iterator[Binding]:
    callee = dotted(call.func)
    for position, given in enumerate(call.args):
        if isinstance(given, ast.Starred):
            return  # what follows `*values` stands at an unknown position
        if given is argument and callee:
            yield Binding(callee, position)


def _label(parent: ast.AST, child: ast.AST) -> str | None:
    """Return the name that an expression gives to its part `child`."""
    match parent:
        case ast.keyword(arg=name):
            return name
        case ast.NamedExpr(target=ast.Name(id=name)):
            return name
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if value is child and isinstance(key, ast.Constant) and isinstance(key.value, str):
                    return key.value
        case ast.arguments():
            return _parameter_with_default(parent, child)
    return None


def _parameter_with_default(arguments: ast.arguments, default: ast.AST) -> str | None:
    positional = arguments.posonlyargs + arguments.args
    pairs = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d]
    return next((argument.arg for argument, value in pairs if value is default), None)


def _assigned(statement: ast.AST, within: list[ast.AST]) -> str | None:
    """Return the variable that is assigned the value `within[-2]` of `statement`."""
    match statement:
        case ast.Assign(targets=targets, value=value) if value is within[-2]:
            return next(filter(None, (_target(t, value, within) for t in targets)), None)
        case ast.AnnAssign(target=target, value=value) if value is within[-2]:
            return _target(target, value, within)
        case ast.AugAssign(target=target, value=value) if value is within[-2]:
            return _target(target, value, within)
    return None


def _target(target: ast.expr, value: ast.AST, within: list[ast.AST]) -> str | None:
    """Return the name of `target`, or of its element that is assigned the part in `within`."""
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Subscript(value=container):
            return _target(container, value, within)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            if isinstance(value, ast.Tuple | ast.List):
                return _element_target(targets, value.elts, within)
    return None


def _element_target(
    targets: list[ast.expr], values: list[ast.expr], within: list[ast.AST]
) -> str | None:
    for target, value in zip(targets, values, strict=False):
        if isinstance(target, ast.Starred) or isinstance(value, ast.Starred):
            return None  # from here on positions do not tell which goes where
        if any(value is node for node in within):
            return _target(target, value, within)
    return None


def _surroundings(call: ast.Call, parents: Parents) -> tuple[bool, bool]:
    """Return whether `call` is in a loop, and in an inner scope, of its function."""
    loops = nested = False
    before: ast.AST = call
    child: ast.AST = call
    for parent in _outwards(call, parents):
        if isinstance(parent, _FUNCTIONS) and _is_body(parent, child):
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
