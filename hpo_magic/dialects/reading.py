"""Translate a cell that was written for another tool to `hp` calls.

Everything after (names, fingerprints, `freeze`) works on the translation. A cell that uses no other
tool is returned as it is, and so is a translation.
"""

from __future__ import annotations

from collections.abc import Container

from hpo_magic.dialects.forms import with_forms
from hpo_magic.dialects.hyperas import with_templates
from hpo_magic.dialects.searches import refuse_search
from hpo_magic.dialects.translation import Translation
from hpo_magic.source.hp_calls import read_source


def translated(text: str, defined: Container[str] = (), first_line: int = 2) -> Translation:
    """Return the translation of a cell.

    Parameters
    ----------
    text
        The cell below its `%%hpo` line.
    defined
        The names that the notebook has.
    first_line
        The number of the text's first line, as the notebook counts.

    Raises
    ------
    SpaceError
        If the cell uses something of the other tool that has no counterpart here; the message says
        what to write.

    Examples
    --------
    >>> translated("rate = {{uniform(0, 0.5)}}").text
    'rate = hp.Float(0, 0.5)'
    >>> translated("n = 64  # @param [32, 64]").text
    'n = hp.Choice([32, 64], default=64)  # @param [32, 64]'
    """
    try:
        source = read_source(text)
    except SyntaxError:
        return Translation(text)  # whoever compiles it says so
    found = with_templates(source, defined, first_line)
    if found is None:
        refuse_search(source, first_line)
        found = with_forms(source, first_line)
    return found or Translation(text)
