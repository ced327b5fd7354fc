"""What in the text could name an hp call: the calls, variables and keywords that it stands in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from hpo_magic.source.syntax import Parents, dotted, is_hp_call, outwards

# Keywords that say nothing of what they set: `add_argument("--lr", default=<here>)`.
_DEFAULTS = ("default",)


class Binding(NamedTuple):
    """An argument given by position: `keras.layers.Dense(<here>)`, position 0."""

    callee: tuple[str, ...]
    position: int


def names_around(call: ast.Call, parents: Parents) -> tuple[list[Binding], str | None]:
    """Return the positional arguments that `call` is in, and the first fixed name further out."""
    bindings: list[Binding] = []
    within: list[ast.AST] = [call]
    for parent in outwards(call, parents):
        child = within[-1]
        within.append(parent)
        if is_hp_call(parents[parent] if isinstance(parent, ast.keyword) else parent):
            continue  # the bound of another hp call is named by what that one is in
        if isinstance(parent, ast.stmt | ast.Lambda):
            return bindings, _assigned(parent, within)
        if isinstance(parent, ast.Call):
            if name := _set_by(parent, child):
                return bindings, name
            bindings.extend(_binding(parent, child))
        elif isinstance(parent, ast.keyword) and parent.arg in _DEFAULTS:
            whole = parents[parent]
            if name := _described(whole):
                return bindings, name
            if _last_name(whole) != "field":  # of a dataclass
                return bindings, parent.arg
        elif name := _label(parent, child):
            return bindings, name
    return bindings, None


def _last_name(call: ast.AST) -> str:
    """Return "field" for a call of `field` or of `dataclasses.field`."""
    return (dotted(call.func) or ("",))[-1] if isinstance(call, ast.Call) else ""


def _described(call: ast.AST) -> str | None:
    """Return the option that a call describes: "lr" of `add_argument("-l", "--lr", …)`."""
    given = call.args if isinstance(call, ast.Call) else []
    texts = [arg.value for arg in given if isinstance(arg, ast.Constant)]
    names = [text.lstrip("-").replace("-", "_") for text in texts if isinstance(text, str)]
    return next(
        (name for name in sorted(names, key=len, reverse=True) if name.isidentifier()), None
    )


def _set_by(call: ast.Call, argument: ast.AST) -> str | None:
    """Return the key of `params.setdefault("lr", <here>)` and `setattr(config, "lr", <here>)`."""
    if _last_name(call) not in ("setdefault", "setattr") or argument not in call.args[1:]:
        return None
    key = call.args[call.args.index(argument) - 1]
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


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
