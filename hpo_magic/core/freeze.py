"""A cell with values written in: each `hp` call gives way to what it returned.

The text is edited in place, so comments and formatting stay. Calls are matched with values by
name, as `callsite` tells it. A name belongs to a call of this text, or to code elsewhere that the
cell runs: those values cannot be written in, and a comment on top says so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from hpo_magic.core.callsite import Namespace, label, names_in
from hpo_magic.core.rewriting import Rewriting
from hpo_magic.core.sites import METHODS, Site, dotted, read_source
from hpo_magic.core.spelling import arguments_of, chosen, fitting, not_asked
from hpo_magic.errors import HpoError

__all__ = ["CannotFreeze", "freeze"]

_REPEATING = ast.For | ast.AsyncFor | ast.While | ast.ClassDef


class CannotFreeze(HpoError, ValueError):
    """A call cannot be replaced: `call` and `line` say which, `reason` why and what to do."""

    def __init__(self, call: str, line: int, reason: str) -> None:
        super().__init__(call, line, reason)
        self.call, self.line, self.reason = call, line, reason

    def __str__(self) -> str:
        """Return the sentence for the user."""
        return f"The cell cannot be frozen: {self.call} on line {self.line} {self.reason}"


def freeze(
    source: str,
    params: Mapping[str, object],
    names: Mapping[str, str] | None = None,
    namespace: Namespace | None = None,
    *,
    known: Mapping[str, Sequence[object]] | None = None,
    seed: int = 0,
    first_line: int = 1,
) -> str:
    """Return the text of a cell with `params` in the place of its `hp` calls.

    Parameters
    ----------
    source
        The cell as it was typed, IPython's own lines included.
    params
        The values by name; "units[2]" is that of the third pass. A call without a value, in a
        branch that was not taken, gets its default, else the middle of its range.
    names
        `CallSites.names` of the trials of this cell. Without them names are read off the text,
        which needs the functions and classes that calls are passed to: see `namespace`.
    namespace
        Where names in the cell are looked up: signatures, objects among the choices.
    known
        The labels of choices by parameter, in the order of the text, for objects that nothing in
        the text tells apart: `[L2(0.1), L2(0.2)]`.
    seed
        What `hp.seed()` returned.
    first_line
        The number that `names` gives the first line of `source`.

    Raises
    ------
    CannotFreeze
        If the name of a call cannot be told, or it stands where nothing can be put in its place.
    SyntaxError
        If `source` is not Python.

    Examples
    --------
    >>> freeze("units = hp.Int(32, 512)  # wide", {"units": 64})
    'units = 64  # wide'
    >>> print(freeze("for i in range(2):\\n    add(units=hp.Int(1, 9))", {"units[0]": 3, "units[1]": 5}))
    _units = iter([3, 5])
    for i in range(2):
        add(units=next(_units))
    """
    frozen = _Freezing(
        Rewriting(read_source(source)), params, names, namespace or {}, known or {}, seed, first_line
    )
    return frozen.text()


@dataclass
class _Freezing:
    rewriting: Rewriting
    params: Mapping[str, object]
    recorded: Mapping[str, str] | None
    namespace: Namespace
    known: Mapping[str, Sequence[object]]
    seed: int
    first_line: int
    _statements: list[ast.stmt] = field(default_factory=list)  # to be taken out
    _fresh: set[str] = field(default_factory=set)

    def text(self) -> str:
        """Return the frozen text."""
        self._check_names()
        # From the last to the first, so that calls inside others come before these.
        for call, method in sorted(self._calls(), key=lambda c: _place(c[0]), reverse=True):
            if method in METHODS:
                self._write_value(self.rewriting.source.site_of(call), method)
            else:
                self._write_other(call, method)
        self.rewriting.remove([*self._statements, *self._imports_not_needed()])
        return self._note_on_values_elsewhere() + self.rewriting.text()

    @cached_property
    def bases(self) -> Collection[str]:
        """What `hp` is called in the text."""
        bases = {"hp", "hpo_magic.hp"}
        for node in self.rewriting.source.parents:
            if isinstance(node, ast.ImportFrom) and node.module == "hpo_magic":
                bases |= {a.asname or a.name for a in node.names if a.name == "hp"}
            elif isinstance(node, ast.Import):
                bases |= {f"{a.asname}.hp" for a in node.names if a.name == "hpo_magic"}
        hp = self.namespace.get("hp")
        same = {name for name, value in self.namespace.items() if value is hp and hp is not None}
        return bases | same

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The names of the unnamed calls by place, with the line numbers of the text."""
        if self.recorded is None:
            return names_in(self.rewriting.source, self.namespace, self.bases)
        in_cell = {place: n for place, n in self.recorded.items() if place.count(":") == 1}
        places = ((*map(int, place.split(":")), name) for place, name in in_cell.items())
        return {f"{line - self.first_line + 1}:{column}": n for line, column, n in places}

    def _calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Yield the calls to replace, each with what is called on `hp`."""
        for node in self.rewriting.source.parents:
            if not isinstance(node, ast.Call) or not (chain := dotted(node.func)):
                continue
            is_recorded = chain[-1] in METHODS and f"{node.lineno}:{node.col_offset}" in self.names
            if ".".join(chain[:-1]) in self.bases or is_recorded:
                yield node, chain[-1]

    def _sites(self) -> Iterator[Site]:
        """Yield the calls that have values."""
        for call, method in self._calls():
            if method in METHODS:
                yield self.rewriting.source.site_of(call)

    def _write_value(self, site: Site, method: str) -> None:
        """Put the value or values of a call in its place."""
        self._check_place(site.call)
        arguments = arguments_of(site.call, method)
        by_name = self._values(site)
        text_of = self.rewriting.text_of
        try:
            if method == "Fixed" or not by_name:
                spelled = [not_asked(method, arguments, text_of)]
            elif method == "Choice":
                options, space = arguments.get("values"), self.namespace
                spelled = [
                    chosen(options, value, text_of, space, self.known.get(name, ()))
                    for name, value in by_name.items()
                ]
            else:
                spelled = [repr(value) for value in by_name.values()]
        except KeyError as error:
            reason = f"got no value, and its {error.args[0]} cannot be read. Write it out."
            raise self._refusal(site.call, reason) from None
        self._put(site.call, self._in_one(site, list(by_name), spelled))

    def _in_one(self, site: Site, names: Sequence[str], spelled: Sequence[str]) -> str:
        """Return an expression that gives the spelled values, pass for pass or name for name."""
        if len(set(spelled)) == 1:
            return spelled[0]
        if site.given is not None:
            pairs = (f"{name!r}: {text}" for name, text in zip(names, spelled, strict=True))
            return f"{{{', '.join(pairs)}}}[{self.rewriting.text_of(site.given)}]"
        around = self.rewriting.source.statements_around(site.call)
        if not around:
            reason = "is in a loop in a lambda. Write a function with `def` instead."
            raise self._refusal(site.call, reason)
        outermost = [s for s in around if isinstance(s, _REPEATING)][-1:] or around[:1]
        variable = self._new_name(names[0].partition("[")[0])
        values = f"{variable} = iter([{', '.join(spelled)}])"
        self.rewriting.insert_before(outermost[0], values)
        return f"next({variable})"

    def _values(self, site: Site) -> dict[str, object]:
        """Return the values of a call by name: one, one per pass, or one per name it was given."""
        name = self._name(site)
        if isinstance(name, re.Pattern):
            claimed = {n for s in self._sites() for n in self._claimed(s)}
            free = {n: v for n, v in self.params.items() if n not in claimed}
            return {n: v for n, v in free.items() if name.fullmatch(n)}
        return {n: self.params[n] for n in self._claimed(site)}

    def _claimed(self, site: Site) -> list[str]:
        """Return the names in `params` that are surely those of a call."""
        name = self._name(site)
        if not isinstance(name, str):
            return []
        if site.given is not None or not site.loops:
            return [name] if name in self.params else []
        passes = (f"{name}[{i}]" for i in count())
        return list(iter(lambda: next(passes), None)) if False else _present(name, self.params)

    def _name(self, site: Site) -> str | re.Pattern[str] | None:
        """Return the name of a call, without its pass; a pattern if it is put together as it runs."""
        if site.given is None:
            return self.names.get(label(site))
        if isinstance(site.given, ast.Constant):
            return str(site.given.value)
        return re.compile(_pattern(site.given), re.DOTALL)

    def _write_other(self, call: ast.Call, method: str) -> None:
        """Replace a call on `hp` that is no hyperparameter."""
        self._check_place(call)
        if method == "seed":
            self._put(call, repr(self.seed))
        elif method == "report":
            self._drop(call)
        elif method == "score":
            self._unwrap_score(call)
        elif method == "conditional_scope":
            self._import("contextlib")
            self._put(call, "contextlib.nullcontext()")
        elif method == "get" and call.args and isinstance(call.args[0], ast.Constant):
            name = call.args[0].value
            if name in self.params:
                self._put(call, repr(self.params[name]))

    def _drop(self, call: ast.Call) -> None:
        statement = self.rewriting.source.parents[call]
        if isinstance(statement, ast.Expr):
            self._statements.append(statement)
        else:
            self._put(call, "None")
