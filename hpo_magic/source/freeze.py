"""Write a trial's values into its cell: each `hp` call is replaced by the value it returned.

The text is edited in place, so comments and formatting stay. A call that the trial did not reach is
replaced by the value it returns outside a trial. A cell is refused where code outside of it asked
for values that cannot be given to that code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

from hpo_magic.core.domains import Choice
from hpo_magic.errors import HpoError
from hpo_magic.source.call_names import Namespace
from hpo_magic.source.hp_calls import METHODS, HpCall, constant_text, read_source
from hpo_magic.source.matching import Matching
from hpo_magic.source.rewriting import Rewriting
from hpo_magic.source.spelling import arguments_of, choice_text, default_text, fitting, grouped

# What `next(...)` takes the values of several passes from is made before these.
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
    domains: Mapping[str, Choice] | None = None,
    seed: int = 0,
    first_line: int = 1,
) -> str:
    """Return the text of a cell with `params` in the place of its `hp` calls.

    Parameters
    ----------
    source
        The cell as it was typed, IPython's own lines included.
    params
        The values by name; "units[2]" is that of the third pass.
    names
        `CallNames.names` of the trials of this cell. Without them names are read off the text,
        which needs the functions and classes that calls are passed to: see `namespace`.
    namespace
        Where names in the cell are looked up: signatures, objects among the choices.
    domains
        The choices by parameter: their labels in the order of the text, for objects that nothing in
        the text tells apart (`[L2(0.1), L2(0.2)]`), and which of them are objects.
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
    >>> print(freeze("units = [hp.Int(1, 9) for _ in 'ab']", {"units[0]": 3, "units[1]": 5}))
    _units = iter([3, 5])
    units = [next(_units) for _ in 'ab']
    """
    matching = matched(source, params, names, namespace, first_line)
    frozen = CallReplacement(matching, domains or {}, seed).text()
    refuse_elsewhere(matching, set((names or {}).values()))
    return frozen


def refuse_elsewhere(matching: Matching, unnamed: Collection[str] = ()) -> None:
    """Refuse a cell whose values code outside of it asked for, where they cannot be given to it.

    An objective of Optuna's is given a `FixedTrial`, a function of KerasTuner's `HyperParameters`.

    Parameters
    ----------
    unnamed
        The parameters that have their names from the place of their calls, which is our own way.

    Raises
    ------
    HpoError
        With the values, and what to do.
    """
    elsewhere = matching.elsewhere
    if not elsewhere or matching.trials:
        return
    told = ", ".join(f"{name}={value!r}" for name, value in elsewhere.items())
    is_got = _other_use(matching) is not None
    if matching.handed_on and not is_got and not set(elsewhere) & set(unnamed):
        if find_spec("keras_tuner") is not None:
            return
        raise HpoError(
            f"The cell cannot be frozen: a function outside of it that gets hp asked for {told}. "
            f"Install keras-tuner, whose HyperParameters can give it these values, or put the "
            f"function into the cell and search again."
        )
    if place := _other_use(matching):
        raise HpoError(
            f"The cell cannot be frozen: {place.text} on line {place.line} is no call, so which "
            f"call asked for {told} cannot be told. Write hp.Int(…) or the like where each value "
            f"is needed, and search again."
        )
    raise HpoError(
        f"The cell cannot be frozen: code outside of it asked for {told}. Put that code into the "
        f"cell, and search again."
    )


class _Use(NamedTuple):
    """A place of the cell where a method of `hp` is taken without a call."""

    text: str
    line: int


def _other_use(matching: Matching) -> _Use | None:
    """Return the first use of `hp` that is no call: `I = hp.Int`, `getattr(hp, "Int")`."""
    source = matching.source
    for node in source.nodes:
        parent = source.parents.get(node)
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            is_called = isinstance(parent, ast.Call) and parent.func is node
            if not is_called and ast.unparse(node.value) in matching.bases:
                return _Use(f"`{ast.unparse(node)}`", node.lineno)
        if isinstance(node, ast.Name) and node.id in matching.bases:
            is_got = isinstance(parent, ast.Call) and ast.unparse(parent.func) == "getattr"
            if is_got or isinstance(parent, ast.Assign):
                return _Use(f"`{ast.unparse(parent)}`", node.lineno)  # type: ignore[arg-type]
    return None


def matched(
    source: str,
    params: Mapping[str, object],
    names: Mapping[str, str] | None,
    namespace: Namespace | None,
    first_line: int,
) -> Matching:
    """Return which values belong to which calls; the arguments are those of `freeze`.

    Raises
    ------
    CannotFreeze
        If a value may belong to a call whose name cannot be told.
    """
    recorded = None if names is None else names_of_text(names, first_line)
    matching = Matching(read_source(source), params, recorded, namespace or {})
    elsewhere = matching.elsewhere
    for hp_call in matching.doubtful if elsewhere else ():
        told = ", ".join(elsewhere)
        reason = f"may be one of {told}. Import what it is passed to, and freeze again."
        raise _refusal(hp_call.call, reason)
    return matching


def names_of_text(names: Mapping[str, str], first_line: int) -> dict[str, str]:
    """Return the names in the cell by place, with its first line as line 1."""
    numbered: dict[str, str] = {}
    for place, name in names.items():
        origin, _, column = place.rpartition(":")
        if origin.isdecimal():
            numbered[f"{int(origin) - first_line + 1}:{column}"] = name
    return numbered


class CallReplacement:
    """Replaces the `hp` calls in one text by values.

    Subclasses say what is written: `one` for a value, `several` for the values of several passes.
    """

    def __init__(self, matching: Matching, domains: Mapping[str, Choice], seed: int) -> None:
        self.matching = matching
        self.source = matching.source
        self.rewriting = Rewriting(matching.source)
        self._domains = domains
        self._seed = seed
        self._removed: list[ast.stmt] = []
        self._imported: set[str] = set()
        self.taken = {*re.findall(r"\w+", matching.source.text), *matching.namespace}

    def one(self, name: str, text: str) -> str:
        """Return what is written for the value of a parameter, which is `text`."""
        return text

    def several(self, name: str, texts: Sequence[str]) -> str:
        """Return what is written for the values of a parameter's passes, taken in turn."""
        return f"[{', '.join(texts)}]"

    def text(self) -> str:
        """Return the frozen text."""
        for call, method in self.matching.calls:  # last first, so the inner before the outer
            if method in METHODS:
                self._write_value(self.matching.hp_call_of(call), method)
            else:
                self._write_other(call, method)
        for trial in self.matching.trials:
            self._import("optuna")
            given = self.matching.elsewhere.items()
            values = ", ".join(f"{name!r}: {self.one(name, repr(v))}" for name, v in given)
            self.rewriting.replace(trial, f"optuna.trial.FixedTrial({{{values}}})")
        given_on = {**self._fixed(), **self.matching.elsewhere} if self.matching.handed_on else {}
        if (given_on or self.matching.elsewhere) and not self.matching.trials:
            self._give_to_functions(given_on or self.matching.elsewhere)
        else:
            self._removed += self._values_set()
        self.rewriting.remove(self._removed)
        self.rewriting.remove(self._imports_not_needed())
        return self.rewriting.text()

    def _give_to_functions(self, values: Mapping[str, object]) -> None:
        """Give functions of KerasTuner's an `hp` of its own that has these values."""
        variable = self.new_variable("hp")
        given = ", ".join(f"{name!r}: {self.one(name, repr(v))}" for name, v in values.items())
        made = f"{variable} = keras_tuner.HyperParameters()\n{variable}.values = {{{given}}}"
        self._insert_import(f"import keras_tuner\n\n{made}")
        for name in self.matching.handed_on:
            self.rewriting.replace(name, variable)
        for statement in self._values_set():
            (target,) = statement.targets
            self.rewriting.replace(target.value.value, variable)  # type: ignore[attr-defined]

    def _fixed(self) -> dict[str, object]:
        """Return what `hp.Fixed` fixes in the cell, for functions that `hp` is handed to."""
        calls = [call for call, method in self.matching.calls if method == "Fixed"]
        found: dict[str, object] = {}
        for hp_call in map(self.matching.hp_call_of, calls):
            if hp_call.given is not None:
                found |= self.matching.values_of(hp_call)
        return found

    def _values_set(self) -> list[ast.Assign]:
        """Return the statements `hp.values[…] = …`."""
        found = []
        for node in self.source.nodes:
            match node:
                case ast.Assign(
                    targets=[ast.Subscript(value=ast.Attribute(value=base, attr="values"))]
                ):
                    found += [node] if ast.unparse(base) in self.matching.bases else []
        return found

    def _write_value(self, hp_call: HpCall, method: str) -> None:
        arguments = arguments_of(hp_call.call, method, hp_call.given)
        if hp_call.given is not None and self.matching.prefix_of(hp_call) is None:
            reason = "stands in a name_scope whose name is not written out. Write it out."
            raise _refusal(hp_call.call, reason)
        values = self.matching.values_of(hp_call)
        text_of = self.rewriting.text_of
        if method == "Choice" and values:
            spelled = self._choices(hp_call, arguments.get("values"), values)
        elif method != "Fixed" and values:
            spelled = [repr(value) for value in values.values()]
        else:
            try:
                spelled = [default_text(method, arguments, text_of)]
            except KeyError as error:
                reason = f"was not reached, and its {error.args[0]} cannot be read. Write it out."
                raise _refusal(hp_call.call, reason) from None
        self._put(hp_call.call, self._together(hp_call, list(values), spelled, method))

    def _choices(
        self, hp_call: HpCall, listed: ast.expr | None, values: Mapping[str, object]
    ) -> list[str]:
        """Return the text of each chosen value."""
        text_of, around = self.rewriting.text_of, self.matching.namespace
        try:
            return [
                choice_text(listed, value, text_of, around, self._domains.get(name))
                for name, value in values.items()
            ]
        except LookupError as error:
            reason = (
                f"chooses an object ({error.args[0]}) whose place in {ast.unparse(listed)} is not "  # type: ignore[arg-type]
                f"sure to be the same again. Write the choices out: hp.Choice([…])."
            )
            raise _refusal(hp_call.call, reason) from None

    def _together(
        self, hp_call: HpCall, names: Sequence[str], spelled: Sequence[str], method: str
    ) -> str:
        """Return the expression that has the right value for each name or pass."""
        if len(set(spelled)) == 1:
            name = self.matching.name_of(hp_call) or (names[0] if len(names) == 1 else None)
            is_constant = method == "Fixed" or name is None
            return spelled[0] if is_constant else self.one(str(name), spelled[0])
        if hp_call.given is not None:
            prefix = self.matching.prefix_of(hp_call) or ""
            pairs = (
                f"{name.removeprefix(prefix)!r}: {self.one(name, text)}"
                for name, text in zip(names, spelled, strict=True)
            )
            return f"{{{', '.join(pairs)}}}[{self.rewriting.text_of(hp_call.given)}]"
        around = self.source.statements_around(hp_call.call)
        if not around:
            reason = "has another value in each pass of a lambda's loop. Write a `def` instead."
            raise _refusal(hp_call.call, reason)
        outermost = [s for s in around if isinstance(s, _REPEATING)][-1:] or around[:1]
        variable = self.new_variable(names[0])
        texts = self.several(self.matching.name_of(hp_call) or names[0], spelled)
        self.rewriting.insert_before(outermost[0], f"{variable} = iter({texts})")
        return f"next({variable})"

    def new_variable(self, name: str) -> str:
        """Return a name for a variable that the cell does not have: `_units` for "units[0]"."""
        variable = "_" + re.sub(r"\W", "_", name.partition("[")[0])
        while variable in self.taken:
            variable += "_"
        self.taken.add(variable)
        return variable

    def _write_other(self, call: ast.Call, method: str) -> None:
        """Replace a call on `hp` that is no hyperparameter."""
        if method == "seed":
            self._put(call, self.one("seed", repr(self._seed)))
        elif method == "report":
            self._drop(call)
        elif method == "score":
            self._unwrap_score(call)
        elif method in ("conditional_scope", "name_scope"):
            self._import("contextlib")
            self._put(call, "contextlib.nullcontext()")
        elif method == "get" and call.args:
            name = constant_text(call.args[0])
            if name is not None and name in self.matching.params:
                self._put(call, self.one(name, repr(self.matching.params[name])))

    def _drop(self, call: ast.Call) -> None:
        statement = self.source.parents[call]
        if isinstance(statement, ast.Expr):
            self._removed.append(statement)
        else:
            self._put(call, "None")

    def _unwrap_score(self, call: ast.Call) -> None:
        """Turn `hp.score(metric, y_true, y_pred)` into `metric(y_true, y_pred)`.

        A metric that is a text stays `hp.score`, which needs no search: "accuracy" takes labels and
        probabilities alike, and no one function elsewhere does.
        """
        order = ("metric", "y_true", "y_pred")
        given = dict(zip(order, call.args, strict=False))
        given |= {k.arg: k.value for k in call.keywords if k.arg in order}
        metric, *rest = (given[name] for name in order if name in given)
        if constant_text(metric) is not None:
            if ast.unparse(call.func) == "hp.score" and not self._imports_hp():
                self._insert_import("from hpo_magic import hp")
            return
        text_of = self.rewriting.text_of
        self._put(call, f"{grouped(text_of(metric))}({', '.join(map(text_of, rest))})")

    def _import(self, module: str) -> None:
        """Put an import at the top, unless there is one."""
        body = self.source.tree.body
        imported = {a.name for node in body if isinstance(node, ast.Import) for a in node.names}
        if module not in imported:
            self._insert_import(f"import {module}")

    def _insert_import(self, text: str) -> None:
        if text in self._imported:
            return
        self._imported.add(text)
        body = self.source.tree.body
        first = next((s for s in body if not _must_come_first(s)), body[-1])
        self.rewriting.insert_before(first, text)

    def _imports_hp(self) -> bool:
        """Whether the text itself imports `hp` under that name."""
        imports = (n for n in self.source.parents if isinstance(n, ast.ImportFrom))
        return any((a.asname or a.name) == "hp" for node in imports for a in node.names)

    def _imports_not_needed(self) -> list[ast.stmt]:
        """Return the imports of an `hp` that nothing in the text uses any more."""
        nodes = list(self.source.parents)
        names = (node for node in nodes if isinstance(node, ast.Name))
        used = {name.id for name in names if self.rewriting.is_untouched(name)}
        imports = (n for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "hpo_magic")
        return [
            node
            for node in imports
            if [alias.name for alias in node.names] == ["hp"]
            and (node.names[0].asname or "hp") not in used
        ]

    def _put(self, call: ast.Call, text: str) -> None:
        self.rewriting.replace(call, fitting(text, call, self.source.parents[call]))


def _must_come_first(statement: ast.stmt) -> bool:
    """Return whether `statement` is a docstring or a future import."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _refusal(call: ast.Call, reason: str) -> CannotFreeze:
    return CannotFreeze(f"{ast.unparse(call.func)}(...)", call.lineno, reason)
