"""A short search by `%%hpo`, and what it said."""

from __future__ import annotations

from typing import Any

from hpo_magic.views.words.notices import messages

CELL = "x = hp.Float(0.0, 10.0, default=5.0)\n(x - 3) ** 2"


def run(notebook: Any, options: str = "", body: str = CELL, name: str = "study") -> Any:
    """Run a cell to its end, on the random sampler for speed; return the study."""
    first = f"%%hpo {name} --minimize loss --trials 4 --sampler random --ui none {options}"
    notebook.ok(f"{first}\n{body}")
    return notebook[name]


def message(study: Any) -> str:
    """Return the one sentence that the run of the search had to say."""
    (sentence,) = messages(study.snapshot)
    return str(sentence)
