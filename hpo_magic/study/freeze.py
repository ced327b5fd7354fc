"""The winning setting written into the cell: as a cell, as a script, as a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpo_magic.core.domains import Choice
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Trial
from hpo_magic.errors import HpoError, OptionError, did_you_mean
from hpo_magic.frameworks import all_frameworks
from hpo_magic.source.freeze import freeze
from hpo_magic.source.function import as_function
from hpo_magic.source.hp_calls import read_source
from hpo_magic.source.script import as_script, cells_needed, refuse_magics, with_last_printed
from hpo_magic.study.frozen_spaces import without_spaces
from hpo_magic.study.notebook import NotebookAccess
from hpo_magic.views.words.numbers import number

FORMS = ("cell", "script", "function")
FIRST_LINE = 2  # of the cell's text: places of calls count `%%hpo` as line 1


class FrozenCell(str):
    """The text of a cell or program; shown as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class FrozenText:
    """The frozen text, and the code to run to check that it reaches the stored score.

    `is_alone` tells whether that needs nothing of the notebook.
    """

    text: str
    to_check: str
    is_alone: bool = False


def frozen_text(
    form: str,
    record: StudyRecord,
    trial: Trial,
    space: Space,
    notebook: NotebookAccess | None,
) -> FrozenText:
    """Return the cell of a study with the values of a trial.

    Parameters
    ----------
    form
        One of `FORMS`.
    notebook
        The study's; None in a script, where the form "script" cannot be written.

    Raises
    ------
    OptionError
        If there is no such form.
    HpoError
        If the study was not searched from a cell, or it cannot be written in that form.
    """
    if form not in FORMS:
        raise OptionError(
            f"form: {form!r} is not one of {', '.join(FORMS)}.{did_you_mean(form, FORMS)}"
        )
    record.refuse_read("no cell to freeze")
    if not record.source and record.line:
        raise HpoError(
            f"The training of study {record.name!r} is no line of its cell that could be frozen. "
            f"Take study.best_params, or what the script's own tool gives."
        )
    if not record.source:
        raise HpoError(
            f"Study {record.name!r} was not searched from a cell: nothing to freeze. Its values "
            f"are study.best_params."
        )
    domains = {name: parameter.domain for name, parameter in space.items()}
    namespace = {} if notebook is None else notebook.namespace
    source, params = without_spaces(record.source, trial, namespace)
    arguments: dict[str, Any] = {
        "names": record.names,
        "namespace": namespace,
        "first_line": FIRST_LINE,
    }
    values: dict[str, Any] = {
        "domains": {n: d for n, d in domains.items() if isinstance(d, Choice)},
        "seed": trial.seed,
    }
    metric = record.metric or "value"
    about = f"Trial {trial.number} of {record.name}: {metric} {number(trial.value)} in the search."
    if form == "function":
        text = as_function(source, params, **arguments, **values, metric=record.metric, about=about)
        name = text.partition("(")[0].removeprefix("def ")
        return FrozenText(text, f"{text}\n{name}()")
    frozen = freeze(source, params, **arguments, **values)
    if form == "cell":
        return FrozenText(frozen, frozen)
    refuse_magics(frozen)
    if notebook is None:
        raise HpoError(
            f"A script needs what the notebook made for the cell: run %hpo {record.name} in the "
            f"notebook, and freeze there."
        )
    needed = cells_needed(notebook.cells_before(), frozen, notebook.namespace)
    seeding = _seeding(trial.seed, read_source("\n".join([*needed, frozen])).modules_imported)
    text, to_check = (
        as_script(needed, t, seeding, about) for t in (with_last_printed(frozen), frozen)
    )
    return FrozenText(text, to_check, is_alone=True)


def _seeding(seed: int, modules: set[str]) -> str:
    """Return statements that set the random streams as a trial's are set before it begins."""
    texts = (framework.seeding(seed, modules) for framework in all_frameworks())
    return "\n".join(text for text in texts if text)
