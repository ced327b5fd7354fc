"""The line of `%%hpo`: its parser, its help text and its completions."""

from __future__ import annotations

import argparse
from pathlib import Path
from textwrap import fill
from typing import Any, NoReturn

from hpo_magic.core.trial import Direction
from hpo_magic.errors import OptionError, did_you_mean
from hpo_magic.notebook.line_words import words_of
from hpo_magic.search.option import Metric, Studies, Switch, Text
from hpo_magic.search.options import OPTIONS, Options, checked_name, goals_of

WIDTH = 100  # of the help, in characters


_INTRO = """Search the hyperparameters of this cell.

    %%hpo NAME [options]
    lr = hp.Float(1e-4, 1e-1, sampling="log", default=1e-3)
    ...
    model.fit(x_train, y_train, validation_data=(x_val, y_val))

NAME is the study's name on disk and the variable that holds the Study afterwards. The cell trains
with its defaults first, then with what the sampler suggests. Run it again to continue the study.

Options
"""

_OUTRO = """
The value of a trial is the metric that you name. It is looked for in the cell's last expression (a
number, a dict, a Keras History), then in the last fit, then in the cell's variables. Without a name
it is the last expression if that is a number, else val_loss, minimized. The kernel's stop button
ends the search and keeps its result. There is no --background option: the stop button would not
reach the search, and cells below would run before it has ended. %hpo NAME in another notebook shows
a search while it runs.

Several objectives give a Pareto front: the settings that no other setting beats in all objectives.
Write them one after the other: %%hpo NAME --maximize val_accuracy --minimize n_params. Each is
looked for by its name; a tuple at the end of the cell has them in the order of the line. A Keras
fit also gives n_params and fit_seconds. NAME.front lists the settings. NAME.choose(n_params=20_000)
or NAME.choose(trial=17) takes one of them, as a click in the panel does; until then the most
balanced one is taken. With several objectives no training is pruned, --stop N counts trials that
add nothing to the front, and settings of the front are run again.

Three samplers learn from the trials: bayes (scikit-optimize) by a model of all parameters together,
tpe (Hyperopt, in the extra hpo_magic[tpe]) by a model of each parameter, genetic (pymoo, in the
extra hpo_magic[genetic]) by crossing the best settings. random draws at random, sobol spreads the
settings evenly, grid runs every setting; grid needs ranges with a step.

A training that reports its epochs (fit does; elsewhere call hp.report) is pruned: stopped early if
it is unlikely to become the best. A pruned trial counts as a trial and has no value; the sampler
learns from its curve. The start, settings that you enqueue, and trainings of fewer than 8 epochs
are never pruned.

The best value of a search is biased upwards, since it is the best of many. So a fifth of the trials
run the best settings again on new seeds, and the result is chosen from these re-runs. Use hp.seed()
to seed the train/validation split.

With --jobs, --isolate or --on trainings run in other processes (pip install "hpo_magic[dask]"). The
cell is sent to each worker once, with the variables that it reads. An object that cannot be
pickled, such as an open connection, must be made inside the cell. A worker process on this machine
is ended if its training passes no batch at its --timeout or when the search is stopped. --on also
takes a concurrent.futures pool, without live curves.

A cell that you edit and run again begins a new revision of its study. Trials of the revision before
guide it: three of the best settings are tried after the start, and the model of bayes learns from
all of them how alike the two searches are. Their values are not taken over: they were measured with
other code or other data. Parameters are the same if their names are. --from STUDY takes other
studies instead (--from digits,letters takes two), --from none takes no study, and a new --seed
takes none unasked. random, sobol and grid begin with older settings only if --from says so. --from
counts when a revision begins; --fresh begins one.

    %%hpo_test NAME          measure the chosen model once, on data that the search never saw
    %%hpo_test NAME --vote   measure the best models together: their mean, or most frequent label
    %hpo NAME          show a study from disk, also after a restart
    %hpo               list the studies; --storage PATH with each of the three
"""


def help_text() -> str:
    """Return what `%%hpo?` shows."""
    rows = []
    for option in OPTIONS:
        flags = ", ".join(filter(None, (option.short, option.flag)))
        values = f" ({'|'.join(option.kind.values)})" if option.kind.values else ""
        left = f"{flags} {option.placeholder}".rstrip()
        text = f"{option.text}{values} [{option.shown_default}]"
        row = f"    {left:<24}{text}"
        rows.append(fill(row, WIDTH, subsequent_indent=" " * 28, break_on_hyphens=False))
    return _INTRO + "\n".join(rows) + "\n" + _OUTRO


