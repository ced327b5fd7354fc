"""What a training prints: kept with its trial, and not shown in the notebook."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any


class TrialOutput(io.TextIOBase):
    """A text stream that keeps the end of what is written to it.

    Parameters
    ----------
    length
        How many characters are kept.
    replaced
        The stream in whose place it stands, for what asks for a file: a child process that is given
        this stream writes there.
    """

    encoding = "utf-8"
    errors = "replace"
    newlines = None

    def __init__(self, length: int, replaced: Any = None) -> None:
        self._length = length
        self._replaced = replaced
        self.text = ""
        self.buffer = _Bytes(self)

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Return that it is no terminal."""
        return False

    def fileno(self) -> int:
        """Return the descriptor of the stream in whose place this one stands.

        Raises
        ------
        io.UnsupportedOperation
            If it has none.
        """
        if self._replaced is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._replaced.fileno())

    def write(self, text: str) -> int:
        """Keep the end of what was written; return how much was given."""
        self.text = (self.text + text)[-self._length :]
        return len(text)


class _Bytes(io.RawIOBase):
    """The bytes below a `TrialOutput`, for what writes to `sys.stdout.buffer`."""

    def __init__(self, output: TrialOutput) -> None:
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._output.write(bytes(data).decode("utf-8", "replace"))
        return len(data)


@contextlib.contextmanager
def captured(output: TrialOutput) -> Iterator[None]:
    """Send what is printed, warnings included, to `output`."""
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        yield
