"""One browser for all browser tests, one server for each application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import opened, served
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the running browser."""
    with opened() as running:
        yield running


@pytest.fixture(scope="session", params=["lab", "notebook"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, Path]]:
    """Return which application is served, its address, and its folder."""
    folder = tmp_path_factory.mktemp(request.param) / "notebooks"
    folder.mkdir()
    with served(folder, request.param) as address:
        yield request.param, address, folder
