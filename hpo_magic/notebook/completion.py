"""Tab completion of options and their values on the line of `%%hpo`."""

from __future__ import annotations

from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from hpo_magic.notebook.options import suggestions


@context_matcher()  # type: ignore[untyped-decorator]
def complete_options(context: Any) -> dict[str, Any]:
    """Return the completions at the cursor; none outside the line of `%%hpo`."""
    line = context.line_with_cursor[: context.cursor_position]
    if context.cursor_line != 0 or not line.lstrip().startswith("%%hpo "):
        return {"completions": [], "suppress": False}
    text = line.lstrip().removeprefix("%%hpo ")
    found = suggestions(text)
    word = "" if text.endswith(" ") else text.split()[-1] if text.split() else ""
    completions = [SimpleCompletion(found_one, type="option") for found_one in found]
    return {"completions": completions, "suppress": bool(found), "matched_fragment": word}
