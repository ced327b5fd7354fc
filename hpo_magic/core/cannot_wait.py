"""Where a training says that it cannot be suspended: a framework sets it, an executor reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_why: ContextVar[str] = ContextVar("hpo_magic_cannot_wait", default="")


@contextmanager
def cannot_wait(why: str) -> Iterator[None]:
    """Have the training of this context not wait while the block runs; "" changes nothing.

    Parameters
    ----------
    why
        What it shares with other trainings: "its checkpoint best.keras is written by others too".
    """
    token = _why.set(why or _why.get())
    try:
        yield
    finally:
        _why.reset(token)


def why_it_cannot_wait() -> str:
    """Return what the training of this context shares with others; "" if nothing is known.

    >>> with cannot_wait("a lock"):
    ...     why_it_cannot_wait()
    'a lock'
    """
    return _why.get()
