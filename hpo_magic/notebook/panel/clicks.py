"""How clicks reach Python while a cell runs.

A kernel handles messages one after the other, so a click waits for the end of the cell. There are
three ways around, one for each generation of ipykernel, and all of them use private names:
everything here is tried before it is relied on, and where nothing works `is_live` is False.

own subshell
    ipykernel >= 7.4 sends a widget's messages to the (sub)shell that last published on its comm:
    the busy one. An instance attribute, `_reply_subshell_for`, overrides that choice.
the frontend's subshell
    ipykernel 7.0 to 7.3 leave the choice to the frontend; JupyterLab >= 4.4 makes a subshell.
pump
    ipykernel 6 queues the messages where the running cell can take them out: `notebook.pump`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from hpo_magic.notebook.panel.pump import Pump
from hpo_magic.notebook.panel.reloads import Reloads

# JupyterLab makes its subshell when it shows the first widget; measured well below a second.
FRONTEND_S = 1.5
MAKING_S = 5.0
KEPT_AS = "_hpo_magic_subshell"  # on the kernel: one subshell, as long as the kernel lives


class Clicks:
    """Delivers the clicks of the panel's widgets during a cell, as far as the kernel can.

    Parameters
    ----------
    kernel
        The running ipykernel; None outside of one.
    """

    def __init__(self, kernel: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._kernel = kernel
        self._clock = clock
        self._shown_at = clock()
        self._subshell: str | None = None
        self._pump = Pump.of(kernel)
        self._is_routed = False
        self._reloads: Reloads | None = None

    def connect(self, widgets: Iterable[Any]) -> None:
        """Have the messages of these widgets handled while the cell runs."""
        for widget in widgets:
            comm = getattr(widget, "comm", None)
            if comm is None:
                continue
            _handle_quietly(comm)
            if hasattr(comm, "_reply_subshell_for"):
                self._route_to_our_subshell(comm)
            if self._pump is not None:
                self._pump.comm_ids.add(comm.comm_id)

    def _route_to_our_subshell(self, comm: Any) -> None:
        # Not made earlier: in the other modes a subshell that is there is the frontend's.
        self._subshell = self._subshell or _own_subshell(self._kernel)
        if self._subshell is not None:
            comm._reply_subshell_for = lambda message, default: self._subshell
            self._is_routed = True

    def open(self) -> None:
        """Answer pages that are reloaded meanwhile, where a subshell of ours can; then `close`."""
        if self._subshell is not None:
            self._reloads = Reloads(self._kernel, self._subshell)
            self._reloads.begin()

    def close(self) -> None:
        """Leave the kernel's messages alone; clicks are delivered as before."""
        if self._reloads is not None:
            self._reloads.end()

    @property
    def is_live(self) -> bool:
        """Whether clicks are delivered; for 1.5 s also True where that is not known yet."""
        if self._is_routed or self._pump is not None:
            return True
        manager = _subshells(self._kernel)
        if manager is None:
            return False
        return bool(manager.list_subshell()) or self._clock() - self._shown_at < FRONTEND_S

    def take(self) -> None:
        """Handle the clicks that wait, where they have to be fetched."""
        if self._pump is not None and not self._is_routed:
            self._pump.take()


def way_of_clicks(kernel: Any) -> str:
    """Return in words how clicks reach a running cell in this kernel, for a bug report."""
    if Pump.of(kernel) is not None:
        return "pump (ipykernel 6)"
    manager = _subshells(kernel)
    if manager is None:
        return "none: they wait for the end of the cell"
    is_ours = getattr(kernel, KEPT_AS, None) is not None
    return f"subshells: {len(manager.list_subshell())} open, {'one' if is_ours else 'none'} of ours"


def _handle_quietly(comm: Any) -> None:
    """Handle the comm's messages without IPython's `pre_execute` and `post_execute` events.

    These let the inline backend show, and close, the figures that the running cell has open: one
    click and the user's figure is gone (ipykernel issue 1564).
    """
    if hasattr(comm, "_msg_callback") and hasattr(comm, "handle_msg"):
        comm.handle_msg = lambda message: comm._msg_callback and comm._msg_callback(message)


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
