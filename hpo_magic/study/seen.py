"""Whether code showed a number while it ran: printed, logged to a stream, or displayed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_NUMBER = re.compile(r"\d")


class Seen:
    """What a cell has shown so far; `has_number` is true once a digit was among it."""

    def __init__(self) -> None:
        self.has_number = False

    def take(self, text: object) -> None:
        """Take note of a text that was shown."""
        self.has_number = self.has_number or _NUMBER.search(str(text)) is not None


class _Stream:
    """A stream that passes everything on, and takes note of what is written."""

    def __init__(self, stream: Any, seen: Seen) -> None:
        self._stream, self._seen = stream, seen

    def write(self, text: Any) -> Any:
        self._seen.take(text)
        return self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Publisher:
    """A display publisher that passes everything on, and takes note of what is displayed."""

    def __init__(self, publisher: Any, seen: Seen) -> None:
        self._publisher, self._seen = publisher, seen

    def publish(self, data: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        # A picture may show numbers, too: an image counts as one.
        self._seen.take(data.get("text/plain", "") if set(data) == {"text/plain"} else "1")
        return self._publisher.publish(data, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publisher, name)


@contextmanager
def numbers_seen(shell: Any = None) -> Iterator[Seen]:
    """Yield what takes note of the numbers that the code inside prints or displays.

    `shell` is IPython's; None in a script, which displays nothing.
    """
    seen = Seen()
    before = sys.stdout, sys.stderr, getattr(shell, "display_pub", None)
    sys.stdout = _Stream(sys.stdout, seen)
    sys.stderr = _Stream(sys.stderr, seen)
    if shell is not None:
        shell.display_pub = _Publisher(shell.display_pub, seen)
    try:
        yield seen
    finally:
        sys.stdout, sys.stderr, publisher = before
        if shell is not None:
            shell.display_pub = publisher
