"""Answering a page in ipykernel 6, where nobody else reads its messages while a cell runs.

A thread reads them from the socket of the shell channel, which the kernel's own thread leaves alone
during a cell. It answers those that are ours to answer, and gives all others back in their order
when the search ends. Everything used here is private to ipykernel 6, and gone in 7.
"""

from __future__ import annotations

import inspect
import threading
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.notebook.panel.answered import CONTENT, HEADER, Answered

POLL_MS = 50  # how late the end of a search may come; a message wakes the thread at once
NEEDED = (
    *("shell_stream", "msg_queue", "shell_handlers", "_publish_status", "session"),
    *("comm_manager", "schedule_dispatch", "dispatch_shell"),
)


class Pump:
    """Answers the messages that `answered` has, from `begin` to `end`.

    Parameters
    ----------
    kernel
        A running ipykernel 6; use `Pump.of` to find out.
    answered
        The messages that are answered.
    """

    def __init__(self, kernel: Any, answered: Answered) -> None:
        self._kernel = kernel
        self._answered = answered
        self._is_ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._others: list[Any] = []

    @classmethod
    def of(cls, kernel: Any, answered: Answered) -> Pump | None:
        """Return a pump if the kernel is one that needs it and has what it takes."""
        if getattr(kernel, "shell_channel_thread", None) is not None:
            return None
        if any(getattr(kernel, name, None) is None for name in NEEDED):
            return None
        return cls(kernel, answered)

    def begin(self) -> None:
        """Answer what waits already, and then what comes; called in the kernel's thread."""
        self._take_queued()
        # Code that polls for events in a cell would read the socket in a second thread.
        self._kernel.shell_stream.flush = lambda *args, **kwargs: None
        self._thread = threading.Thread(target=self._read, daemon=True, name="hpo_magic clicks")
        self._thread.start()

    def end(self) -> None:
        """Leave the messages alone again, and give back those that are not ours."""
        if self._thread is None:
            return
        self._is_ended.set()
        try:
            self._thread.join()
        finally:  # an interrupt must not lose what the user runs next
            self._thread.join()
            self._thread = None
            vars(self._kernel.shell_stream).pop("flush", None)
            for frames in self._others:
                self._kernel.schedule_dispatch(self._kernel.dispatch_shell, frames)
            self._kernel.shell_stream.flush()  # its event loop has missed what was read

    def _take_queued(self) -> None:
        """Answer the messages that the kernel has read but not begun."""
        queue = self._kernel.msg_queue
        items = [queue.get_nowait() for _ in range(queue.qsize())]
        for item in items:
            frames = item[-1][0] if item[-1] else None
            # Not a message, but something that ipykernel scheduled.
            if not isinstance(frames, list) or not self._is_answered(frames):
                queue.put_nowait(item)

    def _read(self) -> None:
        socket = self._kernel.shell_stream.socket
        while not self._is_ended.is_set():
            if socket.poll(POLL_MS):
                frames = socket.recv_multipart(copy=False)
                if not self._is_answered(frames):
                    self._others.append(frames)

    def _is_answered(self, frames: list[Any]) -> bool:
        """Answer the message if it is ours to answer; return whether it was."""
        message = None
        # The user's own messages must come through, whatever they are.
        with suppressed("a message of the frontend could not be read"):
            identities, message = self._ours(frames)
        if message is None:
            return False
        # The frontend sends no second message of a widget before the first one is "idle".
        self._kernel._publish_status("busy", "shell", message)
        with suppressed("a message of the frontend could not be answered"):
            self._answer(identities, message)
        self._kernel._publish_status("idle", "shell", message)
        return True

    def _ours(self, frames: list[Any]) -> tuple[Any, Any]:
        """Return the identities and the message; None for a message that is not ours."""
        session = self._kernel.session
        identities, parts = session.feed_identities(frames, copy=False)
        kind = session.unpack(parts[HEADER].bytes)["msg_type"]
        if not self._answered.has(kind, lambda: session.unpack(parts[CONTENT].bytes)):
            return identities, None
        return identities, session.deserialize(parts, content=True, copy=False)

    def _answer(self, identities: Any, message: Any) -> None:
        kind = message["header"]["msg_type"]
        if kind == "comm_msg":
            # Not by `comm.handle_msg`: see `handle_quietly`.
            comm = self._kernel.comm_manager.comms.get(message["content"]["comm_id"])
            if comm is not None and comm._msg_callback is not None:
                comm._msg_callback(message)
            return
        # The socket itself: what its stream sends waits for the end of the cell.
        socket = self._kernel.shell_stream.socket
        answer = self._kernel.shell_handlers[kind](socket, identities, message)
        if inspect.iscoroutine(answer):
            next(answer.__await__(), None)  # it waits for nothing, so it ends here
