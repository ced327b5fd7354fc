"""A `%%hpo` cell that is a whole script of another tool: it runs once, and its search is ours.

The cell runs in the notebook's own variables, as without `%%hpo`. The call that would begin the
tool's search is caught and read, our search runs in its place, and the call returns what the tool
would: the lines below it need no change.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.ports import Listener, WaitingPruner
from hpo_magic.core.trial import Direction, Goal, named_goals
from hpo_magic.errors import NotPortable, OptionError, SpaceError
from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.language.hp import HyperParameters
from hpo_magic.notebook.cell import Cell, compiled
from hpo_magic.notebook.searched_cell import SearchedCell
from hpo_magic.notebook.trial_namespace import stored_globals
from hpo_magic.notebook.whose_hp import asks_outside_functions
from hpo_magic.pruners import make_pruner
from hpo_magic.scripts.hyperas import importable
from hpo_magic.scripts.tool_search import (
    OUR_HP,
    CannotTakeOver,
    ToolSearch,
    not_taken_over,
    search_of,
)
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.search.options import Options
from hpo_magic.search.prepare import SearchedCode
from hpo_magic.search.requests import UserRequests
from hpo_magic.source.fingerprint import code_fingerprint
from hpo_magic.study.study import Study
from hpo_magic.tools.ask_and_tell import as_search, asks_of, lone_asks, tells
from hpo_magic.tools.asked_loops import NAME as LOOP
from hpo_magic.tools.asked_loops import PASSES
from hpo_magic.tools.entries import ask_of, refused
from hpo_magic.tools.finding import FoundSearch, searches_in
from hpo_magic.tools.interception import Call, handled, intercepted
from hpo_magic.views.words.numbers import counted

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
from hpo_magic.notebook.script_calls import (
    argument_texts,
    constructor_texts,
    receivers_of,
    statement_on,
    statements_of,
)
from hpo_magic.notebook.script_objective import Handover, ScriptObjective

# The budget in trials of a script that gives a time alone.
MOST_TRIALS = 1000

Search = Callable[[str, SearchedCode, Options, Callable[[UserRequests], list[Listener]]], Study]


def script_of(shell: InteractiveShell, tree: ast.Module) -> list[FoundSearch]:
    """Return the searches of other tools that make a cell a script; none: it is one training.

    Raises
    ------
    SpaceError
        If the cell also asks `hp` for values outside of functions: it cannot be both.
    """
    found = searches_in(tree, shell.user_ns)
    asked = asks_outside_functions(tree, shell.user_ns)
    if not found or asked is None:
        return found
    if all(one.may_nest for one in found):
        return []  # an estimator that each trial fits
    first = next(one for one in found if not one.may_nest)
    raise SpaceError(
        f"the cell asks hp for values on line {asked} and runs {first.text}(…) on line "
        f"{first.line}, a search of its own, which would run whole in every trial. Leave one of "
        f"them out: without hp outside of functions the script's search is this one."
    )


def _as_search(cell: Cell, found: list[FoundSearch]) -> Cell:
    """Return a cell with its loops of `ask` and `tell` as searches.

    Raises
    ------
    CannotTakeOver
        If the cell itself asks in a loop that cannot be read so.
    """
    asks = {one.line: one.package for one in found if one.text.endswith(".ask")}
    tree = as_search(cell.tree, asks) if asks else None
    unread = asks_of(tree or cell.tree) & set(asks)
    for line in sorted(unread - _asked_beside(cell, found)):
        if not tells(cell.tree):
            raise CannotTakeOver(
                f"{ask_of(asks[line]).call} on line {line} asks for a setting whose value no line "
                f"of this cell tells, so nothing is searched here. Run the cell without %%hpo: "
                f"asked and told by hand, it works as without hpo_magic. Or write the training "
                f"into a function, and give it to the search of {ask_of(asks[line]).tool}."
            )
        raise not_taken_over(ask_of(asks[line]), line)
    if tree is None:
        return cell
    whole = compiled(cell.source, cell.filename, tree, cell.flags)
    return replace(whole, tree=cell.tree)


def _asked_beside(cell: Cell, found: list[FoundSearch]) -> set[int]:
    """Return the lines that ask once, beside a search of the same tool in the cell."""
    lone = lone_asks(cell.tree)
    searched = {one.package for one in found if one.line not in lone}
    return {one.line for one in found if one.line in lone and one.package in searched}


class Script:
    """One run of a script.

    Parameters
    ----------
    shell
        The notebook's.
    line
        The text behind `%%hpo`.
    source
        The cell below it.
    name
        Of the study.
    options
        Of the line.
    given
        The names of the options that the line has; the script says the others.
    found
        The calls that begin a search, as the text shows them.
    search
        Runs a search under a name and returns its study.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        line: str,
        source: str,
        name: str,
        options: Options,
        given: set[str],
        found: list[FoundSearch],
        search: Search,
    ) -> None:
        self._shell, self._line, self._name = shell, line, name
        self._options, self._given, self._found = options, given, found
        self._search = search
        self.cell = _as_search(Cell.compile(shell, line, source), found)
        self._studies: list[Study] = []
        self._calls: list[ast.stmt] = []  # the statements that searched
        self._owners: list[tuple[Any, str, int]] = []
        self._texts: dict[str, str] = {}  # the text of each study's training, by name
        self._data: dict[str, str] = {}  # the fingerprint of what it reads, by name
        self._asks_for_none = False  # a call with no trial, which the tool itself runs
        self._check()

    def _check(self) -> None:
        if self._name in self.cell.text.names_bound:
            raise OptionError(
                f"the cell sets {self._name} itself, and the study would replace it. Give the "
                f"study another name: %%hpo {self._name}_search."
            )
        for one in self._found:
            if one.is_handed_on:
                raise CannotTakeOver(
                    f"{one.text} on line {one.line} is handed to other code, which would run the "
                    f"whole search where it cannot be taken over. Call it here, "
                    f"{one.text}(objective, n_trials=…); or end the cell in objective(hp.trial), "
                    f"one trial, which also runs with --jobs and --on."
                )
            if (entry := refused(one.package, one.text)) is not None:
                raise not_taken_over(entry, one.line)
        has_workers = self._options.jobs > 1 or self._options.isolate or self._options.on
        if has_workers and self._found[0].package != "hyperas":
            raise NotPortable(
                f"{self._found[0].text}(…) on line {self._found[0].line} runs in this kernel, on "
                f"the objects of the script. Leave --jobs, --isolate and --on out, or end the cell "
                f"in the call of one training instead: docs/how_to/from_other_tools.md has it for "
                f"each tool."
            )

    def run(self) -> Any:
        """Run the cell once with our search in the place of its own; return its last expression.

        Raises
        ------
        SpaceError
            If no search began.
        """
        wanted = {*self.cell.text.modules_imported, *(one.package for one in self._found)}
        if wanted & {"optuna", "optuna_integration", "transformers"}:
            wanted |= {"optuna", "optuna_integration"}
        with ExitStack() as kept:
            kept.enter_context(importable())
            kept.enter_context(intercepted(wanted))
            kept.enter_context(handled(self._taken_over))
            last = self.cell.run(self._shell.user_ns)
        if not self._studies:
            first = self._found[0]
            if self._asks_for_none:
                raise SpaceError(
                    f"{first.text}(…) on line {first.line} asks for 0 trials, so nothing was "
                    f"searched. Ask for some there, or write --trials N."
                )
            raise SpaceError(
                f"{first.text}(…) on line {first.line} was not called, so nothing was searched. "
                f"Call it in this cell, or put %%hpo on the cell that does."
            )
        return None if last is NOTHING else last

    def _taken_over(self, call: Call) -> Any:
        """Run our search for a call that would begin another tool's; return what that returns."""
        if self._asks_once(call):
            return call.original(*call.args, **call.options)
        search = search_of(call)
        if _loop_of(call) is not None:  # its body runs as often as the loop says
            search = replace(search, settings={"recheck": "0", **search.settings})
        if search.trials == 0 and not search.time_s and "trials" not in self._given:
            self._asks_for_none = True
            return call.original(*call.args, **call.options)
        name, n_before = self._name_for(search)
        options = self._merged(search, n_before)
        _check_waiting(search, call, options)
        if search.cell:
            study = self._of_cell(search, call, name, options)
        else:
            study = self._search(
                name,
                self._code(search, call, name, options),
                options,
                lambda requests: self._listeners(search, requests),
            )
        self._studies.append(study)
        search.ended(study.snapshot)
        return search.result(study)

    def _asks_once(self, call: Call) -> bool:
        """Return whether a call asks for one setting beside the searches of the cell.

        It is the tool's own; the search that follows says that it is not learned from.
        """
        if not call.entry.is_inner or call.frame.f_code.co_filename != self.cell.filename:
            return False
        return call.frame.f_lineno in _asked_beside(self.cell, self._found)

    def _name_for(self, search: ToolSearch) -> tuple[str, int]:
        """Return the name of the study, and the trials of earlier calls on the same object."""
        for k, (owner, name, n_trials) in enumerate(self._owners):
            if owner is search.owner is not None:
                self._owners[k] = owner, name, n_trials + (search.trials or 0)
                return name, n_trials
        number = len(self._owners) + 1
        name = self._name if number == 1 else f"{self._name}_{number}"
        if number > 1 and not isinstance(self._shell.user_ns.get(name, None), Study | None):
            raise OptionError(
                f"the script has {number} searches, and {name} is a variable of yours. Rename it."
            )
        self._owners.append((search.owner, name, search.trials or 0))
        return name, 0

    def _merged(self, search: ToolSearch, n_before: int) -> Options:
        """Return the options of the line, and the script's where the line has none."""
        changed: dict[str, Any] = {
            key: value for key, value in search.settings.items() if key not in self._given
        }
        if "trials" not in self._given and (search.trials or search.time_s):
            changed["trials"] = n_before + (search.trials or MOST_TRIALS)
        if "time" not in self._given and search.time_s:
            changed["time"] = float(search.time_s)
        if "goals" not in self._given:
            changed["goals"] = search.goals
        else:
            _check_directions(self._options, search)
        return replace(self._options, **changed)

    def _of_cell(self, search: ToolSearch, call: Call, name: str, options: Options) -> Study:
        """Search a cell in the place of a call: the model's function of Hyperas's."""
        function = call.options.get("model") or call.args[0]
        is_here = function.__code__.co_filename == self.cell.filename
        n_lines = function.__code__.co_firstlineno - 2 if is_here else 0
        text = "\n" * max(n_lines, 0) + search.cell
        searched = SearchedCell.read(self._shell, self._line, text)
        told = replace(searched.translation, notes=(self._sentence(search, call, options),))
        code = replace(searched, translation=told).code(name, options)
        return self._search(name, code, options, lambda requests: [searched.input_check(requests)])

    def _code(self, search: ToolSearch, call: Call, name: str, options: Options) -> SearchedCode:
        # A further call on the same object goes on, whatever stands between the calls.
        text = self._texts.setdefault(name, self._equivalent(search, call))
        watch = InputsWatch(partial(_values_read, search, call), text)
        data = self._data.setdefault(name, watch.start.fingerprint)
        whole = hashlib.blake2b(self.cell.source.encode(), digest_size=16).hexdigest()
        parts = code_fingerprint(text) if text else (whole, "")
        return SearchedCode(
            name,
            ScriptObjective(search.objective, self.cell, self._shell),
            Fingerprint(text, *parts, data),
            watch,
            self._line,
            notes=(self._sentence(search, call, options), *search.notes),
            is_cell=False,
        )

    def _equivalent(self, search: ToolSearch, call: Call) -> str:
        """Return the cell with one training in the place of the search, and nothing after it.

        "" where the call is not a statement of the cell itself.
        """
        if call.frame.f_code.co_filename != self.cell.filename:
            return ""
        line = call.frame.f_lineno
        block, around = statement_on(self.cell.tree, line)
        if around is None:
            return ""
        texts = argument_texts(around, call) | constructor_texts(self.cell.tree, around)
        is_ours = isinstance(self._hp_of(call), HyperParameters)
        training = search.equivalent(texts | {OUR_HP: "hp" if is_ours else "_hp"})
        if not training:
            return ""
        self._calls.append(around)
        if call.entry.package == "keras_tuner":  # making a tuner builds a model
            body = self.cell.tree.body if block is None else [*self.cell.tree.body, *block.body]
            self._calls += statements_of(receivers_of(around), body)
        lines = self.cell.source.split("\n")
        gone = {n for s in self._calls for n in range(s.lineno, (s.end_lineno or s.lineno) + 1)}
        if block is not None and all(s.lineno in gone for s in block.body if s.lineno <= line):
            gone.add(block.lineno)  # nothing of the block is left
        kept = [t for n, t in enumerate(lines[: around.lineno - 2], 2) if n not in gone]
        if not is_ours:
            kept = [*kept, "from hpo_magic import hp as _hp"]
        return "\n".join([*kept, training, ""])

    def _hp_of(self, call: Call) -> Any:
        """Return what `hp` is where the call stands."""
        return call.frame.f_globals.get("hp")

    def _sentence(self, search: ToolSearch, call: Call, options: Options) -> str:
        """Return what is searched in place of the script's own search."""
        goals = named_goals(options.goals)
        told = ", ".join(map(str, goals))
        if isinstance(options.goals, Direction):
            told = f"{options.goals.value} its value"
        budget = counted(options.trials, "trial")
        if options.time_s is not None:
            budget = f"{budget} or {options.time_s:g} s"
        is_loop = _loop_of(call) is not None
        owner = "study" if call.entry.package == "optuna" else "Optimizer"
        what = f"The loop of {owner}.ask and {owner}.tell" if is_loop else call.text
        return (
            f"{what} on line {call.frame.f_lineno} is this search: {told}, {budget}, in "
            f"place of {call.entry.tool}'s. The lines after it get {call.entry.tool}'s own results."
        )

    def _listeners(self, search: ToolSearch, requests: UserRequests) -> list[Listener]:
        for setting in search.first:
            requests.enqueue(setting)
        return [Handover(search, requests)]


