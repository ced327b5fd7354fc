"""Write a cell as a function whose parameters are the hyperparameters.

The defaults are the winning values. The function returns the cell's last expression. A value that
needs what the cell itself defines is written where it stands, and is no parameter:
`act = hp.Choice([first, second])` below `def first(x): ...`.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Mapping, Sequence

from hpo_magic.core.domains import Choice
from hpo_magic.errors import HpoError
from hpo_magic.source.call_names import Namespace
from hpo_magic.source.call_replacement import CallReplacement
from hpo_magic.source.cannot_freeze import refuse_elsewhere
from hpo_magic.source.free_names import bound_by, bound_names
from hpo_magic.source.freeze import matched
from hpo_magic.source.hp_calls import HpCall
from hpo_magic.source.last_expression import is_chore
from hpo_magic.source.matching import Matching
from hpo_magic.source.script import refuse_magics

NAME = "train"
LINE = 88  # characters; a longer line of parameters is broken
# Below these a variable of the cell would be another one than it is in the cell.
_NOT_IN_A_FUNCTION: Mapping[type[ast.stmt], str] = {
    ast.Global: "A `global` of the cell would be another variable in a function. Take it out",
    ast.Nonlocal: "A `nonlocal` of the cell may be another variable in a function. Take it out",
}


def as_function(
    source: str,
    params: Mapping[str, object],
    names: Mapping[str, str] | None = None,
    namespace: Namespace | None = None,
    *,
    domains: Mapping[str, Choice] | None = None,
    seed: int = 0,
    first_line: int = 1,
    metric: str | None = None,
    about: str = "",
) -> str:
    r"""Return the text of a function `train` that does what a cell does.

    Parameters
    ----------
    source, params, names, namespace, domains, seed, first_line
        As in `freeze`.
    metric
        The variable to return where the cell does not end in an expression, if it has it.
    about
        The docstring; "" for none.

    Raises
    ------
    CannotFreeze, HpoError
        As in `freeze`; and if the cell does what a function cannot, or has values that code outside
        of it asked for.
    SyntaxError
        If `source` is not Python.

    Examples
    --------
    >>> print(as_function("lr = hp.Float(0, 1)  # rate\nlr ** 2", {"lr": 0.25}))
    def train(lr=0.25):
        # rate
        return lr ** 2
    """
    matching = matched(source, params, names, namespace, first_line)
    refuse_magics(source)
    refuse_elsewhere(matching, set((names or {}).values()))
    _refuse_statements(matching.source.tree)
    writing = _ParameterReplacement(matching, domains or {}, seed)
    writing.text()  # finds the parameters
    body = writing.body(metric)
    flow = matching.source.names
    # Read before the cell binds them: a function's own variable would be unbound there.
    kept = sorted(flow.outside & flow.bound & set(namespace or {}) - writing.parameters.keys())
    parameters = [f"{name}={text}" for name, text in writing.in_order()]
    parameters += [f"{name}={name}" for name in kept]
    name, words = NAME, re.findall(r"\w+", source)
    while name in words:
        name += "_"
    lines = [_head(name, parameters)]
    if about:
        lines.append(f'    """{about}"""')
    lines += [f"    {alias} = {parameter}" for parameter, alias in writing.aliases.items()]
    return "\n".join([*lines, _indented(body)])


def _refuse_statements(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        reason = _NOT_IN_A_FUNCTION.get(type(node))  # type: ignore[arg-type]
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            reason = "A function cannot import `*`. Import what you need by name"
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            reason = "A function cannot import from the future. Do that in a cell above"
        if reason:
            assert isinstance(node, ast.stmt)
            raise HpoError(
                f"The cell cannot be a function: line {node.lineno} is `{ast.unparse(node)}`. "
                f"{reason}, or freeze it as it is."
            )
    inside = {n for f in ast.walk(tree) if isinstance(f, ast.AsyncFunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) and node not in inside:
            raise HpoError(
                f"The cell cannot be a function: line {node.lineno} waits for a coroutine. Freeze "
                f"it as it is."
            )


class _ParameterReplacement(CallReplacement):
    """Replaces the `hp` calls in one text by parameters.

    Attributes
    ----------
    parameters
        The default of each parameter, as text.
    aliases
        The variables that are used in place of parameters whose name the cell assigns otherwise.
    """

    def __init__(self, matching: Matching, domains: Mapping[str, Choice], seed: int) -> None:
        super().__init__(matching, domains, seed)
        self.parameters: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self._order: list[str] = []
        self._names: dict[str, str] = {}  # of the parameters, by those of the search
        self._own = bound_names(matching.source.tree)
        self._given = self._statements_that_only_name()

    def text(self) -> str:
        """Return the text with parameters in the place of the calls."""
        text = super().text()
        dropped = [
            s for name, found in self._given.items() if name in self.parameters for s in found
        ]
        self.rewriting.remove(dropped)
        return text

    def body(self, metric: str | None) -> str:
        """Return the text of the function's body, once `text` has found the parameters."""
        statements = self.source.tree.body
        last = statements[-1] if statements else None
        text = self.rewriting.text
        is_value = isinstance(last, ast.Expr) and not is_chore(last.value)
        if isinstance(last, ast.Expr) and is_value and self.rewriting.is_there(last):
            self.rewriting.replace(last, f"return {self.rewriting.text_of(last)}")
            return text()
        is_there = metric in self.source.names_bound
        return f"{text()}\nreturn {metric}" if is_there else text()

    def in_order(self) -> list[tuple[str, str]]:
        """Return the parameters and their defaults, in the order of the text."""
        others = [name for name in self.parameters if name not in self._order]
        return [(name, self.parameters[name]) for name in [*self._order, *others]]

    def _put(self, call: ast.Call, text: str) -> None:
        super()._put(call, text)
        new = [name for name in self.parameters if name not in self._order]
        self._order = [*new, *self._order]  # calls are replaced from the end of the text on

    def one(self, name: str, text: str) -> str:
        """Return the parameter for a value, which is `text` by default."""
        names = {n.id for n in ast.walk(ast.parse(f"({text}\n)")) if isinstance(n, ast.Name)}
        if names & self._own or "\n" in text:
            return text
        parameter = self._parameter(name)
        if self.parameters.setdefault(parameter, text) != text:
            return text
        return self.aliases.get(parameter, parameter)

    def several(self, name: str, texts: Sequence[str]) -> str:
        """Return the parameter for the values of several passes."""
        whole = super().several(name, texts)
        return self.one(name, f"({whole[1:-1]})") if len(texts) > 1 else whole

    def _parameter(self, name: str) -> str:
        """Return the parameter's name: `units_0` for "units[0]"."""
        if name not in self._names:
            made = re.sub(r"\W+", "_", name).strip("_") or "value"
            made = f"_{made}" if made[0].isdigit() or keyword.iskeyword(made) else made
            while made in self._names.values():
                made += "_"
            self._names[name] = made
            if made in self._own and made not in self._given:
                self.aliases[made] = self.new_variable(made)
        return self._names[name]

    def _statements_that_only_name(self) -> dict[str, list[ast.stmt]]:
        """Return the statements such as `lr = hp.Float(...)` by their variable.

        They can be left out where the parameter has the same name and nothing else assigns it.
        """
        found: dict[str, list[ast.stmt]] = {}
        for call, _ in self.matching.calls:
            hp_call = self.matching.hp_call_of(call)
            statement = self.source.parents[call]
            target = _only_target(statement)
            is_single = hp_call.given is not None or not hp_call.loops
            if target is None or not is_single or self.matching.name_of(hp_call) != target:
                continue
            assert isinstance(statement, ast.stmt)
            if self._is_of_the_cell(hp_call):
                found.setdefault(target, []).append(statement)
        nodes = [node for node in ast.walk(self.source.tree) if isinstance(node, ast.Name)]
        return {
            name: statements
            for name, statements in found.items()
            if self._n_bound(name) == len(statements) and _begins_with(nodes, name, statements)
        }

    def _is_of_the_cell(self, hp_call: HpCall) -> bool:
        """Return whether a call stands in no function or class of the cell."""
        node: ast.AST = hp_call.call
        while (node := self.source.parents.get(node, self.source.tree)) is not self.source.tree:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                return False
        return True

    def _n_bound(self, name: str) -> int:
        """Return how often the cell binds a name."""
        return sum(name in set(bound_by(node)) for node in ast.walk(self.source.tree))


