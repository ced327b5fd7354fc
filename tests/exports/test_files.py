"""A search as plain files, read back by the standard library."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from made_up_searches import a_search

from hpo_magic.core.space import Space
from hpo_magic.core.trial import Trial
from hpo_magic.exports.files import to_csv, to_json


def test_the_csv_has_a_row_for_each_trial(tmp_path: Path) -> None:
    """Empty where a parameter was not active, or there is no value."""
    search = a_search(20)
    to_csv(search, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(search.trials)
    for row, trial in zip(rows, search.trials, strict=True):
        assert row["value"] == ("" if trial.value is None else repr(trial.value))
        assert float(row["lr"]) == trial.params["lr"]
        assert (row["units[1]"] == "") == ("units[1]" not in trial.params)


def test_the_json_holds_everything(tmp_path: Path) -> None:
    """The space and the trials that are made from it again are those of the search."""
    search = a_search(20)
    to_json(search, tmp_path / "t.json")
    read = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert Space.from_json(read["space"]) == search.space
    assert [Trial.from_json(trial) for trial in read["trials"]] == list(search.trials)
    assert (read["metric"], read["direction"]) == ("val_accuracy", "maximize")
