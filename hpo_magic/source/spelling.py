"""Write a value as source text: as the cell's author wrote it, if they did, else as its `repr`."""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo_magic.core.describe import (
    Described,
    describe_boolean,
    describe_choice,
    describe_fixed,
    describe_float,
    describe_int,
)
from hpo_magic.core.domains import Choice, identity
from hpo_magic.core.labels import label_of, labels
from hpo_magic.source.call_names import Namespace, value_of
from hpo_magic.source.syntax import dotted, given_name

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


def arguments_of(call: ast.Call, method: str, given: ast.expr | None = None) -> dict[str, ast.expr]:
    """Return the arguments of an `hp` call by parameter, without its name, which is `given`.

    What follows `*values` or stands in `**options` is left out.
    """
    name = given or given_name(call)
    values = call.args[1:] if call.args and call.args[0] is name else call.args
    arguments: dict[str, ast.expr] = {}
    parameters = inspect.signature(_DESCRIBE[method]).parameters
    for parameter, value in zip(parameters, values, strict=False):
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
    is_none = isinstance(default, ast.Constant) and default.value is None
    if default is not None and (not is_none or (method == "Choice" and _has_none(arguments))):
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


def _has_none(arguments: Arguments) -> bool:
    """Return whether None is among the choices that are written out."""
    elements = _elements(arguments["values"]) if "values" in arguments else None
    return any(isinstance(e, ast.Constant) and e.value is None for e in elements or ())


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
    domain: Choice | None = None,
) -> str:
    """Return the text of a value of `hp.Choice`.

    A plain value is written as the list of choices has it, else as itself. An object is written as
    the list has it, else by a name that the notebook has for it.

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
    domain
        The parameter's, which knows the labels in the order of the list, and which are of objects.

    Raises
    ------
    LookupError
        If the value is an object that no text is known for.
    """
    value = label_of(value)
    elements = None if values is None else _elements(values)
    known = () if domain is None else domain.values
    if elements is not None:
        place = _index(_numbered([_label(element, namespace) for element in elements]), value)
        if place is None and isinstance(value, str | tuple) and len(known) == len(elements):
            place = _index(known, value)
        if place is not None:
            return text_of(elements[place])
    if not _may_be_object(value, domain):
        return repr(value)
    if values is not None and elements is None:
        return _object_elsewhere(values, value, text_of, namespace, domain)
    if domain is None or domain.objects is None:
        return repr(value)
    raise LookupError(value)


def _may_be_object(value: object, domain: Choice | None) -> bool:
    if not isinstance(value, str | tuple):
        return False
    if domain is None or domain.objects is None:
        return True
    return _index(domain.objects, value) is not None


def _object_elsewhere(
    values: ast.expr,
    value: object,
    text_of: TextOf,
    namespace: Namespace,
    domain: Choice | None,
) -> str:
    """Return the text of an object among choices that are made elsewhere.

    Raises
    ------
    LookupError
        If none is sure to be the object when the text runs.
    """
    is_known = domain is not None and domain.objects is not None
    inner = _listed(values)
    try:
        made = value_of(dotted(inner) or ("",), namespace)
        objects = list(made)  # type: ignore[call-overload]
    except (LookupError, TypeError):
        return _by_name(value, namespace, None, is_known=is_known)
    place = _index(labels(objects), value)
    if place is None:
        raise LookupError(value)
    if identity(objects[place]) == identity(value):  # of a study that does not know: plain
        return repr(value)
    text = grouped(text_of(inner))
    if isinstance(made, type) and issubclass(made, enum.Enum):
        return f"{text}.{objects[place].name}"
    # By its place only where that is as it was in the search: the list may have changed since.
    same = domain is None or sorted(map(identity, domain.values), key=repr) == sorted(
        map(identity, labels(objects)), key=repr
    )
    if isinstance(made, list | tuple) and same:
        return f"{text}[{place}]"
    return _by_name(value, namespace, objects[place], is_known=is_known)


def _listed(values: ast.expr) -> ast.expr:
    """Return what `list(…)` or `tuple(…)` is made of, else the expression itself."""
    match values:
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[inner], keywords=[]):
            return inner
    return values


def _by_name(value: object, namespace: Namespace, thing: Any, *, is_known: bool) -> str:
    """Return the name under which the notebook has an object whose label is `value`.

    Raises
    ------
    LookupError
        If it has none.
    """
    found = namespace.get(value) if isinstance(value, str) and value.isidentifier() else None
    is_it = found is not None and (found is thing or (thing is None and label_of(found) == value))
    if is_it:
        return str(value)
    if not is_known and thing is None:  # a study that does not say what is an object
        return repr(value)
    raise LookupError(value)


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
