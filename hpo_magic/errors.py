"""The errors of hpo_magic; each message says what happened and what to do.

The Python API raises these as they are, and IPython shows them with the user's lines alone; the
magic turns them into IPython's `UsageError`. So a user's mistake never shows a traceback of ours.
Errors keep the objects that their messages name, and can be pickled.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import re
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

# Frames in these files are not shown to the user: ours, and those of IPython above the cell.
_NOT_THE_USERS = (
    str(Path(__file__).parent),
    contextlib.__file__,  # between two frames of ours
    "IPython/core/",
    "IPython\\core\\",
)


# How alike two words must be for one to be suggested for the other: difflib's default.
CLOSE = 0.6


class HpoError(Exception):
    """The base of every error that is meant for the user."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows: the user's frames, and the message."""
        frames = traceback.extract_tb(self.__traceback__)
        theirs = [
            frame
            for frame in frames
            if frame.line and not any(part in frame.filename for part in _NOT_THE_USERS)
        ]
        return [*map(_line, theirs), f"{type(self).__name__}: {self}"]


def _line(frame: traceback.FrameSummary) -> str:
    """Return where a frame is, in a cell or in a file, and its line."""
    place = frame.filename if Path(frame.filename).is_file() else "Cell"
    return f"{place}, line {frame.lineno}: {frame.line}"


class SpaceError(HpoError, ValueError):
    """A hyperparameter is described in a way that cannot be searched."""


class NoNameError(SpaceError):
    """A hyperparameter has no name, and the place it stands in gives it none."""


class NotCovered(SpaceError, AttributeError):
    """Another tool's way to describe a hyperparameter that has no counterpart here."""


class NoAttribute(HpoError, AttributeError):
    """An object of ours has no attribute of that name."""


class NotPortable(HpoError):
    """What the code reads cannot be sent to another process."""


class ClusterError(HpoError, RuntimeError):
    """The workers cannot be reached, or cannot train."""


class OptionError(HpoError, ValueError):
    """An option is unknown, or does not take its value.

    `problem` is the sentence without the option, `option` its keyword in `hpo_magic.search`; ""
    where the sentence is not about one option.

    >>> str(OptionError("must be at least 1, got 0.", "trials"))
    'trials: must be at least 1, got 0.'
    """

    def __init__(self, problem: str, option: str = "") -> None:
        super().__init__(problem, option)
        self.problem = problem
        self.option = option

    def __str__(self) -> str:
        return f"{self.option}: {self.problem}" if self.option else self.problem


def on_the_line(option: str, value: str) -> str:
    """Return an option as it is written on the line of `%%hpo`: `--maximize f1`."""
    return f"--{option} {value}"


def as_keyword(option: str, value: str) -> str:
    """Return an option as it is written in a call of `hpo_magic.search`: `maximize="f1"`."""
    return f'{option}="{value}"'


_OF_A_FUNCTION = (
    ("The cell ends in", "The function returns"),
    ("End the cell in|End the cell with|End it with", "Return"),
    ("Have a function return the score, or end the cell with it", "Return the score"),
    ("end the cell in|end the cell with", "return"),
    ("The end of the cell:", "What the function returns:"),
    ("it does not end in one", "it returns none"),
    ("the cell", "the function"),
    ("The cell", "The function"),
)


def of_a_function(text: str) -> str:
    """Return a sentence about the end of a cell as one about what a function returns.

    >>> of_a_function("The cell ends in a text. End it with the score.")
    'The function returns a text. Return the score.'
    """
    for of_cell, of_function in _OF_A_FUNCTION:
        text = re.sub(of_cell, of_function, text)
    return text


