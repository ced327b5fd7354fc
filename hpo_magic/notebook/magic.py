"""The magics: `%%hpo`, `%%hpo_test` and `%hpo`.

They read the line, put the pieces together, and turn what is the user's mistake into a sentence.
Nothing is decided here.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class

from hpo_magic.core.events import Completed, Event, Failed
from hpo_magic.core.ports import Listener, Storage
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.dialects import Translation, translated
from hpo_magic.errors import HpoError, MetricError, OptionError, SpaceError
from hpo_magic.exports import make_log
from hpo_magic.frameworks import all_frameworks, kept_models, load_wanted
from hpo_magic.honesty.leaks import looks_like_test_data, sentence_of_names
from hpo_magic.language.hp import hp
from hpo_magic.notebook.cell import (
    Cell,
    CellError,
    CellObjective,
    from_cell,
    modules_imported,
    without_indent,
)
from hpo_magic.notebook.completion import start_completing, stop_completing
from hpo_magic.notebook.fingerprint import CHANGES_INPUTS, data_fingerprint, fingerprint, inputs_of
from hpo_magic.notebook.listener import make_listener, show_stored
from hpo_magic.notebook.once import Once
from hpo_magic.notebook.options import contradiction, help_text, parse_line, parse_name
from hpo_magic.notebook.sealed import Sealed
from hpo_magic.notebook.test_result import TestResult
from hpo_magic.search.open_study import open_study
from hpo_magic.search.options import checked_name
from hpo_magic.search.run import SearchResult, require_extras, run_search
from hpo_magic.search.runner import UserRequests
from hpo_magic.search.used_rows import RowsRecorder
from hpo_magic.storage.snapshots import open_snapshot
from hpo_magic.storage.sqlite import SqliteStorage, study_file
from hpo_magic.study.models import ModelStore
from hpo_magic.study.study import Study

STUDIES = Path("hpo_studies")


@magics_class
class HpoMagics(Magics):  # type: ignore[misc]  # IPython has no types
    """The magics of hpo_magic."""

    @line_cell_magic  # type: ignore[untyped-decorator]
    def hpo(self, line: str, cell: str | None = None) -> Any:  # noqa: D102  (below, from the options)
        with _mistakes_told("%%hpo" if cell is not None else "%hpo", self.shell):
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
        never changed. A second look at the same rows, also from another study, says so: it no
        longer is a test. With `--vote`, `model` is what the best models say together (see `--keep`
        of `%%hpo`): hp.score("accuracy", y_test, model.predict(x_test)).
        """
        with _mistakes_told("%%hpo_test", self.shell):
            words = line.split()
            rest = " ".join(word for word in words if word != "--vote")
            study = self._put(self._study(*parse_name(rest, "%%hpo_test")))
            compiled = Cell.compile(self.shell, line, cell, magic="hpo_test")
            return Sealed(study, compiled, self.shell, is_vote="--vote" in words).evaluation()

    def _search(self, line: str, source: str) -> None:
        """Search the cell, and put the study into the namespace."""
        name, options = parse_line(line)
        require_extras(options)
        self._check_free(name)
        options = replace(options, on=self._cluster(options.on))
        translation = self._translated(source)
        cell = Cell.compile(self.shell, line, translation.text)
        if not cell.tree.body:
            raise OptionError("the cell is empty: write the code that builds and trains the model.")
        load_wanted(modules_imported(cell.tree))
        mark = fingerprint(cell.source, cell.tree, self.shell.user_ns)
        storage = _opened(options.storage)
        self._save_what_waits(name, storage)
        opened = open_study(storage, name, options, mark, line)
        names = {**translation.names, **opened.record.names}
        opened = replace(opened, record=replace(opened.record, names=names))
        data_read = {*_data_read(cell, self.shell), *translation.inputs}
        warning = sentence_of_names(looks_like_test_data(data_read))
        recorder = RowsRecorder(storage, opened.record.id)
        recorder.read(inputs_of(cell.tree, self.shell.user_ns))
        once = Once(translation.once)
        objective = CellObjective(cell, self.shell, once.stand_in)
        frameworks = all_frameworks()
        model_store = ModelStore(
            storage.models, opened.record, objective, frameworks, kept_models()
        )

        narrowing: list[bool] = []  # whether the button was pressed

        def listeners(requests: UserRequests) -> Sequence[Listener]:
            model_store.note = requests.note
            requests.narrow = lambda: narrowing.append(True)
            contradictions = [contradiction(g.metric, g.direction) for g in options.goals]
            for text in (*contradictions, *translation.notes, warning):
                if text:
                    requests.note(text)
            logs = [make_log(options.log, name, requests.note)] if options.log is not None else []
            return [
                *logs,
                make_listener(options.ui, self.shell, requests),
                _InputsWatch(cell, self.shell, requests, mark.data, once),
            ]

        done = run_search(
            objective,
            opened,
            options,
            storage,
            frameworks=frameworks,
            listeners=listeners,
            model_store=model_store,
            recorder=recorder,
        )
        model_store.record = done.record
        study = self._put(Study(done.record, storage, done.snapshot, model_store, done.unsaved))
        if done.finish.reason.is_failure:
            _raise_failure(done, cell, self.shell)
        if narrowing:
            _put_narrowed(study)

    def _cluster(self, where: str | None) -> Any:
        """Return what `--on` means: an address as it is, else the variable of that name."""
        if where is None or "://" in where:
            return where
        if where not in self.shell.user_ns:
            hint = "" if ":" not in where else f" For an address, write --on tcp://{where}."
            raise OptionError(
                f"--on: there is no variable {where!r}. Give the variable that holds a Client, or "
                f"the address of a scheduler, tcp://host:8786.{hint}"
            )
        return self.shell.user_ns[where]

    def _translated(self, source: str) -> Translation:
        """Return the cell in the words of `hp`, where it is in another tool's."""
        text = without_indent(source)
        found = translated(text, self.shell.user_ns)
        if found.text != text and self.shell.user_ns.get("hp", hp) is not hp:
            raise SpaceError(
                "the variable hp is not ours in this notebook. Run `from hpo_magic import hp` "
                "first."
            )
        return found

    def _show(self, name: str, folder: Path | None) -> Any:
        """Show a study again, from disk; without a name, list them."""
        if not name:
            return _listing(_opened_again(folder))
        study = self._study(name, folder)
        storage = study.storage
        if isinstance(storage, SqliteStorage) and not (study.unsaved or _is_latest(study)):
            study = self._from_disk(name, storage)  # a search that still runs began a new revision
        self._put(study)
        show_stored(
            study.snapshot, self.shell, study.narrowed_cell, lambda n: study.choose(n).snapshot
        )
        return None

    def _study(self, name: str, folder: Path | None) -> Study:
        """Return the study of that name: the variable if it is the one, else from disk."""
        if not name:
            raise OptionError("the study has no name. Write %%hpo_test NAME; %hpo lists them.")
        found = self.shell.user_ns.get(checked_name(name))
        is_meant = isinstance(found, Study)
        if is_meant and folder is not None:
            is_meant = _is_in(_opened_again(folder), found.record)
        return found.refresh() if is_meant else self._from_disk(name, _opened_again(folder))

    def _from_disk(self, name: str, storage: SqliteStorage) -> Study:
        """Return the latest revision of a study, with what makes its models again."""
        record, snapshot = open_snapshot(storage, name)
        objective = None
        if record.source:
            cell = Cell.compile(self.shell, name, record.source, filename=f"<hpo {name}>")
            objective = CellObjective(cell, self.shell)
        model_store = ModelStore(storage.models, record, objective, all_frameworks(), kept_models())
        return Study(record, storage, snapshot, model_store)

    def _put(self, study: Study) -> Study:
        """Put a study into the namespace, under its name."""
        study.namespace = self.shell.user_ns
        study.new_cell = partial(self.shell.set_next_input, replace=False)
        study.objective_of = partial(self._objective_of, study.name)
        study.cells = partial(self._cells_before, study.name)
        self.shell.user_ns[study.name] = study
        return study

    def _objective_of(self, name: str, text: str, is_alone: bool) -> CellObjective:
        """Return a text as a cell of this notebook, or of an empty one."""
        cell = Cell.compile(self.shell, name, text, filename=f"<frozen {name}>")
        return CellObjective(cell, self.shell, is_alone=is_alone)

    def _cells_before(self, name: str) -> list[str]:
        """Return the cells that were run before the study's, as typed; without it, all so far."""
        typed = list(self.shell.history_manager.input_hist_raw)[:-1]
        searched = re.compile(rf"\s*%%hpo\s(.*\s)?{name}(\s|$)")
        places = [k for k, cell in enumerate(typed) if searched.match(cell)]
        return typed[: places[-1]] if places else typed

    def _check_free(self, name: str) -> None:
        there = self.shell.user_ns.get(name)
        if name in self.shell.user_ns and not isinstance(there, Study):
            raise OptionError(
                f"{name!r} is a variable of yours ({type(there).__name__}), and the study would "
                f"replace it. Choose another name, or run `del {name}` first."
            )
        if name not in self.shell.user_ns and hasattr(builtins, name):
            raise OptionError(
                f"{name!r} is a name of Python's own, and the study would hide it. Try {name}_."
            )

    def _save_what_waits(self, name: str, storage: Storage) -> None:
        """Store what a failing disk did not take in the run before."""
        there = self.shell.user_ns.get(name)
        if isinstance(there, Study) and _is_in(storage, there.record):
            for number, trial in sorted(there.unsaved.items()):
                storage.save_trial(there.record.id, trial)
                del there.unsaved[number]


