"""Where a search can be taken: other tools' own formats, each library in a file of its own.

A log takes trials one by one: `Logging` feeds it while the search runs, `write_all` afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from hpo_magic.core.ports import Listener
from hpo_magic.errors import OptionError
from hpo_magic.exports.logging import Log, Logging, require

__all__ = ["checked_log", "make_log", "require_log"]

PLACES = "tensorboard:DIR and mlflow"


def checked_log(text: str) -> str:
    """Return what `--log` says if it is a place to log to.

    Raises
    ------
    OptionError
        If it is not.
    """
    tool, _, folder = text.partition(":")
    is_known = (tool == "tensorboard" and bool(folder)) or text == "mlflow"
    if not is_known:
        hint = " Write tensorboard:DIR, with the folder." if tool == "tensorboard" else ""
        raise OptionError(f"{text!r} is no place to log to; there are {PLACES}.{hint}", "log")
    return text


def require_log(text: str) -> None:
    """Check that what `--log` names is installed.

    Raises
    ------
    HpoError
        If it is not.
    """
    require(text.partition(":")[0], f"--log {text}")


def make_log(text: str, name: str, note: Callable[[str], None]) -> Listener:
    """Return the listener that logs a search of study `name` while it runs.

    Parameters
    ----------
    text
        As in `--log`.
    note
        Tells the user, where the log fails: the search goes on without it.

    Raises
    ------
    HpoError
        If the tool is not installed.
    """
    require_log(text)
    tool, _, folder = checked_log(text).partition(":")
    opened: Callable[[], Log]
    if tool == "tensorboard":
        from hpo_magic.exports.tensorboard import TensorBoardLog

        opened = partial(TensorBoardLog, Path(folder).expanduser() / name)
    else:
        from hpo_magic.exports.mlflow import MlflowLog

        opened = partial(MlflowLog, name)
    return Logging(opened, text, note)