def _loop_of(call: Call) -> FunctionType | None:
    """Return the function that a loop of `ask` and `tell` was made; None of any other call."""
    given = (*call.args[1:2], call.options.get("func"))
    return next((f for f in given if isinstance(f, FunctionType) and f.__name__ == LOOP), None)


def _values_read(search: ToolSearch, call: Call) -> dict[str, Any]:
    """Return what the objective reads from outside, by name.

    Without what the body of a loop sets itself: these are variables of the cell.
    """
    found, loop = search.values_read(), _loop_of(call)
    parts = [] if loop is None else [loop, vars(loop)["after_tell"]]
    own = {name for part in parts for name in stored_globals(part.__code__)} | {PASSES}
    return {name: value for name, value in found.items() if name not in own}


def _check_waiting(search: ToolSearch, call: Call, options: Options) -> None:
    """Refuse to let trainings wait that set variables which all of them share.

    Raises
    ------
    OptionError
        If the body of a loop, or a function that sets global variables, is one training.
    """
    code = getattr(search.read, "__code__", None)
    names = set() if code is None else {*stored_globals(code)} - {PASSES}
    if not names or not isinstance(make_pruner(options.pruner or "none"), WaitingPruner):
        return
    shown = ", ".join(sorted(names)[:3])
    raise OptionError(
        f"--pruner {options.pruner} lets trainings wait while others train, and those of "
        f"{call.text} on line {call.frame.f_lineno} set variables that all of them share: {shown}. "
        f"Set them inside def objective(trial): …, or write --pruner asha."
    )


def _check_directions(options: Options, search: ToolSearch) -> None:
    """Refuse objectives on the line that contradict the script's.

    Raises
    ------
    OptionError
        With both.
    """
    asked, own = _directions(options.goals), _directions(search.goals)
    if asked and own and asked != own:
        raise OptionError(
            f"the line says {' and '.join(d.value for d in asked)}, and the script "
            f"{' and '.join(d.value for d in own)}. Leave it out of the line: the script's counts."
        )


def _directions(goals: Any) -> list[Direction]:
    if isinstance(goals, Direction):
        return [goals]
    return [goal.direction for goal in goals if isinstance(goal, Goal)]
