"""A cell as an objective: compiled once, run in a copy of the namespace, told by its own lines.

Line numbers count `%%hpo` as line 1, as the notebook shows them. How the pieces of IPython are used
was measured on IPython 7.34, 8 and 9.
"""

from __future__ import annotations

import ast
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import leading_indent

from hpo_magic.core.metrics import NOTHING
from hpo_magic.errors import HpoError, NotPortable
from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.notebook.cell_text import keep_text, running_file

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# Of a traceback as it is shown, at either end.
FRAMES_SHOWN = 10


class CellError(HpoError):
    """The cell is, or executes, what is not Python; shown as IPython would show it.

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
            raise CellError(shell, error) from None

    def run(self, namespace: dict[str, Any], before_last: Callable[[], None] = lambda: None) -> Any:
        """Run the cell in `namespace`; return its last expression, or `NOTHING`.

        `before_last` is called before the last expression.
        """
        exec(self.body, namespace)  # noqa: S102  (running the user's cell is what this is for)
        before_last()
        return NOTHING if self.last is None else eval(self.last, namespace)  # noqa: S307

    def frames_of(self, error: BaseException) -> TracebackType | None:
        """Return the traceback from the cell's own frame on; None if it never got there."""
        entry = error.__traceback__
        while entry is not None and entry.tb_frame.f_code.co_filename != self.filename:
            entry = entry.tb_next
        return entry

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


class CellObjective:
    """A cell as something to train again and again.

    Parameters
    ----------
    cell
        What to run.
    shell
        Whose namespace it reads. Each run gets a copy: the user's names stay as they were.
    stand_in
        Puts something in the place of names that the cell defines, before its last expression.
    is_alone
        It has nothing of the namespace, as a script.
    """

    def __init__(
        self,
        cell: Cell,
        shell: InteractiveShell,
        stand_in: Callable[[dict[str, Any]], None] = lambda namespace: None,
        *,
        is_alone: bool = False,
    ) -> None:
        self.cell = cell
        self.filename: str | None = cell.filename
        self._shell = shell
        self._stand_in = stand_in
        self._is_alone = is_alone

    def train(self) -> ObjectiveResult:
        """Run the cell once, in a copy of the namespace."""
        namespace = {"__name__": "__main__"} if self._is_alone else dict(self._shell.user_ns)
        with _nothing_displayed(self._shell), figures_closed(), folder_kept():
            last = self.cell.run(namespace, lambda: self._stand_in(namespace))
        return ObjectiveResult(last, namespace)

    def carried(self) -> dict[str, Any]:
        """Return the notebook's variables that the cell reads, by name.

        Raises
        ------
        NotPortable
            If it uses what only a notebook has.
        """
        names = names_read(self.cell.tree)
        if "get_ipython" in names:
            raise NotPortable(
                "the cell has a line of IPython's (a % magic or a ! command), which workers do not "
                "have. Take it out of the cell, or run without --jobs, --isolate and --on."
            )
        return {name: self._shell.user_ns[name] for name in names if name in self._shell.user_ns}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the cell with what it reads; on a worker there is no notebook."""
        from hpo_magic.notebook.travelling import TravellingCell, unpacked_cell

        return unpacked_cell, (TravellingCell.fields_of(self.cell, self.carried(), self._stand_in),)

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the cell that failed, and the frames from the cell on as text."""
        return self.cell.where(error)


def from_cell(shell: InteractiveShell, cell: Cell, error: BaseException) -> BaseException:
    """Return what to raise, so that IPython shows the user's frames of `error` and none of ours."""
    entry = cell.frames_of(error)
    if entry is None:
        return error
    if isinstance(error, SystemExit):  # IPython would say that the program was to end
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
        return shown

    error._render_traceback_ = render  # type: ignore[attr-defined]
    return error


def _without_middle(entry: TracebackType) -> TracebackType | None:
    """Return a traceback without its middle, if it is long.

    IPython takes 20 ms for each frame, twice: that of a recursion without end took a minute.
    """
    entries = [entry]
    while entries[-1].tb_next is not None:
        entries.append(entries[-1].tb_next)
    if len(entries) > 2 * FRAMES_SHOWN:
        entries[FRAMES_SHOWN:-FRAMES_SHOWN] = []
    short = None
    for one in reversed(entries):
        short = TracebackType(short, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return short


def names_read(tree: ast.AST) -> set[str]:
    """Return the names that the code may read from outside: those that it loads somewhere."""
    nodes = list(ast.walk(tree))
    # `x *= 2` reads x too, and may change it in place.
    targets = [node.target for node in nodes if isinstance(node, ast.AugAssign)]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Load) or name in targets}


def modules_imported(tree: ast.AST) -> set[str]:
    """Return the top-level names of the modules that the code imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _refuse_cell_magic(source: str, magic: str) -> None:
    """Say so where the body begins with a cell magic: the `hp` calls below would be its text."""
    first = next((text for text in source.splitlines() if text.strip()), "")
    if first.startswith("%%"):
        other = first.split()[0]
        raise HpoError(
            f"{other} cannot stand inside a %%{magic} cell. Put it on the line above %%{magic}, or "
            f"leave it out."
        )


def without_indent(source: str) -> str:
    """Return a body that is indented as a whole without that, as IPython runs it.

    Calls are found in the text by their columns.
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
        transformed = shell.transform_cell(source)
        tree: ast.Module = ast.parse("\n" * (1 + n_blank) + transformed, filename)
    except SyntaxError as error:
        raise CellError(shell, error) from None
    return tree


def _split_last(tree: ast.Module) -> tuple[ast.Module, ast.Expression | None]:
    """Return the statements, and a last expression apart from them."""
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body[-1].value)
        return ast.Module(tree.body[:-1], tree.type_ignores), last
    return tree, None


@contextmanager
def _nothing_displayed(shell: InteractiveShell) -> Iterator[None]:
    """Keep `display(…)` of the cell out of the notebook; fifty trials would flood it."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    class Captured(CapturingDisplayPublisher):  # type: ignore[misc]  # IPython has no types
        """Stands where ipykernel's own publisher was, also for the clicks that come meanwhile."""

        def set_parent(self, parent: object) -> None:
            """Take no note of which message is answered: nothing is sent."""

    before = shell.display_pub
    shell.display_pub = Captured()
    try:
        yield
    finally:
        shell.display_pub = before


@contextmanager
def figures_closed() -> Iterator[None]:
    """Close the pyplot figures that the cell opened: the notebook would show them all."""
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
    """Go back to the folder that the cell started in: its next run finds the same files."""
    try:
        before = Path.cwd()
    except FileNotFoundError:  # somebody deleted it
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(before)
