import pytest

# The contract is made of asserts but is no test module; without this they would fail wordlessly.
pytest.register_assert_rewrite("hpo_magic.testing.storages")
