"""Small cells that are run with a fake `hp`, to see which names its calls get."""

from __future__ import annotations

import linecache
import sys
import textwrap
from itertools import count

import numpy as np

from hpo_magic.source.call_names import CallNames

_cells = count()


class FakeHp:
    """Has `hp`'s methods; each returns 1 and keeps the name that its call got."""

    def __init__(self, hp_calls: CallNames | None = None) -> None:
        self.hp_calls = hp_calls or CallNames()
        self.names: list[str] = []

    def _ask(self, method: str, args: tuple[object, ...]) -> int:
        if args and isinstance(args[0], str):
            self.names.append(args[0])
        else:
            self.names.append(self.hp_calls.name_of(sys._getframe(2), method))
        return 1

    def Int(self, *args: object, **options: object) -> int:
        """Ask as `hp.Int` does."""
        return self._ask("Int", args)

    def Float(self, *args: object, **options: object) -> float:
        """Ask as `hp.Float` does."""
        return self._ask("Float", args)

    def Choice(self, *args: object, **options: object) -> int:
        """Ask as `hp.Choice` does."""
        return self._ask("Choice", args)

    def Boolean(self, *args: object, **options: object) -> bool:
        """Ask as `hp.Boolean` does."""
        return bool(self._ask("Boolean", args))


class Dense:
    """A layer, as far as its signature goes."""

    def __init__(
        self, units: int, activation: object = None, *rest: object, **more: object
    ) -> None:
        self.units = units


class Trainer:
    """An object with a method, a static method, a property and a function of its own."""

    def __init__(self) -> None:
        self.step = lambda rate: rate

    def fit(self, epochs: int) -> int:
        """Take the number of epochs."""
        return epochs

    @staticmethod
    def split(share: float) -> float:
        """Take a share."""
        return share

    @property
    def scheduler(self) -> object:
        """Must never be computed."""
        raise AssertionError("a property was computed")


def adam(learning_rate: float = 0.1, /, beta: float = 0.9) -> float:
    """Have a parameter that only a position can bind, and one that can be named."""
    return learning_rate * beta


def put_into_linecache(source: str) -> str:
    """Return a new file name under which `source` can be read, as IPython gives its cells."""
    filename = f"<cell {next(_cells)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return filename


def names_of(source: str, hp_calls: CallNames | None = None, **variables: object) -> list[str]:
    """Return the names that the calls of a cell get, in the order in which they are made."""
    source = textwrap.dedent(source)
    filename = put_into_linecache(source)
    hp = FakeHp(hp_calls or CallNames(filename))
    names = {"hp": hp, "Dense": Dense, "Trainer": Trainer, "adam": adam, "np": np, **variables}
    exec(compile(source, filename, "exec"), {"__name__": "__main__", **names})
    return hp.names
