"""What a study leaves for the next search: settings to try, tables, narrower ranges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_up_searches import a_search

from hpo_magic import hp, search
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.trial import Direction, Goal, Kind, State
from hpo_magic.errors import HpoError, SpaceError
from hpo_magic.study.warm_start import narrowed_cell, narrowed_ranges, ranges_text


def bowl() -> float:
    """Return a loss with its best at x = 0.3, k = 7."""
    return (hp.Float("x", 0.0, 1.0) - 0.3) ** 2 + abs(hp.Int("k", 1, 64, sampling="log") - 7)


def test_a_table_is_enqueued(tmp_path: Path) -> None:
    """A frame of another study, with integers that pandas made floats and empty cells."""
    options = {"minimize": "value", "recheck": "0", "ui": "none", "storage": tmp_path}
    study = search(bowl, "s", trials=2, **options)
    study.enqueue(pd.DataFrame({"x": [0.3, None], "k": [7.0, 9.0], "value": [0.0, 2.0]}))
    study.enqueue([{"x": 0.5}], k=3)
    again = search(bowl, "s", trials=6, **options)
    tried = [t for t in again.trials if t.kind is Kind.ENQUEUED]
    assert tried[0].params == {"x": 0.3, "k": 7}
    assert type(tried[0].params["k"]) is int
    assert tried[1].params["k"] == 9
    assert tried[2].params["x"] == 0.5
    assert tried[3].params["k"] == 3


def test_a_table_that_does_not_fit_is_refused_as_a_whole(tmp_path: Path) -> None:
    """Nothing of it is stored: a value outside its range, or no parameter at all."""
    study = search(bowl, "s", trials=2, minimize="value", recheck="0", ui="none", storage=tmp_path)
    with pytest.raises(SpaceError, match=r"^x: 7\.0 is not in its range \(0 to 1\)\.$"):
        study.enqueue(pd.DataFrame({"x": [0.5, 7.0]}))
    with pytest.raises(HpoError, match=r"no column of the table is a parameter of study 's'"):
        study.enqueue(pd.DataFrame({"y": [1.0]}))
    assert study.storage.take_enqueued(study.record.id) == []


def test_ranges_are_narrowed_around_the_best() -> None:
    """Where the good trials are close together; choices and idle parameters keep theirs."""
    ranges = narrowed_ranges(a_search(200, is_running=False))
    lr = ranges["lr"]
    assert 1e-4 < lr.low < 0.01 < lr.high < 0.1
    assert lr.low <= lr.default <= lr.high
    assert "act" not in ranges
    assert all(r.low < r.high for r in ranges.values())


def test_pruned_trials_tell_where_the_best_are_not() -> None:
    """The best tenth is one of all that was looked at."""
    old = a_search(60, is_running=False)
    least = old.history.ranked[15].value
    cut = tuple(
        replace(t, state=State.PRUNED, value=None) if t.value and t.value < (least or 0.0) else t
        for t in old.trials
    )
    assert len(replace(old, trials=cut).history.complete) == 16
    assert narrowed_ranges(replace(old, trials=cut)).keys() == narrowed_ranges(old).keys()


def record_of(line: str, **changes: Any) -> StudyRecord:
    """Return a study that was searched from a cell with this line."""
    source = 'lr = hp.Float(1e-4, 1e-1, sampling="log")\nact = hp.Choice(["relu", "tanh"])\n'
    record = StudyRecord(
        1, "digits", 1, (Goal("val_accuracy", Direction.MAXIMIZE),), 7, source, line=line
    )
    return replace(record, **changes)


def first_line(line: str) -> str:
    """Return the line that the cell with narrower ranges has."""
    cell = narrowed_cell(record_of(line), a_search(200, is_running=False), {})
    assert 'sampling="log"' in cell
    return cell.splitlines()[0]


def test_the_line_of_a_narrowed_cell_keeps_its_options() -> None:
    """With more trials, and the goal written out; what is over (`--fresh`, `--from`) is not."""
    head = "%%hpo digits --trials 300 --maximize val_accuracy"
    assert first_line("digits -n 200 --sampler tpe --seed 7") == f"{head} --sampler tpe --seed 7"
    assert first_line("--trials=200 digits --seed=7 --jobs 2") == (f"{head} --seed=7 --jobs 2")
    assert first_line("digits --fresh --from old -n200 --storage 'my studies' --isolate") == (
        f"{head} --storage 'my studies' --isolate"
    )
    assert first_line("digits --maximize val_accuracy --keep 3 --minimize") == f"{head} --keep 3"


def test_a_line_that_is_not_known_has_the_seed() -> None:
    """Another seed would begin a new revision, and the trials would be lost to it."""
    assert first_line("").endswith("--maximize val_accuracy --seed 7")


def test_where_nothing_is_narrower_it_is_said() -> None:
    """The best are all over the ranges."""
    record = record_of("digits", source="act = hp.Choice(['relu', 'tanh'])\n")
    with pytest.raises(HpoError, match=r"^Nothing to narrow in study 'digits'"):
        narrowed_cell(record, a_search(200, is_running=False), {})


def test_the_ranges_are_said_in_words() -> None:
    """Before and after."""
    search_ = a_search(200, is_running=False)
    text = ranges_text(narrowed_ranges(search_), search_.space)
    assert text.startswith("lr 0.0001 to 0.1 → 0.00")


def test_few_trials_narrow_nothing() -> None:
    """It is said how many it takes."""
    with pytest.raises(HpoError, match=r"^Narrower ranges need 20 trials, 10 of them complete"):
        narrowed_ranges(a_search(10))
    search_ = a_search(10)
    assert replace(search_, trials=()).history.complete == ()
