"""A cell that is edited and run again: the trials before guide it, and are no results of it."""

from __future__ import annotations

from typing import Any

from hpo_magic.api import load_study
from hpo_magic.views.words.notices import messages

CELL = """
import math
lr = hp.Float(1e-5, 1.0, sampling="log", default=0.5)
units = hp.Int(1, 64)
loss = {plus} + (math.log10(lr) + 2) ** 2 + (units / 64 - 0.3) ** 2
"""


def run(notebook: Any, options: str, plus: str) -> Any:
    """Run the cell; return what it shows."""
    return notebook.run(f"%%hpo s --minimize loss --ui none {options}\n{CELL.format(plus=plus)}")


def test_an_edited_cell_does_not_forget(notebook: Any) -> None:
    """The trial after the start is near the minimum, and no older value is a result."""
    run(notebook, "-n 30", "0.0")
    old = notebook["s"]
    run(notebook, "-n 8", "1.0")
    new = notebook["s"]
    assert new.trials[1].params == old.best_params
    assert new.trials[1].value < 1.1 < new.trials[0].value
    said = " ".join(messages(new.snapshot))
    assert "trials of the revision before guide the search; their values are not taken over" in said
    assert len(new.to_frame()) == len(new.trials) == 8
    assert new.to_frame()["value"].min() == new.best_seen >= 1.0
    assert load_study("s").best_trial == new.best_trial


def test_the_switch(notebook: Any) -> None:
    """`--from none` begins without older trials; other studies are named, one or several."""
    run(notebook, "-n 10 --recheck 0", "0.0")
    run(notebook, "-n 4 --recheck 0 --from none", "1.0")
    assert notebook["s"].record.guides == ()
    for line in ("--from a,b", "--from a --from b"):
        wrong = run(notebook, f"-n 4 {line}", "2.0")
        assert "--from: no study 'a' here." in wrong.usage_error
    assert "--from: none stands alone" in run(notebook, "--from none,s", "2.0").usage_error
    notebook.ok(
        f"%%hpo t --minimize loss --ui none -n 3 --recheck 0 --from s\n{CELL.format(plus='3.0')}"
    )
    assert notebook["t"].record.guides == (("s", 2), ("s", 1))


def test_workers_are_guided_too(notebook: Any) -> None:
    """With two at once the three settings of older trials come first, each once, and help."""
    run(notebook, "-n 30", "0.0")
    old = notebook["s"]
    run(notebook, "-n 8 --recheck 0 --jobs 2", "1.0")
    new = notebook["s"]
    assert new.record.guides == (("s", 1),)
    first = [dict(trial.params) for trial in new.trials[1:4]]
    older = [dict(trial.params) for trial in old.snapshot.history.ranked]
    assert first[0] == older[0]
    assert all(setting in older[:12] for setting in first)
    assert len({repr(setting) for setting in first}) == 3
    assert new.trials[1].value < 1.1
    assert new.to_frame()["value"].min() == new.best_seen >= 1.0
