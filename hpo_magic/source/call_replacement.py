"""Replace the hp calls in a text by values; the text is edited in place."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from hpo_magic.core.domains import Choice
from hpo_magic.source.cannot_freeze import refusal_of
from hpo_magic.source.hp_calls import HpCall
from hpo_magic.source.matching import Matching
from hpo_magic.source.rewriting import Rewriting
from hpo_magic.source.spelling import arguments_of, choice_text, default_text, fitting, grouped
from hpo_magic.source.syntax import METHODS, constant_text

# What `next(...)` takes the values of several passes from is made before these.
_REPEATING = ast.For | ast.AsyncFor | ast.While | ast.ClassDef


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
            raise refusal_of(hp_call.call, reason)
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
                raise refusal_of(hp_call.call, reason) from None
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
            raise refusal_of(hp_call.call, reason) from None

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
            raise refusal_of(hp_call.call, reason)
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
