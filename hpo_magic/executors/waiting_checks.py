"""What one search learns about whether its trainings can wait, and what it says where they cannot.

The first training of a process runs in the main thread and is watched: does it write files that the
others would write too?
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpo_magic.executors.safe_to_wait import (
    changed_files,
    draws_by_tensorflow,
    files_there,
    has_windows,
    held_lock,
    strings_in,
)
from hpo_magic.executors.setting import Setting
from hpo_magic.executors.switched_settings import what_cannot_be_switched

MOST_NAMED = 3


class WaitingChecks:
    """The checks of one search.

    Parameters
    ----------
    objective
        The user's code. What it may have besides `executors.trial_execution.Objective`:
        `surroundings()` returns the values that it can read, `codes()` its compiled code,
        `strings()` the texts that it reads, and `switched()` the settings of its notebook that a
        waiting training takes with it.
    is_wanted
        Whether the search wants trainings to wait. If not, nothing is checked.

    Attributes
    ----------
    refusal
        Why no training waits; "" if they may.
    """

    def __init__(self, objective: Any, *, is_wanted: bool) -> None:
        self._objective = objective
        self._is_wanted = is_wanted
        self._was_watched = False
        self.refusal = ""
        self._is_said = True

    def allow_waiting(self) -> bool:
        """Return whether trainings may wait, as far as is known; not before one was watched."""
        return self._is_wanted and self._was_watched and not self.refusal

    @property
    def verdict(self) -> str | None:
        """Why no training waits; "" if they may, None while none was watched."""
        return self.refusal if self._was_watched or self.refusal else None

    def accept(self, verdict: str) -> None:
        """Take over the verdict of another process, where it was said."""
        self._was_watched = True
        self.refuse(verdict)

    def refuse(self, why: str) -> None:
        """Have no further training wait."""
        self.refusal = self.refusal or why

    def said(self) -> str:
        """Return the refusal once, where it was not told yet; else ""."""
        if not self.refusal or self._is_said:
            return ""
        self._is_said = True
        return self.refusal

    def settings(self) -> Sequence[Setting]:
        """Return the notebook's settings that a waiting training takes with it."""
        found = getattr(self._objective, "switched", None)
        return tuple(found()) if found is not None else ()

    def why_not_now(self) -> str:
        """Return why the training that reports now cannot wait at this point; "" if it can."""
        if self.refusal:
            return self.refusal
        return "it holds a lock" if held_lock(self._surroundings()) else ""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the first training, which runs inside; it runs in the main thread."""
        if self._was_watched or not self._is_wanted:
            yield
            return
        before = files_there(self._strings())
        try:
            yield
        finally:
            self._was_watched = True
            self._judge(changed_files(before, files_there(self._strings())))

    def _judge(self, written: Sequence[str]) -> None:
        if written:
            names = [Path(path).name for path in written[:MOST_NAMED]]
            more = f" and {len(written) - MOST_NAMED} more" if len(written) > MOST_NAMED else ""
            self._refuse(
                f"Trainings do not wait in this search: while the first one ran, files were "
                f"written ({', '.join(names)}{more}), which trainings that wait would share. Write "
                f"to a folder of tempfile.mkdtemp() to have them wait."
            )
        elif draws_by_tensorflow(self._surroundings(), self._codes()):
            self._refuse(
                "Trainings do not wait in this search: the code draws from tf.random, whose "
                "streams begin anew whenever another training begins. keras.random has no such "
                "streams."
            )
        elif why := what_cannot_be_switched():
            self._refuse(f"Trainings do not wait in this search: {why}.")
        elif has_windows():
            self._refuse(
                "Trainings do not wait in this search: Matplotlib draws into windows, which needs "
                "the main thread."
            )

    def _refuse(self, why: str) -> None:
        self.refuse(why)
        self._is_said = False

    def _surroundings(self) -> Iterable[Any]:
        found = getattr(self._objective, "surroundings", None)
        return found() if found is not None else ()

    def _codes(self) -> list[Any]:
        found = getattr(self._objective, "codes", None)
        return list(found()) if found is not None else []

    def _strings(self) -> list[str]:
        found = getattr(self._objective, "strings", None)
        named = list(found()) if found is not None else []
        return [*named, *(text for code in self._codes() for text in strings_in(code))]