class _InputsWatch:
    """Says so when the cell changes what it reads: then its trials do not start alike."""

    def __init__(
        self, cell: Cell, shell: Any, requests: UserRequests, before: str, once: Once
    ) -> None:
        self._cell, self._shell, self._requests = cell, shell, requests
        self._before, self._once, self._is_done = before, once, False

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Compare after the first trial of the run."""
        if not isinstance(event, Completed | Failed) or self._is_done:
            return
        inputs = inputs_of(self._cell.tree, self._shell.user_ns)
        if data_fingerprint(inputs) != self._before or self._once.is_changed:
            self._requests.note(CHANGES_INPUTS)
        self._is_done = True

    def close(self, snapshot: Snapshot) -> None:
        """Nothing stays."""


def _data_read(cell: Cell, shell: Any) -> list[str]:
    """Return the names of the arrays and tables that the cell reads from the notebook."""
    inputs = inputs_of(cell.tree, shell.user_ns)
    with_rows = (name for name, value in inputs.items() if hasattr(value, "__len__"))
    return [name for name in with_rows if not isinstance(inputs[name], str | bytes)]


@contextmanager
def _mistakes_told(magic: str, shell: Any) -> Iterator[None]:
    """Turn what is the user's to mend into one sentence without a traceback."""
    try:
        yield
    except CellError:
        raise
    except HpoError as error:
        raise UsageError(f"{magic}: {error}") from None


