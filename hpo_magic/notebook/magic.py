"""The magics: `%%hpo`, `%%hpo_test` and `%hpo`.

They parse the magic's line, call the code that does the work, and turn errors of the user's into
one sentence each.
"""

from __future__ import annotations

import builtins
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class

from hpo_magic.core.ports import Listener, Storage
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.space import Ranges
from hpo_magic.errors import HpoError, MetricError, OptionError, SpaceError
from hpo_magic.frameworks import all_frameworks, kept_models
from hpo_magic.language.hp import hp
from hpo_magic.notebook.cell import Cell, CellError, from_cell, without_indent
from hpo_magic.notebook.cell_objective import CellObjective
from hpo_magic.notebook.completion import start_completing, stop_completing
from hpo_magic.notebook.line_words import words_of
from hpo_magic.notebook.listener import make_listener, show_stored
from hpo_magic.notebook.options import given_options, help_text, parse_line, parse_name
from hpo_magic.notebook.script import Script, script_of
from hpo_magic.notebook.sealed import Sealed
from hpo_magic.notebook.searched_cell import SearchedCell
from hpo_magic.search.options import Options, checked_name
from hpo_magic.search.prepare import SearchedCode
from hpo_magic.search.requests import UserRequests
from hpo_magic.search.run import SearchResult, require_extras, run_search
from hpo_magic.storage import open_storage, storage_exists
from hpo_magic.storage.snapshots import open_snapshot
from hpo_magic.study.models import ModelStore
from hpo_magic.study.notebook import NotebookAccess
from hpo_magic.study.study import Study
from hpo_magic.study.test_result import TestResult
from hpo_magic.tools.finding import FoundSearch
from hpo_magic.views.words.notices import ending_text

STUDIES = Path("hpo_studies")


