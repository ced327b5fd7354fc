"""Which messages of a page are answered while a cell runs: clicks, and what a reloaded page asks.

A page that meets a kernel anew asks it who it is, then for its comms, and then for the state of all
widgets. Until the answers come it shows "Loading widget...".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

HEADER, CONTENT = 1, 4  # places in a message of the Jupyter protocol, after the identities
ASKED = {"kernel_info_request", "comm_info_request"}
OF_COMMS = {"comm_open", "comm_msg"}
# The comm by which a page asks for all widgets. Where that fails, it asks each widget.
WIDGETS, ONE_WIDGET = "jupyter.widget.control", "request_state"


class Answered:
    """The messages that are answered; all others wait for the end of the cell.

    Attributes
    ----------
    comm_ids
        The comms of our widgets.
    """

    def __init__(self) -> None:
        self.comm_ids: set[str] = set()
        self._asking: set[str] = set()  # comms by which a page asks for widgets

    def has(self, kind: str, content: Callable[[], Mapping[str, Any]]) -> bool:
        """Return whether a message of this kind and content is answered."""
        if kind not in OF_COMMS:
            return kind in ASKED
        read = content()
        if read.get("target_name") == WIDGETS:
            self._asking.add(read["comm_id"])
        return read["comm_id"] in self._asking | self.comm_ids or _asks_for_state(read)


def _asks_for_state(content: Mapping[str, Any]) -> bool:
    """Return whether a widget, of the user's perhaps, is asked for its state and nothing else."""
    data = content.get("data")
    return isinstance(data, Mapping) and data.get("method") == ONE_WIDGET


def handle_quietly(comm: Any) -> None:
    """Handle the comm's messages without IPython's `pre_execute` and `post_execute` events.

    These let the inline backend show, and close, the figures that the running cell has open: one
    click and the user's figure is gone (ipykernel issue 1564).
    """
    if hasattr(comm, "_msg_callback") and hasattr(comm, "handle_msg"):
        comm.handle_msg = lambda message: comm._msg_callback and comm._msg_callback(message)