def _only_target(statement: ast.AST) -> str | None:
    """Return the one variable that a statement gives a call to."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call()):
            return name
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call()):
            return name
    return None


def _begins_with(nodes: Sequence[ast.Name], name: str, statements: Sequence[ast.stmt]) -> bool:
    """Return whether a name stands in one of `statements` before it stands anywhere else."""
    first = min((n.lineno, n.col_offset) for n in nodes if n.id == name)
    return first in {(s.lineno, s.col_offset) for s in statements}


def _head(name: str, parameters: Sequence[str]) -> str:
    """Return the first line of the function, broken where it is long."""
    line = f"def {name}({', '.join(parameters)}):"
    if len(line) <= LINE:
        return line
    return "\n".join([f"def {name}(", *(f"    {each}," for each in parameters), "):"])


def _indented(body: str) -> str:
    """Return the body of a function, indented; what is inside of texts stays as it is."""
    body = body.strip("\n")
    tree = ast.parse(body)
    inside = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
        for line in range(node.lineno + 1, (node.end_lineno or 0) + 1)
    }
    lines = body.split("\n") if body else []
    shifted = [
        f"    {line}" if line.strip() and n not in inside else line
        for n, line in enumerate(lines, start=1)
    ]
    if not tree.body:
        shifted.append("    pass")
    return "\n".join(shifted)
