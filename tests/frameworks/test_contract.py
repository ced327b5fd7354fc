"""Every framework of the package keeps the contract."""

from __future__ import annotations

import pytest

from hpo_magic.core.ports import Framework
from hpo_magic.frameworks import all_frameworks
from hpo_magic.testing.frameworks import FrameworkContract

# The libraries of the extra `trainers` are tested by `make trainers`.
ELSEWHERE = ("catboost", "fastai", "lightning", "skorch", "transformers")
HERE = [framework for framework in all_frameworks() if framework.name not in ELSEWHERE]


class TestFrameworks(FrameworkContract):
    @pytest.fixture(params=HERE, ids=lambda framework: framework.name)
    def framework(self, request: pytest.FixtureRequest) -> Framework:
        framework: Framework = request.param
        return framework
