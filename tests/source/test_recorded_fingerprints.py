"""Fingerprints of code are the same under each version of Python: recorded on several of them.

`python tests/source/test_recorded_fingerprints.py` prints those of the Python that runs it.
"""

from __future__ import annotations

import linecache

from hpo_magic.source.definitions import class_definition, code_text
from hpo_magic.source.fingerprint import code_fingerprint, fingerprint_of, written_out

CELLS = {
    "plain": 'lr = hp.Float(1e-4, 1e-1, sampling="log")\nmodel.fit(x, y, epochs=-3, rate=1.5e-7)\n',
    "functions": (
        "@cache\ndef build(a, /, b=2, *args, c: int = 3, **rest) -> None:\n"
        "    '''Build it.\n\n      With care.\n    '''\n    return lambda q: q + a\n"
        "class Net(Base, metaclass=M):\n    width: int = 8\n    async def go(self):\n"
        "        async with a as b:\n            return [c async for c in b]\n"
    ),
    "texts": (
        "f'{a}' 'b' f\"{c!r:>{w}.{p}}\" u'd' rf'\\d{e=}'\nf''\nf'{x:}'\n'a' 'b' f'{{}}'\n"
        "f'{a:{b}}{c:%Y-%m-%d}'\nhp.Int(f'units_{i}', 1, 9)\n"
    ),
    "statements": (
        "match p:\n    case {'a': [1, *r], **k} if r:\n        pass\n    case C(x=1) | None:\n"
        "        del p\nwhile (n := f(n)) > 0:\n    break\nelse:\n    continue_ = 1 << 70\n"
        "try:\n    a[1:2, ...] = b @ c\nexcept* E as e:\n    raise X from e\n"
        "finally:\n    global g\nx: list[int] = [*a, *{**b}]\nassert 1 < 2 <= 3, 'm'\n"
        "returned = yield_ if 1j else b'\\x00'\n"
    ),
    "ipython": "!ls\n%time model.fit(x)\nfiles = !ls\nx = hp.Choice(['a', 'b'])\n",
}
DEFINITIONS = """
def first(x, *, y=[1, 2]):
    # a comment
    return {"a", "b"} and x + y

pair = (lambda a: a + 1, lambda a: a + 2)

class Block(dict):
    width = 8

    @property
    def size(self):
        return f"{self.width:>{8}}"
"""


def fingerprints() -> dict[str, str]:
    """Return the fingerprints of the texts, as this Python makes them."""
    found = {}
    for name, cell in CELLS.items():
        found[name], found[f"{name}, ranges"] = code_fingerprint(cell)
    linecache.cache["<definitions>"] = (
        len(DEFINITIONS), None, DEFINITIONS.splitlines(keepends=True), "<definitions>",
    )  # fmt: skip
    made: dict[str, object] = {"__name__": "__main__"}
    exec(compile(DEFINITIONS, "<definitions>", "exec"), made)
    first, (one, other), block = made["first"], made["pair"], made["Block"]
    found["function"] = fingerprint_of(code_text(first))
    found["first lambda"] = fingerprint_of(code_text(one))
    found["second lambda"] = fingerprint_of(code_text(other))
    definition = class_definition(block)
    assert definition is not None
    found["class"] = fingerprint_of(written_out(definition))
    return found


# The same on CPython 3.11.7, 3.12.1 and 3.13.0.
RECORDED = {
    "plain": "2:f718ddae3cf57dfdb4a2c7fe5fe3323f",
    "plain, ranges": "2:2ffd717161efe02b28187ac834156001",
    "functions": "2:3732fa3c4d8256427ab710f2383c70c4",
    "functions, ranges": "2:cae66941d9efbd404e4d88758ea67670",
    "texts": "2:be0f3d0b11ac4453bd5d40f56a9638e9",
    "texts, ranges": "2:2d45fdbda20f5b423c5034b90dc98f10",
    "statements": "2:26b4cf67d6bf24de57aa73072f2a147b",
    "statements, ranges": "2:cae66941d9efbd404e4d88758ea67670",
    "ipython": "2:82c7136472ea2aab01162a2a7424ba14",
    "ipython, ranges": "2:3c6c75db456fffe8ce51c65f012cc01d",
    "function": "2:6c89cb82800defb07cb1fb5a89791088",
    "first lambda": "2:245c7ec25038867e3875b772ec883f7a",
    "second lambda": "2:5faba424e7cf69b03538b39f830ceacb",
    "class": "2:31058942582a9108da41b2ff57672b17",
}


def test_fingerprints_are_those_of_other_versions_of_python() -> None:
    """A study goes on after an upgrade."""
    assert fingerprints() == RECORDED


if __name__ == "__main__":
    for name, value in fingerprints().items():
        print(f'    "{name}": "{value}",')
