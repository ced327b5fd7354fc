"""How clicks reach Python while a cell runs, and how a page that is reloaded gets its widgets back.

A kernel handles messages one after the other, so a click waits for the end of the cell. There is a
way around for each generation of ipykernel, and all of them use private names: everything here is
tried before it is relied on, and where nothing works `is_live` is False.

own subshell
    ipykernel 7: the messages that are ours to answer are sent to a subshell of ours, see
    `reloads`. From 7.4 on a widget's messages go to the (sub)shell that last published on its
    comm: the busy one. An instance attribute, `_reply_subshell_for`, overrides that choice.
pump
    ipykernel 6: a thread reads the messages, see `pump`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from hpo_magic.notebook.panel.answered import Answered, handle_quietly
from hpo_magic.notebook.panel.pump import Pump
from hpo_magic.notebook.panel.reloads import Reloads

MAKING_S = 5.0
KEPT_AS = "_hpo_magic_subshell"  # on the kernel: one subshell, as long as the kernel lives


class Clicks:
    """Delivers the clicks of the panel's widgets during a cell, as far as the kernel can.

    Parameters
    ----------
    kernel
        The running ipykernel; None outside of one.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._answered = Answered()
        self._subshell: str | None = None
        self._pump = Pump.of(kernel, self._answered)
        self._reloads: Reloads | None = None

    def connect(self, widgets: Iterable[Any]) -> None:
        """Have the messages of these widgets handled while the cell runs."""
        for widget in widgets:
            comm = getattr(widget, "comm", None)
            if comm is None:
                continue
            handle_quietly(comm)
            self._answered.comm_ids.add(comm.comm_id)
            if hasattr(comm, "_reply_subshell_for") and self._has_subshell():
                comm._reply_subshell_for = lambda message, default: self._subshell

    def _has_subshell(self) -> bool:
        """Return whether there is a subshell of ours; it is made if it can be."""
        self._subshell = self._subshell or _own_subshell(self._kernel)
        return self._subshell is not None

    def open(self) -> None:
        """Answer clicks, and pages that are reloaded, until `close`."""
        if self._pump is not None:
            self._pump.begin()
        elif Reloads.can(self._kernel) and self._has_subshell():
            self._reloads = Reloads(self._kernel, str(self._subshell), self._answered)
            self._reloads.begin()

    def close(self) -> None:
        """Leave the kernel's messages alone; clicks are delivered as before."""
        if self._pump is not None:
            self._pump.end()
        if self._reloads is not None:
            self._reloads.end()

    @property
    def is_live(self) -> bool:
        """Whether clicks are delivered."""
        return self._subshell is not None or self._pump is not None


def way_of_clicks(kernel: Any) -> str:
    """Return in words how clicks reach a running cell in this kernel, for a bug report."""
    if Pump.of(kernel, Answered()) is not None:
        return "pump (ipykernel 6)"
    manager = _subshells(kernel)
    if manager is None:
        return "none: they wait for the end of the cell"
    is_ours = getattr(kernel, KEPT_AS, None) is not None
    return f"subshells: {len(manager.list_subshell())} open, {'one' if is_ours else 'none'} of ours"


def _subshells(kernel: Any) -> Any:
    """Return the kernel's manager of subshells; None where there is none."""
    if not getattr(kernel, "_supports_kernel_subshells", False):
        return None
    return getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)


def _own_subshell(kernel: Any) -> str | None:
    """Return the id of a subshell of ours, made on first use; None where there can be none."""
    manager = _subshells(kernel)
    if manager is None or not hasattr(manager, "_create_subshell"):
        return None
    kept: str | None = getattr(kernel, KEPT_AS, None)
    if kept is not None and kept in manager.list_subshell():
        return kept
    made: list[str] = []
    done = threading.Event()

    def make() -> None:
        try:
            made.append(manager._create_subshell())
        finally:
            done.set()

    # Subshells are made in the thread of the shell channel, nowhere else.
    kernel.shell_channel_thread.io_loop.add_callback(make)
    if not done.wait(MAKING_S) or not made:
        return None
    setattr(kernel, KEPT_AS, made[0])
    return made[0]
