"""Where code comes from: the user's notebook and modules, or an installed library."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

_INSTALLED = {
    Path(path).resolve() for name, path in sysconfig.get_paths().items() if name.endswith("lib")
}
_INSTALLED_FOLDERS = {"site-packages", "dist-packages"}


def is_users(module: str | None) -> bool:
    """Return whether a module is the notebook or a file of the user's, by its name."""
    if not module or module == "__main__":
        return True
    return _is_users_package(module.partition(".")[0])


@lru_cache(maxsize=4096)
def _is_users_package(name: str) -> bool:
    if name in sys.stdlib_module_names or name == "hpo_magic":
        return False
    module = sys.modules.get(name)
    folders = [*getattr(module, "__path__", ())]
    file = getattr(module, "__file__", None) or (folders[0] if folders else None)
    if file is None:
        return False
    path = Path(file).resolve()
    return not (_INSTALLED_FOLDERS & set(path.parts) or any(p in _INSTALLED for p in path.parents))


def file_of(module: ModuleType) -> Path | None:
    """Return the file with the source of a module; None if it has none."""
    file = getattr(module, "__file__", None)
    path = Path(file) if file else None
    return path if path is not None and path.suffix == ".py" and path.exists() else None


def kinds_of(kind: type) -> Iterator[str]:
    """Yield a class and its bases with their packages, the nearest first: "keras.Layer"."""
    for base in kind.__mro__:
        package = (getattr(base, "__module__", "") or "").partition(".")[0]
        yield f"{package}.{base.__name__}"


def package_of(value: Any) -> str:
    """Return the top-level package of an object's class."""
    return (getattr(type(value), "__module__", "") or "").partition(".")[0]
