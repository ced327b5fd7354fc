"""A cell of the notebook as an objective: each trial runs it in a copy of the namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from hpo_magic.errors import NotPortable
from hpo_magic.executors.setting import Setting
from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.notebook.cell import Cell, figures_closed, folder_kept
from hpo_magic.notebook.shell_state import settings_of_shell
from hpo_magic.notebook.travelling import TravellingCell, unpacked_cell
from hpo_magic.notebook.trial_namespace import (
    TrialNamespace,
    globals_kept,
    magics_in,
    main_module,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class CellObjective:
    """A cell as an objective.

    Parameters
    ----------
    cell
        The compiled cell.
    shell
        The notebook's. Each run gets a copy of its namespace, so the user's names do not change.
    stand_in
        Replaces variables of the cell in the namespace that it gets, before the last expression.
    is_alone
        Whether the cell runs with an empty namespace, as a script does.
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
        user_ns = self._shell.user_ns
        outside = {"__name__": "__main__"} if self._is_alone else user_ns
        namespace = TrialNamespace(outside, self.cell.text.names.certain)
        has_magics = "get_ipython" in self.cell.text.names_read
        with ExitStack() as kept:
            kept.enter_context(kept_apart(self._shell))
            kept.enter_context(globals_kept(user_ns, namespace))
            kept.enter_context(main_module(namespace.variables))
            if has_magics:
                kept.enter_context(magics_in(self._shell, namespace.variables))
            last = self.cell.run(namespace.variables, lambda: self._stand_in(namespace.variables))
        return self.cell.result(last, namespace)

    def carried(self) -> dict[str, Any]:
        """Return the notebook's variables that the cell reads, by name.

        Raises
        ------
        NotPortable
            If it has a magic or a `!` command.
        """
        names = self.cell.text.names_read
        if "get_ipython" in names:
            raise NotPortable(
                "the cell has a line of IPython's (a % magic or a ! command), which workers do not "
                "have. Take it out of the cell, or run without --jobs, --isolate and --on."
            )
        return {name: self._shell.user_ns[name] for name in names if name in self._shell.user_ns}

    def surroundings(self) -> Iterable[Any]:
        """Return the values of the notebook, which the cell can read."""
        return tuple(self._shell.user_ns.values())

    def codes(self) -> Iterable[Any]:
        """Return the compiled parts of the cell."""
        return self.cell.body, self.cell.last

    def strings(self) -> Iterable[str]:
        """Return the texts and paths of the notebook that the cell reads."""
        read = (self._shell.user_ns.get(name) for name in self.cell.text.names_read)
        yield from (str(value) for value in read if isinstance(value, str | PurePath))

    def switched(self) -> tuple[Setting, ...]:
        """Return what of the notebook a waiting training takes with it."""
        return settings_of_shell(self._shell)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the cell with the variables that it reads; a worker has no notebook."""
        return unpacked_cell, (TravellingCell.fields_of(self.cell, self.carried(), self._stand_in),)

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the cell that failed, and the frames from the cell on as text."""
        return self.cell.where(error)


@contextmanager
def kept_apart(shell: InteractiveShell) -> Iterator[None]:
    """Discard what code displays and draws, and keep its exit and its folder from the kernel."""
    with nothing_displayed(shell), exit_refused(shell), figures_closed(), folder_kept():
        yield


@contextmanager
def nothing_displayed(shell: InteractiveShell) -> Iterator[None]:
    """Discard what the cell displays; fifty trials would fill the notebook."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    class Captured(CapturingDisplayPublisher):  # type: ignore[misc]  # IPython has no types
        """Stands where ipykernel's own publisher was, also for the clicks that come meanwhile."""

        def set_parent(self, parent: object) -> None:
            """Do nothing: no message is sent."""

    before = shell.display_pub
    shell.display_pub = Captured()
    try:
        yield
    finally:
        shell.display_pub = before


@contextmanager
def exit_refused(shell: InteractiveShell) -> Iterator[None]:
    """Have `quit()` and `exit()` end the trial, as `sys.exit()` does, and not the kernel."""

    def leave() -> None:
        raise SystemExit

    before = vars(shell).get("ask_exit")
    shell.ask_exit = leave
    try:
        yield
    finally:
        if before is None:
            del shell.ask_exit
        else:
            shell.ask_exit = before
