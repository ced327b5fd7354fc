"""A cluster of our own. Worker processes take seconds to start."""

from __future__ import annotations

import os

import dask
import pytest
from dask.utils import parse_timedelta

from hpo_magic.executors.cluster import environment, own_cluster
from hpo_magic.frameworks import all_frameworks


@pytest.mark.parametrize(("n_workers", "each"), [(1, "8"), (2, "4"), (3, "2"), (16, "1")])
def test_the_threads_of_all_workers_add_up_to_the_cores(n_workers: int, each: str) -> None:
    """Of BLAS and of TensorFlow; each worker has one at least."""
    env = environment(all_frameworks(), n_workers, 8)
    assert env["OMP_NUM_THREADS"] == env["TF_NUM_INTRAOP_THREADS"] == each


@pytest.mark.slow
def test_the_environment_is_as_it_was() -> None:
    """Of the user's process: the workers' number of threads is for them."""
    before = dict(os.environ)
    with own_cluster(1, all_frameworks()) as client:
        assert all(client.run(lambda: "OMP_NUM_THREADS" in os.environ).values())
    assert dict(os.environ) == before


@pytest.mark.slow
def test_a_worker_that_takes_long_to_come_again_is_waited_for() -> None:
    """Dask's cluster would close its place after 15 s, for good."""
    with own_cluster(1, all_frameworks()):
        waits = dask.config.get("distributed.deploy.lost-worker-timeout")
    assert parse_timedelta(waits) > 24 * 3600
