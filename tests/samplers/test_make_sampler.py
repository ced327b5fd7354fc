"""Samplers by name."""

import subprocess
import sys

import pytest

from hpo_magic.errors import OptionError
from hpo_magic.samplers import LIBRARIES, SAMPLERS, make_sampler, require_library


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_is_made_by_its_name(name):
    """Each call makes a new one."""
    assert make_sampler(name) is not make_sampler(name)
    assert type(make_sampler(name).sampler).__name__.lower().startswith(name)


def test_an_unknown_name_gets_a_suggestion():
    """The message names the sampler that was meant, and all there are."""
    with pytest.raises(OptionError, match="no sampler") as caught:
        make_sampler("rnadom")
    assert "Did you mean random? There are: " in str(caught.value)
    assert all(name in str(caught.value) for name in SAMPLERS)


@pytest.mark.parametrize(("name", "module"), [("tpe", "hyperopt"), ("genetic", "pymoo.core.mixed")])
def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch, name, module):
    """As an error of the option, whether the library is missing or broken."""
    monkeypatch.delitem(sys.modules, f"hpo_magic.samplers.{name}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)  # what Python does for "it cannot be found"
    with pytest.raises(OptionError) as caught:
        make_sampler(name)
    told = str(caught.value)
    assert told.startswith(f"the sampler {name} needs {LIBRARIES[name]}, ")
    assert told.endswith(f'Install it with: pip install "hpo_magic[{name}]"')
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("name", "module"), [("tpe", "hyperopt"), ("genetic", "pymoo")])
def test_a_library_that_is_not_there_is_told_without_loading_it(name, module, monkeypatch):
    """Before a study is begun for it."""
    require_library(name)
    require_library("random")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(OptionError, match=rf'which is not here.*"hpo_magic\[{name}\]"$'):
        require_library(name)


def test_a_mistake_of_ours_is_not_taken_for_a_missing_library(monkeypatch):
    """A sampler that needs no extra fails as it is."""
    monkeypatch.delitem(sys.modules, "hpo_magic.samplers.sobol", raising=False)
    monkeypatch.setitem(sys.modules, "hpo_magic.samplers.random", None)
    with pytest.raises(ImportError, match=r"hpo_magic\.samplers\.random"):
        make_sampler("sobol")


def test_scikit_optimize_is_loaded_when_it_is_used():
    """Importing the package, and searching at random, does without it."""
    code = (
        "import sys, hpo_magic.samplers as s; s.make_sampler('random');"
        "s.make_sampler('sobol'); s.make_sampler('grid');"
        "heavy = ('skopt', 'sklearn', 'matplotlib', 'hyperopt', 'pymoo');"
        "print([m for m in heavy if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
