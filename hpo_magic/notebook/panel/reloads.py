"""Answering a page in ipykernel 7 while a cell runs: by a subshell of ours.

The messages that are ours to answer are sent to the subshell, and no others. So it does not matter
whether the page knows of subshells.

Everything used here is private to ipykernel 7. What goes wrong leaves the message on its way.
"""

from __future__ import annotations

from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.notebook.panel.answered import (
    CONTENT,
    HEADER,
    WIDGETS,
    Answered,
    handle_quietly,
)


class Reloads:
    """Sends the messages that `answered` has to a subshell, from `begin` to `end`.

    Parameters
    ----------
    kernel
        A running ipykernel.
    subshell
        The id of a subshell of it.
    answered
        The messages that are sent there.
    """

    def __init__(self, kernel: Any, subshell: str, answered: Answered) -> None:
        self._kernel, self._subshell = kernel, subshell
        self._answered = answered
        self._opened: Any = None  # what ipywidgets does with the comm that asks for all widgets

    @staticmethod
    def can(kernel: Any) -> bool:
        """Return whether the kernel has the names that this needs."""
        manager = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
        names = ("shell_stream", "session", "shell_channel_thread_main")
        return hasattr(manager, "get_shell_channel_to_subshell_socket") and all(
            getattr(kernel, name, None) is not None for name in names
        )

    def begin(self) -> None:
        """Look at the messages that come; in a kernel without these names nothing happens."""
        if self.can(self._kernel):
            self._listen(self._route)
            self._answer_quietly()

    def end(self) -> None:
        """Leave the messages alone again."""
        if self.can(self._kernel):
            self._listen(self._kernel.shell_channel_thread_main)
        if self._opened is not None:
            self._kernel.comm_manager.targets[WIDGETS] = self._opened

    def _listen(self, receive: Any) -> None:
        stream = self._kernel.shell_stream
        # The stream belongs to the thread of the shell channel.
        self._kernel.shell_channel_thread.io_loop.add_callback(
            lambda: stream.on_recv(receive, copy=False)
        )

    def _answer_quietly(self) -> None:
        """Have the question for all widgets leave the figures of the running cell alone."""
        targets = getattr(getattr(self._kernel, "comm_manager", None), "targets", {})
        opened = targets.get(WIDGETS)
        if opened is None:
            return

        def quietly(comm: Any, message: Any) -> None:
            handle_quietly(comm)
            opened(comm, message)

        self._opened = opened
        targets[WIDGETS] = quietly

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
        if header.get("subshell_id") is not None or not self._answered.has(
            header["msg_type"], lambda: session.unpack(frames[CONTENT].bytes)
        ):
            return None
        whole = session.deserialize(frames, content=True, copy=False)  # checks the signature
        whole["header"]["subshell_id"] = self._subshell  # checked on the other side
        signed: list[bytes] = session.serialize(whole, identities)
        # `serialize` leaves the binary parts out.
        return [*signed, *(bytes(part) for part in whole["buffers"])]
