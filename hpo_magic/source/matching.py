"""Which of a trial's values belong to which `hp` call of a text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, takewhile

from hpo_magic.source.call_names import Namespace, label, names_in
from hpo_magic.source.hp_calls import HpCall, Source
from hpo_magic.source.syntax import METHODS, constant_text, dotted


@dataclass(frozen=True)
class Matching:
    """The calls on `hp` in a text, and the values of a trial.

    Attributes
    ----------
    source
        The text.
    params
        The trial's values by name.
    recorded
        The names of the unnamed calls by place, as in `CallNames.names` but with the lines of this
        text. None to find the names in the text, with the help of `namespace`.
    namespace
        Where functions, classes and `hp` are looked up.
    """

    source: Source
    params: Mapping[str, object]
    recorded: Mapping[str, str] | None
    namespace: Namespace

    @cached_property
    def calls(self) -> list[tuple[ast.Call, str]]:
        """The calls on `hp`, last first, each with what is called: "Int", "report", ..."""
        found: list[tuple[ast.Call, str]] = []
        for node in self.source.parents:
            if isinstance(node, ast.Call) and (chain := dotted(node.func)):
                # `Int = hp.Int` gives calls that only a trial could tell for what they are.
                is_recorded = f"{node.lineno}:{node.col_offset}" in (self.recorded or {})
                if ".".join(chain[:-1]) in self.bases or (is_recorded and chain[-1] in METHODS):
                    found.append((node, chain[-1]))
        return sorted(found, key=lambda c: (c[0].lineno, c[0].col_offset), reverse=True)

    @cached_property
    def bases(self) -> set[str]:
        """What `hp` is called in the text."""
        bases = {"hp", "hpo_magic.hp"}
        for node in self.source.parents:
            if isinstance(node, ast.ImportFrom) and node.module == "hpo_magic":
                bases |= {alias.asname or alias.name for alias in node.names if alias.name == "hp"}
            elif isinstance(node, ast.Import):
                bases |= {f"{alias.asname}.hp" for alias in node.names if alias.name == "hpo_magic"}
        hp = self.namespace.get("hp")
        return bases | {name for name, value in self.namespace.items() if hp and value is hp}

    def hp_call_of(self, call: ast.Call) -> HpCall:
        """Return what is known of a call on `hp`: also whether its first argument is its name."""
        found = self.source.hp_call_of(call)
        return replace(found, named_by=call.args[0]) if self._is_named(found) else found

    def _is_named(self, hp_call: HpCall) -> bool:
        """Return whether a call has a variable or an expression as its name.

        A call without a name is among the recorded ones, if a trial has reached it. One that is not
        has a name if it has an argument more than its range needs.
        """
        call, method = hp_call.call, hp_call.method
        if hp_call.given is not None or self.recorded is None or label(hp_call) in self.recorded:
            return False
        if not call.args or isinstance(call.args[0], _NO_NAMES):
            return False
        keywords = {keyword.arg for keyword in call.keywords}
        has_more = len(call.args) > 1
        match method:
            case "Int" | "Float":
                has_range = {"min_value", "max_value"} <= keywords or None in keywords
                is_starred = any(isinstance(a, ast.Starred) for a in call.args[1:])
                n_given = len(call.args) + len({"min_value", "max_value"} & keywords)
                return has_range or is_starred or n_given > 2
            case "Choice":
                second = call.args[1] if has_more else None
                return "values" in keywords or (has_more and not _is_bool(second))
            case "Fixed":
                return has_more or "value" in keywords
            case "Boolean":
                return True
        return False

    def values_of(self, hp_call: HpCall) -> dict[str, object]:
        """Return the values of a call by name: one, one per pass, or one per name it was given.

        None at all if the call was not reached.
        """
        if hp_call.given is None or constant_text(hp_call.given) is not None:
            return self._of_fixed_name(hp_call)
        prefix = re.escape(self.prefix_of(hp_call) or "")
        pattern = re.compile(prefix + _pattern(hp_call.given), re.DOTALL)
        fixed = {name for other in self._hp_calls for name in self._of_fixed_name(other)}
        free = {name: value for name, value in self.params.items() if name not in fixed}
        method = hp_call.method
        return {n: v for n, v in free.items() if pattern.fullmatch(n) and _can_give(method, v)}

    def name_of(self, hp_call: HpCall) -> str | None:
        """Return the name of a call, of all its passes together; None if it is made anew each time.

        Also that of a call that was not reached.
        """
        if hp_call.given is None:
            return self._names.get(label(hp_call))
        name = constant_text(hp_call.given)
        return None if name is None else f"{self.prefix_of(hp_call) or ''}{name}"

    def prefix_of(self, hp_call: HpCall) -> str | None:
        """Return what the `hp.name_scope`s around a call put before its name.

        None if one of them has a name that is not written out.
        """
        prefix = ""
        for statement in self.source.statements_around(hp_call.call):
            for item in statement.items if isinstance(statement, ast.With) else ():
                call = item.context_expr
                if not isinstance(call, ast.Call):
                    continue
                chain = dotted(call.func) or ("",)
                if chain[-1] == "name_scope" and ".".join(chain[:-1]) in self.bases:
                    name = constant_text(call.args[0]) if call.args else None
                    if name is None:
                        return None
                    prefix = f"{name}/{prefix}"
        return prefix

    @cached_property
    def trials(self) -> list[ast.Attribute]:
        """The places where the text takes `hp.trial`, to pass it to an objective of Optuna's."""
        found = []
        for node in self.source.parents:
            chain = dotted(node) if isinstance(node, ast.Attribute) else None
            if isinstance(node, ast.Attribute) and chain and chain[-1] == "trial":
                is_of_hp = ".".join(chain[:-1]) in self.bases
                if is_of_hp and not isinstance(self.source.parents[node], ast.Attribute):
                    found.append(node)
        return found

    @cached_property
    def handed_on(self) -> list[ast.Name]:
        """The places where the text gives `hp` itself to a function, as KerasTuner's users do."""
        return [
            node
            for node in self.source.nodes
            if isinstance(node, ast.Name)
            and node.id in self.bases
            and isinstance(self.source.parents[node], ast.Call | ast.keyword)
            and getattr(self.source.parents[node], "func", None) is not node
        ]

    @property
    def elsewhere(self) -> dict[str, object]:
        """The values that no call in the text has asked for."""
        here = {name for hp_call in self._hp_calls for name in self.values_of(hp_call)}
        return {name: value for name, value in self.params.items() if name not in here}

    @property
    def doubtful(self) -> Iterator[HpCall]:
        """The calls that may have values under names that cannot be told from the text."""
        for hp_call in self._hp_calls:
            is_guessed = self.recorded is None and hp_call.given is None and bool(hp_call.bindings)
            if is_guessed and not self.values_of(hp_call):
                yield hp_call

    @cached_property
    def _hp_calls(self) -> list[HpCall]:
        return [self.hp_call_of(call) for call, method in self.calls if method in METHODS]

    @cached_property
    def _names(self) -> Mapping[str, str]:
        if self.recorded is not None:
            return self.recorded
        return names_in(self.source, self.namespace, self.bases)

    def _of_fixed_name(self, hp_call: HpCall) -> dict[str, object]:
        name = constant_text(hp_call.given)
        if hp_call.given is None:
            name = self._names.get(label(hp_call))
        elif name is not None:
            name = f"{self.prefix_of(hp_call) or ''}{name}"
        names = [] if name is None else [name]
        if name is not None and hp_call.given is None and hp_call.loops:
            passes = (f"{name}[{i}]" for i in count())
            names = list(takewhile(self.params.__contains__, passes))
        return {name: self.params[name] for name in names if name in self.params}


def _is_bool(expression: ast.expr | None) -> bool:
    return isinstance(expression, ast.Constant) and isinstance(expression.value, bool)


# What a method gives, where that is a plain value.
_KINDS: Mapping[str | None, type] = {"Int": int, "Float": float, "Boolean": bool}


def _can_give(method: str | None, value: object) -> bool:
    """Return whether a call of this method can have given the value."""
    is_plain = isinstance(value, bool | int | float | str | tuple)
    return not is_plain or method not in _KINDS or type(value) is _KINDS[method]


# A first argument that is no name.
_NO_NAMES = (
    ast.Constant, ast.Dict, ast.GeneratorExp, ast.List, ast.ListComp, ast.Set, ast.Tuple,
    ast.UnaryOp
)  # fmt: skip


def _pattern(name: ast.expr) -> str:
    """Return a regular expression for the names that an expression can give."""
    match name:
        case ast.Constant(value=value):
            return re.escape(str(value))
        case ast.JoinedStr(values=parts):
            return "".join(map(_pattern, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _pattern(left) + _pattern(right)
    return ".+"
