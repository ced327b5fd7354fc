"""Fetching clicks out of the message queue of ipykernel 6, where nobody else does during a cell.

The messages of our widgets are taken out and handled; all others are put back in their order.
Everything used here is private to ipykernel 6, and gone in 7.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

# Looking costs about 0.1 ms; ten times a second is below what a hand notices.
GAP_S = 0.1
HEADER, CONTENT = 1, 4  # places in a message of the Jupyter protocol, after the identities


class Pump:
    """Handles the messages of the given comms when asked to.

    Parameters
    ----------
    kernel
        A running ipykernel 6; use `Pump.of` to find out.
    """

    def __init__(self, kernel: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._kernel = kernel
        self._clock = clock
        self._looked_at = -GAP_S
        self.comm_ids: set[str] = set()

    @classmethod
    def of(cls, kernel: Any) -> Pump | None:
        """Return a pump if the kernel is one that needs it and has what it takes."""
        needed = ("shell_stream", "msg_queue", "shell_handlers", "_publish_status", "session")
        if getattr(kernel, "shell_channel_thread", None) is not None:
            return None
        if any(getattr(kernel, name, None) is None for name in needed):
            return None
        return cls(kernel)

    def take(self) -> None:
        """Handle the messages that wait, ten times a second at most."""
        if self._clock() - self._looked_at < GAP_S:
            return
        self._looked_at = self._clock()
        self._kernel.shell_stream.flush()
        queue = self._kernel.msg_queue
        others = []
        for _ in range(queue.qsize()):
            item = queue.get_nowait()
            if not self._handled(item):
                others.append(item)
        for item in others:
            queue.put_nowait(item)

    def _handled(self, item: Any) -> bool:
        """Handle the message if it is one of ours; return whether it was."""
        session = self._kernel.session
        raw = item[-1][0] if item[-1] else None
        if not isinstance(raw, list):  # not a message but something that ipykernel scheduled
            return False
        identities, frames = session.feed_identities(raw, copy=False)
        kind = session.unpack(frames[HEADER].bytes)["msg_type"]
        if kind != "comm_msg":
            return False
        if session.unpack(frames[CONTENT].bytes).get("comm_id") not in self.comm_ids:
            return False
        message = session.deserialize(frames, content=True, copy=False)
        # The frontend sends no second message of a widget before the first one is "idle".
        self._kernel._publish_status("busy", "shell", message)
        try:
            self._kernel.shell_handlers[kind](self._kernel.shell_stream, identities, message)
        finally:
            self._kernel._publish_status("idle", "shell", message)
        return True
