"""How Hypothesis runs here: what it tries may take as long as it takes.

A loaded machine is not a failure, so neither deadlines nor the health check of its speed apply.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The contracts are no test modules; without this their asserts would fail without a word.
for part in ("executors", "frameworks", "samplers", "storages"):
    pytest.register_assert_rewrite(f"hpo_magic.testing.{part}")

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
