"""A cell as an objective: it is compiled once, and each run gets a copy of the namespace.

Line numbers count `%%hpo` as line 1, as the notebook shows them. How the pieces of IPython are used
was measured on IPython 7.34, 8 and 9.
"""

from __future__ import annotations

import ast
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import leading_indent

from hpo_magic import frameworks
from hpo_magic.core.given_values import NOTHING, is_history, number, with_names
from hpo_magic.core.log import suppressed
from hpo_magic.dialects.old_spellings import todays_spelling
from hpo_magic.errors import HpoError, MetricError
from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.notebook.shell_text import keep_text, running_file
from hpo_magic.notebook.trial_namespace import TrialNamespace
from hpo_magic.source.cell_text import CellText
from hpo_magic.source.ipython_text import without_timing
from hpo_magic.source.last_expression import is_chore, words_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# How many frames of a long traceback are shown at each end.
FRAMES_SHOWN = 10
# The folder of the hooks, whose frames are neither the user's nor a library's.
HOOKS = str(Path(frameworks.__file__).parent)
PACKAGE = str(Path(frameworks.__file__).parent.parent)


class CellError(HpoError):
    """A syntax error in the cell, or in code that it executes; shown as IPython shows it.

    `entry` is the traceback from the cell's own frame on; None if the cell did not run.
    """

    def __init__(
        self, shell: InteractiveShell, error: SyntaxError, entry: TracebackType | None = None
    ) -> None:
        super().__init__(str(error))
        self._shell = shell
        self._error = error
        self._entry = entry

    def _render_traceback_(self) -> list[str]:
        lines: list[str] = self._shell.SyntaxTB.structured_traceback(
            type(self._error), self._error, traceback.extract_tb(self._entry)
        )
        return lines


@dataclass(frozen=True)
class Cell:
    """The body of a cell, ready to run.

    `tree` has the notebook's line numbers. `body` is everything but a last expression, which is
    `last`: what the cell would show.
    """

    source: str
    filename: str
    tree: ast.Module
    body: CodeType
    last: CodeType | None
    flags: int = 0  # of `compile`: the notebook's `from __future__ import …`

    @staticmethod
    def compile(
        shell: InteractiveShell,
        line: str,
        source: str,
        magic: str = "hpo",
        filename: str | None = None,
    ) -> Cell:
        """Compile the body of the cell that is running now.

        Parameters
        ----------
        shell
            The one that runs it; its input transforms apply, so `!ls` and `%time` work in the body.
        line
            The magic's own line, without its name.
        source
            The lines below it.
        magic
            Its name, for the traceback.
        filename
            Under which the code goes in tracebacks; that of the running cell unless said otherwise.

        Raises
        ------
        CellError
            If it is not valid Python.
        HpoError
            If it begins with another cell magic.
        """
        _refuse_cell_magic(source, magic)
        source = without_indent(source)
        whole = f"%%{magic} {line}\n{source}"
        filename = filename or running_file(shell, whole)
        keep_text(filename, whole)
        tree = _parsed(shell, source, filename)
        tree = shell.transform_ast(tree)
        flags = shell.compile.flags & ~ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        try:
            return compiled(source, filename, tree, flags)
        except SyntaxError as error:
            if _awaits_at_the_top(source, shell):
                raise HpoError(
                    f"line {error.lineno} of the cell awaits outside a function, which a trial "
                    f"cannot do: the notebook's event loop is busy with the search. Put the code "
                    f"into `async def main():` and run it in a thread of its own: "
                    f"concurrent.futures.ThreadPoolExecutor().submit(asyncio.run, main()).result()"
                ) from None
            raise CellError(shell, error) from None

    @cached_property
    def text(self) -> CellText:
        """The facts about the cell's text."""
        return CellText(self.source, self.tree)

    def run(self, namespace: dict[str, Any], before_last: Callable[[], None] = lambda: None) -> Any:
        """Run the cell in `namespace`; return its last expression, or `NOTHING`.

        `before_last` is called before the last expression.
        """
        exec(self.body, namespace)  # noqa: S102  (running the user's cell is what this is for)
        before_last()
        return NOTHING if self.last is None else eval(self.last, namespace)  # noqa: S307

    def result(self, last: Any, namespace: TrialNamespace) -> ObjectiveResult:
        """Return the run's result, without variables that the run only found in the notebook.

        Raises
        ------
        MetricError
            If the cell ends in a variable of the notebook that it did not set.
        """
        match self.tree.body[-1:]:
            case [ast.Expr(ast.Name(name))]:
                is_own = name in namespace.set_by_trial()
            case _:
                name, is_own = "", not isinstance(last, Mapping) or namespace.is_result(last)
        is_score = number(last) is not None or is_history(last)
        is_score |= isinstance(with_names(last), Mapping)
        if not is_own and is_score:
            what = f"`{name}`" if name else "a dict"
            raise MetricError(
                f"The cell ends in {what}, a variable of the notebook, and the cell does not set "
                f"it: it would be the same in every trial. End the cell in the score of this trial."
            )
        words = words_of(self.tree.body[-1]) if self.tree.body else frozenset()
        return ObjectiveResult(last, namespace.set_by_trial(), namespace.not_set(), words)

    def frames_of(self, error: BaseException) -> TracebackType | None:
        """Return the traceback from the cell's own frame on; None if it never got there.

        Without the hooks that a call of a training library passes through, and without the one
        that makes the call where its arguments are wrong.
        """
        entry = error.__traceback__
        while entry is not None and entry.tb_frame.f_code.co_filename != self.filename:
            entry = entry.tb_next
        entries = _entries(entry)
        last = None if isinstance(error, TypeError) and "argument" in str(error) else entries[-1:]
        return _linked(one for one in entries if [one] == last or not _is_hook(one))

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the cell that failed, and the frames from the cell on as text."""
        entry = self.frames_of(error)
        lines = traceback.format_exception(type(error), error, entry, limit=-12)
        return (entry.tb_lineno if entry else None), "".join(lines)


def compiled(source: str, filename: str, tree: ast.Module, flags: int = 0) -> Cell:
    """Return a cell whose text was read before; `flags` are those of `compile`.

    Raises
    ------
    SyntaxError
        If the tree is no program: a `return` outside a function.
    """
    statements, last = _split_last(tree)
    body = compile(statements, filename, "exec", flags=flags, dont_inherit=True)
    code: CodeType | None = None
    if last is not None:
        code = compile(last, filename, "eval", flags=flags, dont_inherit=True)
    return Cell(source, filename, tree, body, code, flags)


def from_cell(shell: InteractiveShell, cell: Cell, error: BaseException) -> BaseException:
    """Return the exception to raise so that IPython shows the user's frames and none of ours."""
    entry = cell.frames_of(error) or _frames_of_others(error)
    if entry is None:
        return error
    if isinstance(error, SystemExit):  # IPython would say that the program was to end
        if any(one.tb_frame.f_globals.get("__name__") == "argparse" for one in _entries(entry)):
            return HpoError(
                f"line {entry.tb_lineno} of the cell reads the arguments of a program, and a "
                f"notebook has none: argparse leaves the program. Write parse_args([])."
            )
        return HpoError(
            f"line {entry.tb_lineno} of the cell leaves the program (SystemExit). Take that out."
        )
    if isinstance(error, SyntaxError):  # of `exec` or an import: IPython asks it for no traceback
        return CellError(shell, error, entry)
    short = _without_middle(entry)

    def render() -> list[str]:
        shown: list[str] = shell.InteractiveTB.structured_traceback(
            type(error), error, short, tb_offset=0
        )
        return [*shown, *filter(None, [todays_spelling(error)])]

    error._render_traceback_ = render  # type: ignore[attr-defined]
    return error


