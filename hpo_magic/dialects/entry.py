"""Write the call of Hyperas's model function with the data, which Hyperas makes by itself.

Hyperas puts the bodies of both functions into one program, so the variables that `data` returns are
matched to the parameters of `create_model` by name, in any order.
"""

from __future__ import annotations

import ast
from collections.abc import Container

from hpo_magic.errors import SpaceError


def call_with_data(
    function: ast.FunctionDef, data: str, data_function: ast.FunctionDef | None
) -> str:
    """Return the call of `function` with what the function `data` returns.

    Parameters
    ----------
    data_function
        Its definition; None if it is the notebook's, then what it returns goes in as it comes.

    Raises
    ------
    SpaceError
        If it does not return what `function` takes.
    """
    needed = _needed(function)
    returned = [] if data_function is None else _returned(data_function)
    if not needed:
        return f"{function.name}()"
    if len(returned) == len(needed) == 1:
        return f"{function.name}({data}())"
    if len(returned) < 2 or returned == needed:
        return f"{function.name}(*{data}())"
    if set(needed) <= set(returned):
        chosen = ", ".join(needed)
        return f"(lambda {', '.join(returned)}: {function.name}({chosen}))(*{data}())"
    if len(returned) == len(needed):
        return f"{function.name}(*{data}())"
    raise SpaceError(
        f"{function.name} takes {', '.join(needed)}, and {data}() returns {', '.join(returned)}. "
        f"Make them the same."
    )


def call_with_variables(function: ast.FunctionDef, defined: Container[str]) -> str:
    """Return the call of `function` with the notebook's variables of its parameters' names.

    Raises
    ------
    SpaceError
        If one is not there.
    """
    needed = _needed(function)
    missing = [name for name in needed if name not in defined]
    if missing:
        raise SpaceError(
            f"{function.name} takes {', '.join(missing)}, and there is neither a function data() "
            f"that returns {'it' if len(missing) == 1 else 'them'} nor a variable of that name."
        )
    return f"{function.name}({', '.join(needed)})"


def _needed(function: ast.FunctionDef) -> list[str]:
    """Return the parameters without a default that take positions."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    return [a.arg for a in arguments[: len(arguments) - len(function.args.defaults)]]


def _returned(function: ast.FunctionDef) -> list[str]:
    """Return the names of the variables that a function returns; none if they are no variables."""
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    match returns[-1].value if returns else None:
        case ast.Name(id=name):
            return [name]
        case ast.Tuple(elts=elements):
            names = [element.id for element in elements if isinstance(element, ast.Name)]
            return names if len(names) == len(elements) else []
    return []
