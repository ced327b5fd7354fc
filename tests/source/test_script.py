"""Which cells a script needs, and what of them; that it runs is in test_frozen_cells."""

from __future__ import annotations

import pytest

from hpo_magic.errors import HpoError
from hpo_magic.source.script import as_script, cells_needed, with_last_printed, without_magics


def test_the_latest_cell_that_makes_a_name_is_taken() -> None:
    """And the one before where it may not have been made there, or is read."""
    cells = ["x = 1", "x = 2", "y = x + 1", "z = 0"]
    assert cells_needed(cells, "y", {"x", "y"}) == ["x = 2", "y = x + 1"]
    maybe = ["x = 1", "if z:\n    x = 2"]
    assert cells_needed(["z = 0", *maybe], "x", {"x", "z"}) == ["z = 0", *maybe]
    assert cells_needed(["x = 1", "x += 1", "x += 2"], "x", {"x"}) == ["x = 1", "x += 1", "x += 2"]


def test_cells_that_change_an_object_are_taken() -> None:
    """By an item, an attribute, a method as a statement; looking at it changes nothing."""
    cells = ["x = []", "x.append(1)", "x[0] = 2", "x.a.b = 3", "del x[1]", "len(x)", "x.shape"]
    assert cells_needed(cells, "x", {"x"}) == cells[:5]


def test_modules_are_settled_by_their_cells() -> None:
    """`np.random.seed(0)` belongs to what needs `np`."""
    cells = ["import numpy as np", "np.random.seed(0)", "import os\nos.environ['A'] = 'b'"]
    assert cells_needed(cells, "np.ones(2)", {"np"}) == cells[:2]


def test_a_starred_import_brings_its_names() -> None:
    """Of the module as it is here."""
    assert cells_needed(["from textwrap import *"], "dedent(' a')", {"dedent"}) == [
        "from textwrap import *"
    ]


def test_a_name_that_no_cell_made_is_missed() -> None:
    """If the notebook has it: else it is not there in the cell either."""
    with pytest.raises(HpoError, match="it needs x, which no cell of this kernel made"):
        cells_needed(["y = 1"], "x + y + print(w)", {"x", "y"})


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("%load_ext hpo_magic\nimport math\n!pip install x", "import math"),
        ("%time x = f()", "x = f()"),
        ("%%time\nx = 1\n%matplotlib inline", "x = 1"),
        ("%%bash\nls", ""),
        ("if a:\n    !ls", "if a:\n    pass"),
        ("a = !ls\nb = 1", "b = 1"),
        ("this is no python", ""),
        ("pass", "pass"),
    ],
)
def test_what_only_ipython_understands_is_left_out(cell: str, text: str) -> None:
    """In a block something must stay."""
    assert without_magics(cell) == text


def test_the_last_expression_is_printed() -> None:
    """What a notebook would show; nothing of a fit or a print, or where there is none."""
    assert with_last_printed("x = 1\nx + 1  # end") == "x = 1\nprint(x + 1)  # end"
    for same in ("print(x)", "model.fit(x)", "x = 1", ""):
        assert with_last_printed(same) == same


def test_the_parts_of_a_script() -> None:
    """What it is, the cells, the seeds, the frozen cell."""
    text = as_script(["import math\n", "x = 1"], "x\n", "seed(1)", "About.")
    assert text == "# About.\n\nimport math\n\nx = 1\n\n# Seeded as in its trial.\nseed(1)\n\nx\n"
