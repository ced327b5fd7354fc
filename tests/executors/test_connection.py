"""The way to somebody else's cluster."""

from __future__ import annotations

from typing import Any

import pytest

from hpo_magic.errors import ClusterError
from hpo_magic.executors.cluster import own_cluster
from hpo_magic.executors.connection import connected, version_notes
from hpo_magic.executors.versions import versions


class Answering:
    """A client whose two workers have these versions, or that raises."""

    def __init__(self, answer: dict[str, str] | Exception) -> None:
        self.answer = answer

    def run(self, function: Any, packages: list[str]) -> dict[str, dict[str, str]]:
        """Return what each worker answers."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"tcp://a:1": versions(packages), "tcp://b:2": {**versions(packages), **self.answer}}


@pytest.mark.slow
def test_workers_with_our_packages_need_no_word() -> None:
    """Those of this machine have them."""
    with own_cluster(1, []) as client:
        assert version_notes(client, ["numpy"]) == []


def test_the_worker_that_differs_is_named() -> None:
    """With what it has and what the notebook has; the one that is as we are is not."""
    (note,) = version_notes(Answering({"numpy": "0.1"}), ["numpy"])
    here = versions(["numpy"])["numpy"]
    assert note == (
        f"The worker at tcp://b:2 has numpy 0.1 where the notebook has {here}: "
        f"scores may differ from worker to worker. Install the same."
    )


def test_workers_without_the_package_are_refused() -> None:
    """They cannot even answer."""
    with pytest.raises(
        ClusterError, match=r"the workers cannot run hpo_magic \(No module .*\)\. I"
    ):
        version_notes(Answering(ModuleNotFoundError("No module named 'hpo_magic'")), [])


def test_nobody_at_the_address(monkeypatch) -> None:
    """The sentence says how to get there."""
    monkeypatch.setattr("hpo_magic.executors.connection.CONNECT_S", 0.2)
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9: .*"):
        connected("tcp://127.0.0.1:9")
