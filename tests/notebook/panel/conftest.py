"""The notebook in which panels are displayed, without a browser."""

from __future__ import annotations

import pytest
from displayed import Page, Shown
from made_up_searches import a_search

from hpo_magic.notebook.panel import static


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return the notebook that displays end up in."""
    made = Page()
    monkeypatch.setattr("hpo_magic.notebook.panel.panel.display", made.display)
    monkeypatch.setattr(static, "display", made.display)
    return made


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make clicks count as delivered, as in a kernel that can."""
    monkeypatch.setattr("hpo_magic.notebook.panel.clicks.Clicks.is_live", True)


@pytest.fixture
def shown(page: Page, live: None) -> Shown:
    """Return an open panel on a search of 12 trials."""
    return Shown(a_search(12))
