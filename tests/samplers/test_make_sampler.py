"""Samplers by name."""

import subprocess
import sys

import pytest

from hpo_magic.errors import OptionError
from hpo_magic.samplers import SAMPLERS, make_sampler


@pytest.mark.parametrize("name", ["bayes", "random"])
def test_a_sampler_is_made_by_its_name(name):
    """Each call makes a new one."""
    assert make_sampler(name) is not make_sampler(name)
    assert type(make_sampler(name)).__name__.lower().startswith(name)


def test_an_unknown_name_gets_a_suggestion():
    """The message names the sampler that was meant, and all there are."""
    with pytest.raises(OptionError, match="no sampler") as caught:
        make_sampler("rnadom")
    assert "Did you mean random? There are: " in str(caught.value)
    assert all(name in str(caught.value) for name in SAMPLERS)


def test_scikit_optimize_is_loaded_when_it_is_used():
    """Importing the package, and searching at random, does without it."""
    code = (
        "import sys, hpo_magic.samplers as s; s.make_sampler('random');"
        "print([m for m in ('skopt', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
