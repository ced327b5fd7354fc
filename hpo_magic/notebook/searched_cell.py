"""A `%%hpo` cell before its search: compiled, fingerprinted, and checked for test data."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from hpo_magic.core.events import Completed, Ended, Event, Failed
from hpo_magic.core.ports import Listener
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import named_goals
from hpo_magic.dialects import Translation, translated
from hpo_magic.errors import OptionError, SpaceError
from hpo_magic.frameworks import load_wanted
from hpo_magic.honesty.leaks import looks_like_test_data
from hpo_magic.inputs.reads import values_read
from hpo_magic.inputs.walk import is_dataset
from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.language.hp import hp
from hpo_magic.language.trial_context import CHOOSE_A_NAME
from hpo_magic.notebook.cell import Cell, without_indent
from hpo_magic.notebook.cell_objective import CellObjective
from hpo_magic.notebook.forms_elsewhere import forms_elsewhere, refuse_forms_alone
from hpo_magic.notebook.leak_check import check_of
from hpo_magic.notebook.line_words import words_of
from hpo_magic.notebook.once import Once
from hpo_magic.notebook.whose_hp import refuse_other_hp
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.search.options import Options
from hpo_magic.search.prepare import SearchedCode
from hpo_magic.search.requests import UserRequests
from hpo_magic.source.definitions import definition_of
from hpo_magic.source.doubts import Doubt
from hpo_magic.source.fingerprint import code_fingerprint
from hpo_magic.source.hp_calls import Source, read_source
from hpo_magic.source.only_predicted import only_predicted
from hpo_magic.source.value_text import doubts_of
from hpo_magic.views.words.inputs import changes_text, unseen_text
from hpo_magic.views.words.test_set import names_text
from hpo_magic.views.words.value_text import doubt_texts

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
    inputs
        What it reads from the notebook, compared after each trial.
    once
        The function of the cell that is called once per search, if there is one.
    """

    shell: InteractiveShell
    line: str
    cell: Cell
    translation: Translation
    inputs: InputsWatch
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
        refuse_forms_alone(without_indent(source))
        _refuse_nested(read_source(translation.text), shell)
        refuse_other_hp(cell.tree, shell.user_ns)
        read = [shell.user_ns.get(name) for name in cell.text.names_read]
        load_wanted(cell.text.modules_imported, read)
        inputs = InputsWatch(lambda: values_read(cell.text, shell.user_ns), cell.source)
        return cls(shell, line, cell, translation, inputs, Once(translation.once))

    def code(self, name: str, options: Options) -> SearchedCode:
        """Return the cell as the code of the study `name`."""
        inputs = self.inputs.values
        with_rows = [n for n, value in inputs.items() if is_dataset(value) or _has_length(value)]
        data = {n for n in with_rows if not isinstance(inputs[n], str | bytes)}
        suspects = looks_like_test_data({*data, *self.translation.inputs})
        if set(suspects) <= only_predicted(self.cell.tree):
            suspects = []  # predictions to hand in: no labels of theirs are read
        unseen = unseen_text(self.inputs.start.unseen)
        named = named_goals(options.goals)
        metric = named[0].metric if named else None
        doubts = doubt_texts(self._doubts(metric)) if len(named) < 2 else []
        leaks = check_of(self.shell, self.cell.source).sentences()
        test_data = names_text(suspects)
        before = list(self.shell.history_manager.input_hist_raw)[:-1]
        forms = forms_elsewhere(before, self.cell.source, self.cell.text.names_read)
        notes = (unseen, *self.translation.notes, forms, test_data, *doubts, *leaks)
        return SearchedCode(
            name,
            CellObjective(self.cell, self.shell, self.once.stand_in),
            Fingerprint(
                self.cell.source,
                *code_fingerprint(self.cell.source),
                self.inputs.start.fingerprint,
            ),
            self.inputs,
            shlex.join(words_of(self.line)),
            self.translation.names,
            tuple(filter(None, notes)),
            is_cell=True,
            modules=self.cell.text.modules_imported,
        )

    def _doubts(self, metric: str | None) -> list[Doubt]:
        """Return what the text of the cell, and of the notebook's functions, shows of its value."""
        known: dict[str, ast.FunctionDef] = {}
        for name in self.cell.text.names_read:
            function = self.shell.user_ns.get(name)
            if isinstance(function, FunctionType) and function.__module__ == "__main__":
                definition = definition_of(function.__code__, function.__globals__)
                if isinstance(definition, ast.FunctionDef):
                    known[name] = definition
        return doubts_of(self.cell.tree, metric, known)

    def input_check(self, requests: UserRequests) -> Listener:
        """Return the listener that tells the user if the cell changes its data in place."""
        return _InputCheck(self, requests)


class _InputCheck:
    """Compares what the cell reads before and after each trial."""

    def __init__(self, searched: SearchedCell, requests: UserRequests) -> None:
        self._searched, self._requests = searched, requests

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Tell the user what a trial changed: the next trials start from that."""
        if isinstance(event, Completed | Failed | Ended):
            found = [*self._searched.inputs.changes(), *self._searched.once.changes()]
            if found:
                self._requests.note(changes_text(found))

    def poll(self) -> None:
        """Do nothing between events."""

    def close(self, snapshot: Snapshot) -> None:
        """Show nothing."""


def _refuse_nested(source: Source, shell: InteractiveShell) -> None:
    """Refuse an `hp` call among the values of an `hp.Choice`: it would run in every trial.

    Raises
    ------
    SpaceError
        With the line, and how to write it.
    """
    ours = [c for c in source.nested_in_choices if shell.user_ns.get(".".join(c.base or ())) is hp]
    for hp_call in ours:
        line = hp_call.call.lineno + 1  # the magic's own line is the first
        raise SpaceError(
            f"{ast.unparse(hp_call.call.func)}(…) on line {line} stands among the choices of an "
            f"hp.Choice, so it would be asked in every trial, and the choices would change with "
            f"its value. {CHOOSE_A_NAME}"
        )


def _has_length(value: object) -> bool:
    """Return whether a value may have rows: a sparse matrix has a shape in place of a length."""
    return hasattr(type(value), "__len__") or hasattr(type(value), "shape")


def _translated(shell: InteractiveShell, source: str) -> Translation:
    """Return the cell with `hp` calls, if it is written for another tool; else as it is.

    Raises
    ------
    SpaceError
        If it has to be translated, and `hp` is a variable of the user's.
    """
    text = without_indent(source)
    translation = translated(text, _names_defined(shell.user_ns))
    if translation.text != text and shell.user_ns.get("hp", hp) is not hp:
        raise SpaceError(
            "the variable hp is not ours in this notebook. Run `from hpo_magic import hp` first."
        )
    return translation


def _names_defined(variables: Mapping[str, Any]) -> set[str]:
    """Return the notebook's names, without Hyperas's `conditional`, which is only its argument."""
    conditional = variables.get("conditional")
    is_hyperas = "hyperas" in str(getattr(conditional, "__module__", "")).split(".")
    return set(variables) - ({"conditional"} if is_hyperas else set())