@magics_class
class HpoMagics(Magics):  # type: ignore[misc]  # IPython has no types
    """The magics of hpo_magic."""

    @line_cell_magic  # type: ignore[untyped-decorator]
    def hpo(self, line: str, cell: str | None = None) -> Any:  # noqa: D102  (below, from the options)
        with _usage_errors("%%hpo" if cell is not None else "%hpo", self.shell):
            if cell is None and words_of(line) == ["--report"]:
                return self._report()
            if cell is None:
                return self._show(*parse_name(line, "%hpo"))
            return self._search(line, cell)

    hpo.__doc__ = help_text()

    @cell_magic  # type: ignore[untyped-decorator]
    def hpo_test(self, line: str, cell: str) -> TestResult:
        """Measure the chosen model once, on data that the search never saw.

            %%hpo_test NAME [--vote] [--storage PATH]
            model.evaluate(x_test, y_test)

        The body runs once: `hp.*` calls give the chosen values, and the model and the other
        variables of the searched cell are there again. The value is written to a ledger that is
        never changed. A second evaluation of the same rows, also from another study, says so: it no
        longer is a test. With `--vote`, `model` is what the best models say together (see `--keep`
        of `%%hpo`): hp.score("accuracy", y_test, model.predict(x_test)).
        """
        with _usage_errors("%%hpo_test", self.shell):
            words = words_of(line)
            rest = shlex.join(word for word in words if word != "--vote")
            study = self._put(self._study(*parse_name(rest, "%%hpo_test")))
            compiled = Cell.compile(self.shell, line, cell, magic="hpo_test")
            return Sealed(study, compiled, self.shell, is_vote="--vote" in words).evaluate()

    def _search(self, line: str, source: str) -> Any:
        """Search the cell, and assign the study to the variable of its name.

        Return None, or what the last line of a script shows.
        """
        name, options = parse_line(line)
        require_extras(options)
        self._check_free(name)
        options = replace(options, on=self._cluster(options.on))
        if found := self._searches_of_other_tools(line, source):
            return self._run_script(line, source, name, options, found)
        searched = SearchedCell.read(self.shell, line, source)
        self._searched(
            name,
            searched.code(name, options),
            options,
            lambda requests: [searched.input_check(requests)],
            searched.cell,
        )
        return None

    def _searches_of_other_tools(self, line: str, source: str) -> list[FoundSearch]:
        """Return the searches of other tools that make a cell a script, which runs once."""
        return script_of(self.shell, Cell.compile(self.shell, line, without_indent(source)).tree)

    def _run_script(
        self, line: str, source: str, name: str, options: Options, found: list[FoundSearch]
    ) -> Any:
        """Run a script of another tool once, with our search in the place of its own."""
        script: Script | None = None

        def search(
            name: str,
            code: SearchedCode,
            options: Options,
            listeners: Callable[[UserRequests], list[Listener]],
        ) -> Study:
            assert script is not None
            return self._searched(name, code, options, listeners, script.cell)

        given = given_options(line)
        script = Script(self.shell, line, source, name, options, given, found, search)
        try:
            return script.run()
        except (HpoError, UsageError, CellError):
            raise
        except BaseException as error:
            if "_render_traceback_" in vars(error):  # a trial's: it shows the trial's frames
                raise
            raise from_cell(self.shell, script.cell, error)  # noqa: B904  (the same exception)

    def _searched(
        self,
        name: str,
        code: SearchedCode,
        options: Options,
        listeners: Callable[[UserRequests], list[Listener]],
        cell: Cell,
    ) -> Study:
        """Run a search, assign its study to the variable of its name, and return it."""
        storage = _opened(options.folder)
        self._save_unsaved(name, storage)
        done = run_search(
            code,
            options,
            storage,
            storage.models,
            lambda requests: [
                make_listener(options.ui, self.shell, requests),
                *listeners(requests),
            ],
        )
        notebook = self._notebook_of(name)
        study = self._put(
            Study(done.record, storage, done.snapshot, done.model_store, done.unsaved, notebook)
        )
        if done.finish.reason.is_failure:
            _raise_failure(done, cell, self.shell)
        if done.is_narrowing_wanted:
            _put_narrowed(study, done.ranges or {})
        return study

    def _cluster(self, where: str | None) -> Any:
        """Return the value of `--on`: an address, or the value of the variable of that name."""
        if where is None or "://" in where:
            return where
        if where not in self.shell.user_ns:
            hint = "" if ":" not in where else f" For an address, write --on tcp://{where}."
            raise OptionError(
                f"--on: there is no variable {where!r}. Give the variable that holds a Client, or "
                f"the address of a scheduler, tcp://host:8786.{hint}"
            )
        return self.shell.user_ns[where]

    def _show(self, name: str, folder: Path | None) -> Any:
        """Show a stored study; without a name, return the list of all studies."""
        if not name:
            is_empty = folder is None and not storage_exists(STUDIES)
            return _listing(None if is_empty else _existing(folder))
        study = self._study(name, folder)
        storage = study.storage
        if not (study.unsaved or _is_latest(study)):
            study = self._from_disk(name, storage)  # a search that still runs began a new revision
        self._put(study)
        show_stored(
            study.snapshot,
            self.shell,
            None if study.record.is_read else study.narrowed_cell,
            lambda n: study.choose(n).snapshot,
            None if study.record.is_read else study.enqueue,
        )
        return None

    def _report(self) -> None:
        """Write the file for a bug report, and print its path."""
        from hpo_magic.notebook.report import write_report

        path = write_report(self.shell, Path.cwd())
        sys.stdout.write(f"Written to {path}. Read it before you send it.\n")

    def _study(self, name: str, folder: Path | None) -> Study:
        """Return a study: the variable of that name if it holds the study, else from disk."""
        if not name:
            raise OptionError("the study has no name. Write %%hpo_test NAME; %hpo lists them.")
        variable = self.shell.user_ns.get(checked_name(name))
        is_meant = isinstance(variable, Study)
        if is_meant and folder is not None:
            there = _existing(folder)
            # A folder that was renamed holds the same record, and the variable's file is gone.
            is_meant = there.models == variable.storage.models and _is_in(there, variable.record)
        return variable.refresh() if is_meant else self._from_disk(name, _existing(folder))

    def _from_disk(self, name: str, storage: Storage) -> Study:
        """Return the latest stored revision of a study, with the objective of its cell."""
        record, snapshot = open_snapshot(storage, name)
        objective = None
        if record.source:
            cell = Cell.compile(self.shell, name, record.source, filename=f"<hpo {name}>")
            objective = CellObjective(cell, self.shell)
        model_store = ModelStore(storage.models, record, objective, all_frameworks(), kept_models())
        return Study(record, storage, snapshot, model_store, notebook=self._notebook_of(name))

    def _put(self, study: Study) -> Study:
        """Assign a study to the variable of its name, and return the study."""
        if study.notebook is None:  # `search()` made it
            study = replace(study, notebook=self._notebook_of(study.name))
        self.shell.user_ns[study.name] = study
        return study

    def _notebook_of(self, name: str) -> NotebookAccess:
        """Return the access of the study of that name to this notebook."""
        return NotebookAccess(
            namespace=self.shell.user_ns,
            new_cell=partial(self.shell.set_next_input, replace=False),
            cells_before=partial(self._cells_before, name),
            objective_of=partial(self._objective_of, name),
        )

    def _objective_of(self, name: str, text: str, is_alone: bool) -> CellObjective:
        """Return the objective of a cell's text; `is_alone`: it runs in an empty namespace."""
        cell = Cell.compile(self.shell, name, text, filename=f"<frozen {name}>")
        return CellObjective(cell, self.shell, is_alone=is_alone)

    def _cells_before(self, name: str) -> list[str]:
        """Return the texts of the cells that ran before the study's, or of all cells so far."""
        typed = list(self.shell.history_manager.input_hist_raw)[:-1]
        searched = re.compile(rf"\s*%%hpo\s(.*\s)?{name}([\s,;]|$)")
        places = [k for k, cell in enumerate(typed) if searched.match(cell)]
        return typed[: places[-1]] if places else typed

    def _check_free(self, name: str) -> None:
        variable = self.shell.user_ns.get(name)
        if name in self.shell.user_ns and not isinstance(variable, Study):
            raise OptionError(
                f"{name!r} is a variable of yours ({type(variable).__name__}), and the study would "
                f"replace it. Choose another name, or run `del {name}` first."
            )
        if name not in self.shell.user_ns and hasattr(builtins, name):
            raise OptionError(
                f"{name!r} is a name of Python's own, and the study would hide it. Try {name}_."
            )

    def _save_unsaved(self, name: str, storage: Storage) -> None:
        """Store the trials that the disk did not take in the last run of this study."""
        variable = self.shell.user_ns.get(name)
        if isinstance(variable, Study) and _is_in(storage, variable.record):
            for number, trial in sorted(variable.unsaved.items()):
                storage.save_trial(variable.record.id, trial)
                del variable.unsaved[number]


