"""The interrupt key and the kernel's stop button: they end the search, not the program.

Python's own way, an exception at whatever line is running, is not safe in a training: TensorFlow
swallows it in a destructor or turns it into another error (measured: 4 and 1 in 60). So the
handler asks the search to stop, which it does at the next batch; only user code that passes no
batch gets the exception.
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

# A training that passed a batch this recently will soon pass the next one.
RECENT_S = 1.0
# How long a request may stay without effect. Tracing a large model passes no batch for seconds.
PATIENCE_S = 3.0


class _Trainer(Protocol):
    """Who may have user code at work in this thread; `guarded_at` as in `SerialExecutor`."""

    @property
    def is_in_user_code(self) -> bool: ...

    @property
    def guarded_at(self) -> float: ...


class RemoteTraining:
    """User code runs in other processes, and in this thread only ours."""

    is_in_user_code = False
    guarded_at = 0.0


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
            raise KeyboardInterrupt

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def close(self) -> None:
        """Send no more interrupts."""
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
    """Let an interrupt end the search; the handler that was there is put back."""
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
