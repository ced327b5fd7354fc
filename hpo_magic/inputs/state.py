"""The state of what a cell reads at one moment: a digest of each part of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.inputs.arrays import WHOLE_BYTES, array_digest
from hpo_magic.inputs.reading import Content, Kind, Reading, Role
from hpo_magic.inputs.walk import Node, walk

# Stands in front of each stored fingerprint; another number is another way to make them.
FORMAT = 3
# After every trial so many bytes of all arrays together are read: 2 ms.
QUICK_BYTES = 8_000_000
SHORT = 64  # characters
# In place of a digest: the variable is not compared.
NOT_COMPARED = "-"


class PartState(NamedTuple):
    """The state of one part of a variable.

    Attributes
    ----------
    digest
        Of its own content.
    kind
        What it is.
    role
        What it is to the object that holds it.
    root
        The variable, or the part of it that the code reads.
    """

    digest: bytes
    kind: Kind
    role: Role
    root: str


@dataclass(frozen=True)
class State:
    """What a cell reads, at one moment.

    Attributes
    ----------
    parts
        The state of each part by its path: "d.x_train".
    unseen
        What could not be read, by path, in words: "its position".
    """

    parts: Mapping[str, PartState]
    unseen: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """The state as text, to be stored: a digest for each variable; "" without any.

        What a function under `lru_cache` has kept does not count.
        """
        digests: dict[str, Any] = {}
        for path, part in self.parts.items():
            if part.role is not Role.CACHED:
                digest = digests.setdefault(part.root, hashlib.blake2b(digest_size=8))
                digest.update(path.encode() + part.digest)
        texts = {root: digest.hexdigest() for root, digest in digests.items()}
        left_out = {self.parts[p].root for p, what in self.unseen.items() if what.startswith("all")}
        texts |= dict.fromkeys(left_out, NOT_COMPARED)
        return f"{FORMAT}:{json.dumps(texts, sort_keys=True)}" if texts else ""


def state_of(values: Mapping[str, Any]) -> State:
    """Return the state of values by name, as `values_read` returns them."""
    return _state(walk(values), lambda array: WHOLE_BYTES)


def quick_state_of(values: Mapping[str, Any]) -> State:
    """Return the same with a sample of each array where they are long all together.

    It can be compared with the quick state of values of the same sizes alone.
    """
    nodes = list(walk(values))
    arrays = [c for node in nodes for c in node.reading.content if isinstance(c, np.ndarray)]
    share = QUICK_BYTES / max(QUICK_BYTES, sum(array.nbytes for array in arrays))
    return _state(nodes, lambda array: int(share * array.nbytes) + 1)


def _state(nodes: Iterable[Node], most_bytes: Callable[[npt.NDArray[Any]], int]) -> State:
    parts: dict[str, PartState] = {}
    unseen: dict[str, str] = {}
    for node in nodes:
        reading = node.reading
        digest = _digest(reading, most_bytes)
        parts[node.path] = PartState(digest, reading.kind, node.role, node.root)
        if reading.unseen:
            unseen[node.path] = reading.unseen
    return State(parts, unseen)


def has_variables(fingerprint: str) -> bool:
    """Return whether a stored fingerprint tells one variable from another."""
    return fingerprint.startswith(f"{FORMAT}:{{")


def changed_variables(stored: str, now: str) -> list[str]:
    """Return the variables whose stored fingerprint is another one than now's, sorted."""
    before, after = (json.loads(text.partition(":")[2] or "{}") for text in (stored, now))
    both = {*before, *after}
    pairs = {name: (before.get(name, ""), after.get(name, "")) for name in both}
    return sorted(n for n, pair in pairs.items() if NOT_COMPARED not in pair and pair[0] != pair[1])


def without(fingerprint: str, variables: set[str]) -> str:
    """Return a stored fingerprint that does not compare some variables."""
    number, _, text = fingerprint.partition(":")
    texts = json.loads(text or "{}")
    texts |= {name: NOT_COMPARED for name in variables if name in texts}
    return f"{number}:{json.dumps(texts, sort_keys=True)}"


def _digest(reading: Reading, most_bytes: Callable[[npt.NDArray[Any]], int]) -> bytes:
    """Return a digest of an object's own content; a short text stands for itself.

    The arrays in it may have any shape.
    """
    kind, content = reading.kind, reading.content
    if len(content) == 1 and isinstance(content[0], str) and len(content[0]) < SHORT:
        return f"{kind.value} {content[0]}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(kind.value.encode(), digest_size=16)
    for piece in content:
        digest.update(_bytes(piece, most_bytes))
    return digest.digest()


def _bytes(content: Content, most_bytes: Callable[[npt.NDArray[Any]], int]) -> bytes:
    if isinstance(content, np.ndarray):
        return array_digest(content, most_bytes(content))
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
