"""The random streams of Python and NumPy."""

import random

import numpy as np

from hpo_magic.frameworks.standard import StandardStreams, kept_random_state, seed_random_state


def drawn():
    """Return a draw of both streams."""
    return random.random(), np.random.rand()  # noqa: NPY002


def test_a_seed_fixes_both_streams():
    """The same seed gives the same draws; another one, others."""
    with kept_random_state():
        draws = []
        for seed in (1, 1, 2):
            seed_random_state(seed)
            draws.append(drawn())
    assert draws[0] == draws[1]
    assert all(a != b for a, b in zip(draws[1], draws[2], strict=True))


def test_a_search_leaves_the_streams_as_they_were():
    """The user's next draw is the one it would have been, also after an error."""
    seed_random_state(3)
    expected = drawn()
    seed_random_state(3)
    try:
        with kept_random_state():
            seed_random_state(4)
            drawn()
            raise KeyError
    except KeyError:
        pass
    assert drawn() == expected


def test_as_a_framework_the_streams_are_seeded_and_fit_nothing():
    """They are there without an import, take the trial's seed, and report no fits."""
    streams = StandardStreams()
    assert streams.is_loaded()
    with (
        kept_random_state(),
        streams.watch(lambda step, metrics, n_steps=None: None, lambda: None) as fits,
    ):
        draws = []
        for _ in range(2):
            streams.clear()
            streams.seed(5)
            draws.append(drawn())
    assert draws[0] == draws[1]
    assert fits == []
