"""The interrupt key and the kernel's stop button end the search, not the program.

Python's default is an exception at the line that runs now. That is not safe in a training:
TensorFlow swallows it in a destructor, or turns it into another error (4 and 1 of 60 interrupts).
So the handler requests a stop, and the search stops at the next batch. Only user code that reaches
no batch gets the exception.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from hpo_magic.search.requests import UserRequests

# A training that reached a batch this recently will soon reach the next one.
RECENT_S = 1.0
# How long after a request an interrupt is sent again. Tracing a large model reaches no batch for
# seconds.
PATIENCE_S = 3.0


class _Trainer(Protocol):
    """What may run user code in this thread; the attributes are those of `SerialExecutor`."""

    @property
    def is_in_user_code(self) -> bool: ...

    @property
    def guarded_at(self) -> float: ...

    def interrupt(self) -> None: ...


class RemoteTraining:
    """Stands for an executor that runs user code in other processes only."""

    is_in_user_code = False
    guarded_at = 0.0

    def interrupt(self) -> None:
        """Do nothing: no user code runs in this process."""


class _Interrupt:
    """Handles SIGINT while a search runs in the main thread."""

    def __init__(self, requests: UserRequests, executor: _Trainer) -> None:
        self._requests = requests
        self._executor = executor
        self._timer: threading.Timer | None = None

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        is_first = self._timer is None
        if is_first:
            self._requests.stop()
        self._cancel()
        self._timer = threading.Timer(PATIENCE_S, _send_interrupt)
        self._timer.daemon = True
        self._timer.start()
        will_stop_by_itself = time.time() - self._executor.guarded_at < RECENT_S
        if self._executor.is_in_user_code and not (is_first and will_stop_by_itself):
            self._executor.interrupt()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def close(self) -> None:
        """Cancel the interrupt that would be sent again."""
        self._cancel()


def _send_interrupt() -> None:
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGINT)
    else:  # Windows
        import _thread

        _thread.interrupt_main()


@contextmanager
def interruptible(requests: UserRequests, executor: _Trainer) -> Iterator[None]:
    """Let an interrupt end the search while the context is open; then restore the handler."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    handler = _Interrupt(requests, executor)
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        handler.close()
        signal.signal(signal.SIGINT, before)