def parse_line(line: str) -> tuple[str, Options]:
    """Return the study's name and the options of a magic's line.

    Raises
    ------
    OptionError
        If an option is unknown or has no such value, or the name is missing or no identifier.
    """
    words = words_of(line)
    found, unknown = _parser().parse_known_args(words)
    if unknown:
        word = unknown[0]
        if word.startswith("-"):
            word = word.partition("=")[0]
            hint = did_you_mean(word, [option.flag for option in OPTIONS])
            raise OptionError(f"no option {word}.{hint} (%%hpo? lists them all.)")
        raise OptionError(f"one name is enough: {found.name!r} and {word!r} were given.")
    if found.name is None:
        raise OptionError(_no_name(found))
    given = {name: value for name, value in vars(found).items() if name not in ("name", "goals")}
    name, goals = checked_name(found.name), goals_of(found.goals)
    try:
        return name, Options(goals=goals, **given)
    except OptionError as error:
        flags = {option.name: option.flag for option in OPTIONS}
        raise OptionError(error.problem, flags.get(error.option, error.option)) from None


def given_options(line: str) -> set[str]:
    """Return the names of the options that stand on a magic's line; "goals" for objectives."""
    found = vars(_parser().parse_known_args(words_of(line))[0])
    return {name for name, value in found.items() if name != "goals" or value}


def parse_name(line: str, magic: str) -> tuple[str, Path | None]:
    """Return the study's name ("" if there is none) and the folder of a line without a search.

    Raises
    ------
    OptionError
        If there is more on the line.
    """
    parser = _Parser(prog=magic, add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--storage")
    found, more = parser.parse_known_args(words_of(line))
    if more:
        raise OptionError(
            f"{magic} takes the name of a study and --storage PATH, nothing else; got {more[0]!r}. "
            f"Other options belong to %%hpo."
        )
    return found.name, _folder(found.storage)


def _folder(text: str | None) -> Path | None:
    return None if text is None else Path(text).expanduser()


def suggestions(text: str) -> list[str]:
    """Return what may stand at the end of a magic's line that begins with `text`.

    Values after an option that lists them, else the options that are not there yet.
    """
    words = text.split()
    current = "" if text.endswith(" ") else (words[-1] if words else "")
    before = words[:-1] if current else words
    last = before[-1] if before else ""
    for option in OPTIONS:
        if last in (option.flag, option.short) and not isinstance(option.kind, Switch):
            return [value for value in option.kind.values if value.startswith(current)]
    if not current.startswith("-") and current:
        return []
    free = [o.flag for o in OPTIONS if o.flag not in before or isinstance(o.kind, Metric)]
    return [flag for flag in free if flag.startswith(current)]


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of leaving the program."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}. (%%hpo? lists the options.)")


def _parser() -> _Parser:
    """Return the parser of a line; what is not on the line is no attribute of its result."""
    parser = _Parser(
        prog="%%hpo", add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS
    )
    parser.add_argument("name", nargs="?", default=None)
    parser.set_defaults(goals=())
    for option in OPTIONS:
        flags = [flag for flag in (option.short, option.flag) if flag]
        if isinstance(option.kind, Switch):
            parser.add_argument(*flags, dest=option.name, action="store_true")
        elif isinstance(option.kind, Metric):
            parser.add_argument(*flags, dest="goals", nargs="?", const="", action=_AddGoal)
        else:
            parser.add_argument(*flags, dest=option.name, action=_Read, kind=option.kind)
    return parser


class _AddGoal(argparse.Action):
    """Collects --maximize and --minimize in the order of the line."""

    def __call__(self, parser: Any, found: Any, value: Any, flag: str | None = None) -> None:
        given = (value, Direction(str(flag).removeprefix("--")))
        found.goals = (*found.goals, given)


class _Read(argparse.Action):
    """Stores the value that a text stands for."""

    def __init__(self, *args: Any, kind: Text, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kind = kind

    def __call__(self, parser: Any, found: Any, value: Any, flag: str | None = None) -> None:
        try:
            read = self.kind.read(value)
            if isinstance(self.kind, Studies):  # may be given several times
                read = (*getattr(found, self.dest, ()), *read)
            setattr(found, self.dest, read)
        except OptionError as error:
            raise OptionError(error.problem, str(self.option_strings[-1])) from None


def _no_name(found: argparse.Namespace) -> str:
    for taken, direction in found.goals:
        if taken:
            flag = direction.value
            return (
                f"the study has no name: {taken!r} was taken for the metric of --{flag}. "
                f"Write %%hpo NAME --{flag} {taken}."
            )
    return "the study has no name. Write %%hpo NAME [options]; %%hpo? lists them."
