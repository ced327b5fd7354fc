"""What of the notebook belongs to a running trial: a training that waits takes it along."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hpo_magic.executors.setting import Setting
from hpo_magic.notebook.trial_namespace import global_names

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_ABSENT = object()
# What a trial replaces in the shell: where it displays, `exit`, and the variables of magics.
_REPLACED = ("display_pub", "ask_exit", "user_ns")


def settings_of_shell(shell: InteractiveShell) -> tuple[Setting, ...]:
    """Return what a trial changes in the notebook's shell and in its variables.

    The variables are those that functions of the notebook assign by a `global` statement.
    """
    notebook: dict[str, Any] = shell.user_ns
    names = tuple(global_names(notebook))

    def read_shell(module: ModuleType) -> tuple[Any, ...]:
        return tuple(_own(shell, name) for name in _REPLACED)

    def put_shell(module: ModuleType, before: tuple[Any, ...]) -> None:
        for name, value in zip(_REPLACED, before, strict=True):
            if value is not _own(shell, name):
                if value is _ABSENT:
                    delattr(shell, name)
                else:
                    setattr(shell, name, value)

    def read_variables(module: ModuleType) -> _ByIdentity:
        return _ByIdentity({name: notebook.get(name, _ABSENT) for name in names})

    def put_variables(module: ModuleType, before: _ByIdentity) -> None:
        for name, value in before.values.items():
            if value is _ABSENT:
                notebook.pop(name, None)
            else:
                notebook[name] = value

    return (
        Setting("the main module", lambda module: sys.modules["__main__"], _put_main),
        Setting("the notebook's shell", read_shell, put_shell),
        Setting("the notebook's variables", read_variables, put_variables),
    )


def _put_main(module: ModuleType, before: ModuleType) -> None:
    sys.modules["__main__"] = before


class _ByIdentity:
    """Values that are the same only if they are the same objects; a user's may not compare."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _ByIdentity):
            return NotImplemented
        return self.values.keys() == other.values.keys() and all(
            value is other.values[name] for name, value in self.values.items()
        )

    __hash__ = None  # type: ignore[assignment]  # its values may change


def _own(shell: InteractiveShell, name: str) -> Any:
    """Return what the shell has under a name; absent where its class alone has it."""
    if name == "ask_exit":  # a trait of the class, replaced in the instance
        return vars(shell).get(name, _ABSENT)
    return getattr(shell, name)
