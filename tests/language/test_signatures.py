"""What Shift-Tab shows of `hp` and `search`, and what a type checker knows of them."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hpo_magic import hp
from hpo_magic.errors import NotCovered

ROOT = Path(__file__).parents[2]
# Lines of a user's file, and the type that mypy reveals.
REVEALED = {
    "hp.Int(1, 9)": "int",
    "hp.Int('units', 16, 512, step=16, default=64)": "int",
    "hp.Int(16, 512, sampling='log', name='units')": "int",
    "hp.Float(1e-4, 1e-1, sampling='log')": "float",
    "hp.Float('lr', 1e-4, 1e-1)": "float",
    "hp.Choice(['relu', 'tanh'])": "str",
    "hp.Choice('act', ['relu', 'tanh'], default='relu')": "str",
    "hp.Choice([16, 32])": "int",
    "hp.Choice(['relu', 3])": "object",
    "hp.Boolean()": "bool",
    "hp.Boolean('norm', default=True)": "bool",
    "hp.Fixed(3)": "int",
    "hp.Fixed('rate', 0.5)": "float",
    "hp.seed()": "int",
    "hp.score('accuracy', [1], [1])": "float",
    "search(lambda: 0.5, trials=3, minimize='value')": "hpo_magic.study.study.Study",
    "search(lambda: 0.5, 'study', 3, time='10m', sampler='tpe').best_seen": "float",
}
# Lines that mypy refuses, and a part of what it says.
REFUSED = {
    "hp.Int('units', 16, 512, stepp=16)": 'Unexpected keyword argument "stepp"',
    "hp.Float('lr', 'low', 1.0)": "No overload variant",
    "hp.Int(1, 9, sampling='logarithmic')": "No overload variant",
    "search(lambda: 0.5, trails=3)": 'Unexpected keyword argument "trails"',
    "search(lambda: 0.5, seed='x')": 'Argument "seed"',
}


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (hp.Int, ["min_value", "max_value", "step", "sampling", "default", "name"]),
        (hp.Float, ["min_value", "max_value", "step", "sampling", "default", "name"]),
        (hp.Choice, ["values", "ordered", "default", "name"]),
        (hp.Boolean, ["default", "name"]),
        (hp.Fixed, ["value", "name"]),
        (hp.report, ["step", "unnamed", "metrics"]),
        (hp.score, ["metric", "y_true", "y_pred", "groups", "order"]),
    ],
)
def test_shift_tab_shows_the_parameters(call: object, shown: list[str]) -> None:
    """By name; each is explained in the docstring."""
    parameters = list(inspect.signature(call).parameters)
    assert [name for name in parameters if not name.startswith("parent_")] == shown
    document = inspect.getdoc(call) or ""
    assert [name for name in parameters if name not in document] == []


def test_defaults_and_types_are_shown() -> None:
    """With what comes back."""
    text = str(inspect.signature(hp.Float))
    assert text.startswith("(min_value: float, max_value: float, step: float | None = None, ")
    assert "sampling: str | None = 'linear', default: float | None = None" in text
    assert text.endswith("-> float")


@pytest.mark.slow
def test_mypy_knows_what_comes_back(tmp_path: Path) -> None:
    """In a file of a user's; mistakes in options and bounds are found."""
    shown = [f"reveal_type({line})" for line in REVEALED]
    lines = ["from hpo_magic import hp, search", *shown, *REFUSED]
    (tmp_path / "user.py").write_text("\n".join(lines), encoding="utf-8")
    # With the options and the cache of `make lint`: without them, mypy reads NumPy for a minute.
    options = ["--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache"]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "user.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said: dict[int, str] = {}
    for line in ran.stdout.splitlines():
        if found := re.match(r"user\.py:(\d+): (?:error|note): (.*)", line):
            said.setdefault(int(found[1]), found[2])
    types = {line: said.get(number, ran.stdout) for number, line in enumerate(REVEALED, 2)}
    expected = {line: f'Revealed type is "{kind}"' for line, kind in REVEALED.items()}
    assert {line: text.replace("builtins.", "") for line, text in types.items()} == expected
    for number, (line, part) in enumerate(REFUSED.items(), 2 + len(REVEALED)):
        assert part in said.get(number, ""), (line, ran.stdout)


@pytest.mark.parametrize(
    ("name", "now"),
    [("LogUniform", 'sampling="log"'), ("Real", "hp.Float(low, high)"), ("Categorical", "hp.Choi")],
)
def test_names_of_other_tools_have_a_way_out(name: str, now: str) -> None:
    """Of scikit-optimize's and Optuna's dimensions, say."""
    with pytest.raises(NotCovered) as caught:
        getattr(hp, name)
    assert now in str(caught.value)
