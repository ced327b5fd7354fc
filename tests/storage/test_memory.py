"""The storage in memory keeps the contract."""

from __future__ import annotations

import pytest

from hpo_magic.storage.memory import MemoryStorage
from hpo_magic.testing.storages import StorageContract, a_record, a_trial


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()


def test_closing_loses_nothing() -> None:
    """A study in memory is still readable when its search has ended."""
    storage = MemoryStorage()
    study = storage.create(a_record()).id
    storage.save_trial(study, a_trial(0))
    storage.close()
    assert storage.trials(study) == [a_trial(0)]
