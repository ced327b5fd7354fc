"""Find in a cell's text whether it calls another tool's search, and on which line.

Names are followed through imports, aliases and variables of the notebook, and into functions of
the notebook that the cell calls. What is found only says that the cell is a script, which runs
once: the call itself is caught when it is made.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.source.syntax import dotted

# Functions and classes that search, by package; Ray's and Talos's names are common words, so the
# package must be known.
_CALLS = {
    "hyperopt": ("fmin",),
    "skopt": (
        "gp_minimize",
        "forest_minimize",
        "gbrt_minimize",
        "dummy_minimize",
        "BayesSearchCV",
    ),
    "sklearn": (
        "GridSearchCV",
        "RandomizedSearchCV",
        "HalvingGridSearchCV",
        "HalvingRandomSearchCV",
    ),
    "optuna": ("OptunaSearchCV", "LightGBMTuner", "LightGBMTunerCV"),
    "optuna_integration": ("OptunaSearchCV", "LightGBMTuner", "LightGBMTunerCV"),
    "hyperas": ("minimize",),
    "talos": ("Scan",),
    "ray": ("Tuner", "run"),
}
# Functions whose names are common words, by their whole path.
_PATHS = {
    "optuna.integration.lightgbm.train": "optuna",
    "optuna_integration.lightgbm.train": "optuna_integration",
}
# Methods of a tool's objects that search, by package.
_METHODS = {
    "optuna": ("optimize", "ask"),
    "keras_tuner": ("search",),
    "kerastuner": ("search",),
    "hyperopt": ("fmin",),
    "sklearn": (),
    "skopt": ("ask", "run"),
    "transformers": ("hyperparameter_search",),  # by Optuna, or by Ray
}
# Methods whose names are common words: the object must be known.
_COMMON = ("run",)
# Names that stand for one tool alone, also where no import of it is seen.
_ALONE = {
    "fmin": "hyperopt",
    "gp_minimize": "skopt",
    "forest_minimize": "skopt",
    "gbrt_minimize": "skopt",
    "BayesSearchCV": "skopt",
    "OptunaSearchCV": "optuna_integration",
}


@dataclass(frozen=True)
class FoundSearch:
    """A call in a cell that begins another tool's search.

    Attributes
    ----------
    text
        The call as it is written, without its arguments: "study.optimize".
    line
        Of the cell, where the line of `%%hpo` is 1.
    package
        The tool's package.
    is_handed_on
        Whether other code gets the method and calls it: `client.submit(study.optimize, …)`.
    """

    text: str
    line: int
    package: str
    is_handed_on: bool = False

    @property
    def may_nest(self) -> bool:
        """Whether it may as well be an estimator that a trial fits."""
        return self.package in ("sklearn", "skopt") and self.text.endswith("SearchCV")


def searches_in(tree: ast.Module, namespace: Mapping[str, Any]) -> list[FoundSearch]:
    """Return the searches of other tools that a cell calls, in the order of its text.

    Parameters
    ----------
    tree
        The cell, with the notebook's line numbers.
    namespace
        The notebook's variables.
    """
    found = list(_Text(tree, namespace).searches())
    for name, line in _called_names(tree):
        inside = _in_function(name, namespace, {name})
        if inside is not None:
            found.append(FoundSearch(inside.text, line, inside.package))
    return sorted(found, key=lambda one: one.line)


def _called_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno


def _in_function(name: str, namespace: Mapping[str, Any], seen: set[str]) -> FoundSearch | None:
    """Return a search that a function of the notebook calls, itself or by another one."""
    function = namespace.get(name)
    if not isinstance(function, FunctionType) or function.__globals__ is not namespace:
        return None
    with suppressed(f"the source of {name} is not there", OSError, TypeError, SyntaxError):
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        inside = next(_Text(tree, namespace).searches(), None)
        if inside is not None:
            return inside
        for further, _ in _called_names(tree):
            if further not in seen:
                seen.add(further)
                if (inside := _in_function(further, namespace, seen)) is not None:
                    return inside
    return None


class _Text:
    """A parsed text, and what its names stand for."""

    def __init__(self, tree: ast.AST, namespace: Mapping[str, Any]) -> None:
        self._nodes = list(ast.walk(tree))
        self._namespace = namespace
        self._imported = dict(self._imports())
        self._made = dict(self._assignments())
        self._defined = {
            node.name for node in self._nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        self._packages = {path.partition(".")[0] for path in self._imported.values()}

    def searches(self) -> Iterator[FoundSearch]:
        """Yield the calls that begin a search."""
        for node in self._nodes:
            if isinstance(node, ast.Call) and (package := self._package_of(node)):
                text = ast.unparse(node.func)
                short = text if len(text) < 40 else f"….{text.rpartition('.')[2]}"
                yield FoundSearch(short, node.lineno, package)
            if isinstance(node, ast.Call):
                for given in (*node.args, *(keyword.value for keyword in node.keywords)):
                    if isinstance(given, ast.Attribute) and self._is_study_s(given):
                        yield FoundSearch(ast.unparse(given), given.lineno, "optuna", True)

    def _imports(self) -> Iterator[tuple[str, str]]:
        for node in self._nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or whole, whole
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"

    def _assignments(self) -> Iterator[tuple[str, ast.Call]]:
        for node in self._nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    yield name, call
                case ast.With(items=items):
                    for item in items:
                        bound, value = item.optional_vars, item.context_expr
                        if isinstance(bound, ast.Name) and isinstance(value, ast.Call):
                            yield bound.id, value

    def _package_of(self, call: ast.Call) -> str:
        """Return the package whose search a call begins; "" if it begins none."""
        chain = dotted(call.func)
        if chain is not None and (path := self._path(chain)):
            package, last = path.partition(".")[0], path.rpartition(".")[2]
            if last in _CALLS.get(package, ()):
                return package
            if path in _PATHS:
                return _PATHS[path]
        elif chain is not None and len(chain) == 1 and self._is_unknown(chain[0]):
            return _ALONE.get(chain[0], "")
        if isinstance(call.func, ast.Attribute):
            return self._package_of_method(call.func)
        return ""

    def _is_unknown(self, name: str) -> bool:
        """Return whether neither the text nor the notebook says what a name is."""
        return name not in self._defined and name not in self._namespace

    def _is_study_s(self, method: ast.Attribute) -> bool:
        """Return whether a method that is handed on is `study.optimize` of Optuna's."""
        return method.attr == "optimize" and self._is_of(method.value, "optuna")

    def _package_of_method(self, method: ast.Attribute) -> str:
        """Return the package of an object whose method searches; "" if there is none."""
        for package, methods in _METHODS.items():
            is_sure = method.attr not in _COMMON or self._is_known(method.value)
            if method.attr in methods and is_sure and self._is_of(method.value, package):
                return package
        value = method.value
        if method.attr == "fit" and isinstance(value, ast.Name):
            known = self._namespace.get(value.id)
            kinds = {kind.__name__ for kind in type(known).__mro__}
            for package in ("skopt", "sklearn"):
                if kinds & set(_CALLS[package]) and value.id not in self._made:
                    return package
        return ""

    def _is_known(self, value: ast.expr) -> bool:
        """Return whether an object is one of the notebook's, or is made by a known name."""
        made = self._made.get(value.id) if isinstance(value, ast.Name) else value
        if isinstance(made, ast.Call):
            return bool(self._path(dotted(made.func) or ()))
        return isinstance(value, ast.Name) and value.id in self._namespace

    def _is_of(self, value: ast.expr, package: str) -> bool:
        """Return whether an expression may be an object of a package."""
        if isinstance(value, ast.Call):
            path = self._path(dotted(value.func) or ())
            return path.startswith(f"{package}.") or (not path and package in self._packages)
        chain = dotted(value)
        if chain is None:
            return package in self._packages
        if len(chain) == 1 and chain[0] in self._made:
            path = self._path(dotted(self._made[chain[0]].func) or ())
            if path:
                return path.startswith(f"{package}.")
            return package in self._packages or self._is_instance(chain[0], package)
        if path := self._path(chain):
            return path.startswith(f"{package}.")
        if chain[0] in self._namespace and len(chain) == 1:
            return self._is_instance(chain[0], package)
        return package in self._packages

    def _is_instance(self, name: str, package: str) -> bool:
        kinds = type(self._namespace.get(name)).__mro__
        return any(kind.__module__.partition(".")[0] == package for kind in kinds)

    def _path(self, chain: tuple[str, ...]) -> str:
        """Return the dotted path of what a chain of names stands for; "" if that is not known."""
        if not chain:
            return ""
        first, rest = chain[0], chain[1:]
        if first in self._imported:
            return ".".join([self._imported[first], *rest])
        if first in self._defined or first in self._made:
            return ""
        value = self._namespace.get(first)
        if isinstance(value, ModuleType):
            return ".".join([value.__name__, *rest])
        if isinstance(value, FunctionType | type):
            own = f"{value.__module__}.{value.__name__}"
            return "" if value.__module__ == "__main__" else ".".join([own, *rest])
        return ""
