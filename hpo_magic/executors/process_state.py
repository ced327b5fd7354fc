"""What a training may set for the whole process, taken before it and put back after it.

A library is asked only where it is loaded: nothing is imported here. A library that a training
loads itself is put back to the state that it has after its import, where that state is known.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hpo_magic.core.log import caught
from hpo_magic.executors.process_settings import SETTINGS
from hpo_magic.executors.setting import UNKNOWN, Setting
from hpo_magic.executors.switched_settings import STREAMS, SWITCHED

_STREAMS = frozenset(STREAMS)


class ProcessState:
    """The settings of this process at one moment.

    Parameters
    ----------
    settings
        Which ones; the table of this module unless said otherwise.
    """

    def __init__(self, settings: Sequence[Setting] | None = None) -> None:
        self._settings = SETTINGS if settings is None else tuple(settings)
        self._states = [self._read(setting) for setting in self._settings]
        self._libraries = _libraries()

    def put_back(self) -> list[str]:
        """Put everything back that differs; return the names of what differs and cannot be put."""
        stays = []
        has_imported = _libraries() != self._libraries
        for setting, before in zip(self._settings, self._states, strict=True):
            module = sys.modules.get(setting.module)
            if module is None or (has_imported and setting.is_set_by_imports):
                continue
            if before is UNKNOWN:
                before = setting.fresh(module)
            now = self._read(setting)
            if before is UNKNOWN or now is UNKNOWN or _is_equal(before, now):
                continue
            if setting.put is None:
                stays.append(setting.name)
                continue
            try:
                setting.put(module, before)
            except Exception:  # noqa: BLE001  (a library may raise anything)
                caught(f"{setting.name} could not be put back")
                stays.append(setting.name)
        return stays

    @staticmethod
    def _read(setting: Setting) -> Any:
        module = sys.modules.get(setting.module)
        if module is None:
            return UNKNOWN
        try:
            return setting.read(module)
        except Exception:  # noqa: BLE001  (a library may raise anything)
            caught(f"{setting.name} could not be read")
            return UNKNOWN


class SwitchedState:
    """What a training that waits takes with it: the same settings, and its random streams.

    Taken and put by the main thread while no training is at work.

    Parameters
    ----------
    more
        Further settings, such as those of the notebook.
    """

    def __init__(self, more: Sequence[Setting] = ()) -> None:
        self._more = tuple(more)
        self._settings = (*SWITCHED, *self._more)
        self._states = [ProcessState._read(setting) for setting in self._settings]
        self._libraries = len(sys.modules)

    def put(self) -> SwitchedState:
        """Put this state in the place of the one that is there now, and return that one."""
        now = SwitchedState(self._more)
        has_imported = now._libraries != self._libraries
        for setting, mine, there in zip(self._settings, self._states, now._states, strict=True):
            module = sys.modules.get(setting.module)
            if module is None or (has_imported and setting.is_set_by_imports):
                continue
            if mine is UNKNOWN or there is UNKNOWN or mine is there:
                continue
            if setting not in _STREAMS and _is_equal(mine, there):
                continue
            assert setting.put is not None  # only such are switched
            setting.put(module, mine)
        return now


@contextlib.contextmanager
def settings_kept(stays: Callable[[list[str]], None]) -> Iterator[None]:
    """Put the settings of the process back at the end.

    Parameters
    ----------
    stays
        Called with the names of what was changed and cannot be put back, if there are any.
    """
    before = ProcessState()
    try:
        yield
    finally:
        left = before.put_back()
        if left:
            stays(left)


def _libraries() -> set[str]:
    """Return the top-level modules that are imported."""
    return {name for name in tuple(sys.modules) if "." not in name}


def _is_equal(before: Any, now: Any) -> bool:
    try:
        return bool(before == now)
    except Exception:  # noqa: BLE001  (arrays and a user's objects may not compare)
        caught("two values of a setting could not be compared")
        return before is now