@contextmanager
def _usage_errors(magic: str, shell: Any) -> Iterator[None]:
    """Raise an error of the user's as a `UsageError`: one sentence without a traceback."""
    try:
        yield
    except CellError:
        raise
    except HpoError as error:
        raise UsageError(f"{magic}: {error}") from None


def _raise_failure(done: SearchResult, cell: Cell, shell: Any) -> None:
    """Raise the exception that made the search fail, with the frames from the cell on."""
    error, failure = done.error, done.finish.failure
    if error is None or isinstance(error, MetricError | SpaceError):
        is_ours = failure is not None and not failure.error
        text = failure.message if failure else ending_text(done.finish.reason)
        if error is None and failure and not is_ours:  # it was raised in another process
            text = f"a trial {failure}\n{failure.traceback}".rstrip()
        raise UsageError(f"%%hpo: {text}")
    raise from_cell(shell, cell, error)


def _put_narrowed(study: Study, ranges: Ranges) -> None:
    """Put the cell with narrower ranges into a new cell below, or print why there is none."""
    try:
        study.narrowed(**ranges)
    except HpoError as error:
        sys.stdout.write(f"{error}\n")


def _opened(folder: Path | None) -> Storage:
    """Return the storage of a folder; None: of `hpo_studies` in the working folder."""
    return open_storage(folder or STUDIES)


def _existing(folder: Path | None) -> Storage:
    """Return the storage of a folder to read.

    Raises
    ------
    OptionError
        If it has none: reading must not create one.
    """
    if not storage_exists(folder or STUDIES):
        raise OptionError(
            f"there are no studies in {folder or STUDIES}. Give --storage the folder in which a "
            f"search stored them; it may have been moved or renamed."
        )
    return _opened(folder)


def _is_latest(study: Study) -> bool:
    """Return whether no later revision of the study is stored."""
    return study.storage.revisions(study.name)[-1].id == study.record.id


def _is_in(storage: Storage, record: StudyRecord) -> bool:
    """Return whether a revision is in this storage; other storages may have the same number."""
    revisions = storage.revisions(record.name)
    return any((r.id, r.created) == (record.id, record.created) for r in revisions)


def _listing(storage: Storage | None) -> Any:
    """Return the list of the studies of a storage; None: an empty one."""
    from hpo_magic.notebook.listing import Listing

    return Listing(()) if storage is None else Listing.of(storage)


def load_ipython_extension(shell: Any) -> None:
    """Register the magics, and put `hp` into the namespace if the name is free."""
    shell.register_magics(HpoMagics)
    if "hp" not in shell.user_ns:
        shell.push({"hp": hp})
    start_completing(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Unregister the magics and the completion; studies and `hp` stay."""
    for kind, name in (("cell", "hpo"), ("line", "hpo"), ("cell", "hpo_test")):
        shell.magics_manager.magics[kind].pop(name, None)
    stop_completing(shell)
