"""A page that is reloaded while a cell runs gets its widgets back.

JupyterLab 4.6 asks a kernel that it meets anew who it is, and then for the state of all widgets.
These messages wait for the end of the cell, and so does the page: it shows "Loading widget...". A
subshell can answer them at once, so they are sent there, and no others.

Everything used here is private to ipykernel 7.4. What goes wrong leaves the message on its way.
"""

from __future__ import annotations

from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.notebook.panel.pump import CONTENT, HEADER

ASKED = {"kernel_info_request", "comm_info_request"}
WIDGETS = "jupyter.widget.control"  # the comm by which a page asks for all widgets (ipywidgets 8)


class Reloads:
    """Sends what a reloaded page asks to a subshell, from `begin` to `end`.

    Parameters
    ----------
    kernel
        A running ipykernel.
    subshell
        The id of a subshell of it.
    """

    def __init__(self, kernel: Any, subshell: str) -> None:
        self._kernel, self._subshell = kernel, subshell
        self._asking: set[str] = set()  # comms by which a page asks for widgets

    def begin(self) -> None:
        """Look at the messages that come; in a kernel without these names nothing happens."""
        self._listen(self._route)

    def end(self) -> None:
        """Leave the messages alone again."""
        self._listen(getattr(self._kernel, "shell_channel_thread_main", None))

    def _listen(self, receive: Any) -> None:
        thread = getattr(self._kernel, "shell_channel_thread", None)
        stream = getattr(self._kernel, "shell_stream", None)
        if receive is not None and thread is not None and stream is not None:
            # The stream belongs to the thread of the shell channel.
            thread.io_loop.add_callback(lambda: stream.on_recv(receive, copy=False))

    async def _route(self, message: Any) -> None:
        moved = None
        # The user's own messages must come through, whatever they are.
        with suppressed("a message of the frontend could not be read"):
            moved = self._moved(message)
        if moved is None:
            await self._kernel.shell_channel_thread_main(message)
            return
        manager = self._kernel.shell_channel_thread.manager
        manager.get_shell_channel_to_subshell_socket(self._subshell).send_multipart(moved)

    def _moved(self, message: Any) -> list[bytes] | None:
        """Return the message as one for our subshell; None if it is not to be moved."""
        session = self._kernel.session
        identities, frames = session.feed_identities(message, copy=False)
        header = session.unpack(frames[HEADER].bytes)
        if header.get("subshell_id") is not None or not self._is_asked(header["msg_type"], frames):
            return None
        whole = session.deserialize(frames, content=True, copy=False)  # checks the signature
        whole["header"]["subshell_id"] = self._subshell  # checked on the other side
        signed: list[bytes] = session.serialize(whole, identities)
        return signed

    def _is_asked(self, kind: str, frames: Any) -> bool:
        if kind not in ("comm_open", "comm_msg"):
            return kind in ASKED
        content = self._kernel.session.unpack(frames[CONTENT].bytes)
        if content.get("target_name") == WIDGETS:
            self._asking.add(content["comm_id"])
        return content["comm_id"] in self._asking
