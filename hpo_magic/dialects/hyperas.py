"""Translate Hyperas's cells: `{{uniform(0, 1)}}` in the code, `data()` and `create_model(…)`.

For Python a template is a set in a set, so it is found in the syntax tree; braces in texts are not
templates. Hyperas runs `data` once and `create_model` in each trial: a call at the end of the cell
does the same.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import count

from hpo_magic.dialects.data_locals import with_locals_of_data
from hpo_magic.dialects.distributions import call_text
from hpo_magic.dialects.entry import call_with_data, call_with_variables
from hpo_magic.dialects.translation import Translation
from hpo_magic.errors import SpaceError
from hpo_magic.source.call_names import label
from hpo_magic.source.hp_calls import HpCall, Source, read_source
from hpo_magic.source.rewriting import Rewriting
from hpo_magic.source.spelling import fitting
from hpo_magic.source.syntax import dotted
from hpo_magic.source.text_names import Binding

# What Hyperopt says of a trial, for cells that do not import it.
STATUSES = {"STATUS_OK": "'ok'", "STATUS_FAIL": "'fail'"}
# Calls that name nothing by their parameters: `range({{choice([1, 2])}})`, `units.append({{…}})`;
# `add` is left to Keras's models.
_NAMELESS = {*dir(builtins), "np", "numpy", "math"}
_NAMELESS_METHODS = {*dir(list), *dir(dict)}


def with_templates(source: Source, defined: Container[str], first_line: int) -> Translation | None:
    """Return a cell with `hp` calls in the place of its templates; None without any.

    Raises
    ------
    SpaceError
        If a template is none of Hyperopt's distributions, or it cannot be told how the function
        around the templates is to be called.
    """
    templates = list(_templates(source))
    if not templates:
        return None
    cell = _HyperasCell(source, [outer for outer, _ in templates], defined)
    if cell.model is not None and cell.data is not None:
        text = with_locals_of_data(source, cell.model, cell.data, first_line)
        if text != source.text:
            return with_templates(read_source(text), defined, first_line)
    rewriting = Rewriting(source)
    for outer, call in reversed(templates):  # the inner before the outer
        _replace_template(rewriting, outer, call, first_line)
    for node, new in cell.replaced:
        rewriting.replace(node, new if isinstance(new, str) else rewriting.text_of(new))
    for statement in cell.left_out:
        rewriting.replace(statement, "\n".join(f"# {t}" for t in _lines(rewriting, statement)))
    text = rewriting.text()
    if cell.call:
        text = f"{text.rstrip()}\n\n{cell.call}\n"
    return Translation(
        text, _names(read_source(text), first_line), cell.once, cell.inputs, cell.notes(first_line)
    )


def _templates(source: Source) -> Iterator[tuple[ast.Set, ast.Call]]:
    """Yield the templates, in the order of the text, each with the call between its braces."""
    found = []
    for node in source.parents:
        match node:
            case ast.Set(elts=[ast.Set(elts=[ast.Call() as call])]):
                found.append((node, call))
    yield from sorted(found, key=lambda pair: (pair[0].lineno, pair[0].col_offset))


def _replace_template(
    rewriting: Rewriting, outer: ast.Set, call: ast.Call, first_line: int
) -> None:
    try:
        text = call_text(call, rewriting.text_of)
    except SpaceError as error:
        line = outer.lineno + first_line - 1
        quoted = ast.unparse(call)
        raise SpaceError(f"{{{{{quoted}}}}} on line {line}: {error}") from None
    text = fitting(text, outer, rewriting.source.parents[outer])
    n_missing = rewriting.text_of(outer).count("\n") - text.count("\n")
    rewriting.replace(outer, f"({text}{chr(10) * n_missing})" if n_missing > 0 else text)


def _lines(rewriting: Rewriting, statement: ast.stmt) -> list[str]:
    start, end = rewriting.span(statement)
    return rewriting.source.text[start:end].split("\n")


class _HyperasCell:
    """What Hyperas's own statements in a cell are replaced by.

    Attributes
    ----------
    left_out
        The statements that are not run.
    replaced
        The expressions that are replaced, each with a text or with a part of itself.
    once
        The function that is called once per search; "" if there is none.
    call
        The call at the end; "" if the cell has one itself.
    model, data
        The definitions of the model's and the data's function; None where the cell has none.
    inputs
        The parameters of the model function.
    """

    def __init__(
        self, source: Source, templates: Sequence[ast.Set], defined: Container[str]
    ) -> None:
        self._source = source
        self._defined = defined
        self._search = next(self._searches(), None)
        self._unused = [*self._after_search()]
        self.left_out = [*self._unused, *self._imports_left_out()]
        self.replaced = list(self._replaced())
        self.once, self.call = "", ""
        self.inputs: tuple[str, ...] = ()
        self.model = function = self._model_function(templates)
        self.data: ast.FunctionDef | None = None
        if function is not None:
            data = self._argument_of_search("data") or "data"
            has_data = self._is_defined(data)
            self.data = self._functions().get(data)
            self.inputs = tuple(arg.arg for arg in function.args.args)
            self.once = data if has_data else ""
            self.call = (
                call_with_data(function, data, self.data)
                if has_data
                else call_with_variables(function, defined)
            )

    def notes(self, first_line: int) -> tuple[str, ...]:
        """Return what the user must know of lines that are not run."""
        if self._search is None or not self._unused:
            return ()
        line = self._unused[0].lineno + first_line - 1
        return (
            f"From line {line} on the cell is left out: {ast.unparse(self._search.func)} is what "
            f"%%hpo does. --trials says how many, and the study has best_params and best_model().",
        )

    # What is not run.

    def _searches(self) -> Iterator[ast.Call]:
        for node in self._source.parents:
            if isinstance(node, ast.Call) and any(k.arg == "model" for k in node.keywords):
                chain = dotted(node.func) or ("",)
                if chain[-1] in ("minimize", "best_ensemble"):
                    yield node

    def _after_search(self) -> Iterator[ast.stmt]:
        """Yield the statement that searches and those after it, which use what it found."""
        if self._search is None:
            return
        around: ast.AST = self._search
        while self._source.parents[around] is not self._source.tree:
            around = self._source.parents[around]
        body = self._source.tree.body
        at = next(i for i, statement in enumerate(body) if statement is around)
        defining = ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
        yield from (s for s in body[at:] if s is around or not isinstance(s, defining))

    def _imports_left_out(self) -> Iterator[ast.stmt]:
        """Yield the imports of Hyperas, and those of Hyperopt that nothing else needs."""
        for statement in self._source.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                bound = {(a.asname or a.name).split(".")[0] for a in statement.names}
                package = _package(statement)
                is_spare = not bound - set(STATUSES) & self._loaded
                if package == "hyperas" or (package == "hyperopt" and is_spare):
                    yield statement

    @property
    def _loaded(self) -> set[str]:
        """The names that the rest of the cell reads, outside of templates."""
        waiting: list[ast.AST] = [s for s in self._source.tree.body if s not in self._unused]
        names = set()
        while waiting:
            node = waiting.pop()
            match node:
                case ast.Set(elts=[ast.Set()]):
                    continue
                case ast.Name(id=name, ctx=ast.Load()):
                    names.add(name)
            waiting.extend(ast.iter_child_nodes(node))
        return names

    # What is written otherwise.

    def _replaced(self) -> Iterator[tuple[ast.expr, str | ast.expr]]:
        """Yield `STATUS_OK` where nothing defines it, and Hyperas's `conditional(…)`."""
        nodes = list(self._source.parents)
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        stored.update(self._imported_still())
        for node in reversed(nodes):
            match node:
                case ast.Name(id=name, ctx=ast.Load()) if name in STATUSES:
                    if name not in stored and name not in self._defined:
                        yield node, STATUSES[name]
                case ast.Call(func=ast.Name(id="conditional"), args=[inner]):
                    if not self._is_defined("conditional"):
                        yield node, inner

    def _imported_still(self) -> Iterator[str]:
        for statement in self._source.tree.body:
            if statement in self.left_out:
                continue
            if isinstance(statement, ast.Import | ast.ImportFrom):
                yield from (alias.asname or alias.name for alias in statement.names)

    def _is_defined(self, name: str) -> bool:
        return name in self._functions() or name in self._defined

    # The call at the end.

    def _functions(self) -> dict[str, ast.FunctionDef]:
        return {s.name: s for s in self._source.tree.body if isinstance(s, ast.FunctionDef)}

    def _model_function(self, templates: Sequence[ast.Set]) -> ast.FunctionDef | None:
        """Return the function to call in each trial; None where the cell calls it itself."""
        functions = self._functions()
        named = self._argument_of_search("model")
        if named in functions:
            return functions[named]
        inside = [f for f in functions.values() if any(t in set(ast.walk(f)) for t in templates)]
        uncalled = [f for f in inside if f.name not in self._loaded]
        if len(uncalled) > 1:
            names = " or ".join(f.name for f in uncalled)
            raise SpaceError(
                f"the cell does not say which function builds the model, {names}. "
                f"End it with the call."
            )
        return uncalled[0] if uncalled else None

    def _argument_of_search(self, name: str) -> str:
        keywords = self._search.keywords if self._search else []
        found = (k.value for k in keywords if k.arg == name)
        return next((value.id for value in found if isinstance(value, ast.Name)), "")


