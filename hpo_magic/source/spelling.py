"""Write a value as source text: as the cell's author wrote it, if they did, else as its `repr`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence

from hpo_magic.core.describe import (
    Described,
    describe_boolean,
    describe_choice,
    describe_fixed,
    describe_float,
    describe_int,
)
from hpo_magic.core.domains import identity
from hpo_magic.core.labels import label_of, labels
from hpo_magic.source.call_names import Namespace, value_of
from hpo_magic.source.hp_calls import dotted, given_name

Arguments = Mapping[str, ast.expr]
TextOf = Callable[[ast.expr], str]

_DESCRIBE: Mapping[str, Callable[..., Described]] = {
    "Boolean": describe_boolean,
    "Choice": describe_choice,
    "Fixed": describe_fixed,
    "Float": describe_float,
    "Int": describe_int,
}

# Stands for the label of an expression that cannot be told without running it.
_UNKNOWN = object()

_ATOMS = (
    ast.Attribute | ast.Call | ast.Constant | ast.Dict | ast.List | ast.ListComp | ast.Name
    | ast.Set | ast.Subscript | ast.Tuple
)  # fmt: skip
# Where an expression of any kind can stand without parentheses.
_OPEN_PLACES = (
    ast.AnnAssign | ast.Assign | ast.AugAssign | ast.Dict | ast.Expr | ast.List | ast.NamedExpr
    | ast.Return | ast.Tuple | ast.arguments | ast.keyword
)  # fmt: skip


def arguments_of(call: ast.Call, method: str) -> dict[str, ast.expr]:
    """Return the arguments of an `hp` call by parameter, without its name.

    What follows `*values` or stands in `**options` is left out.
    """
    given = call.args[1:] if call.args and call.args[0] is given_name(call) else call.args
    arguments: dict[str, ast.expr] = {}
    parameters = inspect.signature(_DESCRIBE[method]).parameters
    for parameter, value in zip(parameters, given, strict=False):
        if isinstance(value, ast.Starred):
            break
        arguments[parameter] = value
    return arguments | {k.arg: k.value for k in call.keywords if k.arg and k.arg != "name"}


def default_text(method: str, arguments: Arguments, text_of: TextOf) -> str:
    """Return the text of the value that a call has outside a trial: default or middle of the range.

    Raises
    ------
    KeyError
        If an argument that it needs is not written out in the call.
    """
    default = arguments.get("default")
    if default is not None and not (isinstance(default, ast.Constant) and default.value is None):
        return text_of(default)
    if method == "Boolean":
        return "False"
    if method == "Fixed":
        return text_of(arguments["value"])
    if method == "Choice":
        values = arguments["values"]
        elements = _elements(values)
        return text_of(elements[0]) if elements else f"{grouped(text_of(values))}[0]"
    try:
        literal = {name: ast.literal_eval(value) for name, value in arguments.items()}
        return repr(_DESCRIBE[method](**literal).default)
    except (TypeError, ValueError):
        return _middle(method, arguments, text_of)


def grouped(text: str) -> str:
    """Return `text`, in parentheses if it needs them to be called, indexed or calculated with."""
    return text if isinstance(ast.parse(f"({text}\n)", mode="eval").body, _ATOMS) else f"({text})"


def _middle(method: str, arguments: Arguments, text_of: TextOf) -> str:
    """Return an expression for the middle of a range whose bounds are not literal."""
    low, high = (grouped(text_of(arguments[name])) for name in ("min_value", "max_value"))
    sampling = arguments.get("sampling")
    is_log = isinstance(sampling, ast.Constant) and sampling.value == "log"
    middle = f"({low} * {high}) ** 0.5" if is_log else f"({low} + {high}) / 2"
    return f"round({middle})" if method == "Int" else middle


def choice_text(
    values: ast.expr | None,
    value: object,
    text_of: TextOf,
    namespace: Namespace,
    known: Sequence[object] = (),
) -> str:
    """Return the text of a value of `hp.Choice`, as it is written in the list of choices.

    Parameters
    ----------
    values
        The list, as an expression; None if it is not there to be read.
    value
        Plain, a label standing for another object; or the object.
    text_of
        Gives the text of an expression.
    namespace
        Where the names in the list are looked up.
    known
        The labels in the order of the list, for objects whose label the text does not show.
    """
    value = label_of(value)
    if values is None:
        return repr(value)
    elements = _elements(values)
    if elements is None:
        return _chosen_elsewhere(values, value, text_of, namespace, known)
    place = _index(_numbered([_label(element, namespace) for element in elements]), value)
    if place is None and isinstance(value, str | tuple) and len(known) == len(elements):
        place = _index(known, value)
    return repr(value) if place is None else text_of(elements[place])


def fitting(text: str, node: ast.AST, parent: ast.AST) -> str:
    """Return `text`, in parentheses if it needs them where `node` stands in `parent`."""
    if "\n" in text and not _is_python(f"_ = {text}"):
        return f"({text}\n)" if "#" in text else f"({text})"
    expression = ast.parse(f"({text}\n)", mode="eval").body
    if isinstance(parent, ast.Attribute) and isinstance(expression, ast.Constant):
        return f"({text})"  # `7.bit_length()` is no Python
    is_argument = isinstance(parent, ast.Call) and node in parent.args
    fits = isinstance(expression, _ATOMS) or isinstance(parent, _OPEN_PLACES) or is_argument
    return text if fits else f"({text})"


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _elements(values: ast.expr) -> list[ast.expr] | None:
    """Return the elements of a list or tuple that is written out."""
    if not isinstance(values, ast.List | ast.Tuple):
        return None
    return None if any(isinstance(e, ast.Starred) for e in values.elts) else values.elts


def _chosen_elsewhere(
    values: ast.expr, value: object, text_of: TextOf, namespace: Namespace, known: Sequence[object]
) -> str:
    """Return a value of a list that is not written out: an object as the n-th of the list."""
    try:
        objects = list(value_of(dotted(values) or ("",), namespace))  # type: ignore[call-overload]
    except (LookupError, TypeError):
        place = _index(known, value) if isinstance(value, str | tuple) else None
    else:
        place = _index(labels(objects), value)
        if place is not None and identity(objects[place]) == identity(value):
            place = None
    return repr(value) if place is None else f"{grouped(text_of(values))}[{place}]"


def _label(element: ast.expr, namespace: Namespace) -> object:
    """Return the label of an element of a list of choices, as far as the text shows it."""
    if isinstance(element, ast.List | ast.Tuple):
        inner = tuple(_label(part, namespace) for part in element.elts)
        return _UNKNOWN if _UNKNOWN in inner else inner
    if isinstance(element, ast.Lambda):
        return "<lambda>"
    try:
        return label_of(ast.literal_eval(element))
    except ValueError:
        chain = dotted(element)
    if chain is None:
        return _UNKNOWN
    try:
        return label_of(value_of(chain, namespace))
    except LookupError:
        return chain[-1]


def _numbered(shown: Sequence[object]) -> list[object]:
    """Return `shown` with numbers for objects of the same name, as `labels` gives them."""
    times = [shown[: i + 1].count(label) for i, label in enumerate(shown)]
    return [
        f"{label}#{n}" if n > 1 and isinstance(label, str) else label
        for label, n in zip(shown, times, strict=True)
    ]


def _index(among: Sequence[object], value: object) -> int | None:
    return next((i for i, each in enumerate(among) if identity(each) == identity(value)), None)
