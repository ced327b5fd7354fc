"""The words of a magic's line, as they were meant.

What word processors and chats make of a line is undone (`–trials`, `“10 min”`), a comment at its
end is left out, and so are commas between options. What is in quotes stays as it is.
"""
# ruff: noqa: RUF001, RUF002  (such dashes and quotation marks are what is read here)

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from hpo_magic.errors import OptionError
from hpo_magic.search.option import Seconds, seconds
from hpo_magic.search.options import OPTIONS

_RAW_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})
_DASHES = re.compile(r"^[-‐‑‒–—―−]+(?=\w)")
_FLAGS = {option.flag for option in OPTIONS}
_NAMES = {option.name: option.flag for option in OPTIONS}
_LENGTHS_OF_TIME = {option.flag for option in OPTIONS if isinstance(option.kind, Seconds)}


def words_of(line: str) -> list[str]:
    """Return the words of a line.

    Raises
    ------
    OptionError
        If a quotation is not closed.

    >>> words_of('digits –trials 20, --time 1h 30 min  # until lunch')
    ['digits', '--trials', '20', '--time', '1h 30 min']
    """
    text = _without_comment(line.translate(_QUOTES))
    try:
        shlex.split(text)
    except ValueError as error:
        raise OptionError(f"the line cannot be read: {str(error).lower()}.") from None
    raw = [part for match in _RAW_WORD.findall(text) for part in _parted(match)]
    words = [word for part in raw for word in shlex.split(part)]
    return list(_with_whole_times(list(_with_values(words))))


def _without_comment(text: str) -> str:
    """Return a line without what follows a word that begins with "#"."""
    for match in _RAW_WORD.finditer(text):
        before = text[: match.start()]
        if match.group().startswith("#") and (not before or before[-1].isspace()):
            return before
    return text


def _parted(raw: str) -> Iterator[str]:
    """Yield a word without commas at its end, with the dashes of options as they are typed."""
    for part in re.split(r",(?=--)", raw):
        word = part.rstrip(",;")
        if not word:
            continue
        name, equals, value = word.partition("=")
        yield f"{_flag(name)}{equals}{value}"


def _flag(word: str) -> str:
    """Return an option in its own spelling; any other word as it is."""
    dashes = _DASHES.match(word)
    if dashes is None:
        return word
    name = word[dashes.end() :].rstrip(":")
    for flag in (f"--{name}", f"--{name.lower()}"):
        if flag in _FLAGS:
            return flag
    is_short = dashes.end() == 1 and (len(name) == 1 or not name[1].isalpha())
    return f"{'-' if is_short else '-' * max(dashes.end(), 2)}{name}"


def _with_values(words: list[str]) -> Iterator[str]:
    """Yield the words with `--jobs = 2` and `jobs=2` as `--jobs=2`."""
    k = 0
    while k < len(words):
        word, after = words[k], [*words[k + 1 : k + 3], "", ""]
        name, equals, value = word.partition("=")
        if word in _FLAGS and after[0].startswith("="):
            is_apart = after[0] == "="
            yield f"{word}={after[1] if is_apart else after[0][1:]}"
            k += 3 if is_apart else 2
        elif name in _FLAGS and equals and not value:
            yield f"{name}={after[0]}"
            k += 2
        else:
            yield f"{_NAMES[name]}={value}" if equals and name in _NAMES else word
            k += 1


def _with_whole_times(words: list[str]) -> Iterator[str]:
    """Yield the words with a length of time as one: `--time 10 minutes`.

    The name of the study must stand first: else `s` in `--time 90 s` may be that name.
    """
    is_named = bool(words) and not words[0].startswith("-")
    k = 0
    while k < len(words):
        flag, equals, value = words[k].partition("=")
        if not (is_named and flag in _LENGTHS_OF_TIME):
            yield words[k]
            k += 1
            continue
        begun = [value] if equals else []
        rest = words[k + 1 :]
        n = next((n for n in range(len(rest), 0, -1) if _is_time([*begun, *rest[:n]])), 0)
        yield flag
        if equals or n:
            yield " ".join([*begun, *rest[:n]])
        k += 1 + n


def _is_time(words: list[str]) -> bool:
    try:
        seconds(" ".join(words))
    except OptionError:
        return False
    return True
