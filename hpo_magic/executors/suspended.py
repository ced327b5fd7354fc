"""A training in a thread of its own, which can wait in the middle of its code.

One thread is at work at a time. While a training runs, the main thread waits for it and does what
it asks for: reports and batches are handled there, so that storage, panel and signals meet no other
thread. To suspend a training, the main thread does not answer; to take it up, it answers. So any
code can wait, with all its frames, whatever library it is in.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from hpo_magic.executors.process_state import ProcessState, SwitchedState
from hpo_magic.executors.switched_settings import thread_locals

T = TypeVar("T")

# Threads of macOS have 512 kB otherwise, and those of the main thread are 8 MB.
STACK_BYTES = 64 * 2**20
# How long the main thread waits at a time: on Windows a wait cannot be interrupted.
WAIT_S = 0.5

_Question = tuple[Callable[[], Any], "SimpleQueue[tuple[Any, BaseException | None]]"]


class SuspendedTraining:
    """One training; `advance` lets it work until it waits or has ended.

    Parameters
    ----------
    number
        The trial's.
    execute
        Runs the training in its thread.
    more
        Further settings of the process that it takes with it while it waits.

    Attributes
    ----------
    result
        What `execute` returned; None before the end.
    bug
        What it raised; None if nothing.
    held
        What stays in memory until the thread has ended: the exception that stopped the training
        holds its frames, and to free those may take seconds.
    """

    def __init__(self, number: int, execute: Callable[[], Any], more: Any = ()) -> None:
        self.number = number
        self.result: Any = None
        self.bug: BaseException | None = None
        self.held: list[BaseException] = []
        self._execute = execute
        self._process = os.getpid()
        self._asked: SimpleQueue[_Question | None] = SimpleQueue()
        self._unanswered: _Question | None = None
        self._answer: tuple[Any, BaseException | None] = (None, None)
        self._state = SwitchedState(more)
        self._inherited = ProcessState(), thread_locals()
        context = copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._work,), name=f"trial {number}", daemon=True
        )

    # In the training's thread.

    def ask(self, question: Callable[[], T]) -> T:
        """Have the main thread call `question`, and return or raise what it did.

        In a child made by `fork`, nothing is asked, and None returned.
        """
        if os.getpid() != self._process:
            return None  # type: ignore[return-value]  # nobody answers there
        replies: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._asked.put((question, replies))
        answer, error = replies.get()
        if error is not None:
            raise error
        return answer  # type: ignore[no-any-return]

    def is_here(self) -> bool:
        """Return whether this is the training's own thread, in its own process."""
        return os.getpid() == self._process and threading.current_thread() is self._thread

    def _work(self) -> None:
        settings, trackers = self._inherited
        for tracker, values in trackers:
            vars(tracker).update(values)
        settings.put_back()
        del settings, trackers
        try:
            self.result = self._execute()
        except BaseException as error:  # noqa: BLE001  (the main thread raises it)
            self.bug = error
        self._asked.put(None)
        self.held.clear()

    # In the main thread.

    @property
    def has_ended(self) -> bool:
        """Whether the training is over."""
        return self.result is not None or self.bug is not None

    def advance(self, is_to_wait: Callable[[], bool]) -> None:
        """Let the training work until it has ended, or is to wait.

        Parameters
        ----------
        is_to_wait
            Asked after each question of the training that the main thread has answered to itself.
        """
        base = self._state.put()
        try:
            self._go_on()
            while (question := self._next()) is not None:
                self._unanswered = question
                self._answer = _answered(question[0])
                if is_to_wait():
                    return
                self._go_on()
            self._inherited = None  # type: ignore[assignment]  # it holds the notebook's objects
        finally:
            self._state = base.put()

    def _go_on(self) -> None:
        if self._unanswered is not None:
            replies, self._unanswered = self._unanswered[1], None
            replies.put(self._answer)
        elif not self._thread.is_alive():
            before = threading.stack_size(STACK_BYTES)
            try:
                self._thread.start()
            finally:
                threading.stack_size(before)

    def _next(self) -> _Question | None:
        while True:
            with suppress(Empty):
                return self._asked.get(timeout=WAIT_S)

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the training's thread, at its next line."""
        if self._thread.ident is not None:
            ident = ctypes.c_ulong(self._thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(KeyboardInterrupt))


def _answered(question: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return question(), None
    except BaseException as error:  # noqa: BLE001  (it is raised in the training's thread)
        return None, error
