"""Whether a training can wait while others run: what it shares with them that cannot be switched.

What cannot be seen from here is not guessed: a file in a folder that neither the code names nor the
notebook is in, a lock inside an object.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hpo_magic.core.log import suppressed

# Folders of others in which files change by themselves, and what a notebook saves.
SKIPPED_FOLDERS = ("__pycache__", "hpo_studies", "mlruns")
SKIPPED_SUFFIXES = (".ipynb", ".pyc", ".db", ".sqlite", ".db-wal", ".db-shm", ".db-journal")
MOST_FILES, MOST_DEPTH = 5_000, 3
# Errors that code raises because it does not run in the main thread.
MAIN_THREAD_ONLY = (
    "main thread",
    "SQLite objects created in a thread",
    "no current event loop in thread",
    "no running event loop in thread",
)
GUI_BACKENDS = ("tk", "qt", "gtk", "wx", "macosx")
_LOCKS = (type(threading.Lock()), type(threading.RLock()))

Files = dict[str, tuple[int, int]]


def files_there(strings: Iterable[str]) -> Files:
    """Return size and time of change of the files in reach, by path.

    In the working folder, and in the folders and files that `strings` name.
    """
    found: Files = {}
    for path in _in_folder(Path.cwd(), MOST_DEPTH):
        _add(found, path)
    for text in strings:
        if not text or len(text) > 1_000 or "\n" in text or "\0" in text:
            continue
        named = Path(text).expanduser()
        for path in [named, *_in_folder(named, 1)] if _is_named(named) else []:
            _add(found, path)
    return found


def changed_files(before: Files, after: Files) -> list[str]:
    """Return the paths that are new or were written since."""
    return sorted(path for path, state in after.items() if before.get(path) != state)


def strings_in(code: Any) -> Iterator[str]:
    """Return the literal texts of compiled code, functions in it included."""
    for constant in getattr(code, "co_consts", ()):
        if isinstance(constant, str):
            yield constant
        elif hasattr(constant, "co_consts"):
            yield from strings_in(constant)


def draws_by_tensorflow(values: Iterable[Any], codes: Iterable[Any]) -> bool:
    """Return whether compiled code, or functions and classes among `values`, call `tf.random`."""
    if "tensorflow" not in sys.modules:
        return False
    found = list(codes)
    for value in values:
        members = vars(value).values() if isinstance(value, type) else [value]
        is_users = getattr(value, "__module__", None) == "__main__"
        found += [getattr(m, "__code__", None) for m in members if is_users]
    return any(_calls_tf_random(code) for code in found)


def _calls_tf_random(code: Any) -> bool:
    names = getattr(code, "co_names", ())
    is_there = any(
        one in ("tf", "tensorflow") and names[k + 1 : k + 2] == ("random",)
        for k, one in enumerate(names)
    )
    return is_there or any(
        _calls_tf_random(inner)
        for inner in getattr(code, "co_consts", ())
        if hasattr(inner, "co_names")
    )


def held_lock(values: Iterable[Any]) -> bool:
    """Return whether a lock among `values` is held now."""
    for value in values:
        lock = vars(value)["_lock"] if isinstance(value, threading.Condition) else value
        if isinstance(lock, _LOCKS) and _is_held(lock):
            return True
    return False


def _is_held(lock: Any) -> bool:
    if hasattr(lock, "locked"):
        return bool(lock.locked())
    return "count=0" not in repr(lock)  # a reentrant one before Python 3.14


def needs_main_thread(error: BaseException | None) -> bool:
    """Return whether a training failed because it did not run in the main thread."""
    text = str(error) if error is not None else ""
    return any(part in text for part in MAIN_THREAD_ONLY)


def has_windows() -> bool:
    """Return whether Matplotlib draws into windows, which only the main thread may do."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is None or "matplotlib.pyplot" not in sys.modules:
        return False
    backend = str(matplotlib.rcParams._get("backend")).lower()
    return backend.startswith(GUI_BACKENDS)


def _is_named(path: Path) -> bool:
    try:
        return path.is_absolute() and path.exists()
    except OSError:
        return False


def _in_folder(folder: Path, depth: int) -> Iterator[Path]:
    pending, n = [(folder, depth)], 0
    while pending:
        place, left = pending.pop()
        entries: list[os.DirEntry[str]] = []
        with suppressed("a folder cannot be listed", OSError):
            entries = list(os.scandir(place))
        for entry in entries:
            if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS:
                continue
            n += 1
            if n > MOST_FILES:
                return
            if entry.is_dir(follow_symlinks=False):
                if left > 1:
                    pending.append((Path(entry.path), left - 1))
            elif not entry.name.endswith(SKIPPED_SUFFIXES):
                yield Path(entry.path)


def _add(found: Files, path: Path) -> None:
    with suppressed("a file is gone again", OSError):
        state = path.stat()
        if not path.is_dir():
            found[str(path)] = (state.st_size, state.st_mtime_ns)
