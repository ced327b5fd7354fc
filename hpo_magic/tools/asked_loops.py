"""Write a loop of `ask` and `tell` as the call that searches; its body is a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NAME = "_asked_and_told"  # of the function that the body becomes
_AFTER = "_after_told_in_loop"  # of the function that the statements after `tell` become
ASKED = "_asked"  # the trial or point that the former gets
PASSES = "_passes_of_loop"  # the values of the loop's variable that are still to come

# How each tool's object searches: the object, the function, and the number of trials.
CALLS = {
    "optuna": "{study}.optimize({name}, n_trials={n})",
    "skopt": "{study}.run({name}, {n})",
}


@dataclass(frozen=True)
class Loop:
    """A loop of `ask` and `tell`.

    Attributes
    ----------
    node
        The loop.
    passes
        The text of the range that it is over.
    package
        The tool's.
    study, trial
        The expression of what is asked, and the variable that each trial or point is assigned to.
    told
        The variable that the result of `tell` is assigned to; "" for none.
    training, after
        The statements of one training, which return what is told, and those after `tell`.
    batch
        How many points each pass asks for, as text; "" if it asks for one.
    """

    node: ast.For
    passes: str
    package: str
    study: str
    trial: str
    told: str
    training: Sequence[ast.stmt]
    after: Sequence[ast.stmt] = ()
    batch: str = ""


def statements_of(loop: Loop) -> list[ast.stmt]:
    """Return the functions of one training and of what follows, and the call that searches.

    The latter is called with what `tell` returns, None of a trial that failed, and whether what
    follows `tell` runs: for a trial that ran now and was told a value.
    """
    node, number = loop.node, ast.unparse(loop.node.target)
    bound = {number, *_bound(node.body), PASSES}
    kept = "pass" if loop.batch else f"{loop.trial} = {ASKED}"
    after_it = f"{loop.trial} = _told" if loop.package == "optuna" else "pass"
    n = f"len({PASSES})" + (f" * ({loop.batch})" if loop.batch else "")
    call = CALLS[loop.package].format(study=loop.study, name=NAME, n=n)
    told = f"{loop.told} = " if loop.told and loop.package == "skopt" else ""
    head = ast.parse(
        f"{PASSES} = list({loop.passes})\n"
        f"def {NAME}({ASKED}):\n"
        f"    global {', '.join(sorted(bound))}\n"
        f"    {kept}\n"
        f"    if {PASSES}: {number} = {PASSES}[0]\n"
        f"def {_AFTER}(_told, _is_new):\n"
        f"    global {', '.join(sorted(bound))}\n"
        f"    del {PASSES}[:1]\n"
        f"    if _told is None: return\n"
        f"    {after_it}\n"
        f"    {f'{loop.told} = _told' if loop.told else 'pass'}\n"
        f"    if not _is_new: return\n"
        f"{NAME}.after_tell, {_AFTER}.reads = {_AFTER}, {bool(loop.after or loop.told)}\n"
        f"try:\n"
        f"    if {PASSES}: {told}{call}\n"
        f"finally:\n"
        f"    del {NAME}, {_AFTER}, {PASSES}"
    ).body
    for made in head:
        for part in ast.walk(made):
            if isinstance(part, ast.stmt | ast.expr | ast.arg):
                ast.copy_location(part, node)
                part.end_lineno, part.end_col_offset = node.lineno, node.col_offset
    training, after = head[1:3]
    assert isinstance(training, ast.FunctionDef)
    assert isinstance(after, ast.FunctionDef)
    training.body += loop.training
    after.body += loop.after
    for function in (training, after):
        function.end_lineno, function.end_col_offset = node.end_lineno, node.end_col_offset
    return head


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind in their own scope."""
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    others = (*scopes, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, scopes):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        if not isinstance(node, others):
            waiting += ast.iter_child_nodes(node)
