"""Colab's form lines, `lr = 0.01  # @param {type:"slider", min:1e-4, max:0.1}`, as hyperparameters.

The literal is the default, the form the range. A line is translated if its form has bounds, a list
of values, or true and false. A form that allows any number or text is left alone. So are all forms
of a cell that uses `hp` itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.dialects.searches import speaks_hp
from hpo_magic.dialects.translation import Translation
from hpo_magic.errors import SpaceError
from hpo_magic.source.hp_calls import Source
from hpo_magic.source.rewriting import Rewriting

# The form may stand behind a comment of its own.
_PARAM = re.compile(r"\s*(?:#[^@]*)?#\s*@param\b\s*(.*)")
# A slider of one of these is searched on a log scale also where it has a step.
_RATE = re.compile(r"(^|_)(lr|rate|alpha|decay|lambda|epsilon)($|_|\d)", re.IGNORECASE)
_FIELD = re.compile(r"""["']?([\w-]+)["']?\s*:\s*("[^"]*"|'[^']*'|[^,}\s]+)""")

# A slider from 1e-5 to 0.1 is meant to try each order of magnitude; from three of them on.
LOG_FROM = 1000


def with_forms(source: Source, first_line: int) -> Translation | None:
    """Return a cell with `hp` calls in the place of its form lines' values; None without any.

    Raises
    ------
    SpaceError
        If a form cannot be read.
    """
    if "@param" not in source.text or speaks_hp(source):
        return None
    rewriting = Rewriting(source)
    ranges: list[str] = []
    notes: list[str] = []
    for name, value, form in _form_lines(source):
        try:
            call, note = _call_of(name, value, form)
            notes += [note] if note else []
        except SpaceError as error:
            line = value.lineno + first_line - 1
            raise SpaceError(f"the form of {name} on line {line}: {error}") from None
        if call:
            rewriting.replace(value, call)
            ranges.append(name)
    if not ranges:
        return None
    return Translation(
        rewriting.text(),
        notes=(
            f"The search varies what the form leaves open: {', '.join(ranges)}. To keep one as it "
            f"is, take its # @param away.",
            *notes,
        ),
    )


def varied_by_forms(source: Source) -> list[str]:
    """Return the variables whose form lines leave a choice, in the order of the text."""
    found = []
    for name, value, form in _form_lines(source) if "@param" in source.text else ():
        with suppressed(f"the form of {name} cannot be read", SpaceError):
            found += [name] if _call_of(name, value, form)[0] else []
    return found


def _form_lines(source: Source) -> Iterator[tuple[str, ast.expr, str]]:
    """Yield name, value and form of the cell's own assignments of a literal."""
    lines = source.text.split("\n")
    for statement in source.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        line = lines[(statement.end_lineno or 1) - 1].encode()
        found = _PARAM.match(line[statement.end_col_offset or 0 :].decode())
        if found and (_is_literal(value) or _is_raw(found[1])):
            yield name, value, found[1]


def _is_raw(form: str) -> bool:
    """Return whether the options of a form are code, which Colab writes as texts."""
    fields = {word: text.strip("\"'") for word, text in _FIELD.findall(form)}
    return form.startswith("[") and fields.get("type") == "raw"


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True


def _call_of(name: str, value: ast.expr, form: str) -> tuple[str, str]:
    """Return the `hp` call for a form line, and what the user must know of it."""
    if _is_literal(value) and not _is_raw(form):
        return _call_text(name, ast.literal_eval(value), form)
    options, _ = _options(form)
    return _raw_choice(value, options or ""), ""


def _raw_choice(value: ast.expr, options: str) -> str:
    """Return the choice among options that are code, such as `"np.tanh"`."""
    start = ast.unparse(value)
    try:
        texts = [v if isinstance(v, str) else repr(v) for v in ast.literal_eval(options)]
        codes = [ast.unparse(ast.parse(text, mode="eval")) for text in texts]
    except SyntaxError:
        raise SpaceError(f"an option of {options} is no Python expression.") from None
    if all(_is_literal(ast.parse(code, mode="eval").body) for code in [start, *codes]):
        codes = codes if start in codes else [start, *codes]
        return f"hp.Choice([{', '.join(codes)}], default={start})"
    first = [start, *(code for code in codes if code != start)]
    return f"hp.Choice([{', '.join(first)}])"  # the first one is the default


def _call_text(name: str, start: Any, form: str) -> tuple[str, str]:
    """Return the `hp` call for a form, and what the user must know of it.

    The call is "" if the form has no bounds and no list of values.
    """
    options, rest = _options(form)
    fields = {word: text.strip("\"'") for word, text in _FIELD.findall(rest)}
    if options is not None:
        return _choice(start, options), ""
    if fields.get("type") == "boolean" and isinstance(start, bool):
        return f"hp.Boolean(default={start})", ""
    if "min" in fields and "max" in fields:
        return _range(name, start, fields)
    if fields.get("type") == "slider":
        raise SpaceError("a slider needs min and max.")
    return "", ""


def _options(form: str) -> tuple[str | None, str]:
    """Return the list of values that a form begins with, and what stands behind it.

    Raises
    ------
    SpaceError
        If it begins with a list that cannot be read.
    """
    if not form.startswith("["):
        return None, form
    for end in [at for at, letter in enumerate(form) if letter == "]"][::-1]:
        if _is_list(form[: end + 1]):
            return form[: end + 1], form[end + 1 :]
    raise SpaceError(f"the list {form} cannot be read.")


def _is_list(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), list)
    except (ValueError, SyntaxError):
        return False


def _choice(start: Any, options: str) -> str:
    values = ast.literal_eval(options)
    if start not in values:
        values = [start, *values]
    return f"hp.Choice({values!r}, default={start!r})"


def _range(name: str, start: Any, fields: dict[str, str]) -> tuple[str, str]:
    """Return the call of a range; a start beside its steps or bounds moves to the next value."""
    bounds = {word: _number(fields[word]) for word in ("min", "max", "step") if word in fields}
    if isinstance(start, bool) or not isinstance(start, int | float):
        raise SpaceError(f"a range from min to max needs a number to start from, got {start!r}.")
    low, high, step = bounds["min"], bounds["max"], bounds.get("step")
    is_wide = low > 0 and high / low >= LOG_FROM
    is_log = is_wide and (step is None or _RATE.search(name) is not None)
    step = None if is_log else step
    near = _nearest(start, low, high, step)
    whole = all(isinstance(number, int) for number in (near, low, high, *filter(None, [step])))
    more = ', sampling="log"' if is_log else "" if step is None else f", step={step!r}"
    note = (
        ""
        if near == start
        else (f"The search starts {name} at {near!r}: {start!r} is no value of its slider.")
    )
    kind = "Int" if whole and not (is_log and isinstance(start, float)) else "Float"
    return f"hp.{kind}({low!r}, {high!r}{more}, default={near!r})", note


def _nearest(
    start: int | float, low: int | float, high: int | float, step: int | float | None
) -> int | float:
    """Return the slider's value that is nearest to where the line starts."""
    inside = min(max(start, low), high)
    if step is None or step <= 0:
        return inside
    n_steps = min(round((inside - low) / step), int((high - low) / step + 1e-9))
    value = low + n_steps * step
    if isinstance(value, float):
        value = float(f"{value:.12g}")
    return start if abs(value - start) < 1e-9 * max(1.0, abs(high)) else value


def _number(text: str) -> int | float:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpaceError(f"a number was expected, got {text}.")
    return value