def _frames_of_others(error: BaseException) -> TracebackType | None:
    """Return the frames that are not ours of an error that a library raised outside of the cell.

    None where the innermost frame is ours: then all are shown.
    """
    entries = _entries(error.__traceback__)
    if not entries or _is_ours(entries[-1]):
        return None
    return _linked(one for one in entries if not _is_ours(one))


def _is_ours(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith(PACKAGE)


def _without_middle(entry: TracebackType) -> TracebackType | None:
    """Return a long traceback without its middle.

    IPython takes 40 ms for each frame: an endless recursion took a minute.
    """
    entries = _entries(entry)
    if len(entries) > 2 * FRAMES_SHOWN:
        entries[FRAMES_SHOWN:-FRAMES_SHOWN] = []
    return _linked(entries)


def _entries(entry: TracebackType | None) -> list[TracebackType]:
    entries = []
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    return entries


def _linked(entries: Iterable[TracebackType]) -> TracebackType | None:
    """Return a traceback of these entries; None of none."""
    linked = None
    for one in reversed(list(entries)):
        linked = TracebackType(linked, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return linked


def _is_hook(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith(HOOKS)


def _awaits_at_the_top(source: str, shell: InteractiveShell) -> bool:
    """Return whether the text is Python with an `await` outside a function."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        compile(shell.transform_cell(source), "<cell>", "exec", flags=flags, dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _refuse_cell_magic(source: str, magic: str) -> None:
    """Raise an error if the body begins with a cell magic: it would take the `hp` calls as text."""
    first = next((text for text in source.splitlines() if text.strip()), "")
    if first.startswith("%%"):
        other = first.split()[0]
        raise HpoError(
            f"{other} cannot stand inside a %%{magic} cell. Put it on the line above %%{magic}, or "
            f"leave it out."
        )


def without_indent(source: str) -> str:
    """Return a body without the indentation of its first line, as IPython runs it.

    `hp` calls are found in the text by their columns, so these must be those of the compiled code.
    """
    lines = source.splitlines(keepends=True)
    n_blank = next((i for i, text in enumerate(lines) if text.strip()), 0)
    return "".join([*lines[:n_blank], *leading_indent(lines[n_blank:])])


def _parsed(shell: InteractiveShell, source: str, filename: str) -> ast.Module:
    """Return the tree with the notebook's line numbers.

    IPython's transform drops leading blank lines, so they are counted and put back.
    """
    n_blank = next((i for i, text in enumerate(source.splitlines()) if text.strip()), 0)
    try:
        transformed = shell.transform_cell(without_timing(source))
        tree: ast.Module = ast.parse("\n" * (1 + n_blank) + transformed, filename)
    except SyntaxError as error:
        raise CellError(shell, error) from None
    return tree


def _split_last(tree: ast.Module) -> tuple[ast.Module, ast.Expression | None]:
    """Return the statements and, if the last one is an expression that may be a score, that one."""
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not is_chore(tree.body[-1].value):
        last = ast.Expression(tree.body[-1].value)
        return ast.Module(tree.body[:-1], tree.type_ignores), last
    return tree, None


@contextmanager
def figures_closed() -> Iterator[None]:
    """Close the pyplot figures that the cell opened; else the notebook would show them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    before = set(pyplot.get_fignums()) if pyplot else set()
    try:
        yield
    finally:
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot:
            for number in set(pyplot.get_fignums()) - before:
                pyplot.close(number)


@contextmanager
def folder_kept() -> Iterator[None]:
    """Restore the working folder at the end, so that the next run finds the same files."""
    try:
        before = Path.cwd()
    except FileNotFoundError:  # somebody deleted it
        yield
        return
    try:
        yield
    finally:
        with suppressed("the folder before the cell is gone", OSError):
            os.chdir(before)
