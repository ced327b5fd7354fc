"""What is said of workers with other versions of packages."""

from __future__ import annotations

import pytest

from hpo_magic.errors import ClusterError
from hpo_magic.executors.versions import notes_on, versions

HERE = {"Python": "3.11", "hpo_magic": "1.0", "numpy": "2.4.0", "keras": "3.12.0"}


def test_the_same_versions_need_no_word() -> None:
    """Nor does what a worker has beside them."""
    assert notes_on(HERE, {"tcp://a:1": {**HERE, "torch": "2.9"}}) == []


def test_every_difference_of_a_worker_is_in_its_one_sentence() -> None:
    """Another version, and a package that is missing."""
    there = {"Python": "3.11", "hpo_magic": "1.0", "numpy": "2.3.1"}
    assert notes_on(HERE, {"tcp://a:1": HERE, "tcp://b:2": there}) == [
        "The worker at tcp://b:2 has numpy 2.3.1 where the notebook has 2.4.0, no keras where the "
        "notebook has 3.12.0: scores may differ from worker to worker. Install the same."
    ]


@pytest.mark.parametrize(
    ("differing", "told"),
    [
        ({"Python": "3.12"}, "Python 3.12 where the notebook has 3.11"),
        ({"hpo_magic": "0.9"}, "hpo_magic 0.9 where the notebook has 1.0"),
        ({"Python": "3.12", "numpy": "1"}, "Python 3.12 where the notebook has 3.11"),
    ],
)
def test_a_worker_that_cannot_read_the_cell_is_refused(differing: dict[str, str], told) -> None:
    """Whatever else it has; the reason alone is told."""
    with pytest.raises(ClusterError) as caught:
        notes_on(HERE, {"tcp://b:2": {**HERE, **differing}})
    assert str(caught.value) == (
        f"the worker at tcp://b:2 has {told}: it cannot read the cell. Install the same."
    )


def test_the_versions_here() -> None:
    """Python's, ours, and those of the packages that are installed."""
    found = versions(["numpy", "no-such-package"])
    assert set(found) == {"Python", "hpo_magic", "numpy"}
    assert all(found.values())
