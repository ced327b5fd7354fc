"""A `%%hpo` cell before its search: compiled, fingerprinted, and checked for test data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo_magic.core.events import Completed, Event, Failed
from hpo_magic.core.ports import Listener
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import named_goals
from hpo_magic.dialects import Translation, translated
from hpo_magic.errors import OptionError, SpaceError
from hpo_magic.frameworks import load_wanted
from hpo_magic.honesty.leaks import looks_like_test_data
from hpo_magic.language.hp import hp
from hpo_magic.notebook.cell import Cell, CellObjective, without_indent
from hpo_magic.notebook.fingerprint import CHANGES_INPUTS, data_fingerprint, fingerprint, inputs_of
from hpo_magic.notebook.once import Once
from hpo_magic.notebook.options import contradiction
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.search.options import Options
from hpo_magic.search.prepare import SearchedCode
from hpo_magic.search.requests import UserRequests
from hpo_magic.views.words.test_set import names_text

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True)
class SearchedCell:
    """The cell of one search.

    Attributes
    ----------
    shell
        The notebook's.
    line
        The text behind `%%hpo`.
    cell
        Compiled. Calls of another tool are translated to `hp` calls in its text.
    translation
        The result of translating another tool's calls to `hp` calls.
    fingerprint
        Of its code and of the data that it reads.
    once
        The function of the cell that is called once per search, if there is one.
    """

    shell: InteractiveShell
    line: str
    cell: Cell
    translation: Translation
    fingerprint: Fingerprint
    once: Once

    @classmethod
    def read(cls, shell: InteractiveShell, line: str, source: str) -> SearchedCell:
        """Compile the cell that runs now, and load the frameworks that it will import.

        Raises
        ------
        OptionError
            If the cell is empty.
        CellError
            If it is not valid Python.
        SpaceError
            If it needs `hp`, and that name is a variable of the user's.
        """
        translation = _translated(shell, source)
        cell = Cell.compile(shell, line, translation.text)
        if not cell.tree.body:
            raise OptionError("the cell is empty: write the code that builds and trains the model.")
        load_wanted(cell.text.modules_imported)
        mark = fingerprint(cell.text, shell.user_ns)
        return cls(shell, line, cell, translation, mark, Once(translation.once))

    def code(self, name: str, options: Options) -> SearchedCode:
        """Return the cell as the code of the study `name`."""
        inputs = inputs_of(self.cell.text, self.shell.user_ns)
        with_rows = [n for n, value in inputs.items() if hasattr(value, "__len__")]
        data = {n for n in with_rows if not isinstance(inputs[n], str | bytes)}
        suspects = looks_like_test_data({*data, *self.translation.inputs})
        contradictions = map(contradiction, named_goals(options.goals))
        notes = (*contradictions, *self.translation.notes, names_text(suspects))
        return SearchedCode(
            name,
            CellObjective(self.cell, self.shell, self.once.stand_in),
            self.fingerprint,
            inputs,
            self.line,
            self.translation.names,
            tuple(filter(None, notes)),
            is_cell=True,
        )

    def input_check(self, requests: UserRequests) -> Listener:
        """Return the listener that tells the user if the cell changes its data in place."""
        return _InputCheck(self, requests)


class _InputCheck:
    """Compares the data that the cell reads before and after the first trial."""

    def __init__(self, searched: SearchedCell, requests: UserRequests) -> None:
        self._searched, self._requests = searched, requests
        self._is_done = False

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Compare after the first trial: changed data is what the next trials start from."""
        if self._is_done or not isinstance(event, Completed | Failed):
            return
        searched = self._searched
        inputs = inputs_of(searched.cell.text, searched.shell.user_ns)
        is_changed = data_fingerprint(inputs) != searched.fingerprint.data
        if is_changed or searched.once.is_changed:
            self._requests.note(CHANGES_INPUTS)
        self._is_done = True

    def poll(self) -> None:
        """Do nothing between events."""

    def close(self, snapshot: Snapshot) -> None:
        """Show nothing."""


def _translated(shell: InteractiveShell, source: str) -> Translation:
    """Return the cell with `hp` calls, if it is written for another tool; else as it is.

    Raises
    ------
    SpaceError
        If it has to be translated, and `hp` is a variable of the user's.
    """
    text = without_indent(source)
    translation = translated(text, shell.user_ns)
    if translation.text != text and shell.user_ns.get("hp", hp) is not hp:
        raise SpaceError(
            "the variable hp is not ours in this notebook. Run `from hpo_magic import hp` first."
        )
    return translation
