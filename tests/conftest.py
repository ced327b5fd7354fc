"""How Hypothesis runs here, and what keeps other libraries from disturbing a test.

What Hypothesis tries may take as long as it takes: a loaded machine is not a failure, so neither
deadlines nor the health check of its speed apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# PyTorch's builds for CUDA import it late, and it crashes where TensorFlow was imported before it.
with suppress(ImportError):
    import triton  # noqa: F401

# The contracts are no test modules; without this their asserts would fail without a word.
for part in ("executors", "frameworks", "samplers", "storages"):
    pytest.register_assert_rewrite(f"hpo_magic.testing.{part}")

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def optuna_closes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the databases that the test has Optuna open: since Python 3.13 an open one warns."""
    import optuna

    opened: list[Any] = []

    class Closed(optuna.storages.RDBStorage):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            opened.append(self)

    monkeypatch.setattr(optuna.storages, "RDBStorage", Closed)
    yield
    for database in opened:
        database.remove_session()
        database.engine.dispose()
