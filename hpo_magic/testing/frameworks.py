"""Tests that every framework must pass.

class TestMine(FrameworkContract):
    @pytest.fixture
    def framework(self):
        return MyFramework()
"""

from __future__ import annotations

import pickle
from typing import Any

from hpo_magic.core.ports import Framework


def _report(step: int, metrics: object, n_steps: int | None = None) -> None:
    raise AssertionError("nothing was fitted")


def _load(framework: Framework) -> None:
    if not framework.is_loaded():
        framework.load()


class FrameworkContract:
    """Tests of a framework. A subclass has the fixture `framework`."""

    def test_it_goes_to_a_worker(self, framework: Framework) -> None:
        """A pickled copy has the same name."""
        assert pickle.loads(pickle.dumps(framework)).name == framework.name  # noqa: S301 - our own

    def test_without_a_fit_the_list_is_empty(self, framework: Framework) -> None:
        """Watches may be nested, and end."""
        _load(framework)
        with framework.watch(_report, lambda: None) as outer:
            with framework.watch(_report, lambda: None) as inner:
                pass
            assert (list(outer), list(inner)) == ([], [])

    def test_it_can_be_cleared_and_seeded_again_and_again(self, framework: Framework) -> None:
        """Before each trial, with any seed below 2**32."""
        _load(framework)
        for seed in (0, 7, 2**32 - 1):
            framework.clear()
            framework.seed(seed)

    def test_the_statements_of_its_seeding_keep_the_script_s_names(
        self, framework: Framework
    ) -> None:
        """They are Python, and the names that they bind begin with an underscore."""
        names: dict[str, Any] = {}
        exec(framework.seeding(7, {framework.name, "numpy"}), names)  # noqa: S102 - the framework's
        assert [name for name in names if not name.startswith("_")] == []

    def test_the_environment_of_a_worker_is_text(self, framework: Framework) -> None:
        """As the system wants it."""
        for name, value in framework.worker_environment(3).items():
            assert isinstance(name, str)
            assert isinstance(value, str)

    def test_what_is_no_model_is_not_kept(self, framework: Framework) -> None:
        """Models are told from other values."""
        if framework.models is not None:
            assert not framework.models.is_model(object())
