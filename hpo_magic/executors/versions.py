"""Comparing package versions of the notebook and its workers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import metadata

from hpo_magic.errors import ClusterError

# A cell that was pickled with another version of these cannot be loaded.
NEEDED = ("Python", "hpo_magic")


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, hpo_magic and `packages`, as far as they are installed."""
    found = {"Python": ".".join(map(str, sys.version_info[:2]))}
    for name in ("hpo_magic", *packages):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def notes_on(here: Mapping[str, str], there: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a sentence for each worker whose versions differ: its scores may differ, too.

    Parameters
    ----------
    here
        The versions in the kernel, by package.
    there
        Those of each worker, by its address.

    Raises
    ------
    ClusterError
        If a worker has no hpo_magic, another one, or another Python: it cannot read the cell.
    """
    notes = []
    for worker, found in there.items():
        differing = {name: v for name, v in here.items() if found.get(name) != v}
        needed = {name: v for name, v in differing.items() if name in NEEDED}
        if needed:
            raise ClusterError(
                f"the worker at {worker} has {_described(needed, found)}: it cannot read the cell. "
                f"Install the same."
            )
        if differing:
            notes.append(
                f"The worker at {worker} has {_described(differing, found)}: scores may differ "
                f"from worker to worker. Install the same."
            )
    return notes


def _described(differing: Mapping[str, str], found: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} {found[name]} where the notebook has {version}"
        if name in found
        else f"no {name} where the notebook has {version}"
        for name, version in differing.items()
    )
