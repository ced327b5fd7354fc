"""Translations of cells that were written for other tools to `hp` calls: text in, text out."""

from __future__ import annotations

from hpo_magic.dialects.reading import translated
from hpo_magic.dialects.translation import Translation

__all__ = ["Translation", "translated"]