def _raise_failure(done: SearchResult, cell: Cell, shell: Any) -> None:
    """Raise what made the search fail: the user's own exception, from the cell's frame on."""
    error, failure = done.error, done.finish.failure
    if error is None or isinstance(error, MetricError | SpaceError):
        is_ours = failure is not None and not failure.error
        text = failure.message if failure else done.finish.reason.value
        if error is None and failure and not is_ours:  # it was raised in another process
            text = f"a trial {failure}\n{failure.traceback}".rstrip()
        raise UsageError(f"%%hpo: {text}")
    raise from_cell(shell, cell, error)


def _put_narrowed(study: Study) -> None:
    """Put the cell with narrower ranges below, as the button was told; or say why there is none."""
    try:
        study.narrowed()
    except HpoError as error:
        sys.stdout.write(f"{error}\n")


def _opened(folder: Path | None) -> SqliteStorage:
    """Return the storage of a folder; `hpo_studies` beside the notebook unless said otherwise."""
    return SqliteStorage(folder or STUDIES)


def _opened_again(folder: Path | None) -> SqliteStorage:
    """Return the storage of a folder to look into; one that was named must be there.

    Raises
    ------
    OptionError
        If it is not: to look must not create it.
    """
    if folder is not None and not study_file(folder).exists():
        raise OptionError(f"there are no studies in {folder}: it has no file {study_file(folder)}.")
    return _opened(folder)


def _is_latest(study: Study) -> bool:
    """Return whether no later revision of the study is stored."""
    return study.storage.revisions(study.name)[-1].id == study.record.id


def _is_in(storage: Storage, record: StudyRecord) -> bool:
    """Return whether a revision is in this storage: another file numbers its studies anew."""
    revisions = storage.revisions(record.name)
    return any((r.id, r.created) == (record.id, record.created) for r in revisions)


def _listing(storage: Storage) -> Any:
    from hpo_magic.notebook.listing import Listing

    return Listing.of(storage)


def load_ipython_extension(shell: Any) -> None:
    """Register the magics, and put `hp` into the namespace if the name is free."""
    shell.register_magics(HpoMagics)
    if "hp" not in shell.user_ns:
        shell.push({"hp": hp})
    start_completing(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take away what was registered; studies and `hp` stay."""
    for kind, name in (("cell", "hpo"), ("line", "hpo"), ("cell", "hpo_test")):
        shell.magics_manager.magics[kind].pop(name, None)
    stop_completing(shell)
