"""A notebook without a browser: a real IPython shell, one for each test."""

from __future__ import annotations

import atexit
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@dataclass(frozen=True)
class Shown:
    """What a cell showed: its text, its value, and the exception that it ended in."""

    text: str
    value: Any
    error: BaseException | None

    @property
    def usage_error(self) -> str:
        """The sentence of a `UsageError`, which is all that the cell may show."""
        assert type(self.error).__name__ == "UsageError", self.text
        assert "Traceback" not in self.text
        sentence = str(self.error)
        assert self.text.strip() == f"UsageError: {sentence}"
        return sentence


class Notebook:
    """Runs cells in a shell, as a notebook does."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def run(self, text: str) -> Shown:
        """Run a cell, whatever comes of it."""
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            done = self.shell.run_cell(dedent(text), store_history=True)
        return Shown(out.getvalue(), done.result, done.error_before_exec or done.error_in_exec)

    def ok(self, text: str) -> Shown:
        """Run a cell that must not fail."""
        shown = self.run(text)
        assert shown.error is None, shown.text
        return shown

    def __getitem__(self, name: str) -> Any:
        """Return a variable of the notebook."""
        return self.shell.user_ns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.shell.user_ns

    @property
    def names(self) -> set[str]:
        """The user's variables: neither IPython's own nor the outputs that it remembers."""
        return {name for name in self.shell.user_ns if not name.startswith("_")} - {
            *self.shell.user_ns_hidden
        }


@pytest.fixture
def new_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Notebook]]:
    """Return what opens a notebook in the test's folder; a second one is a new kernel on it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / ".ipython"))
    main = sys.modules["__main__"]

    def close() -> None:
        if InteractiveShell.initialized():
            # What waits for the exit keeps the shell and all that its cells made, and collects
            # garbage once for each shell: minutes after hundreds of tests.
            atexit.unregister(InteractiveShell.instance().atexit_operations)
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main

    def opened() -> Notebook:
        close()
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        shell = InteractiveShell.instance(config=config)
        shell.run_line_magic("load_ext", "hpo_magic")
        return Notebook(shell)

    yield opened
    close()


@pytest.fixture
def notebook(new_notebook: Callable[[], Notebook]) -> Notebook:
    """Return an empty notebook with the extension loaded."""
    return new_notebook()