def _package(statement: ast.Import | ast.ImportFrom) -> str:
    name = statement.names[0].name if isinstance(statement, ast.Import) else statement.module
    return (name or "").split(".")[0]


def _names(source: Source, first_line: int) -> dict[str, str]:
    """Return names for the calls that nothing around them names, by place.

    Where there is a call around it, Hyperas's own rule: the word before the parenthesis.
    """
    taken = {hp_call.target for hp_call in source.hp_calls}
    names = {}
    for hp_call in source.hp_calls:
        if (
            hp_call.given is None
            and hp_call.target is None
            and all(map(_is_nameless, hp_call.bindings))
        ):
            name = next(n for n in _numbered(_word_around(source, hp_call)) if n not in taken)
            taken.add(name)
            line, _, column = label(hp_call).partition(":")
            names[f"{int(line) + first_line - 1}:{column}"] = name
    return names


def _is_nameless(binding: Binding) -> bool:
    first, *rest = binding.callee
    return first in _NAMELESS or (len(rest) == 1 and rest[0] in _NAMELESS_METHODS)


def _word_around(source: Source, hp_call: HpCall) -> str:
    if hp_call.bindings:
        callee = hp_call.bindings[0].callee
        return callee[0] if callee[-1] in _NAMELESS_METHODS else callee[-1]
    statement = next(iter(source.statements_around(hp_call.call)), None)
    if isinstance(statement, ast.If | ast.While):
        return "condition"
    return (hp_call.method or "value").lower()


def _numbered(word: str) -> Iterable[str]:
    yield word
    yield from (f"{word}_{n}" for n in count(2))
