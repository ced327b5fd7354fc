"""The files that callbacks of a fit write: two trainings at once would write the same ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Under these names the callbacks of Keras keep where they write.
_NAMES = ("filepath", "filename", "backup_dir", "log_dir")


def why_files_are_shared(callbacks: Iterable[Any]) -> str:
    """Return which file other trainings would write too; "" if there is none.

    A folder that `tempfile` made is the training's own.

    >>> why_files_are_shared([])
    ''
    """
    for callback in callbacks:
        for name in _NAMES:
            place = getattr(callback, name, None)
            if isinstance(place, str | Path) and not _is_own(Path(place)):
                return f"{type(callback).__name__} writes a file that others write too"
    return ""


def _is_own(place: Path) -> bool:
    """Return whether a path is in a folder that `tempfile` named."""
    temporary = Path(tempfile.gettempdir()).resolve()
    parents = [parent for parent in place.absolute().parents if parent.parent == temporary]
    return any(parent.name.startswith(tempfile.gettempprefix()) for parent in parents)
