"""What people bring from elsewhere, put into the words of `hp`: text in, text out."""

from __future__ import annotations

from hpo_magic.dialects.reading import translated
from hpo_magic.dialects.translation import Translation

__all__ = ["Translation", "translated"]
