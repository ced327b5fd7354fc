"""Where Python finds the text of a cell: for tracebacks, and for the names of its `hp` calls.

IPython compiles a cell under a file name of its own and keeps the text in `linecache`. IPython 8
and 9 list these names in `shell.compile._filename_map`. IPython 7.34 keeps its texts in
`linecache._ipython_cache`, and puts them back over ours whenever Python checks the cache.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Collection, MutableMapping
from typing import Any


def keep_text(filename: str, text: str) -> None:
    """Have Python find `text` under a file name, in place of what IPython keeps there."""
    entry = (len(text), None, text.splitlines(keepends=True), filename)
    linecache.cache[filename] = entry
    texts = _texts_of_ipython_7()
    if filename in texts:
        texts[filename] = entry


def running_file(shell: Any, text: str) -> str:
    """Return the file name under which IPython compiled the cell that is running now.

    Where no cell runs (the magic was called from a module), it is a new one, for `text`.
    """
    known: Collection[str] = getattr(shell.compile, "_filename_map", None) or _texts_of_ipython_7()
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename in known:
            return frame.f_code.co_filename
        frame = frame.f_back
    name: str = shell.compile.cache(text, shell.execution_count)
    return name


def _texts_of_ipython_7() -> MutableMapping[str, Any]:
    """Return the texts of cells that IPython 7.34 keeps; in a later one there are none."""
    texts: MutableMapping[str, Any] = getattr(linecache, "_ipython_cache", {})
    return texts