class MetricError(HpoError, ValueError):
    """A trial ended without the number that the search was asked to improve.

    `sentence` has a place, `{0}`, `{1}`, ..., for each of `options`: an option and its value, which
    `spell` writes; `put` has the words for a cell or a function.

    >>> error = MetricError("Write {0}.", ("maximize", "f1"))
    >>> str(error), str(error.in_python())
    ('Write --maximize f1.', 'Write maximize="f1".')
    """

    spell: Callable[[str, str], str] = staticmethod(on_the_line)
    put: Callable[[str], str] = staticmethod(str)

    def __init__(self, sentence: str, *options: tuple[str, str]) -> None:
        super().__init__(sentence, *options)
        self.sentence = sentence
        self.options = options

    def __str__(self) -> str:
        return self.put(self._sentence())

    def _sentence(self) -> str:
        text = self.sentence
        for place, option in enumerate(self.options):
            text = text.replace(f"{{{place}}}", self.spell(*option))
        return text

    def in_python(self) -> Self:
        """Return the error for a function that `search` runs: no cell, no line, no traceback."""
        spelled = copy.copy(self)
        spelled.spell, spelled.put = as_keyword, of_a_function
        return spelled.with_traceback(None)


class MissingMetric(MetricError):
    """A trial ended without the metric that was named.

    `logged` are the metrics that it did give, `option` is "maximize" or "minimize". `trial` is
    its number, for whoever knows it to fill in. `is_one_of_several`: there are other objectives.
    `of_training` are those of the metrics that are measured on the training data: never suggested.
    `meant` is a number of a similar name that the cell sets; "" if there is none.

    >>> error = MissingMetric("val_acc", ["loss", "val_accuracy"], "maximize")
    >>> error.trial = 0
    >>> str(error)
    'Trial 0 finished without the metric "val_acc". It logged: loss, val_accuracy. Did you mean
    --maximize val_accuracy?'
    """

    def __init__(
        self,
        metric: str,
        logged: Sequence[str],
        option: str,
        *,
        is_one_of_several: bool = False,
        of_training: Sequence[str] = (),
        meant: str = "",
    ) -> None:
        Exception.__init__(self, metric, logged, option)
        self.meant = meant
        self.of_training = tuple(of_training)
        self.is_one_of_several = is_one_of_several
        self.metric = metric
        self.logged = tuple(logged)
        self.option = option
        self.trial: int | None = None

    def _sentence(self) -> str:
        who = "The cell" if self.trial is None else f"Trial {self.trial}"
        sentence = f'{who} finished without the metric "{self.metric}".'
        end = "nd the cell with the number itself."
        if self.is_one_of_several:
            end = "nd the cell with a dict that has all objectives by name, or a tuple of them."
        if self.meant:
            option = self.spell(self.option, self.meant)
            return f"{sentence} Did you mean {option}? The cell sets that."
        if not self.logged:
            return f"{sentence} It logged nothing. E{end}"
        others = [name for name in self.logged if name not in self.of_training]
        named = "Name one of them" if others == list(self.logged) else f"Name {' or '.join(others)}"
        other = f"{named}, or e{end}" if others else f"E{end}"
        return f"{sentence} It logged: {', '.join(self.logged)}. {self._guess() or other}"

    def _guess(self) -> str:
        """Return the metric that may be meant, none of the training data; "" if there is none."""
        close = difflib.get_close_matches(self.metric, self.logged, n=1, cutoff=CLOSE)
        if not close:
            return ""
        name, remark = close[0], ""
        if name in self.of_training:
            name, remark = f"val_{name}", f" {name} is measured on the training data."
            if name not in self.logged:
                return ""
        elif self.metric.startswith("val_") and not name.startswith("val_"):
            remark = " Only if that is measured on data that the training does not use."
        return f"Did you mean {self.spell(self.option, name)}?{remark}"


class TrialFailed(HpoError):
    """A trial says itself that it failed: it ends in a dict with the status "fail"."""


class SpaceExhausted(HpoError):
    """Every setting of the search space has been tried."""


class StorageError(HpoError, OSError):
    """The study's file cannot be read or written."""


class StudyNotFound(HpoError, KeyError):
    """No study of that name is in the folder."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would quote the sentence


class SearchFailed(HpoError, RuntimeError):
    """The search ended because its trials kept failing.

    `__cause__` is the last failing trial's exception where the search ran in this process.
    """


def did_you_mean(word: str, known: Iterable[str], before: str = "") -> str:
    """Return " Did you mean X?" for the known word closest to `word`, or "" if none is close.

    `before` is put before the word that is found.

    >>> did_you_mean("--trails", ["--trials", "--time"])
    ' Did you mean --trials?'
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=CLOSE)
    return f" Did you mean {before}{close[0]}?" if close else ""
