"""Count the passes of a loop: how often a call was made in this invocation of its function.

A function that is called once per cross-validation fold starts at 0 in each call. To tell the
invocations apart their frames are held, but only while they may still run: a frame holds the user's
variables, and so the models.
"""

from __future__ import annotations

import inspect
import opcode
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from types import CodeType, FrameType

# Scopes that run in a frame of their own but belong to the function around them. From Python
# 3.12 on only generator expressions still have one.
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})

_GENERATORS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_YIELD = opcode.opmap["YIELD_VALUE"]


class LoopPasses(threading.local):
    """Counts the passes of calls that stand in loops; each thread its own."""

    def __init__(self) -> None:
        self._counts: dict[FrameType, Counter[str]] = {}

    def next_pass(self, frame: FrameType, place: str, *, nested: bool) -> int:
        """Return the number of this pass, from 0.

        Parameters
        ----------
        frame
            The frame that makes the call.
        place
            What tells the call from all others.
        nested
            Whether it stands in a comprehension or class body: these count with what is around.
        """
        passes = self._counts.setdefault(_owner(frame) if nested else frame, Counter())
        passes[place] += 1
        return passes[place] - 1

    def forget_finished(self, frame: FrameType) -> None:
        """Drop the frames that can run no more, as seen from the running `frame`."""
        if not self._counts:
            return
        finished = {held for held in self._counts if not _is_paused(held)}
        for running in callers(frame):
            if not finished:
                return
            finished.discard(running)
        for held in finished:
            del self._counts[held]


def callers(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield `frame`, its caller, the caller of that, and so on."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _owner(frame: FrameType) -> FrameType:
    """Return the frame of the function, or cell, in whose text `frame` runs."""
    while _is_inner(code := frame.f_code):
        around = (
            caller
            for caller in islice(callers(frame), 1, None)
            if any(constant is code for constant in caller.f_code.co_consts)
        )
        owner = next(around, None)
        if owner is None:
            return frame  # a generator expression that outlives the function it stands in
        frame = owner
    return frame


def _is_inner(code: CodeType) -> bool:
    """Return whether `code` is a comprehension or class body, part of the function around it."""
    is_class = not code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<")
    return is_class or code.co_name in _COMPREHENSIONS


def _is_paused(frame: FrameType) -> bool:
    """Return whether `frame` is of a generator or coroutine that waits, so is on no stack.

    One that was closed at its `yield` looks the same, and stays until the trial ends.
    """
    if not frame.f_code.co_flags & _GENERATORS:
        return False
    # Up to Python 3.12 a paused frame stands on its YIELD_VALUE, from 3.13 on behind it.
    at = frame.f_lasti
    return at >= 0 and _YIELD in frame.f_code.co_code[max(at - 2, 0) : at + 1 : 2]
