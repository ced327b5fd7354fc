"""Exports of a search to the formats of other tools; each library is used in one file.

A `Log` is written trial by trial: by `Logging` while a search runs, by `write_all` afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from hpo_magic.core.ports import Listener
from hpo_magic.errors import OptionError
from hpo_magic.exports.logging import Log, Logging, require

__all__ = ["checked_log", "make_log", "require_log"]

PLACES = "tensorboard:DIR or mlflow"


def checked_log(text: str) -> str:
    """Return the value of `--log`, checked: `tensorboard:DIR` or `mlflow`.

    Raises
    ------
    OptionError
        If it is neither.
    """
    tool, _, folder = text.partition(":")
    is_known = (tool == "tensorboard" and bool(folder)) or text == "mlflow"
    if not is_known:
        hint = " DIR is the folder to write to." if tool == "tensorboard" else ""
        raise OptionError(f"{text!r} is no log. Write {PLACES}.{hint}", "log")
    return text


def require_log(text: str) -> None:
    """Check that the library of a value of `--log` is installed.

    Raises
    ------
    HpoError
        If it is not installed.
    """
    require(text.partition(":")[0], f"--log {text}")


def make_log(text: str, name: str, note: Callable[[str], None]) -> Listener:
    """Return the listener that logs the search of a study while it runs.

    Parameters
    ----------
    text
        The value of `--log`.
    name
        The study's name.
    note
        Shows the user a sentence if the log fails. The search goes on without the log.

    Raises
    ------
    HpoError
        If the library is not installed.
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
